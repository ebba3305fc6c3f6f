"""The Spark session of these tests."""

from typing import Any

import pytest

from tests.spark.local_session import local_session


@pytest.fixture(scope="session")
def spark() -> Any:
    """A session with the master local[2]."""
    return local_session()
