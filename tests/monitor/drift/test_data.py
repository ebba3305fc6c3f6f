"""Histograms and data drift: they add up, see everything once, and tell drift from sampling."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenhand as eh
from evenhand.core.audit import Audit
from evenhand.core.errors import ColumnNotFound, UnreadableSource
from evenhand.core.monitor import Limits, Monitor
from evenhand.monitor.drift import Binning, Histograms, Looks, data_drifts, histograms_of
from evenhand.monitor.drift.histograms import EVERYBODY
from tests.monitor.drift.conftest import day, monitor, share_at_most
from tests.monitor.drift.test_looks import most

AUDIT = Audit(label="label", positive=(1,), predicted_label="predicted", facets=("sex", "region"))


def people(rows: int, seed: int, age: float = 40, city: str = "abcde") -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": np.arange(rows).astype(str),
            "time": "2026-01-01",
            "sex": random.choice(["f", "m"], rows),
            "region": random.choice(np.array(["n", "s", None], object), rows),
            "age": np.where(random.random(rows) < 0.05, np.nan, random.normal(age, 10, rows)),
            "children": random.integers(0, 4, rows),
            "city": random.choice(list(city), rows),
            "label": random.integers(0, 2, rows),
            "predicted": random.integers(0, 2, rows),
        }
    )


def watching(**given: object) -> Monitor:
    return monitor(audit=AUDIT, **given)


BASE_TABLE = people(4_000, 1)
BASE = histograms_of(eh.read(BASE_TABLE), watching())


def window(table: pd.DataFrame) -> Histograms:
    return histograms_of(eh.read(table), watching(), BASE.binnings)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 1_000))
@settings(max_examples=5, deadline=None)
def test_histograms_add_up(first: int, second: int, seed: int) -> None:
    a, b = people(first, seed), people(second, seed + 1, age=70, city="xyz")
    together = window(pd.concat([a, b], ignore_index=True))
    assert window(a) + window(b) == together
    assert window(b) + window(a) == together
    assert together.rows == first + second
    for slices in together.counts.values():
        for facet in AUDIT.facets:
            parts = [counts for key, counts in slices.items() if key[0] == facet]
            assert np.array_equal(np.sum(parts, axis=0), slices[EVERYBODY])


@given(st.integers(1, 60), st.integers(0, 1_000))
@settings(max_examples=5, deadline=None)
def test_histograms_go_to_json_and_back_and_know_no_order(rows: int, seed: int) -> None:
    table = people(rows, seed)
    found = window(table)
    assert Histograms.from_json(found.to_json()) == found
    assert window(table.sample(frac=1, random_state=seed)) == found


def test_columns_watched_are_the_inputs() -> None:
    assert list(BASE.binnings) == ["sex", "region", "age", "children", "city"]
    assert list(histograms_of(eh.read(BASE_TABLE), watching(columns=("age",))).binnings) == ["age"]
    with pytest.raises(ColumnNotFound, match="No column 'agee'"):
        histograms_of(eh.read(BASE_TABLE), watching(columns=("agee",)))


def test_bins_are_frozen_even_and_see_missing_and_outside() -> None:
    ages = BASE.counts["age"][EVERYBODY]
    binning = BASE.binnings["age"]
    assert binning.size == len(binning.names) == len(ages)
    assert ages[-1] == BASE_TABLE["age"].isna().sum()
    assert ages[0] == ages[-2] == 0
    assert ages[1:-2] == pytest.approx(ages[1:-2].mean(), rel=0.02)
    strange = BASE_TABLE.assign(age=[-500.0, 500.0] * 2_000, city="elsewhere")
    found = window(strange)
    assert found.counts["age"][EVERYBODY][[0, -2]].tolist() == [2_000, 2_000]
    assert found.counts["city"][EVERYBODY][-2] == 4_000
    assert sorted(BASE.binnings["city"].names) == ["a", "b", "c", "d", "e", "missing", "other"]
    children = BASE.counts["children"][EVERYBODY]
    assert children[1:-2].tolist() == BASE_TABLE["children"].value_counts().sort_index().tolist()


def test_categories_beyond_the_cap_are_counted_together() -> None:
    table = BASE_TABLE.assign(city=[f"c{number % 100}" for number in range(4_000)])
    found = histograms_of(eh.read(table), watching(columns=("city",)))
    counts = found.counts["city"][EVERYBODY]
    assert len(counts) == 32
    assert counts[-2] == 70 * 40


def test_a_column_that_went_away_or_changed_its_kind_is_too_little_data() -> None:
    found = window(BASE_TABLE.drop(columns="city").assign(age="old"))
    verdicts = {drift.about: drift.verdict for drift in data_drifts(found, BASE, watching())}
    assert verdicts["city"] == verdicts["age"] == "too little data"
    assert verdicts["children"] == "no drift shown"


def test_histograms_with_other_bins_are_refused() -> None:
    other = histograms_of(eh.read(people(100, 2)), watching())
    with pytest.raises(ValueError, match="Only histograms with the same bins"):
        _ = BASE + other
    with pytest.raises(ValueError, match="baseline's binnings"):
        data_drifts(other, BASE, watching())


@pytest.mark.parametrize("spoil", ["edges", "slices", "columns"])
def test_spoilt_histograms_are_refused(spoil: str) -> None:
    facts = json.loads(BASE.to_json())
    if spoil == "columns":
        facts = {"columns": 3}
    else:
        facts["columns"][2][spoil] = [2.0, 1.0] if spoil == "edges" else [[None, None, [1, 2]]]
    with pytest.raises(UnreadableSource, match="not histograms of evenhand"):
        Histograms.from_json(json.dumps(facts))


def test_drift_is_found_overall_and_within_a_group() -> None:
    table = people(4_000, 5)
    table.loc[table["sex"] == "f", "age"] += 15
    drifts = {drift.about: drift for drift in data_drifts(window(table), BASE, watching())}
    assert drifts["age | sex | sex=f"].verdict == "drift"
    assert drifts["age | sex | sex=m"].verdict == "no drift shown"
    assert drifts["city"].verdict == "no drift shown"
    found = drifts["age | sex | sex=f"]
    assert found.limit == 0.1
    assert found.distance is not None
    assert found.distance > 0.2
    assert found.reading.startswith("Column 'age' within sex=f moved away from the baseline: Jensen-Shannon distance")
    assert "PSI" in found.reading
    assert "Kolmogorov-Smirnov" in found.reading


def test_equal_data_shows_no_drift() -> None:
    drifts = data_drifts(BASE, BASE, watching())
    assert {drift.verdict for drift in drifts} == {"no drift shown"}
    assert all(drift.distance == 0 for drift in drifts)


def test_few_rows_say_so() -> None:
    drift = data_drifts(window(people(12, 3)), BASE, watching())[0]
    assert drift.verdict == "too little data"
    assert drift.reading == "Column 'sex': only 12 rows in this window; 30 are the least."


def years(monitors: int, limit: float, baseline_rows: int) -> int:
    """How many monitors of four columns raise an alarm in a year of daily windows without drift."""
    random = np.random.default_rng(9)
    watched = watching(limits=Limits(data=limit))
    binnings = {str(size): Binning(edges=tuple(map(float, range(size)))) for size in (3, 8, 12, 20)}
    shares = {name: random.dirichlet(np.full(binning.size, 2.0)) for name, binning in binnings.items()}

    def drawn(rows: int) -> Histograms:
        return Histograms(binnings, {n: {EVERYBODY: random.multinomial(rows, p)} for n, p in shares.items()})

    wrong = 0
    for _ in range(monitors):
        baseline, looks = drawn(baseline_rows), Looks()
        for number in range(365):
            drifts = data_drifts(drawn(500), baseline, watched)
            looks, judged = looks.after(drifts, day(number), watched)
            if any(drift.verdict == "drift" for drift in judged):
                wrong += 1
                break
    return wrong


def test_a_quiet_year_of_small_windows_raises_few_false_alarms() -> None:
    assert years(8, 0.0, 500) <= most(8, 0.05)


@pytest.mark.slow
@pytest.mark.timeout(3_600)  # minutes of arithmetic, on a busy machine many
@pytest.mark.parametrize(("limit", "baseline_rows"), [(0.0, 500), (0.0, 20_000), (0.1, 500)])
def test_at_most_a_twentieth_of_quiet_years_raises_an_alarm(limit: float, baseline_rows: int) -> None:
    assert share_at_most(years(240, limit, baseline_rows), 240) <= 0.05


def test_a_real_drift_is_found_within_a_few_windows() -> None:
    looks = Looks()
    for number in range(4):
        looks, judged = looks.after(data_drifts(window(people(500, number)), BASE, watching()), day(number), watching())
        assert all(drift.verdict == "no drift shown" for drift in judged if drift.score is not None)
    for number in range(4, 7):
        table = people(500, number, age=50)
        looks, judged = looks.after(data_drifts(window(table), BASE, watching()), day(number), watching())
    assert "age" in [drift.about for drift in judged if drift.verdict == "drift"]
    assert "city" not in [drift.about for drift in judged if drift.verdict == "drift"]
