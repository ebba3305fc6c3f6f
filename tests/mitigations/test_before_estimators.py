"""Mitigations before training keep scikit-learn's promises: its checks, Pipelines, searches, metadata, frames."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from evenhand.core.errors import ColumnNotFound, DataError, SpecError
from evenhand.mitigations.before.correlation import CorrelationRemover
from evenhand.mitigations.before.massaging import Massaged
from evenhand.mitigations.before.quantile_repair import QuantileRepair
from evenhand.mitigations.before.reweighing import Reweighed
from evenhand.mitigations.before.sampling import Resampled

WRAPPERS = [Reweighed, Massaged, Resampled]


@parametrize_with_checks(
    [
        Reweighed(LogisticRegression()),
        Massaged(LogisticRegression()),
        Resampled(LogisticRegression()),
        Resampled(LogisticRegression(), scheme="preferential"),
        QuantileRepair(),
        QuantileRepair(common="barycentre", amount=0.5),
        CorrelationRemover(),
    ]
)  # type: ignore[untyped-decorator]
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.fixture
def routing() -> Iterator[None]:
    with config_context(enable_metadata_routing=True):
        yield


def loans(rows: int = 400, seed: int = 0) -> tuple[np.ndarray[Any, Any], ...]:
    """Features, labels and a facet, on which both depend."""
    random = np.random.default_rng(seed)
    facet = random.choice(["a", "b", "c"], rows, p=[0.5, 0.3, 0.2])
    features = random.normal(size=(rows, 3)) + (facet == "a")[:, None] * [0.3, 2.0, 1.0]
    labels = (features[:, 0] + (facet == "a") + random.normal(size=rows) > 0.8).astype(int)
    return features, labels, facet


def gap(estimator: Any, rows: Any, facet: Any) -> float:
    decided = estimator.predict(rows)
    return float(np.ptp([decided[facet == name].mean() for name in np.unique(facet)]))


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        GaussianNB(),
        DecisionTreeClassifier(max_depth=3),
        RandomForestClassifier(20, max_depth=4, random_state=0),
        GradientBoostingClassifier(n_estimators=20),
        make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), LogisticRegression())),
        GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.1, 1]}, cv=3),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_any_estimator_selects_more_alike(wrapper: Any, model: Any) -> None:
    rows, labels, facet = loans(1000)
    plain = gap(clone(model).fit(rows, labels), rows, facet)
    mended = wrapper(model).fit(rows, labels, facet=facet)
    assert gap(mended, rows, facet) < 0.85 * plain
    assert mended.predict_proba(rows).shape == (1000, 2)
    half = wrapper(model, amount=0.0).fit(rows, labels, facet=facet)
    assert np.array_equal(half.predict(rows), clone(model).fit(rows, labels).predict(rows))


def test_an_estimator_without_weights_is_sent_to_sampling() -> None:
    rows, labels, facet = loans()
    with pytest.raises(SpecError, match="KNeighborsClassifier takes no weights; use Resampled, which draws rows"):
        Reweighed(KNeighborsClassifier()).fit(rows, labels, facet=facet)
    plain = gap(KNeighborsClassifier().fit(rows, labels), rows, facet)
    assert gap(Resampled(KNeighborsClassifier()).fit(rows, labels, facet=facet), rows, facet) < plain


def test_an_estimator_without_scores_cannot_rank() -> None:
    rows, labels, facet = loans()

    class Mute(DecisionTreeClassifier):  # type: ignore[misc]
        predict_proba = property()

    with pytest.raises(SpecError, match="Mute gives no scores to rank rows by; give ranker=LogisticRegression"):
        Massaged(Mute()).fit(rows, labels, facet=facet)
    assert Massaged(Mute(), ranker=GaussianNB()).fit(rows, labels, facet=facet).result_.flips > 0


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_labels_of_any_kind_and_frames(wrapper: Any) -> None:
    rows, labels, facet = loans()
    texts = np.where(labels == 1, "yes", "no")
    expected = wrapper(LogisticRegression()).fit(rows, labels, facet=facet).predict(rows)
    for table in (pd.DataFrame(rows, columns=list("xyz")), pl.DataFrame(rows, schema=list("xyz"))):
        found = wrapper(LogisticRegression()).fit(table, texts, facet=facet)
        assert found.classes_.tolist() == ["no", "yes"]
        assert np.array_equal(found.predict(table, facet=facet, ids=range(400)) == "yes", expected == 1)


def test_frames_reach_the_estimator_as_they_came() -> None:
    rows, labels, facet = loans()
    table = pd.DataFrame(rows, columns=list("xyz")).assign(job=np.where(rows[:, 1] > 0, "clerk", "smith"))
    model = make_pipeline(make_column_transformer((OneHotEncoder(), ["job"]), remainder="passthrough"), GaussianNB())
    for wrapper in WRAPPERS:
        assert wrapper(model).fit(table, labels, facet=facet).predict(table).shape == (400,)


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_facets_reach_a_wrapper_through_pipelines_and_searches(wrapper: Any) -> None:
    rows, labels, facet = loans()
    model = wrapper(LogisticRegression()).set_fit_request(facet=True, sample_weight=False)
    pipeline = Pipeline([("scale", StandardScaler()), ("model", model)])
    alone = wrapper(LogisticRegression()).fit(StandardScaler().fit_transform(rows), labels, facet=facet)
    assert np.array_equal(pipeline.fit(rows, labels, facet=facet).predict(rows), alone.predict(StandardScaler().fit_transform(rows)))  # fmt: skip
    search = GridSearchCV(pipeline, {"model__amount": [0.0, 1.0]}, cv=3).fit(rows, labels, facet=facet)
    assert search.cv_results_["params"] == [{"model__amount": 0.0}, {"model__amount": 1.0}]
    # Folds come with their part of the facet, and the amount makes a difference.
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] != scores[1]


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("repair", [QuantileRepair, CorrelationRemover])
def test_facets_reach_a_transformer_through_a_pipeline(repair: Any) -> None:
    rows, labels, facet = loans(1000)
    step = repair().set_fit_request(facet=True, sample_weight=False).set_transform_request(facet=True)
    pipeline = Pipeline([("repair", step), ("model", LogisticRegression())]).fit(rows, labels, facet=facet)
    decided = pipeline.predict(rows, facet=facet)
    rates = [decided[facet == name].mean() for name in "abc"]
    assert np.ptp(rates) < 0.5 * gap(LogisticRegression().fit(rows, labels), rows, facet)
    search = GridSearchCV(pipeline, {"repair__amount": [0.0, 1.0]}, cv=3).fit(rows, labels, facet=facet)
    assert search.best_params_ == {"repair__amount": 0.0}, "labels depend on the facet, so leaving it is more accurate"


@pytest.mark.usefixtures("routing")
def test_weights_are_requested_inside_too() -> None:
    rows, labels, facet = loans()
    inner = make_pipeline(StandardScaler(), LogisticRegression())
    found = Reweighed(inner).fit(rows, labels, facet=facet)
    with config_context(enable_metadata_routing=False):
        expected = Reweighed(inner).fit(rows, labels, facet=facet)
    assert np.array_equal(found.predict_proba(rows), expected.predict_proba(rows))


@pytest.mark.parametrize("repair", [QuantileRepair, CorrelationRemover])
def test_repairs_keep_the_table_and_its_other_columns(repair: Any) -> None:
    rows, _, facet = loans()
    whole = np.arange(400)
    texts = ["k"] * 400
    content = {"x": rows[:, 0], "n": whole, "text": texts, "old": rows[:, 1] > 0, "z": rows[:, 2]}
    tables: list[Any] = [pd.DataFrame(content), pl.DataFrame(content)]
    for table in tables:
        before = table.clone() if isinstance(table, pl.DataFrame) else table.copy()
        step = repair().fit(table, facet=facet)
        found = step.transform(table, facet=facet)
        assert type(found) is type(table)
        assert list(found.columns) == list(content)
        assert step.columns_ == ("x", "n", "z")
        assert found["text"].to_list() == texts
        assert found["old"].to_list() == (rows[:, 1] > 0).tolist()
        numbers = np.column_stack([rows[:, 0], whole, rows[:, 2]])
        expected = repair().fit_transform(numbers, facet=facet)
        assert np.array_equal(np.column_stack([found[name].to_numpy() for name in ("x", "n", "z")]), expected)
        assert table.equals(before), "what was handed in stays as it was"
        named = repair(columns=["z"]).fit(table, facet=facet).transform(table, facet=facet)
        assert np.array_equal(named["x"].to_numpy(), rows[:, 0])
        assert not np.array_equal(named["z"].to_numpy(), rows[:, 2])


@pytest.mark.parametrize("repair", [QuantileRepair, CorrelationRemover])
def test_repairs_of_nullable_and_decimal_columns(repair: Any) -> None:
    facet = ["a", "b"] * 4
    values: list[int | None] = [1, 5, None, 6, 3, 7, 4, None]
    expected = repair().fit_transform(np.array([[np.nan if v is None else v] for v in values]), facet=facet)[:, 0]
    tables = [
        pd.DataFrame({"x": pd.array(values, "Int64")}),
        pl.DataFrame({"x": values}),
        pl.DataFrame({"x": values}, schema={"x": pl.Decimal(10, 2)}),
    ]
    for table in tables:
        assert np.array_equal(repair().fit_transform(table, facet=facet)["x"].to_numpy(), expected, equal_nan=True)


@pytest.mark.parametrize("repair", [QuantileRepair, CorrelationRemover])
def test_repairs_say_what_is_wrong(repair: Any) -> None:
    rows, _, facet = loans(20)
    table = pd.DataFrame(rows, columns=list("xyz")).assign(text="k")
    with pytest.raises(ColumnNotFound, match="No column 'w' in the data"):
        repair(columns=["w"]).fit(table, facet=facet)
    with pytest.raises(DataError, match="Column 'text' is not numeric; name numeric columns"):
        repair(columns=["text"]).fit(table, facet=facet)
    with pytest.raises(DataError, match="No column is numeric, so there is nothing to repair"):
        repair().fit(table[["text"]], facet=facet)
    with pytest.raises(DataError, match="Column 'x' holds infinite values; make them finite or missing"):
        repair().fit(table.assign(x=np.inf), facet=facet)
    with pytest.raises(DataError, match="There are no rows to repair"):
        repair().fit(table[:0], facet=[])
    with pytest.raises(SpecError, match=r"amount is 1.5; it must lie between 0 \(change nothing\) and 1"):
        repair(amount=1.5).fit(table, facet=facet)
    with pytest.raises(DataError, match="was fitted with a facet; give facet= to transform too"):
        repair().fit(table, facet=facet).transform(table)
    with pytest.raises(DataError, match=r"facet has shape \(19,\) for 20 rows"):
        repair().fit(table, facet=facet[:19])


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrappers_say_what_is_wrong(wrapper: Any) -> None:
    rows, labels, facet = loans(20)
    with pytest.raises(SpecError, match=r"amount is -1; it must lie between 0"):
        wrapper(LogisticRegression(), amount=-1).fit(rows, labels, facet=facet)
    with pytest.raises(DataError, match=r"facet has shape \(19,\) for 20 rows"):
        wrapper(LogisticRegression()).fit(rows, labels, facet=facet[:19])


def test_wrong_words_are_answered() -> None:
    rows, labels, facet = loans(50)
    with pytest.raises(SpecError, match=r"towards is 'overal'\. Did you mean 'overall'\?"):
        Massaged(LogisticRegression(), towards="overal").fit(rows, labels, facet=facet)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"scheme is 'best'\. There are: 'uniform', 'preferential'"):
        Resampled(LogisticRegression(), scheme="best").fit(rows, labels, facet=facet)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"common is 'mean'\. Did you mean 'median'\?"):
        QuantileRepair(common="mean").fit(rows, facet=facet)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="positive is 'yes', which is no label; the labels are 0, 1"):
        Massaged(LogisticRegression(), positive="yes").fit(rows, labels, facet=facet)
    with pytest.raises(DataError, match="numbers names facet 3; there are 1 facets, counted from 0"):
        CorrelationRemover(numbers=[3]).fit(rows, facet=facet)
    with pytest.raises(DataError, match="A facet that is taken as a number holds something else"):
        CorrelationRemover(numbers=[0]).fit(rows, facet=facet)
    with pytest.raises(DataError, match="There are 2 facets where 1 were fitted"):
        CorrelationRemover().fit(rows, facet=facet).transform(rows, facet=np.column_stack([facet, facet]))


@pytest.mark.parametrize("scheme", ["massaged", "preferential"])
def test_three_classes_are_too_many_where_there_is_a_boundary(scheme: str) -> None:
    rows, labels, facet = loans(60)
    labels = labels + (rows[:, 1] > 1)
    model = Massaged(GaussianNB()) if scheme == "massaged" else Resampled(GaussianNB(), scheme="preferential")
    with pytest.raises(DataError, match="Only binary classification is supported"):
        model.fit(rows, labels, facet=facet)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_class_alone_changes_nothing(wrapper: Any) -> None:
    rows, _, facet = loans(30)
    found = wrapper(GaussianNB()).fit(rows, np.ones(30), facet=facet)
    assert (found.predict(rows) == 1).all()


def test_repaired_frames_can_be_asked_for() -> None:
    rows, _, facet = loans(30)
    found = CorrelationRemover().set_output(transform="pandas").fit_transform(rows, facet=facet)
    assert list(found.columns) == ["x0", "x1", "x2"]
