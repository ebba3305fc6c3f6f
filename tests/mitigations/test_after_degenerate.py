"""Mitigations after training at the edge: each gives a right answer, or one clear line."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from evenhand.core.confusion import Confusion, grouped
from evenhand.core.constraint import Constraint
from evenhand.core.errors import DataError, EvenhandError, SpecError
from evenhand.mitigations.after.barycentre import QuantileBarycentre, fit_barycentre
from evenhand.mitigations.after.calibration import CalibratedPerGroup
from evenhand.mitigations.after.linear_post import LinearPost, fit_linear
from evenhand.mitigations.after.reject_option import RejectOption
from evenhand.mitigations.after.thresholds import FairThresholds
from tests.mitigations.degenerate import Given, GivenNumber, Rows, constant, gaps, one_class_in_a_group, plain

GIVEN = FrozenEstimator(Given())
CLASSIFIERS: dict[str, Any] = {
    "thresholds": FairThresholds(GIVEN, constraints="equalized-odds:0.1"),
    "one threshold": FairThresholds(GIVEN, constraints="demographic-parity:0.1", deterministic=True),
    "reject option": RejectOption(GIVEN, constraint="demographic-parity:0.3"),
    "isotonic": CalibratedPerGroup(GIVEN),
    "sigmoid": CalibratedPerGroup(GIVEN, method="sigmoid"),
    "linear": LinearPost(GIVEN, constraints="demographic-parity:0.1"),
    "blind": LinearPost(GIVEN, blind=True, group_estimator=LogisticRegression()),
}
ALL = CLASSIFIERS | {"barycentre": QuantileBarycentre(FrozenEstimator(GivenNumber()))}
THOSE = pytest.mark.parametrize("name", ALL)
BOUNDED = pytest.mark.parametrize("name", ["thresholds", "one threshold", "reject option", "linear"])


def fitted(name: str, rows: Rows) -> Any:
    return clone(ALL[name]).fit(rows.features, rows.labels, facet=rows.facet)


def answers(name: str, rows: Rows) -> Any:
    return fitted(name, rows).predict(rows.features, facet=rows.facet)


def apart(decided: Any, rows: Rows, name: str = "demographic-parity") -> float:
    names, places = grouped(rows.facet)
    return float(Constraint.parse(f"{name}:0").violation(Confusion.of(names, places, rows.labels, decided)))


@BOUNDED
@pytest.mark.parametrize("rows", [one_class_in_a_group(), constant(), gaps()], ids=["one class", "constant", "gaps"])
def test_bounds_are_kept_where_groups_lack_a_class_or_scores_are_equal_or_facets_are_missing(
    name: str, rows: Rows
) -> None:
    known = replace(rows, facet=np.array([str(each) for each in rows.facet.tolist()]).astype(object))
    known.facet[known.facet == "nan"] = "None"
    kind = "equalized-odds" if name == "thresholds" else "demographic-parity"
    # Chance moves rates a little, where it has a part.
    allowed = {"thresholds": 0.2, "reject option": 0.3}.get(name, 0.1) + 0.02
    assert apart(answers(name, rows), known, kind) <= allowed


@pytest.mark.parametrize("name", ["isotonic", "sigmoid"])
def test_a_group_of_one_class_has_the_curve_of_everyone(name: str) -> None:
    model = fitted(name, one_class_in_a_group())
    assert model.result_.pooled == ("0",)
    same = model.predict_proba(plain(9).features, facet=["0"] * 9)
    assert np.array_equal(same, model.predict_proba(plain(9).features, facet=["never seen"] * 9))


@THOSE
def test_a_group_never_seen_is_decided_as_everyone_is(name: str) -> None:
    rows, whole = plain(), replace(plain(), facet=np.full(300, "all", object))
    model = fitted(name, rows)
    found = model.predict(rows.features, facet=whole.facet)
    if name == "barycentre":
        assert np.abs(found - rows.features[:, 0]).max() < 0.1
    elif name == "linear":
        assert np.mean(found == (rows.features[:, 0] > 0.5)) > 0.99
    elif name not in ("blind", "reject option", "sigmoid"):
        assert np.mean(found == fitted(name, whole).predict(rows.features, facet=whole.facet)) > 0.99
    else:
        assert np.mean(found == (rows.features[:, 0] > 0.5)) > 0.8


@pytest.mark.parametrize("name", [name for name in CLASSIFIERS if name != "blind"])
def test_equal_scores_are_decided_alike(name: str) -> None:
    assert len(set(answers(name, constant()).tolist())) == 1


def test_equal_predictions_stay() -> None:
    assert np.allclose(answers("barycentre", constant()), 0.7)


@THOSE
def test_one_group_changes_no_more_than_no_facet(name: str) -> None:
    rows = plain(groups=1)
    alone = clone(ALL[name]).fit(rows.features, rows.labels)
    assert np.array_equal(answers(name, rows), alone.predict(rows.features))


MANY = plain(3000, 1000)


@pytest.mark.parametrize("name", ["thresholds", "isotonic", "sigmoid", "linear", "barycentre"])
def test_a_thousand_groups_are_borne(name: str) -> None:
    model = fitted(name, MANY)
    found = model.predict(MANY.features, facet=MANY.facet)
    assert np.isfinite(found).all()
    if name == "thresholds":
        assert model.result_.violations["equalized-odds:0.1"] <= 0.1 + 1e-9
    if name == "barycentre":
        assert model.result_.apart[1] <= model.result_.apart[0]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("reject option", r"No band keeps demographic-parity:0\.3: the best leaves .* Loosen it, or use thresholds\."),
        ("blind", r"Only 1 row of group '.*' has label \d; .*: join small groups, or use blind=False\."),
    ],
)
def test_a_thousand_groups_are_refused_where_no_answer_holds(name: str, line: str) -> None:
    with pytest.raises(EvenhandError, match=line):
        fitted(name, MANY)


def test_too_many_groups_to_guess_or_for_many_rows_are_refused() -> None:
    scores, groups = np.full((40_000, 2), 0.5), (np.arange(40_000) % 61).astype(str)
    labels, asked = np.arange(40_000) % 2, [Constraint.parse("demographic-parity:0.1")]
    with pytest.raises(DataError, match=r"40,000 rows x 61 groups are too many for LinearPost; use FairThresholds\."):
        fit_linear(scores, labels, groups, asked)
    with pytest.raises(DataError, match=r"61 groups are too many to guess at, 60 are allowed; join some"):
        fit_linear(scores[:122], labels[:122], groups[:122], asked, joint=np.full((122, 61, 2), 0.5 / 61))


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize(
    ("count", "line"), [(1, r"The labels hold only 1 class; two classes are needed\."), (0, "There are no rows to fit")]
)
def test_fewer_than_two_rows_are_refused(name: str, count: int, line: str) -> None:
    with pytest.raises(DataError, match=line):
        fitted(name, plain(count))


def test_one_prediction_stays_and_none_is_refused() -> None:
    rows = plain(1)
    assert np.allclose(answers("barycentre", rows), rows.features[:, 0])
    with pytest.raises(DataError, match=r"Predictions must be finite numbers, at least one"):
        fitted("barycentre", plain(0))


@pytest.mark.parametrize("base", [LogisticRegression(), GIVEN])
def test_two_rows_are_fitted_only_by_a_model_that_stands(base: Any) -> None:
    model = FairThresholds(base)
    rows = replace(plain(2), labels=np.array([0, 1]), features=np.array([[0.2, 0.0], [0.9, 0.0]]))
    if base is GIVEN:
        assert model.fit(rows.features, rows.labels).predict(rows.features).tolist() == [0, 1]
        return
    with pytest.raises(DataError, match=r"Class 0 has n_samples=1 and folds is 5: both must be 2 or more"):
        model.fit(rows.features, rows.labels)
    with pytest.raises(DataError, match=r"Class 'no' has n_samples=1"):
        model.fit(rows.features, np.array(["no", "yes"], object))


@pytest.mark.parametrize("name", [name for name in ALL if name != "blind"])  # its groups' model reads features itself
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_that_are_no_numbers_are_refused_at_fit_and_at_predict(name: str, value: float) -> None:
    odd = plain().with_score(value)
    with pytest.raises(DataError, match=r"finite numbers"):
        fitted(name, odd)
    with pytest.raises(DataError, match=r"Some scores are not finite numbers; leave those rows out, or mend the model"):
        fitted(name, plain()).predict(odd.features, facet=odd.facet)


@pytest.mark.parametrize("name", [name for name in ALL if name != "blind"])  # its groups' model refuses none
def test_no_rows_have_no_decisions(name: str) -> None:
    model: Callable[..., Any] = fitted(name, plain()).predict
    assert model(np.zeros((0, 2)), facet=np.zeros(0, object)).shape == (0,)


@pytest.mark.parametrize("weight", [np.zeros(4), np.array([1, -1, 1, 1]), np.array([1, np.nan, 1, 1])])
def test_weights_that_weigh_nothing_are_refused(weight: Any) -> None:
    scores, groups = np.array([0.1, 0.4, 0.6, 0.9]), np.array(["a", "b", "a", "b"])
    line = re.escape("Weights must be finite and not negative, and some above 0.")
    with pytest.raises(DataError, match=line):
        fit_barycentre(scores, groups, weight=weight)
    with pytest.raises(DataError, match=line):
        fit_linear(np.column_stack((1 - scores, scores)), np.array([0, 1, 0, 1]), groups, [], weight=weight)


def test_where_time_runs_out_the_line_names_no_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evenhand.mitigations.after.programme.SECONDS", 0.0)
    with pytest.raises(SpecError, match=r"keep demographic-parity:0\.1 \([^()]*\)\. Loosen a bound, or allow chance"):
        fitted("one threshold", plain(3000, 12))
