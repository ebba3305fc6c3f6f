"""In-processing estimators are scikit-learn estimators: their checks, routing in pipelines and searches, clone, pickle."""

# ruff: noqa: N806  (scikit-learn calls the rows X)

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from evenhand.mitigations.after.multicalibration import MulticalibratedClassifier
from evenhand.mitigations.during.fair_boosting import FairBoostingClassifier
from evenhand.mitigations.during.grid import GridSearchReduction
from evenhand.mitigations.during.reductions import ExponentiatedGradient
from evenhand.mitigations.during.rich_subgroups import RichSubgroupClassifier
from evenhand.subgroups import searcher
from tests.mitigations.planted import planted

SMALL = [
    ExponentiatedGradient(estimator=LogisticRegression()),
    GridSearchReduction(estimator=LogisticRegression(), points=3),
    RichSubgroupClassifier(estimator=LogisticRegression()),
    FairBoostingClassifier(trees=10),
    MulticalibratedClassifier(estimator=LogisticRegression(), rounds=2, trees=5),
]


def expected(estimator: Any) -> dict[str, str]:
    """What cannot hold, and why."""
    if isinstance(estimator, FairBoostingClassifier):
        return {"check_classifiers_classes": "LightGBM divides no table of so few rows"}
    if isinstance(estimator, MulticalibratedClassifier):
        return {"check_sample_weight_equivalence_on_dense_data": "rows that are set aside are drawn by their places"}
    return {}


@parametrize_with_checks(SMALL, expected_failed_checks=expected)  # type: ignore[untyped-decorator]
def test_estimator(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


@pytest.fixture
def routing() -> Any:
    with sklearn.config_context(enable_metadata_routing=True):
        yield


EVERY = [*SMALL[:2], RichSubgroupClassifier(estimator=LogisticRegression(), searching=searcher("lattice")), *SMALL[3:]]


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("estimator", EVERY, ids=lambda one: type(one).__name__)
def test_routing(estimator: Any) -> None:
    X, y, g = planted(300, seed=1)
    asking = clone(estimator).set_fit_request(facet=True).set_predict_request(ids=True)
    pipe = make_pipeline(StandardScaler(), asking).fit(X, y, facet=g)
    alone = clone(estimator).fit(StandardScaler().fit_transform(X), y, facet=g)
    assert np.array_equal(pipe.predict(X, ids=np.arange(300)), alone.predict(StandardScaler().fit_transform(X)))
    search = GridSearchCV(clone(estimator).set_fit_request(facet=True), {"positive": [0, 1]}, cv=2).fit(X, y, facet=g)
    assert set(search.predict(X)) <= {0, 1}


@pytest.mark.parametrize("estimator", EVERY, ids=lambda one: type(one).__name__)
def test_stored(estimator: Any) -> None:
    X, y, g = planted(300, seed=2)
    fitted = clone(estimator).fit(X, y, facet=g)
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    assert np.array_equal(fitted.predict(X), again.predict(X))
    assert np.array_equal(fitted.predict_proba(X), again.predict_proba(X))
    if hasattr(fitted, "ensemble_") or hasattr(fitted, "shares_"):
        assert np.allclose(fitted.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("estimator", EVERY, ids=lambda one: type(one).__name__)
def test_text_classes(estimator: Any) -> None:
    X, y, g = planted(300, seed=3)
    numbers = clone(estimator).fit(X, y, facet=g)
    texts = clone(estimator).fit(X, np.where(y == 1, "yes", "no"), facet=g)
    assert np.array_equal(texts.predict(X), np.where(numbers.predict(X) == 1, "yes", "no"))
    turned = clone(estimator).set_params(positive="a").fit(X, np.where(y == 1, "a", "b"), facet=g)
    assert list(turned.classes_) == ["a", "b"]
    if not isinstance(estimator, MulticalibratedClassifier):
        assert np.array_equal(turned.predict(X), np.where(numbers.predict(X) == 1, "a", "b"))
    assert np.allclose(turned.predict_proba(X)[:, 0], numbers.predict_proba(X)[:, 1], atol=1e-6)
