"""A Spark session on this machine with two workers, shared by all tests of a process."""

import os
import shutil
import sys
from functools import cache
from importlib.util import find_spec
from typing import Any

from tests.conftest import absent


@cache
def started() -> Any:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    from evenhand.sources.spark.session import session_for

    session = session_for("local[2]")
    session.conf.set("spark.sql.shuffle.partitions", "4")
    return session


def local_session() -> Any:
    """The session; skips, or fails where everything must run, without Java or PySpark."""
    if shutil.which("java") is None or not find_spec("pyspark"):
        absent("Spark (Java 17 and the package pyspark)")
    return started()
