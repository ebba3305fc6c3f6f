"""Versions: progress, monotony, few acceptances, whatever the loss and the order, and the same again from the log."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.bounty.proving.places import Places, Pool
from evenhand.bounty.proving.versions import Versions
from evenhand.models.decision_list import ToLeaf, ToVersion
from tests.bounty.certified import LOSSES, gain, guesses, merged, sample, submissions, violations

SAMPLES = {
    "text": st.sampled_from(LOSSES),
    "rows": st.integers(1, 120),
    "classes": st.sampled_from([2, 3, 5]),
    "seed": st.integers(0, 2**32 - 1),
}


@given(**SAMPLES)
@settings(max_examples=150, deadline=None)
def test_an_update_lowers_the_loss_by_the_weighted_gain(text: str, rows: int, classes: int, seed: int) -> None:
    found = sample(text, rows=rows, classes=classes, seed=seed)
    versions = Versions(found.loss, found.labels, found.base)
    for mask, answers in submissions(found, 5, seed):
        before, gained = versions.mean, gain(versions, mask, answers)
        versions.update(mask, answers)
        assert versions.mean == pytest.approx(before - gained, abs=1e-12)
        assert (versions.newest[mask] == answers[mask]).all()


@given(**SAMPLES)
@settings(max_examples=200, deadline=None)
def test_no_accepted_group_is_ever_served_worse(text: str, rows: int, classes: int, seed: int) -> None:
    found = sample(text, rows=rows, classes=classes, seed=seed)
    versions = Versions(found.loss, found.labels, found.base)
    for mask, answers in submissions(found, 12, seed):
        if gain(versions, mask, answers) <= 0:
            continue
        before = versions.mean
        versions.update(mask, answers)
        versions.repair()
        assert versions.mean < before
        assert violations(versions) == 0
        for group in range(len(versions.groups)):
            assert versions.now(group) == versions.best(group)


@given(**SAMPLES)
@settings(max_examples=100, deadline=None)
def test_every_pointer_lowers_the_loss_and_never_points_forward(text: str, rows: int, classes: int, seed: int) -> None:
    found = sample(text, rows=rows, classes=classes, seed=seed)
    versions = merged(found, list(submissions(found, 12, seed)))
    means = [losses.mean() for losses in versions.losses]
    for place, node in enumerate(versions.list.nodes):
        assert means[place + 1] < means[place]
        if isinstance(node, ToVersion):
            assert node.version < place


@given(**SAMPLES, least=st.sampled_from([0.01, 0.05, 0.2]))
@settings(max_examples=100, deadline=None)
def test_acceptances_are_at_most_the_first_loss_over_the_least_gain(
    text: str, rows: int, classes: int, seed: int, least: float
) -> None:
    found = sample(text, rows=rows, classes=classes, seed=seed)
    versions = merged(found, list(submissions(found, 40, seed)), least=least)
    assert len(versions.groups) <= versions.losses[0].mean() / least


@given(**SAMPLES, order=st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_in_any_order_no_group_is_served_worse(text: str, rows: int, classes: int, seed: int, order: Random) -> None:
    found = sample(text, rows=rows, classes=classes, seed=seed)
    pairs = list(submissions(found, 12, seed))
    order.shuffle(pairs)
    assert violations(merged(found, pairs)) == 0


@given(**SAMPLES)
@settings(max_examples=100, deadline=None)
def test_the_nodes_replay_to_the_last_bit(text: str, rows: int, classes: int, seed: int) -> None:
    found = sample(text, rows=rows, classes=classes, seed=seed)
    pairs = list(submissions(found, 12, seed))
    first, again, taken = Versions(*found[:3]), Versions(*found[:3]), []
    for mask, answers in pairs:
        if gain(first, mask, answers) > 0:
            taken.append((mask, answers))
            first.update(mask, answers)
            first.repair()
    leaves = iter(taken)
    for node in first.list.nodes:
        again.replay(node, *(next(leaves) if isinstance(node, ToLeaf) else ()))
    assert again.list == first.list
    assert [each.tobytes() for each in again.answers] == [each.tobytes() for each in first.answers]
    assert [each.tobytes() for each in again.losses] == [each.tobytes() for each in first.losses]


@given(**SAMPLES)
@settings(max_examples=100, deadline=None)
def test_the_order_of_rows_changes_no_node_and_no_sum(text: str, rows: int, classes: int, seed: int) -> None:
    """Sums of losses are exact, so that no repair is made or left out for how they were rounded."""
    found = sample(text, rows=rows, classes=classes, seed=seed)
    mixed = np.random.default_rng(seed).permutation(rows)
    pairs = list(submissions(found, 12, seed))
    first = merged(found, pairs)
    turned = found._replace(labels=found.labels[mixed], base=found.base[mixed])
    again = Versions(*turned[:3])
    for mask, answers in pairs:
        if gain(again, mask[mixed], answers[mixed]) > 0:
            again.update(mask[mixed], answers[mixed])
            again.repair()
    assert again.list == first.list
    assert again.mean == first.mean
    for group in range(len(first.groups)):
        assert (again.now(group), again.best(group)) == (first.now(group), first.best(group))


@given(**SAMPLES)
@settings(max_examples=50, deadline=None)
def test_how_well_a_group_was_served_is_what_its_rows_say(text: str, rows: int, classes: int, seed: int) -> None:
    """Whether it is asked after each update, or for the first time at the end."""
    found = sample(text, rows=rows, classes=classes, seed=seed)
    asked = merged(found, list(submissions(found, 12, seed)))
    late = Versions(*found[:3])
    for version, node in enumerate(asked.list.nodes, start=1):
        late.replay(node, *((asked.groups[node.group], asked.answers[version]) if isinstance(node, ToLeaf) else ()))
    for group, mask in enumerate(asked.groups):
        served = [losses[mask].sum() for losses in asked.losses]
        for versions in (asked, late):
            assert versions.best(group) * max(mask.sum(), 1) == pytest.approx(min(served), abs=1e-9)
            assert versions.now(group) * max(mask.sum(), 1) == pytest.approx(served[-1], abs=1e-9)


def test_independent_answers_need_few_pointers() -> None:
    """Each find is better overall and a toss of the coin about each row: the hardest for repairs."""
    found, numbers = sample("zero-one", rows=2000, classes=2, seed=0), np.random.default_rng(5)
    versions, tried = Versions(*found[:3]), 0
    while len(versions.groups) < 40 and tried < 400:
        tried += 1
        mask = numbers.random(2000) < numbers.choice([0.05, 0.3, 0.6])
        answers = guesses(found.loss, found.labels, 2, numbers, right=0.2 + tried / 500)
        if gain(versions, mask, answers) > 0:
            versions.update(mask, answers)
            versions.repair()
    assert len(versions.groups) >= 25
    assert violations(versions) == 0
    assert versions.list.version - len(versions.groups) <= 6 * len(versions.groups)


@given(rows=st.integers(1, 40), versions=st.integers(0, 150), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_every_version_is_found_again_from_what_changed(rows: int, versions: int, seed: int) -> None:
    numbers, places = np.random.default_rng(seed), Places(rows)
    kept = [places.newest.copy()]
    for _ in range(versions):
        here = np.flatnonzero(numbers.random(rows) < 0.3)
        to = numbers.integers(0, 5, len(here)).astype(np.int32)
        places.push(here, to)
        kept.append(kept[-1].copy())
        kept[-1][here] = to
    assert places.version == versions
    for version, expected in enumerate(kept):
        assert places.at(version).tolist() == expected.tolist()
    since = int(numbers.integers(versions + 1))
    for version, here, before, after in places.back(since):
        assert kept[version][here].tolist() == before.tolist()
        assert kept[version + 1][here].tolist() == after.tolist()
        assert (before != after).all()
        assert (np.delete(kept[version], here) == np.delete(kept[version + 1], here)).all()


def test_a_pool_keeps_what_it_has_while_it_grows_and_widens() -> None:
    pool = Pool(np.array([3, 4], np.int32))
    assert pool.add(np.array([5], np.int64)).tolist() == [2]
    assert pool.add(np.arange(50, dtype=np.int32)).tolist() == list(range(3, 53))
    assert pool.values.dtype == np.int64
    assert pool.values.tolist() == [3, 4, 5, *range(50)]
    wide = Pool(np.zeros((2, 3)))
    assert wide.add(np.ones((1, 3))).tolist() == [2]
    assert wide.values.tolist() == [[0] * 3, [0] * 3, [1] * 3]


@given(**SAMPLES)
@settings(max_examples=100, deadline=None)
def test_the_list_answers_as_the_versions_do(text: str, rows: int, classes: int, seed: int) -> None:
    found = sample(text, rows=rows, classes=classes, seed=seed)
    versions, leaves = Versions(found.loss, found.labels, found.base), [found.base]
    for mask, answers in submissions(found, 12, seed):
        if gain(versions, mask, answers) > 0:
            versions.update(mask, answers)
            versions.repair()
            leaves.append(answers)
    within = [lambda here, mask=mask: mask[here] for mask in versions.groups]
    asking = [lambda here, leaf=leaf: leaf[here] for leaf in leaves]
    for version, stored in enumerate(versions.answers):
        given_now = versions.list.answers(within, asking, rows, version=version)
        assert (given_now == stored).all()


def test_a_repair_points_to_the_version_that_served_best() -> None:
    """Two groups that share rows: the second find is better overall, and worse for the first group."""
    labels = np.zeros(10, int)
    versions = Versions(sample("zero-one", rows=1, classes=2, seed=0).loss, labels, np.ones(10, int))
    first, second = np.arange(10) < 4, np.arange(10) >= 2
    versions.update(first, np.zeros(10, int))
    versions.update(second, np.where(np.arange(10) < 4, 1, 0))
    assert versions.mean == pytest.approx(0.2)
    assert violations(versions) == 1
    assert versions.repair() == 1
    assert versions.list.nodes[-1] == ToVersion(group=0, version=1)
    assert versions.mean == 0
    assert violations(versions) == 0


def test_answers_and_losses_are_sequences_of_versions() -> None:
    found = sample("squared:4", rows=50, classes=2, seed=3)
    versions = merged(found, list(submissions(found, 10, 3)))
    assert len(versions.answers) == len(versions.losses) == versions.list.version + 1 > 3
    assert len(versions.answers[1:]) == versions.list.version
    assert (versions.answers[-1] == versions.newest).all()
    for answers, losses in zip(versions.answers, versions.losses, strict=True):
        assert np.abs(found.loss.rows(found.labels, answers) - losses).max() <= 2**-41
    assert (versions.answers[0] == found.base).all()
