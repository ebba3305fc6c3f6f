"""Mitigations before training at the edge: each gives a right answer, or one clear line."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from evenhand.core.errors import DataError
from evenhand.mitigations.before.correlation import CorrelationRemover
from evenhand.mitigations.before.massaging import Massaged, massage
from evenhand.mitigations.before.quantile_repair import QuantileRepair
from evenhand.mitigations.before.reweighing import Reweighed
from evenhand.mitigations.before.sampling import Resampled, sample
from tests.mitigations.degenerate import Rows, constant, gaps, one_class_in_a_group, plain

CLASSIFIERS: dict[str, Any] = {
    "reweighed": Reweighed(LogisticRegression()),
    "massaged": Massaged(LogisticRegression()),
    "resampled": Resampled(LogisticRegression()),
    "preferential": Resampled(LogisticRegression(), scheme="preferential"),
}
REPAIRS: dict[str, Any] = {
    "median": QuantileRepair(),
    "barycentre": QuantileRepair(common="barycentre"),
    "removed": CorrelationRemover(),
}
LEARNERS, MENDERS = pytest.mark.parametrize("name", CLASSIFIERS), pytest.mark.parametrize("name", REPAIRS)
EDGES = pytest.mark.parametrize(
    "rows", [constant(), gaps(), plain(3000, 1000)], ids=["constant", "gaps", "a thousand groups"]
)


def fitted(name: str, rows: Rows) -> Any:
    return clone((CLASSIFIERS | REPAIRS)[name]).fit(rows.features, rows.labels, facet=rows.facet)


def repaired(name: str, rows: Rows) -> Any:
    return fitted(name, rows).transform(rows.features, facet=rows.facet)


@LEARNERS
@EDGES
def test_edges_are_learned_from(name: str, rows: Rows) -> None:
    model = fitted(name, rows)
    assert set(model.predict(rows.features).tolist()) <= {0, 1}
    assert np.isfinite(model.predict_proba(rows.features)).all()


def test_missing_facets_are_a_group() -> None:
    assert fitted("reweighed", gaps()).result_.groups == ("(missing)", "0", "1")


@pytest.mark.parametrize("name", ["reweighed", "resampled", "preferential"])
def test_a_group_without_a_class_is_named(name: str) -> None:
    assert fitted(name, one_class_in_a_group()).result_.empty == (("0", 1),)


def test_a_group_without_a_class_is_massaged_to_the_share_of_all() -> None:
    rows = one_class_in_a_group()
    found = fitted("massaged", rows).result_
    assert found.promoted[0] > 0
    assert np.abs(found.after - rows.labels.mean()).max() < 1 / 100


@LEARNERS
def test_one_group_is_learned_from_as_it_is(name: str) -> None:
    rows = plain(groups=1)
    plainly = LogisticRegression().fit(rows.features, rows.labels)
    assert np.allclose(fitted(name, rows).predict_proba(rows.features), plainly.predict_proba(rows.features))


@LEARNERS
def test_one_class_is_refused_only_where_the_estimator_refuses_it(name: str) -> None:
    rows = replace(plain(), labels=np.ones(300, int))
    line = r"All labels are of one class, 1, which LogisticRegression refuses; two are needed\."
    for few in (rows, plain(1)):
        few = replace(few, labels=np.ones(len(few.labels), int))
        with pytest.raises(DataError, match=line):
            fitted(name, few)
    tree = clone(CLASSIFIERS[name]).set_params(estimator=DecisionTreeClassifier())
    assert (tree.fit(rows.features, rows.labels, facet=rows.facet).predict(rows.features) == 1).all()


@LEARNERS
def test_nothing_to_learn_from_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"There are no rows to learn from\."):
        fitted(name, plain(0))


def test_missing_scores_have_no_rank_and_infinite_ones_do() -> None:
    labels, groups = np.array([0, 1, 0, 1, 0, 1]), np.array(["a", "a", "a", "a", "b", "b"])
    line = r"Some scores are missing, so their rows have no rank; leave those rows out, or score them\."
    scores = np.array([0.1, np.nan, 0.3, 0.4, 0.2, 0.1])
    with pytest.raises(DataError, match=line):
        massage(scores, labels, groups)
    with pytest.raises(DataError, match=line):
        sample(labels, groups, scores=scores)
    first = massage(np.array([-np.inf, 0.5, np.inf, 0.4, 0.2, 0.1]), np.array([0, 0, 0, 0, 1, 1]), groups)
    assert first.labels.tolist() == [0, 0, 1, 0, 1, 0]


@MENDERS
@EDGES
def test_edges_are_repaired_to_finite_numbers(name: str, rows: Rows) -> None:
    assert np.isfinite(repaired(name, rows)).all()


@MENDERS
def test_equal_values_stay(name: str) -> None:
    assert np.allclose(repaired(name, constant())[:, 0], 0.7)


@MENDERS
@pytest.mark.parametrize("rows", [plain(groups=1), plain(1)], ids=["one group", "one row"])
def test_one_group_stays(name: str, rows: Rows) -> None:
    assert np.allclose(repaired(name, rows), rows.features)


@MENDERS
def test_a_group_never_seen_keeps_its_order(name: str) -> None:
    rows = plain()
    found = fitted(name, rows).transform(rows.features, facet=np.full(300, "never seen"))
    assert (np.diff(found[np.argsort(rows.features[:, 0]), 0]) >= -1e-12).all()


@MENDERS
def test_missing_values_stay_and_infinite_ones_are_refused(name: str) -> None:
    odd = plain().with_score(np.nan)
    assert np.argwhere(np.isnan(repaired(name, odd))).tolist() == [[3, 0]]
    endless = plain().with_score(np.inf)
    with pytest.raises(DataError, match=r"Column 0 holds infinite values; make them finite or missing\."):
        fitted(name, endless)
    with pytest.raises(DataError, match=r"Column 0 holds infinite values"):
        fitted(name, plain()).transform(endless.features, facet=endless.facet)


@MENDERS
def test_nothing_to_repair_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"There are no rows to repair\."):
        fitted(name, plain(0))
