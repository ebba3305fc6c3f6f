"""Laws of reweighing, massaging and sampling: what each makes equal, and that it changes no more than it must."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evenhand.mitigations.before.massaging import Towards, massage
from evenhand.mitigations.before.prepared import NotBinary
from evenhand.mitigations.before.reweighing import fit_weights, reweighed, weights_of
from evenhand.mitigations.before.sampling import sample
from evenhand.mitigations.facets import facet_texts

Array = np.ndarray[Any, Any]
ROW = st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(0, 1), st.integers(0, 5))
ROWS = st.lists(ROW, min_size=1, max_size=60)
AMOUNTS = st.sampled_from([0.0, 0.3, 1.0])


def columns(rows: list[tuple[str | None, int, int]]) -> tuple[Array, Array, Array]:
    """Groups, labels and scores."""
    groups, labels, scores = zip(*rows, strict=True)
    return facet_texts(np.array(groups, object), len(rows)), np.array(labels), np.array(scores, float)


def shares(groups: Array, labels: Array, weight: Array | None = None) -> dict[str, float]:
    mass = np.ones(len(labels)) if weight is None else weight
    return {
        str(name): float(np.average(labels[groups == name], weights=mass[groups == name]))
        for name in np.unique(groups)
        if mass[groups == name].sum() > 0
    }


def whole_groups(groups: Array, labels: Array, weight: Array) -> list[str]:
    """Groups that have rows of weight with every label."""
    known = {str(name): {int(label) for label in labels[(groups == name) & (weight > 0)]} for name in np.unique(groups)}
    every = set().union(*known.values())
    return [name for name, found in known.items() if found == every]


@settings(deadline=None)
@given(ROWS, st.data())
def test_weighted_shares_of_labels_are_the_same_in_all_groups(rows: list[Any], data: st.DataObject) -> None:
    groups, labels, _ = columns(rows)
    weight = np.array(
        data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=len(rows), max_size=len(rows)))
    )
    assume(weight.any())
    found = fit_weights(labels, groups, weight=weight)
    weighted = weights_of(found, labels, groups, weight)
    after = shares(groups, labels, weighted)
    overall = np.average(labels, weights=weight)
    for name in whole_groups(groups, labels, weight):
        assert after[name] == pytest.approx(overall, abs=1e-12)
        here = groups == name
        assert weighted[here].sum() == pytest.approx(weight[here].sum()), "no group gains or loses weight"
    assert np.isfinite(weighted).all()


@settings(deadline=None)
@given(ROWS, AMOUNTS)
def test_shares_move_linearly_with_the_amount(rows: list[Any], amount: float) -> None:
    groups, labels, _ = columns(rows)
    before, full = shares(groups, labels), shares(groups, labels, reweighed(labels, groups))
    after = shares(groups, labels, reweighed(labels, groups, amount=amount))
    for name in whole_groups(groups, labels, np.ones(len(rows))):
        assert after[name] == pytest.approx((1 - amount) * before[name] + amount * full[name], abs=1e-12)
    if not amount:
        assert (reweighed(labels, groups, amount=0) == 1).all()


@settings(deadline=None)
@given(ROWS)
def test_the_result_says_what_the_weights_do(rows: list[Any]) -> None:
    groups, labels, _ = columns(rows)
    found = fit_weights(labels, groups)
    if len(found.classes) == 2:
        assert dict(zip(found.groups, found.before[:, 1], strict=True)) == pytest.approx(shares(groups, labels))
        after = shares(groups, labels, weights_of(found, labels, groups))
        assert dict(zip(found.groups, found.after[:, 1], strict=True)) == pytest.approx(after)
    known = {(str(group), int(label)) for group, label in zip(groups, labels, strict=True)}
    assert set(found.empty) == set(product(found.groups, found.classes)) - known


def test_weights_by_formula_for_three_classes_and_crossed_facets() -> None:
    facet = [["f", 1], ["f", 1], ["m", 1], ["m", None], ["m", None], ["f", 1]]
    labels = ["x", "y", "y", "z", "y", "y"]
    found = reweighed(labels, facet)
    texts = ["f1", "f1", "m1", "m", "m", "f1"]
    for place in range(6):
        together = sum(
            text == texts[place] and label == labels[place] for text, label in zip(texts, labels, strict=True)
        )
        assert found[place] == pytest.approx(texts.count(texts[place]) * labels.count(labels[place]) / 6 / together)


def test_weights_of_rows_count_like_repeated_rows() -> None:
    groups, labels = np.array(list("aaabbb")), np.array([0, 1, 1, 0, 0, 1])
    weight = np.array([1, 2, 1, 3, 1, 2])
    places = np.repeat(np.arange(6), weight)
    repeated = reweighed(labels[places], groups[places])
    once = reweighed(labels, groups, sample_weight=weight)
    assert np.bincount(places, repeated) == pytest.approx(once)


# Massaging


@settings(deadline=None)
@given(ROWS, st.sampled_from(["overall", "fewest", "highest"]))
def test_positive_shares_are_equal_within_a_row(rows: list[Any], towards: Towards) -> None:
    groups, labels, scores = columns(rows)
    found = massage(scores, labels, groups, towards=towards)
    before, after = shares(groups, labels), shares(groups, found.labels)
    sizes = {name: int((groups == name).sum()) for name in after}
    for one, other in product(after, after):
        assert abs(after[one] - after[other]) < 1 / sizes[one] + 1 / sizes[other] + 1e-9
    assert dict(zip(found.groups, found.after, strict=True)) == pytest.approx(after)
    assert found.flips == int((found.labels != labels).sum())
    assert found.cost == pytest.approx((found.labels != labels).mean())
    assert (found.promoted * found.demoted == 0).all(), "a group is promoted or demoted, never both"
    if towards == "overall":
        assert abs(found.labels.mean() - labels.mean()) < len(after) / len(rows)
    if towards == "highest":
        assert not found.demoted.any()
        assert max(after.values()) == pytest.approx(max(before.values()))


@settings(deadline=None)
@given(ROWS)
def test_fewest_flips_no_more_than_the_others(rows: list[Any]) -> None:
    groups, labels, scores = columns(rows)
    flips = {name: massage(scores, labels, groups, towards=name).flips for name in ("overall", "fewest", "highest")}
    assert flips["fewest"] <= min(flips.values()) + len(np.unique(groups)), "to within a row of each group"


@settings(deadline=None)
@given(st.lists(ROW, min_size=1, max_size=9))
def test_no_other_labels_as_equal_have_fewer_flips(rows: list[Any]) -> None:
    groups, labels, scores = columns(rows)
    target, names = labels.mean(), np.unique(groups)

    def equal(tried: Array) -> bool:
        lacking = [abs(tried[groups == name].sum() - target * (groups == name).sum()) for name in names]
        return bool(max(lacking) < 1 - 1e-9)

    fewest = min(
        int((np.array(tried) != labels).sum()) for tried in product((0, 1), repeat=len(rows)) if equal(np.array(tried))
    )
    found = massage(scores, labels, groups)
    assert equal(found.labels)
    assert found.flips == fewest


@settings(deadline=None)
@given(ROWS)
def test_those_nearest_the_boundary_are_flipped(rows: list[Any]) -> None:
    groups, labels, scores = columns(rows)
    found = massage(scores, labels, groups)
    flipped = found.labels != labels
    for name in np.unique(groups):
        for label, sign in ((0, 1), (1, -1)):
            cell = (groups == name) & (labels == label)
            if (cell & flipped).any() and (cell & ~flipped).any():
                assert (sign * scores[cell & flipped]).min() >= (sign * scores[cell & ~flipped]).max()


@settings(deadline=None)
@given(ROWS)
def test_weights_of_one_and_integers_change_nothing(rows: list[Any]) -> None:
    groups, labels, scores = columns(rows)
    scores = scores + np.arange(len(rows)) / 1000
    plain = massage(scores, labels, groups)
    assert np.array_equal(massage(scores, labels, groups, weight=np.full(len(rows), 2.0)).labels, plain.labels)
    assert np.array_equal(massage(scores, labels, groups, amount=0.0).labels, labels)


@settings(deadline=None)
@given(ROWS, st.data())
def test_weighted_shares_come_within_the_heaviest_row(rows: list[Any], data: st.DataObject) -> None:
    groups, labels, scores = columns(rows)
    weight = np.array(data.draw(st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=len(rows), max_size=len(rows))))
    found = massage(scores, labels, groups, weight=weight)
    overall = np.average(labels, weights=weight)
    for name, after in shares(groups, found.labels, weight).items():
        here = groups == name
        assert abs(after - overall) * weight[here].sum() < weight[here].max() + 1e-6
    assert found.cost == pytest.approx(weight[found.labels != labels].sum() / weight.sum())


def test_massaging_by_hand() -> None:
    groups = np.array(list("aaaaaabbbb"))
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 1])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.45, 0.2, 0.7])
    found = massage(scores, labels, groups)  # half are positive: three of a, two of b
    assert found.labels.tolist() == [1, 1, 1, 0, 0, 0, 0, 1, 0, 1]
    assert (found.promoted.tolist(), found.demoted.tolist()) == ([0, 1], [1, 0])
    assert found.cost == pytest.approx(0.2)
    raised = massage(scores, labels, groups, towards="highest")
    assert raised.labels.tolist() == [1, 1, 1, 1, 0, 0, 0, 1, 0, 1], "two thirds of b's four are two, and a part"
    assert massage(scores, labels, groups, amount=0.5).flips == 0, "half a row is none"


# Sampling


@settings(deadline=None)
@given(ROWS, st.booleans(), AMOUNTS)
def test_cells_have_the_expected_counts(rows: list[Any], ranked: bool, amount: float) -> None:
    groups, labels, scores = columns(rows)
    found = sample(labels, groups, scores=scores if ranked else None, amount=amount)
    cells = found.before
    wanted = (1 - amount) * cells + amount * np.outer(cells.sum(axis=1), cells.sum(axis=0)) / cells.sum()
    there = cells > 0
    assert (np.abs(found.after - np.maximum(wanted, 1))[there] <= 0.5 + 1e-9).all()
    assert not found.after[~there].any()
    for place, name in enumerate(found.groups):
        for code, label in enumerate(found.classes):
            taken = (groups[found.places] == name) & (labels[found.places] == label)
            assert taken.sum() == found.after[place, code]
    if not amount:
        assert found.places.tolist() == list(range(len(rows)))


@settings(deadline=None)
@given(ROWS, st.booleans())
def test_rows_of_a_cell_are_taken_as_evenly_as_can_be(rows: list[Any], ranked: bool) -> None:
    groups, labels, scores = columns(rows)
    found = sample(labels, groups, scores=scores if ranked else None)
    times = np.bincount(found.places, minlength=len(rows))
    for name, label in product(np.unique(groups), (0, 1)):
        cell = (groups == name) & (labels == label)
        if not cell.any():
            continue
        assert np.ptp(times[cell]) <= 1
        if ranked and np.ptp(times[cell]) == 1:
            near = scores if label else -scores
            more, fewer = times[cell] == times[cell].max(), times[cell] == times[cell].min()
            if times[cell].min() == 0:  # the nearest are left out
                assert near[cell][fewer].max() <= near[cell][more].min()
            else:  # the nearest are repeated
                assert near[cell][more].max() <= near[cell][fewer].min()


def test_rows_are_drawn_by_chance_and_seed() -> None:
    random = np.random.default_rng(1)
    groups, labels = random.choice(["a", "b"], 2000, p=[0.7, 0.3]), random.integers(0, 2, 2000)
    labels[groups == "a"] |= random.integers(0, 2, (groups == "a").sum())
    one, same, other = (sample(labels, groups, seed=seed).places for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    # Each row's expected number of copies is its weight.
    times = np.mean(
        [np.bincount(sample(labels, groups, seed=seed).places, minlength=2000) for seed in range(300)], axis=0
    )
    assert np.abs(times - reweighed(labels, groups)).max() < 0.15


def test_sampling_any_classes_uniformly() -> None:
    groups, labels = np.array(list("aaaabbbb")), np.array([0, 1, 2, 2, 0, 0, 1, 2])
    found = sample(labels, groups)
    assert np.abs(found.after - [[1.5, 1, 1.5]] * 2).max() <= 0.5
    with pytest.raises(NotBinary, match=r"Only binary classification is supported\. Sample uniformly"):
        sample(labels, groups, scores=labels)


@pytest.mark.parametrize("groups", [1, 1000], ids=["one group", "a thousand groups"])
def test_degenerate_numbers_of_groups(groups: int) -> None:
    random = np.random.default_rng(0)
    texts, labels = facet_texts(random.integers(0, groups, 20_000), 20_000), random.integers(0, 2, 20_000)
    weight = reweighed(labels, texts)
    rates = list(shares(texts, labels, weight).values())
    assert np.ptp(rates) < 1e-9
    found = massage(random.random(20_000), labels, texts)
    assert len(found.groups) == groups
    assert (np.abs(found.after - labels.mean()) < 1 / np.bincount(np.unique(texts, return_inverse=True)[1])).all()
    assert sample(labels, texts).after.sum() == pytest.approx(20_000, abs=2 * groups)
    if groups == 1:
        assert weight == pytest.approx(1)
        assert not found.flips


def test_groups_of_one_row() -> None:
    groups, labels = np.array(["a", "b", "c"]), np.array([1, 0, 0])
    found = fit_weights(labels, groups)
    assert found.empty == (("a", 0), ("b", 1), ("c", 1))
    assert sample(labels, groups).places.tolist() == [0, 1, 2], "no group vanishes"
    assert massage(np.zeros(3), labels, groups).flips == 0, "a row cannot be flipped in part"
