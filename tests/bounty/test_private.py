"""Private lists: what is kept of a team's list makes the same list again, and is small."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.bounty.proving.private import Beginning, Own
from evenhand.bounty.proving.versions import Versions
from evenhand.core.loss import Loss
from tests.bounty.certified import LOSSES, gain, sample, submissions


@given(
    text=st.sampled_from(LOSSES), rows=st.integers(1, 120), classes=st.sampled_from([2, 3, 300]),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_it_is_the_list_of_all_versions_to_the_last_bit(text: str, rows: int, classes: int, seed: int) -> None:
    found = sample(text, rows=rows, classes=classes, seed=seed)
    versions = Versions(found.loss, found.labels, found.base)
    own = Own(Beginning(found.loss, found.labels, found.base))
    for mask, answers in submissions(found, 8, seed):
        assert own.differences(mask, answers).tobytes() == versions.differences(mask, answers).tobytes()
        if gain(versions, mask, answers) <= 0:
            continue
        versions.update(mask, answers)
        versions.repair()
        own.take(mask, answers)
        assert own.list == versions.list
        assert own.losses.tobytes() == versions.losses[-1].tobytes()
        assert own.newest.dtype == versions.newest.dtype
        assert own.newest.tobytes() == versions.newest.tobytes()
        assert own.mean == versions.mean


@pytest.mark.parametrize("least", [-1, 0])
def test_answers_that_are_no_places_stay_what_they_are(least: int) -> None:
    labels, base, answers = np.arange(4) + least, np.full(4, 9), np.arange(4) + least
    own = Own(Beginning(Loss(), labels, base))
    own.take(np.array([True, True, False, False]), answers)
    assert own.newest.tolist() == [least, least + 1, 9, 9]


def test_a_find_of_labels_takes_little_more_than_a_byte_for_each_row_of_its_group() -> None:
    rows, numbers = 10_000, np.random.default_rng(0)
    labels, base = numbers.integers(0, 2, rows), numbers.integers(0, 2, rows)
    own = Own(Beginning(Loss(), labels, base))
    for place in range(10):
        mask = np.arange(rows) % 10 == place
        own.take(mask, labels)
    kept = sum(each.bits.nbytes + each.answers.values.nbytes for each in own._finds)
    assert kept <= 10 * (rows // 8 + rows // 10)
    assert own.mean == 0
