"""Explanations in bulk: however rows are cut into parts, what is found is what one machine finds."""

from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.core.errors import EvenhandError, ModelError, SpecError
from evenhand.core.explanation import Explanation
from evenhand.core.moments import EVERYBODY
from evenhand.explaining import explain
from evenhand.explaining.bulk import run as bulk
from evenhand.explaining.reasons import reasons_of
from tests.explaining.models import Counting, credit, table
from tests.explaining.spreads import Parts, values_in, written

ROWS, FEW = 400, 200
GROUPS = {"money": ["income", "debt"], "person": ["age", "city"]}
METHODS: dict[str, dict[str, Any]] = {
    "auto": {},
    "three baseline rows": {"budget": 100, "baseline": "kmeans:3", "facets": ["owner", "city"]},
    "pooled": {"pooled": True, "facets": ["city"]},
    "a sample": {"budget": 40, "rows": 300, "facets": ["owner"]},
    "places": {"budget": 40, "rows": [place for place in range(ROWS) if place % 3]},
    "exact": {"explainer": "exact", "players": GROUPS, "features": ["income", "debt", "age", "city", "owner"]},
    "permutation": {"explainer": "permutation", "budget": 60},
    "owen": {"explainer": "owen", "players": GROUPS, "budget": 60},
}


def priced(rows: pd.DataFrame) -> Any:
    """A model of a few columns."""
    income, city = rows["income"].to_numpy(), (rows["city"] == "Bonn").to_numpy()
    return income * (1 + city) + rows["age"].to_numpy() * np.where(rows["owner"].to_numpy(), rows["debt"], 0.1)


def three(rows: pd.DataFrame) -> Any:
    """Three probabilities."""
    one = np.exp(np.column_stack([credit(rows) / 9, rows["score"], rows["rent"]]))
    return one / one.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(table(ROWS), tmp_path_factory.mktemp("rows"))


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "FEW", FEW)


def model_of(settings: dict[str, Any]) -> Any:
    return priced if "features" in settings else credit


def same(found: Explanation, whole: Explanation) -> None:
    """Every line of the values, the sums and the sample of `found` are those of `whole`."""
    assert found.values is not None
    lines, outputs = values_in(found.values), len(whole.outputs)
    np.testing.assert_array_equal(lines["row"], np.repeat(whole.rows, outputs))
    close: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(lines["prediction"], whole.predictions.ravel(), **close)
    np.testing.assert_allclose(lines["base"], whole.base.ravel(), **close)
    np.testing.assert_array_equal(lines["evaluations"], np.repeat(whole.evaluations, outputs))
    for place, player in enumerate(whole.players):
        np.testing.assert_allclose(lines[player], whole.attributions[:, place].ravel(), **close)
        np.testing.assert_allclose(lines[f"{player} (standard error)"], whole.errors[:, place].ravel(), **close)
    np.testing.assert_allclose(found.importance, whole.importance, **close)
    assert found.moments[EVERYBODY].rows == len(whole) == found.making.rows
    for facet, labels in whole.groups.items():
        for group in {label for label in labels if label is not None}:
            inside, sums = labels == group, found.moments[facet, group]
            assert sums.rows == inside.sum()
            np.testing.assert_allclose(sums.sums[0], whole.attributions[inside].sum(axis=0), rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(sums.sums[5], np.square(whole.errors[inside]).sum(axis=0), rtol=1e-9, atol=1e-9)
    at = np.searchsorted(whole.rows, found.rows)
    assert len(found) == FEW and found.outputs == whole.outputs and found.players == whole.players
    np.testing.assert_allclose(found.attributions, whole.attributions[at], **close)
    np.testing.assert_allclose(found.predictions, whole.predictions[at], **close)
    for facet in whole.groups:
        np.testing.assert_array_equal(found.groups[facet], whole.groups[facet][at])


def bounded(found: Explanation, whole: Explanation) -> None:
    """Runs of a cut design are taken to err together, so the bound is wider; smoothing is judged run by run."""
    ratio = found.importance_errors / np.maximum(whole.importance_errors, 1e-300)
    assert ((ratio > 0.95) & (ratio < 3) | (whole.importance_errors == 0)).all()


@pytest.mark.parametrize("name", METHODS)
def test_attributions_and_sums_are_those_of_one_machine(name: str, path: Path) -> None:
    settings: dict[str, Any] = {"baseline": "median", "target": 0.1} | METHODS[name]
    whole = explain(model_of(settings), path, **settings)
    for parts in (1, 5) if name == "a sample" else (5,):
        found = explain(model_of(settings), Parts(path, parts), **settings)
        same(found, whole)
        bounded(found, whole)


def test_rows_that_come_in_no_order_are_explained_as_in_order(path: Path) -> None:
    settings: dict[str, Any] = {"baseline": "median", "budget": 40, "facets": ["city"]}
    same(explain(credit, Parts(path, 3, shuffled=True), **settings), explain(credit, path, **settings))


def test_several_outputs_have_a_line_each(path: Path) -> None:
    settings: dict[str, Any] = {"baseline": "median", "budget": 40, "facets": ["city"]}
    whole = explain(three, path, **settings)
    found = explain(three, Parts(path, 3), **settings)
    same(found, whole)
    bounded(found, whole)


def test_a_design_in_one_part_has_the_errors_of_one_machine(path: Path) -> None:
    settings: dict[str, Any] = {"baseline": "median", "budget": 40}
    whole, found = explain(credit, path, **settings), explain(credit, Parts(path, 1), **settings)
    np.testing.assert_allclose(found.importance_errors, whole.importance_errors, rtol=1e-9)


@pytest.mark.slow
def test_how_far_a_design_that_parts_cut_is_from_a_whole_one(path: Path) -> None:
    settings: dict[str, Any] = {"baseline": "median", "target": 0.1, "rows": 300}
    one, many = (explain(credit, Parts(path, parts), **settings) for parts in (1, 20))
    assert one.values is not None and many.values is not None
    left, right = values_in(one.values), values_in(many.values)
    for player in one.players:
        np.testing.assert_allclose(left[player], right[player], rtol=0, atol=1e-11)


def test_what_is_said_of_all_rows_is_what_one_machine_says(path: Path) -> None:
    settings: dict[str, Any] = {"baseline": "median", "budget": 60, "facets": ["owner", "city"]}
    whole, found = (reasons_of(explain(credit, frame, **settings)) for frame in (path, Parts(path, 1)))
    assert len(found.importances) == len(whole.importances) and len(found.gaps) == len(whole.gaps) > 0
    for mine, theirs in zip(found.importances, whole.importances, strict=True):
        assert (mine.player, mine.facet, mine.group, mine.rows) == (
            theirs.player, theirs.facet, theirs.group, theirs.rows
        )  # fmt: skip
        for name in ("mean", "mean_square", "signed"):
            assert getattr(mine, name) == pytest.approx(getattr(theirs, name), rel=1e-9, abs=1e-12)
        assert mine.interval is not None and theirs.interval is not None
        assert mine.interval.low == pytest.approx(theirs.interval.low, rel=1e-7, abs=1e-9)
        assert mine.median == pytest.approx(theirs.median, rel=0.5, abs=0.05)
    for gap, other in zip(found.gaps, whole.gaps, strict=True):
        assert (gap.facet, gap.group, gap.player, gap.rows) == (other.facet, other.group, other.player, other.rows)
        assert gap.value == pytest.approx(other.value, rel=1e-9, abs=1e-12)
        assert gap.probability == pytest.approx(other.probability, rel=1e-5, abs=1e-9)
    assert found.summary[0] == (
        "Means and differences are of all 400 rows; medians, clouds and single rows of a random sample of 200 of them."
    )


def test_a_result_is_saved_and_loaded_with_its_values(path: Path, tmp_path: Path) -> None:
    found = explain(credit, Parts(path, 3), baseline="median", budget=40, facets=["city"], out=tmp_path / "out")
    assert found.values == str(tmp_path / "out" / "values")
    assert not (tmp_path / "out.unfinished").exists() and (tmp_path / "out" / "baseline.csv").exists()
    found.save(tmp_path / "copy")
    again = Explanation.load(tmp_path / "copy")
    assert again.values == str(tmp_path / "copy" / "values")
    pd.testing.assert_frame_equal(values_in(again.values), values_in(found.values))
    assert list(again.moments) == list(found.moments)
    for key, moments in found.moments.items():
        np.testing.assert_array_equal(again.moments[key].sums, moments.sums)
    over = explain(credit, Parts(path, 3), baseline="median", budget=40, out=tmp_path / "out")
    assert not over.groups and len(values_in(str(over.values))) == ROWS


def test_without_a_folder_the_values_live_as_long_as_the_result(path: Path) -> None:
    found = explain(credit, Parts(path, 2), baseline="median", budget=40)
    folder = Path(str(found.values))
    assert folder.is_dir()
    del found
    assert not folder.exists()


def test_few_rows_are_fetched_by_their_places(path: Path) -> None:
    frame = Parts(path, 2)
    found = explain(credit, frame, baseline="median", budget=40, rows=50)
    whole = explain(credit, path, baseline="median", budget=40, rows=50)
    np.testing.assert_array_equal(found.rows, whole.rows)
    np.testing.assert_allclose(found.attributions, whole.attributions, rtol=1e-9, atol=1e-12)
    assert found.values is None and not found.moments
    assert frame.asked and sum(frame.asked) < 250


def test_interactions_are_refused(path: Path) -> None:
    line = r"^interactions are not found for more than 200 rows of a frame that many workers go through; ask for fewer"
    with pytest.raises(SpecError, match=line):
        explain(credit, Parts(path, 2), baseline="median", interactions=True)


def test_an_explainer_that_cannot_travel_is_refused(path: Path) -> None:
    class Own:
        name = "own"

        def __init__(self) -> None:
            self.lock = Lock()

        def explain(self, *_: Any) -> Any:
            raise AssertionError

    with pytest.raises(SpecError, match=r"^The explainer own cannot be sent to workers: .*; make it of parts that"):
        explain(credit, Parts(path, 2), baseline="median", explainer=Own())


def test_a_failing_model_leaves_nothing_behind(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the disk is full"):
        explain(Counting(fails=20), Parts(path, 2), baseline="median", budget=40, out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_result_of_one_machine_is_not_overwritten(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        explain(Counting(fails=20), path, baseline="median", budget=40, memory="150KB", out=tmp_path / "out")
    with pytest.raises(SpecError, match=r"holds an unfinished explanation that workers cannot go on with; remove it"):
        explain(credit, Parts(path, 2), baseline="median", budget=40, out=tmp_path / "out")
    assert (tmp_path / "out.unfinished" / "attributions.npy").exists()


def test_a_table_that_loses_rows_is_noticed(path: Path) -> None:
    class Losing(Parts):
        def _pieces(self, height: int) -> Any:
            return super()._pieces(height)[:-1] if height == ROWS else super()._pieces(height)

    with pytest.raises(EvenhandError, match=r"of 400 rows of .* came back explained; the table must not change"):
        explain(credit, Losing(path, 3), baseline="median", budget=40)
