"""What a way of deciding gives and costs: laws of counts, intervals, the floor of chance and levelling down."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.constraint import Constraint
from evenhand.mending.choosing import loosened, steps_of
from evenhand.mending.measured import Measuring, floors_of, levels_down, payments_of
from evenhand.mending.people import People
from evenhand.mending.splitting import FOLDS, folds_of, parts_of

ODDS, PARITY = Constraint.parse("equalized-odds:0.05"), Constraint.parse("demographic-parity:0.05")


def people(rows: int, groups: int, seed: int) -> People:
    generator = np.random.default_rng(seed)
    names = tuple(f"group {place}" for place in range(groups))
    codes, labels = generator.integers(0, groups, rows), generator.integers(0, 2, rows)
    return People({"person": np.arange(rows)}, labels, names, codes)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 400), st.integers(2, 6), st.integers(0, 1000))
def test_gains_and_losses_add_up(rows: int, groups: int, seed: int) -> None:
    some, generator = people(rows, groups, seed), np.random.default_rng(seed + 1)
    before, after = generator.integers(0, 2, rows), generator.integers(0, 2, rows)
    for each in payments_of(some, before, after):
        assert each.selected_after - each.selected_before == pytest.approx(each.gained - each.lost, abs=1e-3)
        assert each.errors_after - each.errors_before == pytest.approx(each.wronged - each.mended, abs=1e-3)
        assert each.gained + each.lost == pytest.approx(each.mended + each.wronged, abs=1e-3)
    assert sum(each.rows for each in payments_of(some, before, after)) == rows


@settings(deadline=None, max_examples=30)
@given(st.integers(20, 500), st.integers(2, 5), st.integers(0, 1000))
def test_intervals_hold_their_value_and_stay_between_0_and_1(rows: int, groups: int, seed: int) -> None:
    some = people(rows, groups, seed)
    decisions = np.random.default_rng(seed + 1).integers(0, 2, rows)
    for found in Measuring((ODDS, PARITY), 0.95, 0).violations(some.confusion(decisions)).values():
        assert 0 <= found.interval.low <= found.value <= found.interval.high <= 1


def test_the_upper_end_covers_the_true_violation() -> None:
    """Two groups selected at .5 and .4: the upper end must lie below the true .1 in at most 1 of 20 samples."""
    below, samples = 0, 200
    for seed in range(samples):
        some = people(2_000, 2, seed)
        decisions = (np.random.default_rng(10_000 + seed).random(2_000) < np.where(some.codes == 0, 0.5, 0.4)).astype(
            int
        )
        found = Measuring((PARITY,), 0.95, seed).violations(some.confusion(decisions))[str(PARITY)]
        below += found.interval.high < 0.1
    assert below / samples <= 0.05


def test_the_floor_is_what_equal_rates_show() -> None:
    """The simulated floor against what thresholds with equal rates do show in fresh samples of as many rows."""
    some = people(3_000, 4, 0)
    decisions = (np.random.default_rng(1).random(3_000) < 0.3).astype(int)
    floor = floors_of([ODDS], some, decisions, "choosing", 0)[0]
    shown = []
    for seed in range(400):
        drawn = (np.random.default_rng(100 + seed).random(3_000) < 0.3).astype(int)
        shown.append(float(ODDS.violation(some.confusion(drawn))))
    assert floor.typical == pytest.approx(np.median(shown), rel=0.1)
    assert floor.rare == pytest.approx(np.quantile(shown, 0.95), rel=0.1)


def test_the_floor_falls_with_rows_and_rises_with_groups() -> None:
    def typical(rows: int, groups: int) -> float:
        some = people(rows, groups, 0)
        return floors_of([PARITY], some, np.arange(rows) % 2, "judging", 0)[0].typical

    assert typical(400, 2) > typical(4_000, 2) > typical(40_000, 2)
    assert typical(4_000, 2) < typical(4_000, 8)


def test_a_floor_of_decisions_that_are_all_one_is_not_nothing() -> None:
    some = people(1_000, 3, 0)
    assert floors_of([ODDS], some, np.ones(1_000, int), "judging", 0)[0].typical > 0.01


def test_levelling_down_needs_a_loss_and_no_gain() -> None:
    some = people(4_000, 2, 0)
    before = np.random.default_rng(1).integers(0, 2, 4_000)
    worse = np.where((some.codes == 0) & (np.arange(4_000) % 3 == 0), 0, before)
    assert levels_down(some, before, worse, [PARITY]) == ("group 0",)
    better = np.where((some.codes == 1) & (np.arange(4_000) % 3 == 0), 1, worse)
    assert levels_down(some, before, better, [PARITY]) == ()
    assert levels_down(some, before, before, [PARITY]) == ()


@settings(deadline=None, max_examples=30)
@given(st.integers(200, 1000), st.integers(2, 5), st.integers(0, 100))
def test_every_group_and_label_is_in_each_part(rows: int, groups: int, seed: int) -> None:
    some = people(rows, groups, seed)
    part = parts_of(some, (0.6, 0.2, 0.2), identity=None, seed=seed)
    cell = some.codes * 2 + some.labels
    for place, count in enumerate(np.bincount(cell, minlength=2 * groups)):
        found = np.bincount(part[cell == place], minlength=3)
        assert np.all(np.abs(found - count * np.array([0.6, 0.2, 0.2])) <= 2)
    assert set(folds_of(some, seed)) <= set(range(FOLDS))


def test_the_rows_of_one_id_are_in_one_part() -> None:
    some = people(1_000, 2, 0)
    some = People({"person": np.arange(1_000) // 4}, some.labels, some.names, some.codes)
    part = parts_of(some, (0.5, 0.5), identity="person", seed=0).reshape(-1, 4)
    assert (part == part[:, :1]).all()
    assert 0.4 < part.mean() < 0.6


def test_confidence_rises_with_the_bound() -> None:
    """Selection rates of .5 and .4: a bound of .1 is kept about as often as not, the rarer the tighter it is."""
    some = people(2_000, 2, 3)
    rate = np.where(some.codes == 0, 0.5, 0.4)
    counted = some.confusion(
        (np.argsort(np.argsort(np.random.default_rng(0).random(2_000))) / 2_000 < rate).astype(int)
    )
    gap = float(PARITY.violation(counted))
    kept = [
        Measuring((Constraint("demographic-parity", bound),), 0.95, 0).confidence(counted)
        for bound in (0.0, gap - 0.03, gap, gap + 0.03, 0.5)
    ]
    assert kept == sorted(kept)
    assert kept[0] < 0.01
    assert kept[2] == pytest.approx(0.5, abs=0.05)
    assert kept[-1] == 1


def test_several_constraints_are_kept_together_no_more_often_than_each() -> None:
    counted = people(1_000, 3, 0).confusion(np.random.default_rng(0).integers(0, 2, 1_000))
    both = Measuring((ODDS, PARITY), 0.95, 0).confidence(counted)
    assert both <= min(Measuring((each,), 0.95, 0).confidence(counted) for each in (ODDS, PARITY))


def test_what_is_tighter_than_chance_is_loosened_to_what_is_credible() -> None:
    some = people(1_000, 3, 0)
    wanted = (Constraint.parse("demographic-parity:0.001"), Constraint.parse("demographic-parity-ratio:0.5"))
    floors = floors_of(wanted, some, np.arange(1_000) % 2, "choosing", 0)
    (first, second), said = loosened(wanted, floors)
    assert first.bound == floors[0].rare > floors[0].typical > 0.001
    assert second == wanted[1]
    assert len(said) == 1
    assert said[0].startswith("demographic-parity:0.001 is tighter than chance")
    steps, refused = steps_of((first, second), floors, (1.0, 1.0))
    assert 1.0 in steps
    assert refused
