"""Held columns: they are no players, every coalition has the row's own values of them, and so has the base."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.errors import ColumnNotFound, EvenhandError, ModelError, SpecError
from evenhand.core.explanation import Explanation
from evenhand.explaining import Request, explained
from tests.explaining.models import Counting, credit, odds, table

DATA = table(24)
BASELINE = table(3, seed=5)


def held(names: tuple[str, ...], model: Any = credit, **settings: Any) -> Explanation:
    request = Request(baseline=BASELINE, held=names, **{"budget": 60, "pooled": False} | settings)
    return explained(model, DATA, request)[0]


def own_base(row: int, names: tuple[str, ...]) -> Any:
    """The baseline with a row's own values of the held columns."""
    mixed = BASELINE.copy()
    for name in names:
        mixed[name] = DATA[name].iloc[[row] * len(mixed)].to_numpy()
    return mixed


@settings(max_examples=20, deadline=None)
@given(st.sets(st.sampled_from(list(DATA.columns)), min_size=1, max_size=len(DATA.columns) - 1))
def test_a_base_is_the_mean_over_the_baseline_with_the_rows_own_held_values(chosen: set[str]) -> None:
    names = tuple(sorted(chosen))
    found = held(names)
    assert found.players == tuple(name for name in DATA.columns if name not in chosen)
    for row in range(len(DATA)):
        assert found.base[row, 0] == pytest.approx(credit(own_base(row, names)).mean(), abs=1e-12)
    np.testing.assert_allclose(found.predictions[:, 0], credit(DATA))
    np.testing.assert_allclose(found.attributions.sum(axis=1), found.predictions - found.base, atol=1e-12)


def test_values_are_those_of_each_row_as_a_game_of_its_own() -> None:
    names = ("age", "city", "job", "tax")
    found = held(names, method="exact")
    for row in (0, 7):
        alone = Request(
            baseline=own_base(row, names).astype(DATA.dtypes), method="exact", rows=[row], budget=60, pooled=False
        )
        whole = explained(credit, DATA, alone)[0]
        for place, player in enumerate(found.players):
            expected = whole.attributions[0, whole.players.index(player)]
            np.testing.assert_allclose(found.attributions[row, place], expected, atol=1e-10)


def test_log_odds_are_taken_after_the_mean_with_held_columns() -> None:
    names = ("income", "city")
    found = held(names, odds, link="logit")
    mean = odds(own_base(3, names))[:, 1].mean()
    assert found.base[3, 0] == pytest.approx(np.log(mean / (1 - mean)))
    np.testing.assert_allclose(found.attributions.sum(axis=1), found.predictions - found.base, atol=1e-9)


def test_a_forest_with_held_columns_is_asked_and_not_read() -> None:
    from sklearn.tree import DecisionTreeRegressor

    numbers = DATA[["income", "debt", "score", "rent"]]
    tree = DecisionTreeRegressor(max_depth=3, random_state=0).fit(numbers, credit(DATA))
    request = Request(baseline=numbers.iloc[:2], held=("rent",), budget=20, pooled=False)
    found = explained(tree, numbers, request)[0]
    assert found.making.explainer == "regression" and found.players == ("income", "debt", "score")
    with pytest.raises(SpecError, match="explainer=tree does not apply: columns are held at each row's own values"):
        explained(tree, numbers, Request(baseline=numbers.iloc[:2], held=("rent",), method="tree"))


@pytest.mark.parametrize(
    ("names", "more", "error", "line"),
    [
        (("agge",), {}, ColumnNotFound, "No column 'agge' in the data. Did you mean 'age'?"),
        (tuple(DATA.columns), {}, SpecError, "held names every feature, so there is nothing to explain"),
        (("age",), {"players": {"p": ["age", "job"]}}, SpecError, "The column 'age' is held and belongs to a player"),
        ("age", {}, SpecError, "held='age' must be a list of names"),
    ],
)
def test_what_cannot_be_held(names: Any, more: dict[str, Any], error: type[EvenhandError], line: str) -> None:
    with pytest.raises(error, match=line.replace("?", r"\?")):
        held(names, **more)


def test_other_held_columns_do_not_go_on_with_the_work_of_these(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ModelError):
        held(("age",), Counting(fails=5), out=out, memory=150_000)
    assert (tmp_path / "out.unfinished").is_dir()
    with pytest.raises(SpecError, match=r"with other settings .*held"):
        held(("city",), Counting(), out=out, memory=150_000)
