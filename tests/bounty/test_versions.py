"""Versions: progress, monotony, few acceptances, whatever the loss and the order, and the same again from the log."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.bounty.versions import Versions
from evenhand.models.decision_list import ToLeaf, ToVersion
from tests.bounty.certified import LOSSES, gain, merged, sample, submissions, violations

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
            assert versions.now(group) <= versions.best(group) + 1e-9


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
        assert (found.loss.rows(found.labels, answers) == losses).all()
    assert (versions.answers[0] == found.base).all()
