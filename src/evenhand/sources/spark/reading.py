"""Reading: what Spark opens — a DataFrame, a table of its catalog, Parquet files, or a Delta folder."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evenhand.core.errors import DataError, UnreadableSource
from evenhand.sources.files import form, found
from evenhand.sources.spark.errors import told
from evenhand.sources.spark.frame import SparkFrame
from evenhand.sources.spark.session import required, session_for
from evenhand.sources.spark.writing import is_url, local_url, with_files


def read_spark(source: Any, *, master: str | None = None) -> SparkFrame:
    """A DataFrame of Spark, the name of a table, or a path, glob, folder or URL of Parquet or Delta, counted by Spark.

    Raises MissingExtra without PySpark, UnreadableSource where there is nothing that Spark can read, SpecError where a
    session with another master is active, and DataError for a table without rows.
    """
    if isinstance(source, SparkFrame):
        return source
    required()
    if type(source).__module__.partition(".")[0] == "pyspark" and hasattr(source, "mapInArrow"):
        return _filled(SparkFrame(source, source.columns, location=f"a Spark table of {len(source.columns)} columns"))
    if not isinstance(source, (str, Path)):
        raise DataError(
            f"Spark cannot count a {type(source).__name__}; give a Spark DataFrame, the name of a table, or a path of"
            " Parquet files, or leave engine= out."
        )
    session, location = session_for(master), str(source)
    return _filled(_opened(session, location))


def _opened(session: Any, location: str) -> SparkFrame:
    if is_url(location):
        return _from_url(session, location)
    path = Path(location).expanduser()
    if not path.exists() and not re.search(r"[*?\[]", location):
        with told(location):
            known = re.fullmatch(r"[\w.`]+", location) is not None and session.catalog.tableExists(location)
        if known:
            return _from_table(session, location)
        if not path.suffix and "/" not in location:
            raise UnreadableSource(f"{location!r} is neither a path nor a table in Spark's catalog; give one of them.")
    if (path / "_delta_log").is_dir():
        return _delta(session, local_url(path), location)
    return _from_files(session, found(location), location)


def _from_files(session: Any, files: Sequence[Path], location: str) -> SparkFrame:
    """Local files, in the way in which one machine reads them: the same files, and their folders as columns."""
    if other := next((file for file in files if form(file) != "parquet"), None):
        raise _no_parquet(other.name)
    root = Path(re.split(r"[*?\[]", location, maxsplit=1)[0]).expanduser()
    root = (root if root.is_dir() else root.parent).resolve()
    reader = session.read
    if any("=" in part for file in files if file.is_relative_to(root) for part in file.relative_to(root).parts[:-1]):
        reader = reader.option("basePath", f"file://{root}")
    with told(location):
        table = reader.parquet(*map(local_url, files))
        return SparkFrame(with_files(table), table.columns, location=location, of_files=True)


def _from_url(session: Any, location: str) -> SparkFrame:
    if re.search(r"\.(csv|tsv|txt|json|jsonl|ndjson|orc|avro|xlsx?)(\.\w+)?$", location, re.IGNORECASE):
        raise _no_parquet(location)
    if not location.endswith((".parquet", ".pq")) and _has_delta_log(session, location):
        return _delta(session, location, location)
    with told(location):
        table = session.read.parquet(location)
        return SparkFrame(with_files(table), table.columns, location=location, of_files=True)


def _has_delta_log(session: Any, location: str) -> bool:
    """Whether it is a Delta table, of which the Parquet files also hold rows that were deleted."""
    try:
        with told(location):
            session.read.format("binaryFile").load(location.rstrip("/") + "/_delta_log/*.json").schema  # noqa: B018 - looks for it
    except UnreadableSource:
        return False
    return True


def _delta(session: Any, url: str, location: str) -> SparkFrame:
    with told(location):
        table = session.read.format("delta").load(url)
        return _with_places(table, location)


def _from_table(session: Any, name: str) -> SparkFrame:
    with told(name):
        table = session.table(name)
        kind = session.catalog.getTable(name).tableType
        location = f"the Spark table {name}"
        if kind in ("MANAGED", "EXTERNAL"):
            return _with_places(table, location)
        # A view may leave out rows of its files.
        return SparkFrame(table, table.columns, location=location)


def _with_places(table: Any, location: str) -> SparkFrame:
    """By file where the format tells the file and the number of each row, else by partition."""
    from pyspark.errors import PySparkException

    try:
        placed = with_files(table)
        placed.schema  # noqa: B018 - Connect looks for the columns only now
    except PySparkException:
        return SparkFrame(table, table.columns, location=location)
    return SparkFrame(placed, table.columns, location=location, of_files=True)


def _filled(frame: SparkFrame) -> SparkFrame:
    if frame.height == 0:
        raise DataError(f"{frame.location} holds no rows, only column names.")
    return frame


def _no_parquet(name: str) -> UnreadableSource:
    return UnreadableSource(
        f"{name} is no Parquet, which is what Spark is asked to read by its path; make a Spark DataFrame of it, such as"
        " spark.read.csv(…), and give that, or leave engine= out."
    )
