"""Records are checked before they are kept: flat, of known kinds, with an id and a time that can be."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.errors import DataError
from evenhand.core.monitor import Monitor
from evenhand.monitor.capture import Capture, Receipt
from evenhand.monitor.capture.records import ids, micros_of, table_of, times
from tests.monitor.capture.traffic_model import ALWAYS, MONITOR, START, clock

GOOD: dict[str, Any] = {"id": 1, "time": START.isoformat(), "sex": "F", "approved": 1, "age": 30}


def micros(values: Any, monitor: Monitor = MONITOR) -> list[int]:
    column = values if isinstance(values, pa.Array) else table_of([{"time": value} for value in values])["time"]
    return [int(value) for value in times(column, monitor, clock()).cast(pa.int64()).to_pylist()]


@settings(max_examples=80, deadline=None)
@given(
    st.datetimes(datetime(1974, 1, 1), datetime(2026, 11, 22)).map(lambda each: each.replace(microsecond=0)),
    st.integers(-12, 12),
)
def test_every_way_to_write_a_time_is_the_same(when: datetime, hours: int) -> None:
    utc = when.replace(tzinfo=UTC)
    elsewhere = utc.astimezone(timezone(timedelta(hours=hours)))
    seconds = int(utc.timestamp())
    texts = [when.isoformat(), elsewhere.isoformat(), f"{when.isoformat()}Z"]
    expected = micros_of(utc)
    assert micros(texts) == [expected] * 3
    assert micros([seconds]) == micros([seconds * 1_000]) == micros([seconds * 1_000_000]) == [expected]
    assert micros([float(seconds)]) == micros([when]) == micros([elsewhere]) == [expected]
    assert micros(pa.array([when], pa.timestamp("ns"))) == micros(pa.array([elsewhere], pa.timestamp("s", "UTC")))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("soon", r"Record 2 has the time 'soon', which is no time; write 2026-11-20T13:00:00Z"),
        ("2026-11-23T00:00:01Z", r"Record 2 .* more than a day ahead of the clock"),
        ("1969-01-01", r"Record 2 has the time 1969-01-01T00:00:00Z, and nothing before 1970-01-05T00:00:00Z is kept"),
        ("0001-01-01T00:00:00+14:00", r"Record 2 has the time"),
        (None, r"Record 2 has no time; every record needs its 'time'"),
    ],
)
def test_times_that_cannot_be_are_refused(value: str | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        micros([START.isoformat(), value])


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e300, -1e300])
def test_numbers_that_are_no_times_are_refused(number: float) -> None:
    with pytest.raises(DataError, match=r"no time|nothing before"):
        micros([number])


def test_what_is_older_than_what_is_kept_or_than_the_landmark_is_refused() -> None:
    kept = MONITOR.model_copy(update={"keep": timedelta(days=7)})
    with pytest.raises(DataError, match="nothing before 2026-11-15T00:00:00Z is kept"):
        micros(["2026-11-14T23:59:59"], kept)
    since = MONITOR.model_copy(update={"windows": MONITOR.windows.model_copy(update={"since": "2026-11-18"})})
    with pytest.raises(DataError, match="nothing before 2026-11-18T00:00:00Z is kept"):
        micros(["2026-11-17T23:59:59"], since)
    assert len(micros(["2026-11-18"], since)) == 1


@given(st.integers(-(2**53), 2**53))
def test_an_id_is_the_same_as_text_and_as_a_number(number: int) -> None:
    forms = (pa.array([number]), pa.array([float(number)]), pa.array([str(number)]))
    assert {ids(form, "id").to_pylist()[0] for form in forms} == {str(number)}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, None], "Record 2 has no id; every record needs its 'id'"),
        ([1.5], "ids that are no whole numbers; send them as text"),
        ([True], "holds bool; an id is text or a whole number"),
        ([""], "an id of no or too many signs; from 1 to 256 bytes"),
        (["x" * 257], "an id of no or too many signs"),
    ],
)
def test_ids_that_are_none_are_refused(values: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ids(pa.array(values), "id")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"age": [1, 2]}, r"Column 'age' holds list<.*>; records are flat"),
        ({"age": {"a": {"b": 1}}}, r"Column 'age' holds struct<.*>; records are flat"),
        ({"age": b"x"}, r"Column 'age' holds binary; records are flat"),
        ({"age": float("inf")}, r"'age' holds an infinite number; send null"),
        ({"age": 2**60}, r"'age' holds numbers beyond 2\^53"),
        ({"age": 2**80}, r"Column 'age' cannot be kept"),
        ({"sex": "x" * 10_001}, r"'sex' holds a text of 10,001 bytes; at most 10,000"),
        ({"sex": "\ud800"}, r"Column 'sex' cannot be kept"),
        ({"n" * 301: 1}, r"The name of a column has 301 signs"),
        ({"": 1}, r"The name of a column has 0 signs"),
    ],
)
def test_what_is_not_flat_or_too_large_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    capture = Capture(tmp_path, MONITOR, clock=clock)
    with pytest.raises(DataError, match=message):
        capture.accept([{**GOOD, **change}])
    assert capture.accept([GOOD]) == Receipt(1, 0)
    capture.seal()
    frame = capture.frame(ALWAYS, labelled=False)
    assert frame is not None and frame.height == 1


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    capture = Capture(tmp_path, MONITOR, clock=clock)
    for batch, message in (
        ([GOOD, 3], "Record 2 is no object"),
        ("text", "The records are no table"),
        ([GOOD, {**GOOD, "age": "x"}], "Column 'age' mixes int and str"),
        ([{"id": 1, "sex": "F", "approved": 1}], "No column 'time' in the data"),
        ([{"time": 0, "sex": "F", "approved": 1}], "No column 'id' in the data"),
        ([{"id": 1, "time": START, "sex": "F"}], "No column 'approved' in the data"),
        ([GOOD] * 200_001, "200,001 records are too many at once"),
    ):
        with pytest.raises(DataError, match=message):
            capture.accept(batch)
    assert capture.accept([]) == Receipt(0, 0)


def test_columns_may_be_gained_and_never_change_their_kind(tmp_path: Path) -> None:
    capture = Capture(tmp_path, MONITOR, clock=clock)
    capture.accept([{**GOOD, "Age": "old", 'odd"; DROP': None}])
    capture.accept(pa.table({"id": [2], "time": [START], "sex": ["M"], "approved": [0.0], "new": [True]}))
    with pytest.raises(DataError, match="Column 'age' is text here and was number before; send it as it was"):
        capture.accept([{**GOOD, "id": 3, "age": "x"}])
    capture.accept({"id": np.array([4]), "time": [START], "sex": ["M"], "approved": [0], 'odd"; DROP': ["x"]})
    capture.accept({**GOOD, "id": 5})
    capture.seal()
    frame = capture.frame(ALWAYS, labelled=False)
    assert frame is not None and frame.height == 4
    assert frame.kinds == {
        "id": "text", "time": "other", "sex": "text", "approved": "number", "age": "number", "Age": "text",
        'odd"; DROP': "text", "new": "boolean",
    }  # fmt: skip
    assert frame.distinct("Age", 5) == ["old"]
    assert frame.distinct("age", 5) == [30]
