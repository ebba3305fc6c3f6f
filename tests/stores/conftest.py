"""Stores to test: an empty one in SQLite, and one in a PostgreSQL server of our own."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from evenhand.stores import open_store
from evenhand.stores.store import SQLStore
from tests.postgresql import running

NUMBERS = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of an empty database on a throw-away server."""
    with running() as url:
        yield url


def _new_database(server: str) -> str:
    name = f"store{next(NUMBERS)}"
    engine = sa.create_engine(
        server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    return f"{server.rsplit('/', 1)[0]}/{name}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes URLs of databases that hold nothing, not even tables."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path}/{next(NUMBERS)}.db"
    server = request.getfixturevalue("postgres")
    return lambda: _new_database(server)


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    """The URL of a database that holds nothing."""
    return new_url()


@pytest.fixture
def store(url: str) -> Iterator[SQLStore]:
    """An empty store."""
    with open_store(url) as opened:
        yield opened
