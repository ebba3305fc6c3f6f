"""Estimators: scikit-learn's own and objects that look like them."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from evenhand.core.errors import ModelError
from evenhand.models import load_model


def test_a_pipeline_gives_labels_and_scores(people: pd.DataFrame, pipeline: Pipeline) -> None:
    loaded = load_model(pipeline)
    assert loaded.name == "Pipeline of LogisticRegression"
    assert loaded.features == ("hours", "trade")
    assert loaded.classes == ("no", "yes")
    answers = loaded.predict(people)
    given = people[["hours", "trade"]]
    assert answers["label"].tolist() == pipeline.predict(given).tolist()
    assert answers["score"].tolist() == pipeline.predict_proba(given)[:, 1].tolist()


def test_columns_are_selected_and_ordered(people: pd.DataFrame, pipeline: Pipeline) -> None:
    loaded = load_model(pipeline)
    wanted = loaded.predict(people)["score"].tolist()
    assert loaded.predict(people[["hired", "trade", "hours"]])["score"].tolist() == wanted
    assert loaded.predict(pl.from_pandas(people)).keys() == {"label", "score"}
    assert loaded.predict(pl.from_pandas(people).to_arrow())["score"].tolist() == wanted


def test_a_missing_column_is_named(people: pd.DataFrame, pipeline: Pipeline) -> None:
    with pytest.raises(ModelError, match=r"needs the column 'hours', which the rows lack\. Did you mean 'hour'\?"):
        load_model(pipeline).predict(people.rename(columns={"hours": "hour"}))


def test_three_classes_give_labels_only(people: pd.DataFrame) -> None:
    tree = DecisionTreeClassifier(max_depth=3).fit(people[["hours"]], people["trade"])
    loaded = load_model(tree)
    assert loaded.classes == ("baker", "clerk", "smith")
    assert loaded.predict(people).keys() == {"label"}


def test_without_probabilities_there_are_labels_only(people: pd.DataFrame) -> None:
    machine = LinearSVC().fit(people[["hours"]], people["hired"])
    answers = load_model(machine).predict(people)
    assert answers.keys() == {"label"}
    assert set(answers["label"].tolist()) <= {"yes", "no"}


def test_a_regressor_gives_values_even_from_zero_to_one(people: pd.DataFrame) -> None:
    model = LinearRegression().fit(people[["hours"]], people["hours"] / 1000)
    answers = load_model(model).predict(people)
    assert answers.keys() == {"label"}
    assert np.allclose(answers["label"], people["hours"] / 1000)


def test_an_estimator_that_learnt_from_an_array(people: pd.DataFrame) -> None:
    model = LogisticRegression().fit(people[["hours"]].to_numpy(), people["hired"])
    loaded = load_model(model)
    assert loaded.features is None
    assert len(loaded.predict(people[["hours"]])["score"]) == len(people)
    with pytest.raises(
        ModelError, match=r"LogisticRegression failed on a batch of 300 rows: ValueError: X has 2 features"
    ):
        loaded.predict(people[["hours", "hours"]].set_axis(["a", "b"], axis=1))


def test_an_unfitted_estimator_says_so(people: pd.DataFrame) -> None:
    with pytest.raises(ModelError, match="LogisticRegression failed on a batch of 300 rows: NotFittedError"):
        load_model(LogisticRegression()).predict(people[["hours"]])


def test_an_object_with_predict_alone(people: pd.DataFrame) -> None:
    class Booster:
        def predict(self, rows: Any) -> Any:
            return np.full(len(rows), 0.25)

    assert load_model(Booster()).predict(people[["hours"]])["score"].tolist() == [0.25] * 300


def test_flat_probabilities_are_refused(people: pd.DataFrame) -> None:
    class Flat:
        classes_ = np.array([0, 1])

        def predict(self, rows: Any) -> Any:
            return np.zeros(len(rows), int)

        def predict_proba(self, rows: Any) -> Any:
            return np.zeros(len(rows))

    with pytest.raises(ModelError, match="has predict_proba with one value a row; it must give one for each class"):
        load_model(Flat()).predict(people[["hours"]])
