"""Writing: a DataFrame as a folder of Parquet files, whole or not at all, and that folder as a DataFrame."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evenhand.core.errors import DataError, SpecError
from evenhand.core.spread import ArrowSchema
from evenhand.sources.spark.errors import told

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_url(location: str) -> bool:
    """Whether it is no path of this machine."""
    return _URL.match(location) is not None


def local_url(path: Path) -> str:
    """The path for Spark, which would take a bare one for one of its own file system, and signs for patterns."""
    return "file://" + re.sub(r"([\\*?\[\]{}])", r"\\\1", str(path.absolute()))


def spark_schema(gives: ArrowSchema) -> Any:
    """The schema as Spark has it, under c0, c1, …; raises SpecError for types that Spark does not have."""
    from pyspark.errors import PySparkException
    from pyspark.sql.pandas.types import from_arrow_type
    from pyspark.sql.types import StructField, StructType

    fields = []
    for place, field in enumerate(gives):
        try:
            fields.append(StructField(f"c{place}", from_arrow_type(field.type), True))
        except (PySparkException, TypeError) as error:
            raise SpecError(
                f"Spark has no type for {field.type} in the column {field.name!r}; give another."
            ) from error
    return StructType(fields)


def written(table: Any, names: Sequence[str], out: Path | str) -> None:
    """Write it under these names; raises DataError where `out` is there already or names differ only by case."""
    folded: dict[str, str] = {}
    for name in names:
        other = folded.setdefault(name.casefold(), name)
        if other is not name:
            raise DataError(
                f"The columns {other!r} and {name!r} differ only by case, which Spark cannot write; rename one."
            )
    named = table.toDF(*names)
    if is_url(str(out)):
        named.write.parquet(str(out))
        return
    folder = Path(out)
    if folder.exists():
        raise DataError(f"{out} is there already; remove it, or name another folder.")
    unfinished = folder.with_name(folder.name + ".unfinished")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # To write, Spark takes a path as it is.
    named.write.mode("overwrite").parquet("file://" + str(unfinished.absolute()))
    unfinished.rename(folder)


def reopened(session: Any, out: Path | str) -> tuple[Any, list[str]]:
    """The folder as a DataFrame with the file of each row and its number there, and the names of its own columns."""
    location = str(out) if is_url(str(out)) else local_url(Path(out))
    with told(str(out)):
        table = session.read.parquet(location)
        return with_files(table), list(table.columns)


def with_files(table: Any) -> Any:
    """The DataFrame with two columns more: the file of each row, and the row's number in it."""
    metadata = table.metadataColumn("_metadata")
    return table.select("*", metadata.getField("file_path"), metadata.getField("row_index"))
