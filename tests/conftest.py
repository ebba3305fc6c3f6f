"""What tests share: the real tables, and the rule that nothing is skipped where everything must run."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

REQUIRE_ALL = os.environ.get("EVENHAND_REQUIRE_ALL") == "1"


def absent(what: str) -> NoReturn:
    """Skip for a stranger who lacks a part; fail where everything must run."""
    if REQUIRE_ALL:
        pytest.fail(f"{what} is needed here: EVENHAND_REQUIRE_ALL is set")
    pytest.skip(f"{what} is not on this machine")


@pytest.fixture(scope="session")
def real_tables() -> Path:
    """The folder of real tables, which is no part of the project."""
    place = os.environ.get("EVENHAND_SHARED_DATA")
    folder = Path(place) if place else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        absent(f"the folder of real tables {folder}")
    return folder
