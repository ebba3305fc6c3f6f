"""The Spark session: the one that is active, or one made from the environment."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evenhand.core.errors import MissingExtra, SpecError, UnreadableSource
from evenhand.sources.spark.errors import told

OLDEST_JAVA = 17
_LOOPBACK = "127.0.0.1"
# Where one of these is set, the environment says which cluster it is and how it is reached.
_SETTLED = ("MASTER", "SPARK_REMOTE", "SPARK_CONF_DIR", "SPARK_HOME", "PYSPARK_SUBMIT_ARGS")


def session_for(master: str | None) -> Any:
    """The active session, or a new one: of this master, of the environment, or else of all cores of this machine.

    Raises MissingExtra without PySpark or PyArrow, UnreadableSource without Java, and SpecError where a session with
    another master is active.
    """
    required()
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        _check_master(active, master)
        return active
    if not _is_remote(master):
        check_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("evenhand").config("spark.log.level", "ERROR")
    for key, value in _settings(master).items():
        builder = builder.config(key, value)
    with told(master or "Spark"):
        return builder.getOrCreate()


def required() -> None:
    """Raise MissingExtra where PySpark or PyArrow is missing."""
    for package in ("pyspark", "pyarrow"):
        if not find_spec(package):
            raise MissingExtra("Counting in Spark", package, "spark")


def check_java() -> None:
    """Raise UnreadableSource where Java is missing or too old for Spark."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None or not Path(java).is_file():
        where = f"at JAVA_HOME={home}" if home else "on the PATH"
        raise UnreadableSource(
            f"Spark needs Java {OLDEST_JAVA} or later, and there is none {where}; install it or set JAVA_HOME."
        )
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60).stderr  # noqa: S603 - the Java that Spark would start
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    if found and int(found[1]) < OLDEST_JAVA:
        raise UnreadableSource(
            f"Spark needs Java {OLDEST_JAVA} or later, and {java} is Java {found[1]}; install a newer one and set"
            " JAVA_HOME."
        )


def _settings(master: str | None) -> dict[str, str]:
    settings = {"spark.ui.showConsoleProgress": "false"}
    if _is_remote(master):
        return {"spark.remote": master} if master else {}
    if master:
        settings["spark.master"] = master
    if _is_here(master):
        os.environ.setdefault("SPARK_LOCAL_IP", _LOOPBACK)
        settings |= {
            "spark.driver.host": _LOOPBACK,
            "spark.driver.bindAddress": _LOOPBACK,
            "spark.ui.enabled": "false",
        }
    return settings


def _is_remote(master: str | None) -> bool:
    """Whether the session is one of Spark Connect, which needs no Java here."""
    return master.startswith("sc://") if master else "SPARK_REMOTE" in os.environ


def _is_here(master: str | None) -> bool:
    """Whether master and workers are on this machine."""
    if master is None:
        return not any(name in os.environ for name in _SETTLED)
    return master.startswith("local") or re.match(r"spark://(localhost|127\.0\.0\.1):", master) is not None


def _check_master(active: Any, master: str | None) -> None:
    if master is None:
        return
    with told("Spark"):
        running = active.conf.get("spark.master", None) or active.conf.get("spark.remote", None)
    if running != master:
        raise SpecError(
            f"A Spark session with the master {running} is active, so that {master} cannot be taken; stop it with"
            " spark.stop(), or give engine='spark' to use it."
        )
