"""skops trees: ordinary estimators load and answer as they did; forged ones are refused before they are asked."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evenhand.core.errors import ModelError
from evenhand.models import load_model

pandas = pytest.importorskip("pandas")
skops = pytest.importorskip("skops.io")

ROWS = pandas.DataFrame({"age": np.arange(80) % 37, "income": (np.arange(80) * 7919) % 1000 + 0.5})
LABELS = np.where(ROWS["age"] + ROWS["income"] / 50 > 28, "yes", "no")


def made() -> dict[str, Any]:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import (
        AdaBoostClassifier,
        BaggingClassifier,
        ExtraTreesClassifier,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
        VotingClassifier,
    )
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

    forest = RandomForestClassifier(n_estimators=4, random_state=0)
    return {
        "tree": DecisionTreeClassifier(random_state=0), "best first": DecisionTreeClassifier(max_leaf_nodes=6),
        "pruned": DecisionTreeClassifier(ccp_alpha=0.02), "one tree": ExtraTreeClassifier(random_state=0),
        "forest": forest, "extra": ExtraTreesClassifier(n_estimators=4, random_state=0),
        "boosted": HistGradientBoostingClassifier(max_iter=5), "steps": AdaBoostClassifier(n_estimators=3),
        "bagged": BaggingClassifier(n_estimators=3, random_state=0), "line": LogisticRegression(),
        "scaled": make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=5)),
        "calibrated": CalibratedClassifierCV(forest, cv=2),
        "votes": VotingClassifier([("one", DecisionTreeClassifier(random_state=0)), ("other", LogisticRegression())], voting="soft"),
    }  # fmt: skip


def kept(model: Any, folder: Path) -> Path:
    file = folder / "model.skops"
    skops.dump(model, file)
    return file


@pytest.mark.parametrize("name", made())
def test_ordinary_estimators_answer_from_a_file_as_they_did(name: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of solvers that stop early
        model = made()[name].fit(ROWS, LABELS)
    loaded = load_model(kept(model, tmp_path))
    assert loaded.predict(ROWS)["label"].tolist() == model.predict(ROWS).tolist()
    assert np.array_equal(loaded.predict(ROWS)["score"], model.predict_proba(ROWS)[:, 1])


def forged(model: Any, **changed: Any) -> Any:
    """The tree of an estimator, with other nodes."""
    from sklearn.tree._tree import Tree

    tree = model.tree_
    state = tree.__getstate__()
    nodes = state["nodes"].copy()
    for field, value in changed.items():
        nodes[field][0] = value
    twin = Tree(tree.n_features, np.array(tree.n_classes), tree.n_outputs)
    twin.__setstate__(state | {"nodes": nodes})
    model.tree_ = twin
    return model


def shifted(model: Any, field: str, value: int) -> Any:
    model._predictors[0][0].nodes[field][0] = value
    return model


def with_own(model: Any, **own: Any) -> Any:
    vars(model).update(own)
    return model


def tree() -> Any:
    return made()["tree"].fit(ROWS, LABELS)


def boosted() -> Any:
    return made()["boosted"].fit(ROWS, LABELS)


def empty() -> Any:
    from sklearn.tree._tree import Tree

    model = tree()
    model.tree_ = Tree(2, np.array([2]), 1)
    return model


def bare() -> Any:
    from sklearn.pipeline import Pipeline

    return Pipeline([("tree", tree().tree_)])


def hidden() -> Any:
    """A tree inside an array of objects inside an estimator that has no use for it."""
    from sklearn.linear_model import LogisticRegression

    model, held = LogisticRegression().fit(ROWS, LABELS), np.empty(1, object)
    held[0] = {"deep": [tree().tree_]}
    return with_own(model, extra_=held)


def gradient() -> Any:
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(n_estimators=2).fit(ROWS, LABELS)


def in_forest() -> Any:
    model = made()["forest"].fit(ROWS, LABELS)
    forged(model.estimators_[2], feature=2)
    return model


def categories() -> Any:
    model = made()["boosted"].fit(ROWS, LABELS)
    model._bin_mapper.is_categorical_ = np.array([1, 0], np.uint8)
    return model


NOT_THERE = "model.skops is not loaded: a tree points to nodes or features that are not there."
FORGED: dict[str, tuple[Callable[[], Any], str]] = {
    "left child": (lambda: forged(tree(), left_child=10**6), NOT_THERE),
    "right child": (lambda: forged(tree(), right_child=-5), NOT_THERE),
    "circle": (lambda: forged(tree(), left_child=0, right_child=0), NOT_THERE),
    "feature": (lambda: forged(tree(), feature=2), NOT_THERE),
    "feature below": (lambda: forged(tree(), feature=-2), NOT_THERE),
    "in a forest": (in_forest, NOT_THERE),
    "no nodes": (empty, NOT_THERE),
    "boosted feature": (lambda: shifted(boosted(), "feature_idx", 9), NOT_THERE),
    "boosted child": (lambda: shifted(boosted(), "left", 4_000_000_000), NOT_THERE),
    "boosted circle": (lambda: shifted(boosted(), "right", 0), NOT_THERE),
    "boosted category": (lambda: shifted(boosted(), "is_categorical", 1), "categories of HistGradientBoosting"),
    "boosted categories": (categories, "categories of HistGradientBoosting"),
    "boosted in fit": (lambda: with_own(boosted(), _in_fit=True), "a booster is not fitted"),
    "columns not counted": (lambda: with_own(tree(), n_features_in_=None), "does not say how many features"),
    "check hidden": (lambda: with_own(tree(), _validate_X_predict="x"), "DecisionTreeClassifier has '_validate_X_pred"),
    "tree alone": (bare, "a tree lies outside of an estimator that checks its rows"),
    "tree in an array": (hidden, "a tree lies outside of an estimator that checks its rows"),
    "gradient boosting": (
        gradient,
        "GradientBoostingClassifier cannot be checked; send HistGradientBoosting, or .onnx",
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_trees_that_lead_out_of_their_arrays_are_never_asked(name: str, tmp_path: Path) -> None:
    forge, told = FORGED[name]
    with pytest.raises(ModelError) as caught:
        load_model(kept(forge(), tmp_path))
    assert told in str(caught.value)
