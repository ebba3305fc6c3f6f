"""Tables that leave little to be found: a clear answer each, and no warnings."""

from typing import Any

import numpy as np
import pytest

import evenhand as eh
from evenhand.renderers.discovered import render_discovery
from tests.discovering.planted import AUDIT, GROUP, table

ROWS = 4_000
WAYS: Any = [("halves", ("lattice", "scan", "tree", "linear")), ("permutations", ("lattice",))]


def nothing_in(data: dict[str, Any], honest: Any, by: Any, question: Any = "error", **fields: Any) -> Any:
    """The discovery, of which nothing is expected but a page that says so."""
    found = eh.discover(data, {**AUDIT, **fields}, question, honest=honest, by=by)
    assert found.subgroups == ()
    assert "No group was found" in render_discovery(found, title="t")
    return found


@pytest.mark.parametrize(("honest", "by"), WAYS)
def test_one_class(honest: Any, by: Any) -> None:
    data = table(ROWS, 0, gap=0.0)
    ones = np.ones(ROWS, int)
    assert nothing_in({**data, "label": ones, "prediction": ones}, honest, by).minimum_detectable is None
    with pytest.raises(eh.DataError, match="No row can show false positives; look at the label and prediction columns"):
        eh.discover({**data, "label": ones}, AUDIT, "false positives", honest=honest, by=by)
    with pytest.raises(eh.DataError, match="None of the favourable values 1 occurs in 'label'"):
        eh.discover({**data, "label": 1 - ones}, AUDIT, "error", honest=honest, by=by)


@pytest.mark.parametrize(("honest", "by"), WAYS)
def test_no_errors_and_only_errors(honest: Any, by: Any) -> None:
    data = table(ROWS, 0)
    for prediction, share in ((data["label"], 0.0), (1 - data["label"], 1.0)):
        found = nothing_in({**data, "prediction": prediction}, honest, by)
        assert (found.value, found.minimum_detectable) == (share, None)


@pytest.mark.parametrize(("honest", "by"), WAYS)
def test_one_error_among_all(honest: Any, by: Any) -> None:
    data = table(ROWS, 0)
    data["prediction"] = np.where(np.arange(ROWS) == 7, 1 - data["label"], data["label"])
    nothing_in(data, honest, by)


def test_columns_that_say_nothing_are_left_out_and_named() -> None:
    rows = 100_000
    data = {name: column for name, column in table(rows, 0).items() if not name.startswith("letter")}
    data |= {
        "same": np.full(rows, "x"), "own": np.array([f"person {place}" for place in range(rows)]),
        "none": np.full(rows, None, object), "unknown": np.full(rows, np.nan),
    }  # fmt: skip
    found = eh.discover(data, AUDIT, "error")
    assert [each.group for each in found.subgroups] == [GROUP]
    assert set(found.columns) == {"color", "taste", "age"}
    assert any(note.endswith("were left out: same, own, none, unknown.") for note in found.notes)


@pytest.mark.parametrize(("honest", "by"), WAYS)
def test_missing_values_everywhere(honest: Any, by: Any) -> None:
    data = table(ROWS, 1, gap=0.0)
    generator = np.random.default_rng(77)
    for name in ("color", "taste", "age", "label", "prediction"):
        values = data[name].astype(object)
        values[generator.random(ROWS) < 0.4] = None
        data[name] = values
    found = nothing_in(data, honest, by)
    assert found.rows == ROWS
    assert 0.1 < found.value < 0.3


def test_every_column_of_groups_missing() -> None:
    data = {**{name: table(200, 0)[name] for name in ("label", "prediction")}, "x": [None] * 200, "y": [np.nan] * 200}
    with pytest.raises(eh.DataError, match="No column is left that groups of at least 50 rows could be made of"):
        eh.discover(data, AUDIT, "error")


@pytest.mark.parametrize(
    ("rows", "message"), [(0, "The table holds no rows"), (1, "No column is left"), (30, "No column is left")]
)
def test_hardly_any_rows(rows: int, message: str) -> None:
    data = {name: column[:rows].tolist() for name, column in table(100, 0).items()}
    if rows:
        data["label"][0] = 1
    with pytest.raises(eh.DataError, match=message):
        eh.discover(data, AUDIT, "error")


def test_rows_too_few_for_groups_in_halves() -> None:
    data = {**{name: column[:110] for name, column in table(110, 0).items()}, "side": np.repeat(["a", "b"], 55)}
    for honest, by in WAYS:
        nothing_in(data, honest, by)


def test_a_single_group() -> None:
    data = {name: table(ROWS, 0)[name] for name in ("label", "prediction")} | {"sex": ["Female"] * ROWS}
    with pytest.raises(eh.DataError, match="No column is left that groups of at least 50 rows could be made of; name"):
        eh.discover(data, AUDIT, "error")


@pytest.mark.parametrize(("honest", "by"), WAYS)
def test_a_number_that_is_partly_or_wholly_no_number(honest: Any, by: Any) -> None:
    data = table(ROWS, 2)
    columns = {name: data[name] for name in ("color", "taste", "age")}
    minutes = np.where(data["color"] == "2", 9.0, 5.0) + np.random.default_rng(0).normal(size=ROWS)
    minutes[::3] = np.nan
    minutes[1] = np.inf
    asked = eh.Question(outcome="column", column="minutes")
    found = eh.discover({**columns, "minutes": minutes}, {}, asked, honest=honest, by=by)
    known = np.isfinite(minutes)
    assert found.value == pytest.approx(minutes[known].mean())
    assert found.subgroups[0].group == 'color="2"'
    assert found.subgroups[0].audited == pytest.approx(minutes[known & (data["color"] == "2")].mean())
    with pytest.raises(eh.EvenhandError, match=r"No row can show column|holds no numbers"):
        eh.discover({**columns, "minutes": np.full(ROWS, np.nan)}, {}, asked, honest=honest, by=by)


def test_groups_are_a_share_of_the_rows_that_can_show_the_outcome() -> None:
    """A group of 3 % of those with a negative label is looked at, though it is less than 1 % of all rows."""
    generator = np.random.default_rng(3)
    rows = 60_000
    label = (generator.random(rows) < 0.8).astype(int)
    data = {"kind": np.where(generator.random(rows) < 0.03, "rare", "usual"), "other": generator.integers(0, 4, rows)}
    harmed = (data["kind"] == "rare") & (label == 0)
    wrong = generator.random(rows) < np.where(harmed, 0.5, 0.1)
    data |= {"label": label, "prediction": np.where(wrong, 1 - label, label)}
    found = eh.discover(data, AUDIT, "false positives")
    assert found.least_rows == round(0.01 * (label == 0).sum())
    assert [each.group for each in found.subgroups] == ["kind=rare"]


def test_weights_are_not_used_and_it_is_said() -> None:
    data = {**table(ROWS, 4, gap=0.4), "w": np.random.default_rng(0).random(ROWS)}
    plain = eh.discover({name: column for name, column in data.items() if name != "w"}, AUDIT, "error")
    found = eh.discover(data, {**AUDIT, "weight": "w"}, "error")
    assert [each.gap for each in found.subgroups] == [each.gap for each in plain.subgroups]
    note = "Every row counts once; the weights in w are not used, so an audit with them may differ."
    assert note in found.notes
    assert note in render_discovery(found, title="t")
    assert "w" not in found.columns


def test_ranges_that_take_too_long_are_not_joined_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    data = table(ROWS, 4, gap=0.4)
    assert not any("were not joined" in note for note in eh.discover(data, AUDIT, "error").notes)
    monkeypatch.setattr("evenhand.discovering.looking.MOST_WORK", 1e3)
    found = eh.discover(data, AUDIT, "error")
    assert "Neighbouring ranges of numbers were not joined by the lattice; name fewer columns or a lower depth to have that." in found.notes  # fmt: skip
