"""What Spark's errors mean to the person who gave the table, in one line."""

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from evenhand.core import errors
from evenhand.core.errors import DataError, EvenhandError, ModelError, UnreadableSource

_MARK = "evenhand-error:"


class FromWorker(Exception):
    """An error of a worker in a form that survives the way through Spark's stack traces."""

    @classmethod
    def of(cls, error: EvenhandError) -> "FromWorker":
        """The error with its class and its message."""
        return cls(_MARK + json.dumps([type(error).__name__, str(error)]) + "\n")


@contextmanager
def told(location: str) -> Iterator[None]:
    """Within it, what goes wrong in Spark is told in one line."""
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException

    with warnings.catch_warnings():
        # PySpark has its doubts about new versions of pandas, which nothing here asks of it.
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"pyspark")
        warnings.filterwarnings("ignore", message=r"(?s).*pandas", category=FutureWarning)
        try:
            yield
        except (PySparkException, Py4JError) as error:
            raise explained(error, location) from error


def explained(error: Exception, location: str) -> EvenhandError:
    """The error as one line: what was wrong, where, and what to do; an error of evenhand's workers as it was."""
    text = str(error)
    if own := _own(text):
        return own
    if "PATH_NOT_FOUND" in text or "FileNotFoundException" in text or "FILE_NOT_EXIST" in text:
        return UnreadableSource(f"Spark finds nothing at {location}; give a path that driver and workers can reach.")
    if "UNABLE_TO_INFER_SCHEMA" in text or "CANNOT_READ_FILE_FOOTER" in text or "is not a Parquet file" in text:
        return UnreadableSource(f"{location} holds no whole Parquet file that Spark can read. Copy or write it again.")
    if "Invalid master URL" in text or "stopped SparkContext" in text:
        return UnreadableSource(
            f"No Spark cluster answers at {location}; give its address as spark://host:7077, or local[4] for this"
            " machine."
        )
    if "COLUMN_ALREADY_EXISTS" in text or "AMBIGUOUS_REFERENCE" in text:
        return UnreadableSource(
            f"{location} has columns whose names differ only by case, which Spark takes for one; rename them,"
            " or leave engine= out."
        )
    if re.search(r"(Failed to find|DATA_SOURCE_NOT_FOUND).*delta|delta\.DefaultSource", text, re.DOTALL):
        return UnreadableSource(
            f"{location} is a Delta table, and this Spark session has no Delta Lake; start it with"
            " --packages io.delta:delta-spark_2.13 in the version of your Spark."
        )
    if found := re.search(r"ModuleNotFoundError: No module named '([^']+)'", text):
        return ModelError(
            f"Spark's workers have no Python module {found[1]!r}; install it in the Python that PYSPARK_PYTHON names."
        )
    if failed := _in_python(text):
        return ModelError(f"A Spark worker failed on rows of {location}: {failed}")
    return _other(text, location)


def _other(text: str, location: str) -> DataError:
    return UnreadableSource(f"Spark cannot read {location}: {_first_line(text)}.")


def _own(text: str) -> EvenhandError | None:
    """The error that a worker raised on purpose."""
    found = re.search(re.escape(_MARK) + r'(\["(?:[^"\\]|\\.)*", "(?:[^"\\]|\\.)*"\])', text)
    if found is None:
        return None
    name, message = json.loads(found[1])
    kind = getattr(errors, name, None)
    known = kind if isinstance(kind, type) and issubclass(kind, EvenhandError) else EvenhandError
    error = known.__new__(known)  # some of them make their message of other things
    error.args = (message,)
    return error


def _in_python(text: str) -> str | None:
    """The last line of a Python worker's traceback."""
    _, traceback, rest = text.partition("Traceback (most recent call last):")
    if not traceback:
        return None
    lines = [line.strip() for line in rest.splitlines() if line and not line[0].isspace()]
    said = next((line for line in lines if re.match(r"[\w.]+(: |$)", line)), "")
    return said[:500] or None


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and lines[0].startswith("An error occurred while calling"):
        lines = lines[1:]
    return re.sub(r" SQLSTATE: \w+.*$", "", lines[0] if lines else "no reason given")[:500].strip(". :")
