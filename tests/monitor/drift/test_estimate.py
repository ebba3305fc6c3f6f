"""Estimated performance: what labels will show is covered by the intervals, and a change in scores is found."""

import numpy as np
import pandas as pd
import pytest

import evenhand as eh
from evenhand.core.audit import Audit
from evenhand.core.monitor import Monitor, Truth
from evenhand.core.tally import Tally
from evenhand.counting import counted
from evenhand.monitor.drift import estimated_performance, estimates_of
from evenhand.monitor.drift.calibration import calibrated, cells_of
from tests.monitor.drift.conftest import monitor

LABELLED = Audit(label="label", positive=(1,), score="score", facets=("sex",))
UNLABELLED = Audit(score="score", facets=("sex",))


def watching() -> Monitor:
    return monitor(audit=LABELLED)


def scored(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Scores that are not calibrated, each group in its own way; `shift` moves the scores and not what they mean."""
    random = np.random.default_rng(seed)
    sex = random.choice(["f", "m"], rows)
    score = random.beta(2 + shift, 2, rows)
    truth = np.where(sex == "f", score**1.5, 0.2 + 0.7 * score)
    return pd.DataFrame({"sex": sex, "score": score, "label": (random.random(rows) < truth) * 1})


def tallied(audit: Audit, table: pd.DataFrame) -> Tally:
    return counted(audit, eh.read(table), None, lambda *_: None).tally


def realised(table: pd.DataFrame, group: str, metric: str) -> float:
    mine = table[table["sex"] == group[-1]]
    label, predicted = mine["label"] == 1, mine["score"] >= 0.5
    return {
        "accuracy": (label == predicted).mean(),
        "true positive rate": predicted[label].mean(),
        "false positive rate": predicted[~label].mean(),
        "precision": label[predicted].mean(),
        "labelled positive": label.mean(),
    }[metric]


def covered(times: int, baseline_rows: int, rows: int, shift: float) -> dict[str, list[bool]]:
    found: dict[str, list[bool]] = {}
    for seed in range(times):
        baseline = tallied(LABELLED, scored(baseline_rows, 2 * seed))
        table = scored(rows, 2 * seed + 1, shift)
        for each in estimates_of(tallied(UNLABELLED, table), baseline):
            true = realised(table, each.group, each.metric)
            found.setdefault(each.metric, []).append(each.interval.low <= true <= each.interval.high)
    return found


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_intervals_cover_what_labels_show(shift: float) -> None:
    for metric, hits in covered(20, 3_000, 600, shift).items():
        assert len(hits) == 40
        assert np.mean(hits) > 0.8, metric


@pytest.mark.slow
@pytest.mark.parametrize(("baseline_rows", "rows"), [(800, 2_000), (10_000, 300), (3_000, 3_000)])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_intervals_cover_at_their_level(baseline_rows: int, rows: int, shift: float) -> None:
    for metric, hits in covered(100, baseline_rows, rows, shift).items():
        assert 0.91 < np.mean(hits) < 0.99, metric


def test_the_baseline_estimates_itself() -> None:
    table = scored(4_000, 1)
    found = estimates_of(tallied(UNLABELLED, table), tallied(LABELLED, table))
    assert {(each.group, each.metric) for each in found} >= {("sex=f", "accuracy"), ("sex=m", "precision")}
    for each in found:
        assert each.value == pytest.approx(each.baseline, abs=1e-9)
        assert each.value == pytest.approx(realised(table, each.group, each.metric), abs=1e-9)


def test_no_row_of_the_calibration_is_lost() -> None:
    table = scored(2_000, 1)
    cells = cells_of(tallied(LABELLED, table), "sex", labelled=True)
    assert sum(each.count.sum() for each in cells.values()) == 2_000
    assert sum(each.positive.sum() for each in cells.values()) == table["label"].sum()
    calibration = calibrated(cells["sex=f"])
    assert calibration.rows.sum() == (table["sex"] == "f").sum()
    assert (calibration.rows >= 10).all()
    assert ((calibration.share >= 0) & (calibration.share <= 1)).all()


def test_scores_that_moved_are_a_drift_marked_as_estimated() -> None:
    baseline = tallied(LABELLED, scored(20_000, 1))
    moved = estimated_performance(tallied(UNLABELLED, scored(8_000, 2, 2.0)), baseline, watching())
    by_metric = {(drift.group, drift.metric): drift for drift in moved}
    drift = by_metric["sex=f", "labelled positive"]
    assert drift.verdict == "drift"
    assert all(each.estimated and each.kind == "performance" for each in moved)
    assert drift.reading.startswith("Estimated without labels: labelled positive of sex=f is about 0.")
    assert "more than noise explains" in drift.reading
    quiet = estimated_performance(tallied(UNLABELLED, scored(8_000, 3)), baseline, watching())
    assert {each.verdict for each in quiet} == {"no drift shown"}


def test_without_scores_or_where_it_is_off_nothing_is_estimated() -> None:
    table = scored(500, 1).assign(predicted=1)
    baseline = tallied(LABELLED, table)
    assert estimated_performance(baseline, baseline, monitor(audit=LABELLED, truth=Truth(estimate=False))) == []
    bare = tallied(Audit(label="label", positive=(1,), predicted_label="predicted", facets=("sex",)), table)
    assert estimates_of(bare, baseline) == []
    assert estimates_of(baseline, bare) == []


def test_groups_with_few_rows_are_left_out() -> None:
    baseline = tallied(LABELLED, scored(2_000, 1))
    few = scored(100, 2)
    few = pd.concat([few[few["sex"] == "m"], few[few["sex"] == "f"].head(5)])
    assert {each.group for each in estimates_of(tallied(UNLABELLED, few), baseline)} == {"sex=m"}
