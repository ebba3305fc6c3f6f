"""Which session is taken, and what is said where Spark cannot start or cannot read."""

import re
from pathlib import Path
from typing import Any

import pytest

from evenhand.core.errors import DataError, MissingExtra, ModelError, UnreadableSource
from evenhand.sources.spark import read_spark, session
from evenhand.sources.spark.errors import explained


def _java(folder: Path, version: str) -> str:
    program = folder / "bin" / "java"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2020-01-01' >&2\n")
    program.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(("version", "number"), [("1.8.0_392", 8), ("11.0.2", 11), ("16", 16)])
def test_old_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, number: int) -> None:
    monkeypatch.setenv("JAVA_HOME", _java(tmp_path, version))
    with pytest.raises(UnreadableSource, match=rf"Spark needs Java 17 or later, and .*java is Java {number}; install"):
        session.check_java()


def test_new_java_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", _java(tmp_path, "21.0.1"))
    session.check_java()


def test_missing_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UnreadableSource, match=r"there is none at JAVA_HOME=.*; install it or set JAVA_HOME"):
        session.check_java()
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnreadableSource, match="there is none on the PATH; install it or set JAVA_HOME"):
        session.check_java()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    monkeypatch.setattr("sys.path_importer_cache", {})
    monkeypatch.delitem(__import__("sys").modules, "pyspark", raising=False)
    with pytest.raises(MissingExtra, match=r"needs the package 'pyspark': pip install 'evenhand\[spark\]'"):
        read_spark("people")


def test_what_is_no_table_of_spark() -> None:
    pytest.importorskip("pyspark")
    with pytest.raises(DataError, match=r"Spark cannot count a dict; give a Spark DataFrame.*or leave engine= out"):
        read_spark({"a": [1]})


@pytest.mark.parametrize(("said", "kind", "told"), [
    ("[PATH_NOT_FOUND] Path does not exist: x", UnreadableSource, "Spark finds nothing at here; give a path"),
    ("[UNABLE_TO_INFER_SCHEMA] no", UnreadableSource, "here holds no whole Parquet file that Spark can read"),
    ("[COLUMN_ALREADY_EXISTS] `a`", UnreadableSource, "here has columns whose names differ only by case"),
    ("[DATA_SOURCE_NOT_FOUND] Failed to find the data source: delta.", UnreadableSource, "this Spark session has no Delta"),
    ("Traceback (most recent call last):\n  x\nModuleNotFoundError: No module named 'lib'", ModelError, "no Python module 'lib'"),
    ("Traceback (most recent call last):\n  File x\nValueError: bad\n\tat org.x", ModelError, "rows of here: ValueError: bad"),
    ("An error occurred while calling o1.x\n: boom\n\tat y", UnreadableSource, "Spark cannot read here: boom."),
    (": java.lang.IllegalStateException: Cannot call methods on a stopped SparkContext.", UnreadableSource, "No Spark cluster answers at here; give its address as spark://host:7077, or local[4] for this machine."),
    (": org.apache.spark.SparkException: Invalid master URL: spark://x", UnreadableSource, "No Spark cluster answers at here; give its address as spark://host:7077, or local[4] for this machine."),
])  # fmt: skip
def test_errors_are_one_line(said: str, kind: type[Exception], told: str) -> None:
    error = explained(RuntimeError(said), "here")
    assert type(error) is kind
    assert re.search(re.escape(told), str(error))
    assert "\n" not in str(error)


@pytest.mark.parametrize(("master", "here"), [
    ("local[2]", True), ("spark://127.0.0.1:7077", True), ("spark://host:7077", False), ("yarn", False), ("sc://host", False),
])  # fmt: skip
def test_only_masters_of_this_machine_are_bound_to_it(master: str, here: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    settings: dict[str, Any] = session._settings(master)
    assert (settings.get("spark.driver.bindAddress") == "127.0.0.1") is here
    assert settings.get("spark.remote" if master.startswith("sc:") else "spark.master") == master
