"""Usage: what a group depends on is what changes who is in it, and not what it mentions."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenhand.bounty.contest.facts import Usage
from evenhand.bounty.contest.heating import Heat
from evenhand.bounty.contest.usage import features_of, permuted_usage
from evenhand.core.errors import DataError
from evenhand.core.group import Group
from evenhand.models.membership import Members

Array = NDArray[Any]
ROWS = 60


def columns(seed: int = 0) -> dict[str, Array]:
    numbers = np.random.default_rng(seed)
    age = numbers.integers(18, 60, ROWS).astype(float)
    age[:5] = np.nan
    sex = numbers.choice(["f", "m"], ROWS).astype(object)
    sex[3:8] = None
    return {"age": age, "sex": sex, "pay": numbers.integers(0, 4, ROWS)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sex=f", ("sex",)),
        ("sex=f & age<30", ("sex", "age")),
        # Every row whose age is known is in it, and those without are not: missing is a value like any other.
        ("age<30 | age>=30", ("age",)),
        ("age<30 | age>=30 | age is missing", ()),
        ("age<30 & age>=30", ()),
        ("(sex=f & age<30) | (sex=f & ~(age<30)) | (sex=f & age is missing)", ("sex",)),
        ("sex=f & pay<100", ("sex",)),
        ("sex=f | pay>=0", ()),
        ("pay=1,2 & age<200", ("pay", "age")),
        ("sex=nobody & age<30", ()),
    ],
)
def test_columns_that_change_nothing_are_not_used(text: str, expected: tuple[str, ...]) -> None:
    assert features_of(Group.parse(text), Members(columns())) == expected


LEAVES = st.sampled_from(
    [Group.of("sex", "f"), Group.missing("sex"), Group.between("age", None, 30.0), Group.between("age", 25.0, None),
     Group.missing("age"), Group.of("pay", 1, 2), Group.between("pay", 0.0, None)]
)  # fmt: skip
GROUPS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda a, b: a & b, inner, inner)
        | st.builds(lambda a, b: a | b, inner, inner)
        | st.builds(lambda a: ~a, inner)
    ),
    max_leaves=7,
)


@settings(max_examples=60, deadline=None)
@given(group=GROUPS, seed=st.integers(0, 5))
def test_it_is_what_putting_in_the_values_of_other_rows_says(group: Group, seed: int) -> None:
    held = columns(seed)
    used = features_of(group, Members(held))
    before = Members(held).mask(group)
    for name in group.columns:
        changes = any(
            (Members({**held, name: np.repeat(held[name][[row]], ROWS)}).mask(group) != before).any()
            for row in range(ROWS)
        )
        assert (name in used) == changes, name


def test_a_shuffled_column_moves_people_only_where_the_group_depends_on_it() -> None:
    held = columns()

    def indicator(rows: Mapping[str, Array]) -> Array:
        return np.asarray((rows["age"] < 30) & (rows["pay"] > 1))

    found = permuted_usage(indicator, held)
    assert found["sex"] == 0 and found["age"] > 0 and found["pay"] > 0
    assert found == permuted_usage(indicator, held)
    with pytest.raises(DataError, match="The group says of 3 rows whether they are in it, and was asked about 60"):
        permuted_usage(lambda rows: rows["age"][:3] < 30, held)


def test_the_map_shows_shares_of_what_was_handed_in_and_of_what_was_accepted_darkest_corner_first() -> None:
    heat = Heat()
    for features in (("age",), ("age", "sex"), ("age",), ()):
        heat.submit("busy", features)
    heat.submit("quiet", ("pay",))
    heat.accept("busy", ("age", "sex"), 0.25)
    found = heat.map(["pay", "sex", "age", "unused"])
    assert (found.teams, found.features) == (("busy", "quiet"), ("age", "pay", "sex", "unused"))
    assert found.cells[0] == (
        Usage(share=0.75, accepted=1.0, reduction=0.25), Usage(share=0.0, accepted=None, reduction=0.0),
    )  # fmt: skip
    assert found.cells[1][1] == Usage(share=1.0, accepted=None, reduction=0.0)
    assert found.cells[2][0] == Usage(share=0.25, accepted=1.0, reduction=0.25)
    assert all(cell.share == 0 for cell in found.cells[3])


def test_of_very_many_features_only_those_in_use_are_shown() -> None:
    heat = Heat()
    heat.submit("A", ("f7",))
    assert heat.map([f"f{place}" for place in range(100)]).features == ("f7",)
