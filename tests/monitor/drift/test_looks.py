"""Repeated looks: at most as many false alarms a year as allowed, drifts found soon, state that goes to JSON and back."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.errors import UnreadableSource
from evenhand.core.monitor import Monitor, Windows
from evenhand.core.outcome import Drift
from evenhand.monitor.drift.looks import Looks, looks_a_year, overlapping
from tests.monitor.drift.conftest import day, monitor


def drift(score: float | None, about: str = "age") -> Drift:
    verdict = "too little data" if score is None else "no drift shown"
    return Drift(kind="data", about=about, metric="js", score=score, rows=100, verdict=verdict, reading="Age.")


def alarms(scores: np.ndarray, watched: Monitor) -> list[int]:
    """The days on which a monitor of these questions (columns) says drift."""
    looks, found = Looks(), []
    for number, row in enumerate(scores):
        looks, judged = looks.after([drift(z, str(place)) for place, z in enumerate(row)], day(number), watched)
        found += [number] if any(each.verdict == "drift" for each in judged) else []
    return found


def most(monitors: int, share: float) -> int:
    """More false alarms than this have a chance below 1 in 10,000 where the true share is as given."""
    return int(monitors * share + 3.7 * math.sqrt(monitors * share * (1 - share)) + 1)


scores = st.floats(-8, 8)


@given(st.lists(scores, min_size=1, max_size=20))
def test_state_goes_to_json_and_back(values: list[float]) -> None:
    looks = Looks()
    for number, z in enumerate(values):
        looks, _ = looks.after([drift(z)], day(number), monitor())
    assert Looks.from_json(looks.to_json()) == looks
    assert len(looks.to_json()) < 4_000


@given(st.lists(scores, min_size=1, max_size=10), scores)
def test_the_last_window_looked_at_again_counts_once(values: list[float], last: float) -> None:
    looks = Looks()
    for number, z in enumerate(values):
        looks, _ = looks.after([drift(z)], day(number), monitor())
    once, judged = looks.after([drift(last)], day(len(values)), monitor())
    other, _ = looks.after([drift(-last)], day(len(values)), monitor())
    again, judged_again = other.after([drift(last)], day(len(values)), monitor())
    assert again == once
    assert judged_again == judged


def test_an_earlier_window_looked_at_again_changes_nothing() -> None:
    looks = Looks()
    for number in range(3):
        looks, _ = looks.after([drift(1.0)], day(number), monitor())
    again, judged = looks.after([drift(8.0)], day(1), monitor())
    assert again == looks
    assert judged[0].verdict == "no drift shown"


@given(st.lists(scores, min_size=2, max_size=12))
def test_evidence_grows_with_the_score(values: list[float]) -> None:
    def evidence(last: float) -> float:
        looks = Looks()
        for number, z in enumerate([*values, last]):
            looks, judged = looks.after([drift(z)], day(number), monitor())
        return float(judged[0].evidence or 0)

    assert evidence(-1) <= evidence(0.5) <= evidence(3)


def test_evidence_is_one_at_most_on_average() -> None:
    random = np.random.default_rng(1)
    found = []
    for _ in range(400):
        looks = Looks()
        for number in range(10):
            looks, judged = looks.after([drift(float(random.standard_normal()))], day(number), monitor())
        found.append(judged[0].evidence or 0.0)
    assert np.mean(found) < 1 + 4 * np.std(found) / 20


def test_what_cannot_be_judged_stays_as_it_is() -> None:
    looks, judged = Looks().after([drift(None)], day(0), monitor())
    assert judged == [drift(None)]
    assert not looks.questions


def year_of(monitors: int, questions: int, **windows: Any) -> int:
    random = np.random.default_rng(7)
    watched = monitor(windows=Windows(**windows))
    return sum(bool(alarms(random.standard_normal((365, questions)), watched)) for _ in range(monitors))


def test_a_quiet_year_raises_few_false_alarms() -> None:
    assert year_of(60, 2) <= most(60, 0.05)


@pytest.mark.slow
def test_many_quiet_years_raise_few_false_alarms() -> None:
    assert year_of(400, 1) <= most(400, 0.05)
    assert year_of(60, 10) <= most(60, 0.05)
    assert year_of(100, 5, length="7d", every="1d") <= most(100, 0.05)


def test_repeated_tests_without_looks_would_cry_wolf() -> None:
    random = np.random.default_rng(8)
    naive = sum((random.standard_normal((365, 2)) > 1.645).any() for _ in range(60))
    assert naive == 60


@pytest.mark.parametrize(("shift", "within"), [(6.5, 2), (4.0, 4), (2.0, 14)])
@pytest.mark.parametrize("since", [0, 200])
def test_drift_is_found_within_a_few_windows(shift: float, within: int, since: int) -> None:
    random = np.random.default_rng(3)
    found = 0
    for _ in range(20):
        z = random.standard_normal((since + within, 5))
        z[since:, 2] += shift
        days = alarms(z, monitor())
        found += bool(days) and days[0] >= since
    assert found >= 18


def test_an_alarm_ends_after_the_drift() -> None:
    z = np.concatenate([np.full(100, 4.0), np.full(20, -3.0)])[:, None]
    days = alarms(z, monitor())
    assert 99 in days
    assert 119 not in days
    assert min(set(range(100, 120)) - set(days)) <= 105


def test_a_new_year_may_raise_alarms_again() -> None:
    z = np.concatenate([np.full(400, -1.0), np.full(5, 5.0)])[:, None]
    days = alarms(z, monitor())
    assert days
    assert days[0] >= 400


def test_overlapping_windows_spend_equal_parts() -> None:
    watched = monitor(windows=Windows(length="7d", every="1d"))
    assert overlapping(watched.windows)
    assert overlapping(Windows(since="2026-01-01"))
    assert not overlapping(Windows())
    quiet = np.full((30, 1), 3.0)
    assert alarms(quiet, watched) == []
    loud = quiet.copy()
    loud[10] = 5.0
    assert alarms(loud, watched) == [10]


def test_looks_a_year() -> None:
    assert looks_a_year(Windows()) == 365
    assert looks_a_year(Windows(length="7d")) == 53
    assert looks_a_year(Windows(length="1d", every="1h")) == 8_760


@given(st.text(max_size=30) | st.binary(max_size=30))
@settings(max_examples=50)
def test_other_text_is_no_state(text: str | bytes) -> None:
    with pytest.raises(UnreadableSource, match="not the state of a monitor's looks"):
        Looks.from_json(text)


def test_a_state_with_other_bets_is_refused() -> None:
    looks, _ = Looks().after([drift(1.0)], day(0), monitor())
    facts = json.loads(looks.to_json())
    facts["questions"]["data: age"]["sums"] = [1.0]
    with pytest.raises(UnreadableSource, match="1 sums instead of 5"):
        Looks.from_json(json.dumps(facts))


@given(st.lists(st.floats(-3, 0), min_size=2, max_size=10), st.integers(3, 8))
def test_a_drift_that_began_later_does_not_reach_back(before: list[float], windows: int) -> None:
    looks, judged = Looks(), {}
    for number, z in enumerate([*before, *[8.0] * windows]):
        looks, found = looks.after([drift(z)], day(number), monitor())
        judged[number] = found[0]
    assert judged[len(before) + windows - 1].verdict == "drift"
    for number, z in enumerate(before):  # their labels arrive now
        looks, again = looks.after([drift(z)], day(number), monitor())
        assert again[0].verdict == judged[number].verdict == "no drift shown"
        assert again[0].evidence == judged[number].evidence
