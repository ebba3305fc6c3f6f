"""Mitigations after training as scikit-learn estimators: its checks, routing, frozen models, scores left out."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from evenhand.core.confusion import Confusion, grouped
from evenhand.core.constraint import Constraint
from evenhand.core.errors import DataError, SpecError
from evenhand.mitigations.after.barycentre import QuantileBarycentre
from evenhand.mitigations.after.calibration import CalibratedPerGroup
from evenhand.mitigations.after.linear_post import LinearPost
from evenhand.mitigations.after.reject_option import RejectOption
from evenhand.mitigations.after.scored import folds
from evenhand.mitigations.after.thresholds import FairThresholds
from tests.mitigations.planted import planted

LEFT_OUT = "rows are dealt into folds, so two equal rows are not one row of weight two"
EXPECTED = {
    name: {f"check_sample_weight_equivalence_on_{kind}_data": LEFT_OUT for kind in ("dense", "sparse")}
    for name in ("FairThresholds", "CalibratedPerGroup")
}
CLASSIFIERS = [
    FairThresholds(LogisticRegression()),
    FairThresholds(LogisticRegression(), deterministic=True, constraints=["equalized-odds:0.1"]),
    RejectOption(LogisticRegression(), constraint="demographic-parity:0.3"),
    CalibratedPerGroup(LogisticRegression(), method="sigmoid"),
    LinearPost(LogisticRegression()),
    LinearPost(LogisticRegression(), blind=True),
]


def expected(estimator: Any) -> dict[str, str]:
    return EXPECTED.get(type(estimator).__name__, {})


@parametrize_with_checks([CLASSIFIERS[0]], expected_failed_checks=expected)  # type: ignore[untyped-decorator]
def test_keeps_the_conventions_of_estimators(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([*CLASSIFIERS[1:], QuantileBarycentre(LinearRegression())], expected_failed_checks=expected)  # type: ignore[untyped-decorator]
def test_all_keep_the_conventions_of_estimators(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=lambda each: type(each).__name__)
def test_takes_frames_facets_with_gaps_and_texts_as_classes(estimator: Any) -> None:
    features, labels, group = planted(400, seed=1)
    facet = pd.Series(group.astype(str)).where(group != 2, None)
    texts = np.where(labels == 1, "yes", "no")
    for frame in (pd.DataFrame(features).rename(columns=str), pl.DataFrame(features, schema=[*"abcde"])):
        model = clone(estimator).fit(frame, texts, facet=facet)
        assert set(model.predict(frame, facet=facet).tolist()) == {"no", "yes"}
    assert model.result_.rule is model.rule_


@pytest.mark.parametrize("positive", ["yes", "no"])
def test_the_positive_class_may_be_named(positive: str) -> None:
    features, labels, group = planted(600, seed=2)
    texts = np.where(labels == 1, "yes", "no")
    for base in (LogisticRegression(), LinearSVC()):
        asked = "equal-opportunity-least:0.95"
        model = FairThresholds(base, constraints=asked, positive=positive).fit(features, texts, facet=group)
        found = model.predict(features, facet=group)
        assert np.mean(found[texts == positive] == positive) > 0.9
    with pytest.raises(DataError, match="'maybe' is not among the labels"):
        FairThresholds(LogisticRegression(), positive="maybe").fit(features, texts)


def test_thresholds_never_see_scores_of_training_rows() -> None:
    features, labels, group = planted(1500, seed=3)
    overfitted = DecisionTreeClassifier(random_state=0)
    model = FairThresholds(overfitted, constraints="equal-opportunity:0.02").fit(features, labels, facet=group)
    # A tree that knows its rows by heart makes no errors on them, and many on others.
    assert model.result_.cost > 0.1
    assert (model.estimator_.predict(features) == labels).all()
    frozen = FairThresholds(FrozenEstimator(overfitted.fit(features, labels))).fit(features, labels, facet=group)
    assert frozen.estimator_ is frozen.estimator


def test_every_class_is_in_every_training_part() -> None:
    labels = np.repeat([0, 1, 2], [50, 7, 2])
    turns = folds(labels, 5)
    assert all(set(labels[turns != turn]) == {0, 1, 2} for turn in range(5))
    assert np.bincount(turns).max() - np.bincount(turns).min() <= 3


def test_a_constraint_kept_on_validation_rows_is_nearly_kept_on_others() -> None:
    features, labels, group = planted(60_000, seed=4)
    first, second, third = np.split(np.arange(60_000), 3)
    base = FrozenEstimator(LogisticRegression().fit(features[first], labels[first]))
    plain = np.asarray(base.predict(features[third]))
    asked = "demographic-parity:0.02"
    for model in (FairThresholds(base, constraints=asked), LinearPost(base, constraints=asked)):
        model.fit(features[second], labels[second], facet=group[second])
        found = model.predict(features[third], facet=group[third])
        names, places = grouped(group[third].astype(str))
        before, after = (Confusion.of(names, places, labels[third], each) for each in (plain, found))
        constraint = Constraint.parse(asked)
        assert constraint.violation(before) > 0.3
        assert constraint.violation(after) < 0.05


def test_facets_and_ids_are_routed_through_pipelines_and_searches() -> None:
    features, labels, group = planted(300, seed=5)
    with sklearn.config_context(enable_metadata_routing=True):
        model = (
            FairThresholds(LogisticRegression()).set_fit_request(facet=True).set_predict_request(facet=True, ids=True)
        )
        steps = make_pipeline(StandardScaler(), model).fit(features, labels, facet=group)
        ids = np.array([f"person {place}" for place in range(300)])
        found = steps.predict(features, facet=group, ids=ids)
        turned = np.random.default_rng(0).permutation(300)
        assert (steps.predict(features[turned], facet=group[turned], ids=ids[turned]) == found[turned]).all()
        deciding = CalibratedPerGroup(LogisticRegression()).set_fit_request(facet=True)
        search = GridSearchCV(deciding, {"method": ["isotonic", "sigmoid"]}, cv=2, scoring=_told)
        search.fit(features, labels, facet=group)
        assert set(search.cv_results_["param_method"]) == {"isotonic", "sigmoid"}


def _told(estimator: Any, features: Any, labels: Any) -> float:
    """A score for which the facet is known."""
    return float(np.mean(estimator.predict(features, facet=features[:, -1].astype(int)) == labels))


def test_what_cannot_be_is_said() -> None:
    features, labels, group = planted(100, seed=6)
    model = FairThresholds(LogisticRegression()).fit(features, labels, facet=group)
    with pytest.raises(DataError, match="facet was given to fit, so predict needs it too"):
        model.predict(features)
    zero = FairThresholds(LogisticRegression(), constraints="demographic-parity:0").fit(features, labels, facet=group)
    assert zero.rule_.randomised
    with pytest.raises(DataError, match="There are 3 ids for 100 rows"):
        zero.predict(features, facet=group, ids=[1, 2, 3])
    with pytest.raises(ValueError, match="only 1 class"):
        model.fit(features, np.zeros(100))
    with pytest.raises(ValueError, match="n_samples=1 and folds is 5: both must be 2 or more"):
        model.fit(features, np.arange(100) == 0)
    with pytest.raises(DataError, match="gives no scores"):
        FairThresholds(FrozenEstimator(LinearRegression().fit(features, labels))).fit(features, labels)
    with pytest.raises(DataError, match="LinearPost needs probabilities"):
        LinearPost(LinearSVC()).fit(features, labels)
    with pytest.raises(SpecError, match="A frozen estimator cannot learn groups"):
        LinearPost(FrozenEstimator(LogisticRegression().fit(features, labels)), blind=True).fit(features, labels)
    with pytest.raises(SpecError, match="RejectOption keeps one constraint, not 2"):
        RejectOption(LogisticRegression(), constraint=["equalized-odds:0.1", "demographic-parity:0.1"]).fit(features, labels)  # fmt: skip
