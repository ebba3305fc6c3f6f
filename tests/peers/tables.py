"""The real tables that these tests read, where they are; skipped with a reason elsewhere."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]


def unavailable(reason: str) -> NoReturn:
    """Skip the test, or fail it where everything is required to run."""
    if os.environ.get("EVENHAND_REQUIRE_ALL") == "1":
        pytest.fail(f"{reason} (EVENHAND_REQUIRE_ALL=1)")
    pytest.skip(reason)


def table(file: str) -> Path:
    """The path of a table of the shared data folder."""
    folder = Path(os.environ.get("EVENHAND_SHARED_DATA", ROOT.parent / "shared" / "data"))
    path = folder / file
    if not path.is_file():
        unavailable(f"no {file} in the shared data folder; set EVENHAND_SHARED_DATA")
    return path
