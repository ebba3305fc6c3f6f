"""A PostgreSQL server of our own for the tests that need one."""

from collections.abc import Iterator

import pytest

from tests.postgresql import running


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of an empty database on a throw-away server."""
    with running() as url:
        yield url
