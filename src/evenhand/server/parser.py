"""Parser: the process that reads uploaded files — it forks a child for each, with limits, that may die.

Run as `python -m evenhand.server.parser`; one request a line of JSON on stdin, one answer a line on stdout.
"""

import json
import os
import resource
import sys
from collections.abc import Iterator
from typing import Any

PLAIN = "texts, numbers, true/false, dates and times"


class Unreadable(Exception):
    """A file that is turned away, with the status to answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def serve() -> None:
    """Answer requests until stdin ends."""
    import pyarrow
    import pyarrow.ipc
    import pyarrow.json
    import pyarrow.parquet  # noqa: F401 - loaded once, for all children

    for line in sys.stdin:
        print(json.dumps(answered(json.loads(line))), flush=True)  # noqa: T201


def answered(errand: dict[str, Any]) -> dict[str, Any]:
    """What a child of its own makes of a file."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _in_child(errand, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read(100_000)
    _, status = os.waitpid(child, 0)
    if status != 0 or not said:
        signal = os.waitstatus_to_exitcode(status)
        return {
            "status": 422,
            "detail": f"The file broke the process that read it ({signal}); nothing else was touched.",
        }
    found: dict[str, Any] = json.loads(said)
    return found


def _in_child(errand: dict[str, Any], pipe: int) -> None:
    """Parse within limits, say how it went, and be gone."""
    said: dict[str, Any]
    code = 0
    try:
        _limit(errand)
        said = {"status": 200, "rows": parsed(errand)}
    except Unreadable as error:
        said = {"status": error.status, "detail": str(error)}
    except MemoryError:
        said = {"status": 413, "detail": "The file needs more memory than a file may take; send it in smaller parts."}
    except BaseException as error:
        first = str(error).strip().splitlines()[:1]
        said = {"status": 422, "detail": f"The file cannot be read: {(first or [type(error).__name__])[0][:300]}"}
    try:
        os.write(pipe, json.dumps(said).encode())
    except BaseException:
        code = 1
    os._exit(code)


def _limit(errand: dict[str, Any]) -> None:
    import pyarrow

    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    seconds = max(1, int(errand["seconds"]))
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = seconds + int(used.ru_utime + used.ru_stime)
    for limit, most in (
        (resource.RLIMIT_AS, errand["memory"]),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, 2 * errand["parsed"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))


def parsed(errand: dict[str, Any]) -> int:
    """Read a file, check it, and write it as Arrow's stream; the number of its rows. Raises Unreadable."""
    import pyarrow

    rows = held = 0
    writer = None
    with pyarrow.OSFile(errand["out"], "wb") as out:
        for batch in _batches(errand):
            plain = _plain(batch, errand)
            rows, held = rows + plain.num_rows, held + plain.nbytes
            if rows > errand["rows"]:
                raise Unreadable(413, f"The file holds more than {errand['rows']:,} rows; send it in parts.")
            if held > errand["parsed"]:
                raise Unreadable(413, f"The file is larger than {errand['parsed']:,} bytes unpacked; send it in parts.")
            writer = writer or pyarrow.ipc.new_stream(out, plain.schema)
            writer.write_batch(plain)
        if writer is None or rows == 0:
            raise Unreadable(422, "The file holds no rows.")
        writer.close()
    return rows


def _batches(errand: dict[str, Any]) -> Iterator[Any]:
    import pyarrow
    from pyarrow import ipc, parquet

    path, kind = errand["path"], errand["kind"]
    if kind == "parquet":
        with parquet.ParquetFile(path, memory_map=False) as file:
            _check_size(file.metadata.num_rows, file.schema_arrow, errand)
            yield from file.iter_batches(batch_size=16_384, use_threads=False)
    elif kind == "arrow file":
        with ipc.open_file(path) as arrow:
            _check_size(0, arrow.schema, errand)
            for number in range(arrow.num_record_batches):
                yield arrow.get_batch(number)
    elif kind == "arrow stream":
        with pyarrow.OSFile(path) as content, ipc.open_stream(content) as stream:
            _check_size(0, stream.schema, errand)
            yield from stream
    else:
        yield from _lines(errand)


def _lines(errand: dict[str, Any]) -> Iterator[Any]:
    """JSON Lines, all of which have one shape."""
    from pyarrow import json as arrow_json

    table = arrow_json.read_json(errand["path"], read_options=arrow_json.ReadOptions(use_threads=False))
    _check_size(table.num_rows, table.schema, errand)
    yield from table.combine_chunks().to_batches(max_chunksize=16_384)


def _check_size(rows: int, schema: Any, errand: dict[str, Any]) -> None:
    if rows > errand["rows"]:
        raise Unreadable(413, f"The file holds {rows:,} rows, more than {errand['rows']:,}; send it in parts.")
    if len(schema.names) > errand["columns"]:
        raise Unreadable(413, f"The file holds more than {errand['columns']:,} columns.")
    names = schema.names
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise Unreadable(422, f"The column {twice[:100]!r} comes twice.")
    for field in schema:
        if not field.name or len(field.name) > 500 or "\0" in field.name:
            raise Unreadable(422, "A column name is empty, too long or holds NUL.")
        if _target(field.type) is None:
            kind = str(field.type)[:80]
            raise Unreadable(422, f"The column {field.name[:100]!r} is of type {kind}; columns hold {PLAIN}.")


def _target(kind: Any) -> Any:
    """The plain type that a type becomes; None for those that are not read: nested, binary, extensions."""
    from pyarrow import types

    if isinstance(kind, _extension()):
        return None
    if types.is_dictionary(kind):
        return _target(kind.value_type) if not types.is_nested(kind.value_type) else None
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return _pyarrow().string()
    if types.is_decimal(kind) or types.is_float16(kind):
        return _pyarrow().float64()
    plain = (types.is_boolean, types.is_integer, types.is_floating, types.is_timestamp, types.is_date, types.is_null)
    return kind if any(each(kind) for each in plain) else None


def _plain(batch: Any, errand: dict[str, Any]) -> Any:
    pyarrow = _pyarrow()
    batch.validate(full=True)
    arrays = []
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        column = array.cast(_target(array.type))
        if pyarrow.types.is_string(column.type):
            longest = pyarrow.compute.max(pyarrow.compute.binary_length(column)).as_py() or 0
            if longest > errand["text"]:
                raise Unreadable(413, f"A text in {name[:100]!r} is longer than {errand['text']:,} bytes.")
        arrays.append(column)
    return pyarrow.record_batch(arrays, names=batch.schema.names)


def _extension() -> Any:
    return _pyarrow().BaseExtensionType


def _pyarrow() -> Any:
    import pyarrow
    import pyarrow.compute

    return pyarrow


if __name__ == "__main__":
    serve()
