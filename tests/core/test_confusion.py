"""Confusion and groups: counts against counts by hand, any texts told apart, draws around what was counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.core.confusion import Confusion, _numbers, grouped

texts = st.lists(
    st.text(st.characters(blacklist_characters="\x00", blacklist_categories=["Cs"]), max_size=5), max_size=40
)


@given(texts)
def test_groups_are_the_sorted_texts(values: list[str]) -> None:
    names, places = grouped(np.array(values, dtype=str))
    assert list(names) == sorted(set(values))
    assert [names[place] for place in places] == values


def test_a_group_that_the_first_rows_lack_and_many_groups() -> None:
    late = np.array(["a"] * 3000 + ["b"])
    assert grouped(late)[0] == ("a", "b")
    many = np.char.add("g", np.arange(5000).astype(str))
    names, places = grouped(np.concatenate((many, many[::-1])))
    assert len(names) == 5000
    assert (np.array(names)[places[:5000]] == many).all()


def test_two_texts_of_one_number_are_still_two_groups() -> None:
    # Found by the lattice of the polynomial: the first character times the factor, less a multiple of 2^64.
    factor = 0x9E3779B97F4A7C15
    texts = np.array(["ab", "ba"])
    assert _numbers(texts).tolist() == [(97 * factor + 98) % 2**64, (98 * factor + 97) % 2**64]
    assert len(set(_numbers(np.array(["", "a", "aa"], dtype="<U2")).tolist())) == 3


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.booleans(), st.integers(0, 3)), min_size=1))
def test_rates_are_those_counted_by_hand(rows: list[tuple[int, bool, bool, int]]) -> None:
    codes, labels, decisions, weight = (np.array(each) for each in zip(*rows, strict=True))
    confusion = Confusion.of(("a", "b", "c"), codes, labels, decisions, weight.astype(float))
    for group in range(3):
        mine = [row for row in rows if row[0] == group]
        for rate, among in (("true positive", True), ("false positive", False)):
            whole = sum(each[3] for each in mine if each[1] == among)
            found = confusion.rate(rate)[group]  # type: ignore[arg-type]
            part = sum(each[3] for each in mine if each[1] == among and each[2])
            assert np.isnan(found) if whole == 0 else found == pytest.approx(part / whole)
        assert confusion.sizes[group] == sum(each[3] for each in mine)
    if weight.sum():
        assert confusion.accuracy == pytest.approx(np.average(labels == decisions, weights=weight))


def test_draws_are_around_what_was_counted() -> None:
    confusion = Confusion(("a", "b"), np.array([[[40.0, 10.0], [10, 40]], [[200.0, 100.0], [50, 50]]]))
    drawn = confusion.drawn(4000, seed=1)
    assert drawn.cells.mean(axis=0) == pytest.approx(confusion.cells, rel=0.03)
    assert drawn.cells.sum(axis=(1, 2, 3)).tolist() == [500] * 4000
    assert drawn.errors.shape == (4000, 2)
    assert (confusion.drawn(3, seed=1).cells == confusion.drawn(3, seed=1).cells).all()
