"""Streams of Spark: each micro-batch is a part, and one that is tried again counts once."""

from pathlib import Path
from typing import Any

import pytest

import evenhand as eh
from evenhand.parts import Parts
from tests.test_flow import BINARY, people

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]

TABLE = people(900)


def write(folder: Path, name: str, low: int, high: int) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    folder.mkdir(exist_ok=True)
    rows = {column: values[low:high].tolist() for column, values in TABLE.items()}
    parquet.write_table(pyarrow.table(rows), folder / f"{name}.parquet")


def stream(spark: Any, folder: Path, checkpoint: Path, receive: Any) -> Any:
    """Go through the files that this checkpoint has not seen, each as a micro-batch, and come to an end."""
    schema = spark.read.parquet(str(folder)).schema
    frames = spark.readStream.schema(schema).option("maxFilesPerTrigger", 1).parquet(str(folder))
    started = (
        frames.writeStream.foreachBatch(receive)
        .option("checkpointLocation", str(checkpoint))
        .trigger(availableNow=True)
        .start()
    )
    started.awaitTermination()
    return started


def whole(rows: int) -> eh.Tally:
    return eh.tally(eh.read({name: column[:rows] for name, column in TABLE.items()}), BINARY)


@pytest.mark.slow
def test_a_stream_is_counted_batch_by_batch(spark: Any, tmp_path: Path) -> None:
    parts = Parts(tmp_path / "tallies", BINARY)
    data, checkpoint = tmp_path / "data", tmp_path / "checkpoint"
    added: list[bool] = []

    def receive(frame: Any, batch: int) -> None:
        added.append(parts.add(f"batch {batch}", frame))

    write(data, "a", 0, 300)
    write(data, "b", 300, 500)
    stream(spark, data, checkpoint, receive)
    assert list(parts.names) == ["batch 0", "batch 1"]
    assert parts.total() == whole(500)

    write(data, "c", 500, 900)
    stream(spark, data, checkpoint, receive)
    assert list(parts.names) == ["batch 0", "batch 1", "batch 2"]
    assert added == [True, True, True]
    assert parts.total() == whole(900)
    assert parts.report().provenance.rows == 900


@pytest.mark.slow
def test_a_batch_that_is_tried_again_counts_once(spark: Any, tmp_path: Path) -> None:
    parts = Parts(tmp_path / "tallies", BINARY)
    data, checkpoint = tmp_path / "data", tmp_path / "checkpoint"
    write(data, "a", 0, 300)
    write(data, "b", 300, 900)
    added: list[tuple[int, bool]] = []

    def receive(frame: Any, batch: int) -> None:
        added.append((batch, parts.add(f"batch {batch}", frame)))
        if added == [(0, True), (1, True)]:
            raise RuntimeError("ended after the tally was stored, and before Spark knew of it")

    from pyspark.errors import StreamingQueryException

    with pytest.raises(StreamingQueryException):
        stream(spark, data, checkpoint, receive)
    assert list(parts.names) == ["batch 0", "batch 1"]
    stream(spark, data, checkpoint, receive)
    assert added == [(0, True), (1, True), (1, False)]
    assert parts.total() == whole(900)
