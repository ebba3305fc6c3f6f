"""Workers go through the rows of a Spark table: places, promises, writing, and errors in one line."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evenhand.core.errors import ColumnNotFound, DataError, ModelError, SpecError, ValueNotFound
from evenhand.core.spread import PLACE, as_spread
from evenhand.sources.spark import SparkFrame, read_spark
from evenhand.sources.spark.errors import told as quietly

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("spark")]
ROWS = 25_000
GIVES = pa.schema([(PLACE, pa.int64()), ("twice ☃", pa.float64())])


@dataclass(frozen=True)
class Twice:
    """Gives the double of the first column, and the place."""

    def __call__(self, rows: Iterator[Any]) -> Iterator[Any]:
        for table in rows:
            doubled = pa.array(table["c0"].to_numpy() * 2.0)
            yield pa.table({"twice ☃": doubled, "more": doubled, PLACE: table[PLACE]})


@dataclass(frozen=True)
class Raises:
    """Raises an error of evenhand's, or another."""

    error: Callable[[], Exception]

    def __call__(self, rows: Iterator[Any]) -> Iterator[Any]:
        yield next(rows).slice(0, 0).append_column("x", pa.array([], pa.int64()))
        raise self.error()


@dataclass(frozen=True)
class Threads:
    """Gives how many threads the numeric libraries may take in a worker."""

    def __call__(self, rows: Iterator[Any]) -> Iterator[Any]:
        from threadpoolctl import threadpool_info

        most = max(pool["num_threads"] for pool in threadpool_info())
        for table in rows:
            yield pa.table({"x": pa.array([most] * len(table), pa.int64())})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of uneven sizes, the largest last, so that Spark's order of parts is not theirs."""
    folder = tmp_path_factory.mktemp("uneven")
    ends = np.cumsum([0, 1000, 4000, 20_000])
    for part, (start, end) in enumerate(pairwise(ends)):
        table = pa.table({"id": np.arange(start, end), "half": np.arange(start, end) / 2})
        pq.write_table(table, folder / f"part-{part}.parquet", row_group_size=3000)
    return folder


@pytest.fixture(scope="module")
def by_file(spark: Any, folder: Path) -> SparkFrame:
    assert spark is not None
    return read_spark(folder)


@pytest.fixture(scope="module")
def by_partition(spark: Any) -> SparkFrame:
    return read_spark(spark.range(0, ROWS, 1, 7).selectExpr("id", "id / 2 AS half"))


@pytest.fixture(params=["by_file", "by_partition"])
def frame(request: pytest.FixtureRequest) -> SparkFrame:
    found: SparkFrame = request.getfixturevalue(request.param)
    return found


def test_batches_come_in_the_order_of_places_and_in_exact_sizes(frame: SparkFrame) -> None:
    batches = list(frame.batches(["half", "id"], 7000))
    assert [len(batch) for batch in batches] == [7000, 7000, 7000, 4000]
    assert np.concatenate([batch["id"] for batch in batches]).tolist() == list(range(ROWS))
    assert [len(batch) for batch in frame.batches(["id"], ROWS + 1)] == [ROWS]


@pytest.mark.parametrize("count", [0, 1, 10, 20_000])
def test_rows_at_places(frame: SparkFrame, count: int) -> None:
    places = np.sort(np.random.default_rng(count).choice(ROWS, count, replace=False))
    rows = frame.at(places, ["half", "id"])
    assert list(rows.columns) == ["half", "id"]
    assert rows["id"].tolist() == places.tolist()
    assert rows["half"].tolist() == (places / 2).tolist()
    assert frame.at(np.arange(5, 60), ["id"])["id"].tolist() == list(range(5, 60))


def test_places_and_columns_that_are_not_there(frame: SparkFrame) -> None:
    with pytest.raises(DataError, match="has rows at the places 0 to 24,999; ask for those"):
        frame.at(np.array([ROWS]), ["id"])
    for ask in (frame.schema, lambda columns: frame.at(np.array([1]), columns), lambda c: frame.batches(c, 3)):
        with pytest.raises(ColumnNotFound, match=r"No column 'halv' in the data\. Did you mean 'half'\?"):
            ask(["halv"])
    with pytest.raises(DataError, match="A batch of 0 rows is none"):
        frame.batches(["id"], 0)


def test_the_schema_has_true_names(frame: SparkFrame) -> None:
    assert as_spread(frame) is frame
    assert frame.schema(["half", "id"]) == pa.schema([("half", pa.float64()), ("id", pa.int64())])


def test_work_is_done_lazily(frame: SparkFrame) -> None:
    done = frame.mapped(Twice(), ["id"], GIVES)
    assert dict(done.kinds) == {PLACE: "number", "twice ☃": "number"}
    assert done.height == ROWS
    (cells,) = done.cells({}, {"t": done.expressions.number("twice ☃")}, [[]], 5)
    assert cells["t"].tolist() == [ROWS * (ROWS - 1.0)]


def test_work_is_written_whole(frame: SparkFrame, tmp_path: Path) -> None:
    out = tmp_path / "new" / "a b{x}*"
    done = frame.mapped(Twice(), ["id"], GIVES, out=out)
    assert done.location == str(out)
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    written = pa.concat_tables([pq.read_table(file) for file in out.glob("*.parquet")]).sort_by(PLACE)
    assert written.column_names == GIVES.names
    assert written[PLACE].to_pylist() == list(range(ROWS))
    assert np.array_equal(written["twice ☃"].to_numpy(), np.arange(ROWS) * 2.0)
    assert done.height == ROWS
    assert sorted(done.at(np.arange(ROWS), [PLACE])[PLACE]) == list(range(ROWS))
    with pytest.raises(DataError, match="is there already; remove it, or name another folder"):
        frame.mapped(Twice(), ["id"], GIVES, out=out)


def test_work_that_fails_leaves_no_folder(by_file: SparkFrame, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"A Spark worker failed on rows of .*: ZeroDivisionError: no"):
        by_file.mapped(
            Raises(lambda: ZeroDivisionError("no")), ["id"], pa.schema([("x", pa.int64())]), out=tmp_path / "out"
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("error", [
    lambda: ModelError('the model says "no": ü\\ \n twice'),
    lambda: ColumnNotFound("ag", ["age"]),
    lambda: ValueNotFound("x" * 3000),
])  # fmt: skip
def test_an_error_of_a_worker_reaches_the_user_as_it_was(
    by_partition: SparkFrame, error: Callable[[], Exception]
) -> None:
    done = by_partition.mapped(Raises(error), ["id"], pa.schema([("x", pa.int64())]))
    with pytest.raises(type(error())) as caught:
        _ = done.height
    assert type(caught.value) is type(error())
    assert str(caught.value) == str(error())


def test_a_promise_is_kept_or_told(by_file: SparkFrame) -> None:
    with pytest.raises(DataError, match="promised the column 'other' and did not give it"):
        _ = by_file.mapped(Twice(), ["id"], pa.schema([("other", pa.int64())])).height
    with pytest.raises(SpecError, match=r"Spark has no type for uint8 in the column 'x'; give another"):
        by_file.mapped(Twice(), ["id"], pa.schema([("x", pa.uint8())]))
    twins = pa.schema([("Place", pa.int64()), (PLACE, pa.int64())])
    with pytest.raises(
        DataError, match="'Place' and 'place' differ only by case, which Spark cannot write; rename one"
    ):
        by_file.mapped(Twice(), ["id"], twins, out="nowhere")


HOSTILE_NAMES = ["a b,c;{}()=", "t\tn\n", "`tick`.dot", 'quo"te', "'", "\u202e", "file", "_metadata", "", "c1", "c0"]


@dataclass(frozen=True)
class Named:
    """Gives the place under every name."""

    names: tuple[str, ...]

    def __call__(self, rows: Iterator[Any]) -> Iterator[Any]:
        for table in rows:
            yield pa.table([table[PLACE]] * len(self.names), names=list(self.names))


def test_hostile_names_are_written_as_they_are(by_file: SparkFrame, tmp_path: Path) -> None:
    gives = pa.schema([(name, pa.int64()) for name in HOSTILE_NAMES])
    done = by_file.mapped(Named(tuple(HOSTILE_NAMES)), [], gives, out=tmp_path / "out")
    assert list(done.kinds) == HOSTILE_NAMES
    assert (
        sorted(done.at(np.arange(100), ["_metadata"])["_metadata"])[:3]
        == sorted(done.at(np.arange(100), ["c0"])["c0"])[:3]
    )
    assert pq.read_schema(next((tmp_path / "out").glob("*.parquet"))).names == HOSTILE_NAMES


def test_workers_hold_numeric_libraries_to_one_thread(by_partition: SparkFrame) -> None:
    done = by_partition.mapped(Threads(), ["id"], pa.schema([("x", pa.int64())]))
    assert done.distinct("x", 5) == [1]


def test_rows_that_are_dealt_differently_are_told(spark: Any) -> None:
    def any_half(batches: Any) -> Any:
        for batch in batches:
            yield batch.filter(pa.array(np.random.default_rng().random(len(batch)) < 0.5))

    with quietly("the test"):
        dealt = spark.range(0, 1000, 1, 4).mapInArrow(any_half, "id bigint")
    frame = read_spark(dealt)
    assert 300 < frame.height < 700
    told = r"gives its rows differently each time.*; sort the DataFrame by a key, or write it as Parquet and read that"
    with pytest.raises(DataError, match=told):
        _ = frame.mapped(Twice(), ["id"], GIVES).height
    with pytest.raises(DataError, match=told):
        list(frame.batches(["id"], 100))
    with pytest.raises(DataError, match=told):
        frame.at(np.arange(frame.height), ["id"])


def test_a_sorted_table_has_places(spark: Any) -> None:
    shuffled = spark.range(0, 5000, 1, 8).selectExpr("(id * 7919) % 5000 AS id", "repeat('x', 100) AS text")
    frame = read_spark(shuffled.repartition(5).sort("id"))
    assert frame.at(np.array([3, 77, 4999]), ["id"])["id"].tolist() == [3, 77, 4999]
    assert np.concatenate([batch["id"] for batch in frame.batches(["id"], 999)]).tolist() == list(range(5000))
    assert frame.mapped(Twice(), ["id"], GIVES).height == 5000
