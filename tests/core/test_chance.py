"""Chance of ids: even, always the same, and its own for each salt."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from evenhand.core.chance import chance


@given(st.lists(st.one_of(st.integers(), st.text(st.characters(blacklist_categories=["Cs"])))), st.text(max_size=200))
def test_a_number_belongs_to_its_id_and_lies_in_range(ids: list[int | str], salt: str) -> None:
    salt = salt.encode("ascii", "ignore").decode()
    found = chance(ids, salt)
    assert ((found >= 0) & (found < 1)).all()
    assert (chance(reversed(ids), salt) == found[::-1]).all()
    assert (chance(map(str, ids), salt) == found).all()


def test_numbers_are_even_and_salts_independent() -> None:
    first, second = chance(range(20_000), "one"), chance(range(20_000), "two")
    assert kstest(first, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03


def test_numbers_never_change() -> None:
    assert chance(["a", 7], "evenhand").tolist() == pytest.approx(PINNED, abs=1e-15)


PINNED = [0.7827400164566978, 0.6411062351507072]
