"""Bias drift: farther from parity beyond noise — of gaps and ratios, over one window and over a year of them."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import ndtri

import evenhand as eh
from evenhand.core.audit import Audit
from evenhand.core.finding import Finding, Interval
from evenhand.core.interval import newcombe, ratio_score, wilson
from evenhand.core.monitor import Limits
from evenhand.core.outcome import Drift
from evenhand.core.report import Report
from evenhand.monitor.drift import Looks, bias_drifts
from evenhand.monitor.drift.bias import distance_of
from evenhand.monitor.drift.looks import BETS
from evenhand.monitor.drift.scores import folded
from tests.monitor.drift.conftest import day, monitor, share_at_most
from tests.monitor.drift.test_looks import most

Reports = Callable[..., Report]


def finding(metric: str, value: float, low: float, high: float, rows: int = 1_000, **given: Any) -> Finding:
    given = {
        "name": metric, "stage": "predictions", "facet": "sex", "group": "sex=f", "against": "the rest",
        "parity": 1.0 if metric in ("DI", "TPRR") else 0.0, "rows": rows, "rows_against": rows,
        "verdict": "not judged", "reading": "", **given,
    }  # fmt: skip
    interval = Interval(low=low, high=high, level=0.95, method="newcombe")
    return Finding(metric=metric, value=value, interval=interval, **given)


def one(now: Finding | None, then: Finding, reports: Reports, **limits: float) -> Drift:
    found = reports(now) if now is not None else reports()
    (drift,) = bias_drifts(found, reports(then), monitor(limits=Limits(**limits)))
    return drift


def test_a_gap_that_grew_beyond_noise_is_a_drift(with_findings: Reports) -> None:
    then, now = finding("DPPL", 0.05, 0.02, 0.08), finding("DPPL", -0.2, -0.24, -0.16)
    drift = one(now, then, with_findings)
    assert drift.verdict == "drift"
    assert drift.distance == pytest.approx(0.15)
    assert drift.about == "DPPL | sex | sex=f | the rest"
    assert drift.reading == (
        "DPPL of sex: sex=f against the rest is -0.200 and was 0.0500 in the baseline: 0.150 farther from parity, more "
        "than noise explains."
    )
    assert one(now, then, with_findings, bias=0.2).verdict == "no drift shown"


def test_a_gap_that_shrank_or_changed_sides_is_none(with_findings: Reports) -> None:
    then = finding("DPPL", 0.2, 0.18, 0.22)
    for value in (0.1, -0.2, 0.0):
        drift = one(finding("DPPL", value, value - 0.02, value + 0.02), then, with_findings)
        assert drift.verdict == "no drift shown"
        assert (drift.distance or 0) <= 0


def test_intervals_that_overlap_show_no_drift(with_findings: Reports) -> None:
    drift = one(finding("DPPL", 0.15, 0.05, 0.25), finding("DPPL", 0.05, 0.0, 0.1), with_findings)
    assert drift.verdict == "no drift shown"
    assert drift.reading.endswith("0.100 farther from parity, no more than noise or the limit explains.")


positive = st.floats(0.05, 20)


@given(first=positive, second=positive, width=st.floats(0.01, 0.5))
def test_ratios_are_judged_alike_whichever_way_round(
    with_findings: Reports, first: float, second: float, width: float
) -> None:
    def drift(turn: int) -> Drift:
        found = []
        for ratio in (first, second):
            at = ratio**turn
            found.append(finding("DI", at, at * math.exp(-width), at * math.exp(width)))
        return one(found[1], found[0], with_findings)

    there, back = drift(1), drift(-1)
    assert there.verdict == back.verdict
    assert there.distance == pytest.approx(back.distance, abs=1e-9)
    assert there.score == pytest.approx(back.score, abs=1e-6)


def test_a_ratio_of_zero_is_infinitely_far_and_its_interval_decides(with_findings: Reports) -> None:
    then = finding("DI", 0.9, 0.8, 1.0)
    assert one(finding("DI", 0.0, 0.0, 0.1), then, with_findings).verdict == "drift"
    assert one(finding("DI", 0.0, 0.0, 0.95), then, with_findings).verdict == "no drift shown"
    back = one(then, finding("DI", 0.0, 0.0, 0.1), with_findings)
    assert back.verdict == "no drift shown"
    assert "nearer to" in back.reading
    same = one(finding("DI", 0.0, 0.0, 0.1), finding("DI", 0.0, 0.0, 0.1), with_findings)
    assert (same.distance, same.verdict) == (0.0, "no drift shown")


@given(st.floats(-1, 1), st.floats(0, 0.5), st.floats(0, 0.5))
def test_distances_are_those_of_the_nearest_and_farthest_ends(value: float, below: float, above: float) -> None:
    assume(below + above > 1e-6)
    found = distance_of(value, Interval(low=value - below, high=value + above, level=0.95, method=""), 0.0)
    assert found.low <= found.value <= found.high
    grid = np.abs(np.linspace(value - below, value + above, 20_001))
    assert found.low == pytest.approx(grid.min(), abs=1e-3)
    assert found.high == pytest.approx(grid.max(), abs=1e-9)


def test_what_cannot_be_said_is_said(with_findings: Reports) -> None:
    then = finding("DPPL", 0.1, 0.05, 0.15)
    gone = one(None, then, with_findings)
    assert (gone.verdict, gone.reading) == (
        "too little data",
        "DPPL of sex: sex=f against the rest: no row of the group in this window.",
    )
    labelled = one(None, finding("RD", 0.1, 0.05, 0.15, stage="errors"), with_findings)
    assert labelled.verdict == "waiting for labels"
    assert labelled.reading == "RD of sex: sex=f against the rest needs labels, which have not arrived."
    few = one(finding("DPPL", 0.9, 0.8, 1.0, rows=12), then, with_findings)
    assert few.verdict == "too little data"
    assert few.reading == "DPPL of sex: sex=f against the rest: only 12 rows in this window; 30 are the least."
    undefined = then.model_copy(update={"value": None, "reason": "nobody was predicted positive."})
    assert one(undefined, then, with_findings).verdict == "undefined"
    bare = then.model_copy(update={"interval": None})
    assert one(bare, then, with_findings).reading.endswith("has no interval in this window, so drift cannot be told "
                                                           "from noise.")  # fmt: skip


def test_what_chance_alone_makes_of_a_metric_is_no_drift(with_findings: Reports) -> None:
    then = finding("EOD", 0.01, 0.0, 0.03, rows=20_000, stage="errors", expected_without_gap=0.01)
    noisy = finding("EOD", 0.14, 0.0, 0.34, rows=150, stage="errors", expected_without_gap=0.12)
    drift = one(noisy, then, with_findings)
    assert drift.verdict == "no drift shown"
    assert drift.distance == pytest.approx(0.02)
    assert (drift.score or 0) < 0


def test_sizes_of_noise_do_not_add_up_to_evidence() -> None:
    z = ndtri((np.arange(20_000) + 0.5) / 20_000)
    scores = np.array([folded(abs(each)) for each in z])
    for bet in BETS[:3]:
        assert np.exp(bet * scores - bet**2 / 2).mean() < 1.001
        assert np.exp(bet * abs(z) - bet**2 / 2).mean() > 1.3


def test_metrics_without_parity_are_left_out(with_findings: Reports) -> None:
    then = finding("CI", 0.1, 0.05, 0.15, parity=None)
    assert bias_drifts(with_findings(then), with_findings(then), monitor()) == []


def decisions(rows: int, gap: float, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    sex = random.choice(["f", "m"], rows)
    score = np.clip(random.normal(np.where(sex == "f", 0.5 - gap, 0.5), 0.2), 0, 1)
    label = random.random(rows) < score
    return pd.DataFrame({"sex": sex, "score": score, "label": label * 1, "predicted": (score > 0.5) * 1})


def test_reports_of_tables_are_compared_and_labels_waited_for() -> None:
    audit = Audit(label="label", positive=(1,), predicted_label="predicted", facets=("sex",))
    baseline = eh.run(audit, decisions(4_000, 0.0, 1))
    unfair = decisions(4_000, 0.15, 2)
    drifts = {(drift.metric, drift.group): drift for drift in bias_drifts(eh.run(audit, unfair), baseline, monitor())}
    assert drifts["DPPL", "sex=f"].verdict == "drift"
    assert drifts["DI", "sex=f"].verdict == "drift"
    assert all(drift.verdict == "no drift shown" for drift in bias_drifts(baseline, baseline, monitor()))
    unlabelled = eh.run(Audit(predicted_label="predicted", positive=(1,), facets=("sex",)), unfair)
    waiting = {drift.metric: drift for drift in bias_drifts(unlabelled, baseline, monitor())}
    assert waiting["DPPL"].verdict == "drift"
    assert {waiting[code].verdict for code in ("RD", "AD", "DPL", "DAR")} == {"waiting for labels"}


def counted(rows: int, rates: tuple[float, float], random: np.random.Generator) -> Iterator[Finding]:
    """Findings of decisions drawn for two groups, with the intervals that audits give."""
    hits = [int(random.binomial(rows, rate)) for rate in rates]
    first, second = (hit / rows for hit in hits)
    low, high = newcombe(wilson(hits[0], rows, 0.95), first, wilson(hits[1], rows, 0.95), second)
    yield finding("DPPL", first - second, low, high, rows)
    if second > 0:
        yield finding("DI", first / second, *ratio_score(hits[0], rows, hits[1], rows, 0.95), rows=rows)


def years(reports: Reports, monitors: int, baseline_rows: int, rates: tuple[float, float]) -> int:
    random = np.random.default_rng(12)
    watched, wrong = monitor(), 0
    for _ in range(monitors):
        baseline, looks = reports(*counted(baseline_rows, rates, random)), Looks()
        for number in range(365):
            drifts = bias_drifts(reports(*counted(100, rates, random)), baseline, watched)
            looks, judged = looks.after(drifts, day(number), watched)
            if any(drift.verdict == "drift" for drift in judged):
                wrong += 1
                break
    return wrong


def test_a_quiet_year_raises_few_false_alarms(with_findings: Reports) -> None:
    assert years(with_findings, 8, 150, (0.12, 0.2)) <= most(8, 0.05)


@pytest.mark.slow
@pytest.mark.timeout(3_600)  # minutes of arithmetic, on a busy machine many
@pytest.mark.parametrize("baseline_rows", [100, 700, 20_000])
def test_at_most_a_twentieth_of_quiet_years_raises_an_alarm(with_findings: Reports, baseline_rows: int) -> None:
    rates = [(0.5, 0.5), (0.05, 0.1), (0.3, 0.02)]
    wrong = sum(years(with_findings, 40, baseline_rows, each) for each in rates)
    assert share_at_most(wrong, 40 * len(rates)) <= 0.05


def test_a_real_drift_is_found_within_a_few_windows(with_findings: Reports) -> None:
    random = np.random.default_rng(13)
    found = 0
    for _ in range(10):
        baseline, looks = with_findings(*counted(3_000, (0.4, 0.45), random)), Looks()
        for number in range(60):
            rates = (0.4, 0.45) if number < 56 else (0.2, 0.45)
            now = with_findings(*counted(500, rates, random))
            looks, judged = looks.after(bias_drifts(now, baseline, monitor()), day(number), monitor())
        found += any(drift.verdict == "drift" for drift in judged)
    assert found >= 9
