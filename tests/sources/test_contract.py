"""The contract of every source: the same table gives the same cells, rows and values, wherever it is."""

from collections.abc import Callable, Iterator
from typing import Any

import ibis
import numpy as np
import pytest
import sqlalchemy as sa

import evenhand as eh
from evenhand.core.errors import ColumnNotFound, DataError
from evenhand.core.expressions import Expression, Expressions
from evenhand.core.frame import Frame
from evenhand.core.group import Group
from evenhand.core.values import normalised
from evenhand.sources import read
from tests.sources import source_oracle as oracle
from tests.sources.source_makers import DATABASES, FILES, FRAMES, SPARK, WAREHOUSES
from tests.sources.source_table import HOSTILE, ROWS, Table, sample

MAKERS = FILES | FRAMES | DATABASES | WAREHOUSES
POSTGRES = ("postgres table", "postgres query", "ibis postgres")
IN_SPARK = (pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("spark"))
ALL = [
    *MAKERS,
    *(pytest.param(name, marks=pytest.mark.postgres) for name in POSTGRES),
    *(pytest.param(name, marks=IN_SPARK) for name in SPARK),
]
# Ibis 12 asks DuckDB 2 and pandas 3 in words that these are giving up.
pytestmark = [
    pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'future.infer_string' option:DeprecationWarning"),
]
TABLE = sample()
OBJECTS = [dict(zip(TABLE, row, strict=True)) for row in zip(*TABLE.values(), strict=True)]


@pytest.fixture(scope="module", params=ALL)
def frame(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frame]:
    if request.param in POSTGRES:
        frame = _from_postgres(TABLE, request.getfixturevalue("postgres"), request.param)
    else:
        frame = (MAKERS | SPARK)[request.param](TABLE, tmp_path_factory.mktemp("table"))
    yield frame
    if request.param.startswith("ibis"):
        frame._backend.disconnect()  # type: ignore[attr-defined]


def _from_postgres(table: Table, url: str, maker: str) -> Frame:
    kinds = {bool: sa.Boolean, int: sa.BigInteger, float: sa.Double, str: sa.Text}
    columns: list[Any] = []
    for name, values in table.items():
        present = {type(value) for value in values} - {type(None)}
        columns.append(sa.Column(name, kinds[max(present, key=list(kinds).index)]))
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    people = sa.Table("people", sa.MetaData(), *columns)
    people.drop(engine, checkfirst=True)
    people.create(engine)
    with engine.begin() as connection:
        rows = [[float("nan") if v is None and isinstance(c.type, sa.Double) else v for v, c in zip(row, columns, strict=True)]
                for row in zip(*table.values(), strict=True)]  # fmt: skip
        connection.execute(people.insert(), [dict(zip(table, row, strict=True)) for row in rows])
    engine.dispose()
    if maker == "ibis postgres":
        return read(ibis.connect(url).table("people"))
    query = "SELECT *, 'a:b'::text AS extra FROM people;"
    return read(url, query=query) if maker == "postgres query" else read(url, table="people")


def _same(value: Any) -> bool | None:
    return None if value is None else value == "Female"


KEYS: dict[str, tuple[Callable[[Expressions], Expression], oracle.Key]] = {
    "sex": (lambda e: e.column("sex"), lambda row: row["sex"]),
    "age": (lambda e: e.column("age"), lambda row: row["age"]),
    "number": (lambda e: e.number("age"), lambda row: row["age"]),
    "score": (lambda e: e.column("score"), lambda row: row["score"]),
    "missing": (lambda e: e.missing(e.column("sex")), lambda row: row["sex"] is None),
    "female": (lambda e: e.among(e.column("sex"), ["Female"]), lambda row: _same(row["sex"])),
    "listed": (
        lambda e: e.among(e.column("age"), e.coerced("age", ["20", 25.0, 31])),
        lambda row: None if row["age"] is None else row["age"] in (20, 25, 31),
    ),
    "many": (
        lambda e: e.among(e.column("age"), list(range(40))),
        lambda row: None if row["age"] is None else row["age"] in range(40),
    ),
    "range": (
        lambda e: e.between(e.number("age"), 25, 45, True, False),
        lambda row: None if row["age"] is None else 25 <= row["age"] < 45,
    ),
    "above": (
        lambda e: e.between(e.number("score"), 1 / 3, None, False, False),
        lambda row: None if row["score"] is None else row["score"] > 1 / 3,
    ),
    "all": (
        lambda e: e.all_of([e.among(e.column("sex"), ["Female"]), e.between(e.number("age"), None, 40, True, True)]),
        lambda row: oracle.both(_same(row["sex"]), None if row["age"] is None else row["age"] <= 40),
    ),
    "any": (
        lambda e: e.any_of([e.among(e.column("sex"), ["Female"]), e.missing(e.column("age"))]),
        lambda row: oracle.either(_same(row["sex"]), row["age"] is None),
    ),
    "neither": (
        lambda e: e.negated(e.among(e.column("sex"), ["Female", "Male"])),
        lambda row: oracle.negated(None if row["sex"] is None else row["sex"] in ("Female", "Male")),
    ),
    "cut": (lambda e: e.cut(e.number("age"), [25, 45, 65.5]), lambda row: oracle.cut(row["age"], [25, 45, 65.5])),
    "bin": (lambda e: e.linear_bin(e.number("score"), 0, 1, 1024), lambda row: oracle.linear_bin(row["score"], 0, 1, 1024)),
    "seven": (
        lambda e: e.linear_bin(e.number("score"), 0.1, 0.9, 7),
        lambda row: oracle.linear_bin(row["score"], 0.1, 0.9, 7),
    ),
    "log": (
        lambda e: e.signed_log_bin(e.number("change"), 8, -20, 30),
        lambda row: oracle.signed_log_bin(row["change"], 8, -20, 30),
    ),
    "constant": (lambda e: e.constant(1.5), lambda _: 1.5),
    "group": (
        lambda e: Group.parse("sex=Female & (age<30 | age>=60)").expression(e),
        lambda row: oracle.both(
            _same(row["sex"]), None if row["age"] is None else oracle.either(row["age"] < 30, row["age"] >= 60)
        ),
    ),
}  # fmt: skip
SUMS: dict[str, tuple[Callable[[Expressions], Expression], oracle.Key]] = {
    "total": (lambda e: e.number("score"), lambda row: row["score"]),
    "weight": (lambda e: e.constant(0.5), lambda _: 0.5),
}


def _check(frame: Frame, names: list[str], cubes: list[list[str]]) -> None:
    expressions = frame.expressions
    keys = {name: KEYS[name][0](expressions) for name in names}
    sums = {name: make(expressions) for name, (make, _) in SUMS.items()}
    answers = frame.cells(keys, sums, cubes, 100_000)
    for cube, answer in zip(cubes, answers, strict=True):
        assert list(answer) == [*cube, "count", *SUMS]
        wanted = oracle.counted(OBJECTS, {n: KEYS[n][1] for n in names}, {n: s[1] for n, s in SUMS.items()}, cube)
        assert oracle.read_back(answer, cube, list(SUMS)) == wanted


@pytest.mark.parametrize("name", KEYS)
def test_one_key(frame: Frame, name: str) -> None:
    _check(frame, [name], [[name]])


def test_many_cubes_in_any_order(frame: Frame) -> None:
    cubes = [["sex", "cut"], ["cut", "sex"], ["bin"], [], ["female", "missing", "log"], ["bin"]]
    _check(frame, ["log", "sex", "female", "missing", "cut", "bin"], cubes)


def test_no_key_at_all(frame: Frame) -> None:
    _check(frame, [], [[]])
    assert frame.cells({}, {}, [[]], 10)[0]["count"].tolist() == [ROWS]


def test_booleans(frame: Frame) -> None:
    expressions = frame.expressions
    (answer,) = frame.cells({"m": expressions.column("member")}, {}, [["m"]], 10)
    found = oracle.read_back(answer, ["m"], [])
    wanted = oracle.counted(OBJECTS, {"m": lambda row: row["member"]}, {}, ["m"])
    assert {str(cell[0]).lower(): count for cell, (count, _) in found.items()} == {
        str(cell[0]).lower(): count for cell, (count, _) in wanted.items()
    }
    (answer,) = frame.cells({"m": Group.parse("member=true").expression(expressions)}, {}, [["m"]], 10)
    assert oracle.read_back(answer, ["m"], []) == wanted


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(frame: Frame, name: str) -> None:
    (answer,) = frame.cells({"k": frame.expressions.column(name)}, {}, [["k"]], 10)
    wanted = oracle.counted(OBJECTS, {"k": lambda row: row[name]}, {}, ["k"])
    assert oracle.read_back(answer, ["k"], []) == wanted
    assert sorted(map(str, frame.distinct(name, 10))) == ["one", "three", "two"]


def test_kinds(frame: Frame) -> None:
    assert set(TABLE) <= set(frame.kinds)
    assert [frame.kinds[name] for name in ("id", "sex", "age", "score", "label")] == ["number", "text", *["number"] * 3]
    assert frame.kinds["member"] in ("boolean", "text")


def test_text_keys_are_objects_and_missing_is_none(frame: Frame) -> None:
    expressions = frame.expressions
    keys = {"sex": expressions.column("sex"), "label": expressions.column("label")}
    first, second = frame.cells(keys, {}, [["sex"], ["label"]], 100)
    assert first["sex"].dtype == object
    assert None in first["sex"].tolist()
    assert second["label"].dtype.kind == "i"


def test_too_many_cells(frame: Frame) -> None:
    key = {"id": frame.expressions.column("id"), "sex": frame.expressions.column("sex")}
    for cubes in ([["id"]], [["id"], ["sex"]]):
        with pytest.raises(DataError, match=r"Counting by 'id' gives more than 20 cells; cut wide columns"):
            frame.cells(key, {}, cubes, 20)


def test_rows_are_all_rows_in_order_where_they_fit(frame: Frame) -> None:
    expressions = frame.expressions
    rows = frame.rows({"id": expressions.column("id"), "s": expressions.number("score")}, ROWS, 3)
    assert rows["id"].tolist() == TABLE["id"]
    assert rows["s"].dtype == np.float64
    assert [normalised(value) for value in rows["s"]] == [normalised(value) for value in TABLE["score"]]


def test_sampled_rows_are_the_same_everywhere(frame: Frame) -> None:
    columns = {"id": frame.expressions.column("id"), "sex": frame.expressions.column("sex")}
    rows = frame.rows(columns, 50, 3)
    assert rows["id"].tolist() == sorted(np.random.default_rng(3).choice(ROWS, 50, replace=False).tolist())
    assert rows["sex"].tolist() == [TABLE["sex"][place] for place in rows["id"].tolist()]
    assert frame.rows(columns, 50, 4)["id"].tolist() != rows["id"].tolist()


def test_distinct_gives_the_most_frequent_first(frame: Frame) -> None:
    counts = {value: TABLE["sex"].count(value) for value in set(TABLE["sex"]) - {None}}
    found = frame.distinct("sex", 100)
    assert sorted(map(str, found)) == sorted(counts)
    assert [counts[value] for value in found] == sorted(counts.values(), reverse=True)
    assert frame.distinct("sex", 2) == found[:2]
    assert frame.distinct("label", 5)[0] == max((0, 1), key=TABLE["label"].count)


def test_batches_hold_every_row_once(frame: Frame) -> None:
    ids: list[int] = []
    sizes = []
    for batch in frame.batches(["sex", "id", HOSTILE[0]], 100):
        assert list(getattr(batch, "column_names", batch.columns)) == ["sex", "id", HOSTILE[0]]
        sizes.append(len(batch))
        ids += [int(value) for value in np.asarray(batch["id"])]
        frame.distinct("sex", 3)  # other questions may be asked between two batches
    assert ids == TABLE["id"]
    assert sizes == [100, 100, 40]


def test_unknown_columns_are_named(frame: Frame) -> None:
    for ask in (frame.expressions.column, frame.expressions.number):
        with pytest.raises(ColumnNotFound, match=r"No column 'scroe' in the data\. Did you mean 'score'\?"):
            ask("scroe")
    with pytest.raises(ColumnNotFound, match="No column 'Sex'"):
        frame.distinct("Sex", 3)
    with pytest.raises(ColumnNotFound, match="'idd'"):
        frame.batches(["idd"], 10)


def test_text_is_no_number(frame: Frame) -> None:
    with pytest.raises(DataError, match=r"Column 'sex' holds text, where numbers are needed; name a column of numbers"):
        frame.expressions.number("sex")


def test_a_frame_is_read_as_itself(frame: Frame) -> None:
    assert read(frame) is frame


AUDIT = eh.Audit(
    label="label", positive=(1,), predicted_label="age>=50", score="score", score_range=(-1, 3),
    facets=("sex", "age@30,60", HOSTILE[0], '"naïve ☃ 性别"=one'), intersections=(("sex", "age@30,60"),), stratum=HOSTILE[6],
    features=("age", "change", "sex"),
)  # fmt: skip


@pytest.fixture(scope="module")
def expected() -> eh.Report:
    return eh.run(AUDIT, TABLE)


def test_the_same_table_gives_the_same_report(frame: Frame, expected: eh.Report) -> None:
    report = eh.run(AUDIT, frame)
    assert report.findings == expected.findings
    assert report.profiles == expected.profiles
    assert report.missing == expected.missing
    assert report.provenance.fingerprint == expected.provenance.fingerprint
