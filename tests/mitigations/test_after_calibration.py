"""Calibration per group, the reject option and the barycentre of quantiles: laws, and inputs at the edge."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, LogisticRegression

from evenhand.core.chance import chance
from evenhand.core.confusion import Confusion, grouped
from evenhand.core.constraint import Constraint
from evenhand.core.errors import DataError, SpecError
from evenhand.core.rule import Curves, Quantiles
from evenhand.mitigations.after.barycentre import QuantileBarycentre, fit_barycentre
from evenhand.mitigations.after.calibration import CalibratedPerGroup, fit_calibration
from evenhand.mitigations.after.reject_option import fit_reject_option
from tests.mitigations.planted import planted

Array = NDArray[Any]
seeds = st.integers(0, 10**6)


def scored(rows: int, seed: int, groups: int = 2) -> tuple[Array, Array, Array]:
    numbers = np.random.default_rng(seed)
    group, logits = numbers.integers(0, groups, rows), numbers.normal(size=rows)
    labels = (numbers.random(rows) < 1 / (1 + np.exp(-2 * logits + group))).astype(np.int64)
    return 1 / (1 + np.exp(-logits)), labels, np.char.add("g", group.astype(str))


# --- calibration


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_isotonic_is_that_of_scikit_learn_in_each_group_and_right_on_average(seed: int) -> None:
    scores, labels, groups = scored(400, seed)
    solved = fit_calibration(scores, labels, groups)
    found = solved.rule.calibrated(scores, groups)
    for name in np.unique(groups):
        here = groups == name
        theirs = IsotonicRegression().fit_transform(scores[here], labels[here])
        assert np.allclose(found[here], theirs)
        assert solved.gaps[name][1] == pytest.approx(0, abs=1e-9)
        assert (np.diff(found[here][np.argsort(scores[here])]) >= -1e-12).all()
    assert Curves.model_validate_json(solved.rule.model_dump_json()) == solved.rule


def test_a_sigmoid_recovers_the_curve_that_made_the_labels() -> None:
    scores, labels, groups = scored(60_000, 1)
    solved = fit_calibration(np.log(scores / (1 - scores)), labels, groups, method="sigmoid")
    at = np.linspace(-2, 2, 9)
    for place, name in enumerate(("g0", "g1")):
        found = solved.rule.calibrated(at, np.full(9, name))
        assert np.abs(found - 1 / (1 + np.exp(-2 * at + place))).max() < 0.02


def test_groups_with_few_rows_of_a_class_share_the_curve_of_everyone() -> None:
    scores, labels, groups = scored(300, 2)
    groups[:5], groups[5:30] = "few", "one class"
    labels[5:30] = 1
    solved = fit_calibration(scores, labels, groups)
    assert set(solved.pooled) == {"few", "one class"}
    assert solved.rule.calibrated(scores[:5], groups[:5]) == pytest.approx(solved.rule.calibrated(scores[:5], np.full(5, "new")))  # fmt: skip
    constant = fit_calibration(np.full(60, 0.5), np.arange(60) % 3 == 0, np.full(60, "a"))
    assert constant.rule.calibrated(np.array([0.1]), np.array(["a"]))[0] == pytest.approx(1 / 3)
    with pytest.raises(SpecError, match="No calibration is called 'beta'; there are: isotonic, sigmoid"):
        fit_calibration(scores, labels, groups, method="beta")  # type: ignore[arg-type]


def test_probabilities_hold_in_groups_that_the_estimator_cannot_tell_apart() -> None:
    features, labels, group = planted(9000, seed=2, groups=2, apart=1.5)
    seen = features[:, :4]
    model = CalibratedPerGroup(LogisticRegression()).fit(seen[:6000], labels[:6000], facet=group[:6000])
    rest = slice(6000, None)
    after = model.predict_proba(seen[rest], facet=group[rest])[:, 1]
    before = model.estimator_.predict_proba(seen[rest])[:, 1]
    for place in (0, 1):
        here = group[rest] == place
        assert abs(after[here].mean() - labels[rest][here].mean()) < 0.04
        assert abs(before[here].mean() - labels[rest][here].mean()) > 0.1


# --- reject option


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(2, 4))
def test_a_band_keeps_the_constraint_and_favours_who_is_chosen_less(seed: int, count: int) -> None:
    scores, labels, groups = scored(500, seed, count)
    asked = Constraint.parse("demographic-parity:0.15")
    try:
        band = fit_reject_option(scores, labels, groups, asked)
    except SpecError as error:
        assert "No band keeps demographic-parity:0.15: the best leaves" in str(error)
        return
    names, places = grouped(groups)
    decided = band.rule.decide(scores, groups, np.zeros(500))
    confusion = Confusion.of(names, places, labels, decided)
    assert asked.violation(confusion) <= 0.15 + 1e-9
    assert band.violations[str(asked)] == pytest.approx(float(asked.violation(confusion)))
    assert band.cost == pytest.approx(1 - float(confusion.accuracy))
    centre = band.rule.cuts["(anyone)"].thresholds[0]
    assert all((band.rule.cuts[name].thresholds[0] <= centre) == (name in band.favoured or band.width == 0) for name in names)  # fmt: skip


def test_without_a_bound_no_threshold_for_all_is_better() -> None:
    rows = scored(500, 3)
    free = fit_reject_option(*rows, Constraint.parse("equalized-odds:1"))
    assert free.cost <= min(np.mean((rows[0] >= cut) != rows[1]) for cut in rows[0]) + 1e-12
    with pytest.raises(DataError, match="There are no rows"):
        fit_reject_option(rows[0][:0], rows[1][:0], rows[2][:0], Constraint.parse("equalized-odds:1"))


# --- the barycentre of quantiles


@settings(max_examples=15, deadline=None)
@given(seeds, st.integers(1, 4), st.booleans())
def test_repaired_predictions_are_distributed_alike_and_keep_their_order(seed: int, count: int, tied: bool) -> None:
    numbers = np.random.default_rng(seed)
    group = numbers.integers(0, count, 3000)
    values = numbers.normal(size=3000) * (1 + group) + 2 * group
    values = np.round(values) if tied else values
    groups = np.char.add("g", group.astype(str))
    solved = fit_barycentre(values, groups)
    assert solved.apart[1] < 0.05
    moved = solved.rule.repaired(values, groups, chance(range(3000), "s"))
    assert moved.mean() == pytest.approx(values.mean(), abs=0.2)
    if not tied:
        for name in np.unique(groups):
            here = groups == name
            assert (np.diff(moved[here][np.argsort(values[here])]) >= -1e-9).all()
    assert Quantiles.model_validate_json(solved.rule.model_dump_json()) == solved.rule


def test_normal_groups_move_to_the_mean_of_their_quantiles() -> None:
    numbers = np.random.default_rng(0)
    groups = np.repeat(["a", "b"], [60_000, 20_000])
    values = numbers.normal(size=80_000) * np.where(groups == "a", 1, 3) + np.where(groups == "a", 0, 4)
    moved = fit_barycentre(values, groups).rule.repaired(values, groups)
    # Shares 3/4 and 1/4: mean 1, deviation 3/4 * 1 + 1/4 * 3.
    for name in ("a", "b"):
        assert moved[groups == name].mean() == pytest.approx(1, abs=0.05)
        assert moved[groups == name].std() == pytest.approx(1.5, abs=0.05)


def test_the_amount_goes_from_nothing_to_all_and_equal_people_move_together_without_chance() -> None:
    values, groups = np.array([1.0, 1, 1, 5, 9, 9]), np.array(list("aaabbb"))
    assert fit_barycentre(values, groups, amount=0.0).rule.repaired(values, groups) == pytest.approx(values)
    whole, half = (fit_barycentre(values, groups, amount=each).rule.repaired(values, groups) for each in (1.0, 0.5))
    assert half == pytest.approx((values + whole) / 2)
    assert len(set(whole[:3].tolist())) == 1
    with pytest.raises(SpecError, match="The amount is 2; it must lie between 0"):
        fit_barycentre(values, groups, amount=2)
    with pytest.raises(DataError, match="Predictions must be finite numbers"):
        fit_barycentre(np.array([np.nan]), np.array(["a"]))


def test_a_regressor_moves_people_by_their_id() -> None:
    features, _, group = planted(500, seed=3)
    target = features[:, 0] + group
    model = QuantileBarycentre(LinearRegression()).fit(features, target, facet=group)
    assert model.result_.apart[0] > 0.3 > 0.1 > model.result_.apart[1]
    turned = np.random.default_rng(0).permutation(500)
    first = model.predict(features, facet=group, ids=np.arange(500))
    assert first[turned] == pytest.approx(model.predict(features[turned], facet=group[turned], ids=np.arange(500)[turned]))  # fmt: skip
    with pytest.raises(DataError, match="predict needs it too"):
        model.predict(features)
