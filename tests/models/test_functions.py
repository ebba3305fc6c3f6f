"""Callables: labels, scores and probabilities in every form that a function may answer in."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from evenhand.core.errors import ModelError
from evenhand.core.model import Model
from evenhand.models import LoadedModel, load_model

ROWS = pd.DataFrame({"a": [1.0, 2.0, 3.0]})


def ask(answer: Any, **options: Any) -> dict[str, Any]:
    def model(_: Any) -> Any:
        return answer

    return {kind: values.tolist() for kind, values in load_model(model, **options).predict(ROWS).items()}


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (["yes", "no", "yes"], {"label": ["yes", "no", "yes"]}),
        (np.array(["yes", "no", "no"]), {"label": ["yes", "no", "no"]}),
        (np.array([1, 0, 1]), {"label": [1, 0, 1]}),
        (np.array([True, False, True]), {"label": [True, False, True]}),
        (np.array([0.1, 0.5, 1.0]), {"score": [0.1, 0.5, 1.0]}),
        (np.array([0.0, 1.0, 1.0]), {"score": [0.0, 1.0, 1.0]}),
        (np.array([[0.1], [0.5], [1.0]]), {"score": [0.1, 0.5, 1.0]}),
        (np.array([12.5, -3.0, 0.5]), {"label": [12.5, -3.0, 0.5]}),
        (pd.Series(["x", "y", "z"]), {"label": ["x", "y", "z"]}),
        (pl.Series([0.25, 0.5, 0.75]), {"score": [0.25, 0.5, 0.75]}),
        (np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]]), {"score": [0.1, 0.5, 0.8]}),
        (pd.DataFrame({"no": [0.9, 0.5, 0.2], "yes": [0.1, 0.5, 0.8]}), {"score": [0.1, 0.5, 0.8]}),
    ],
)
def test_answers(answer: Any, wanted: dict[str, Any]) -> None:
    assert ask(answer) == wanted


def test_classes_name_the_columns_of_probabilities() -> None:
    two = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
    assert ask(two, classes=["no", "yes"]) == {"score": [0.1, 0.6, 0.8], "label": ["no", "yes", "yes"]}
    three = np.array([[0.9, 0.1, 0.0], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6]])
    assert ask(three, classes=["a", "b", "c"]) == {"label": ["a", "b", "c"]}


def test_a_little_rounding_is_clipped() -> None:
    assert load_model(lambda _: np.array([[0.5, 0.5], [0.0, 1.000001], [1, 0.0]])).predict(ROWS)["score"][1] == 1.0


@pytest.mark.parametrize(
    ("answer", "options", "message"),
    [
        ([1, 0], {}, r"The model model answered 2 for 3 rows; it must give one label a row\."),
        (np.array([0.1, np.nan, 0.3]), {}, r"The model model gave no score \(NaN or None\) for 1 of 3 rows\."),
        (["a", None, "b"], {}, r"The model model gave no label \(NaN or None\) for 1 of 3 rows\."),
        (np.zeros((3, 2, 2)), {}, r"The model model answered 3 × 2 × 2; give one value a row"),
        (0.5, {}, r"The model model answered one value; give one value a row"),
        ([[1, 2], [1], [2]], {}, r"The model model answered rows of different lengths; give one value a row\."),
        (np.array([[-2.0, 3.0]] * 3), {}, r"gave scores from 0 to 3; a score lies between 0 and 1\."),
        (
            np.zeros((3, 4)),
            {},
            r"gave 4 probabilities a row and names no classes; return labels instead, or pass classes=",
        ),
        (np.zeros((3, 2)), {"classes": ["a"]}, r"gave 2 probabilities a row for the classes \['a'\]\."),
        (None, {}, r"The model model answered one value"),
    ],
)
def test_answers_that_do_not_fit(answer: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        ask(answer, **options)
    assert "\n" not in str(caught.value)


def test_the_first_answer_settles_whether_floats_are_scores() -> None:
    answers = iter([np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.2, 3.0])])
    model = load_model(lambda _: next(answers))
    assert "score" in model.predict(ROWS)
    with pytest.raises(ModelError, match="gave scores from 0 to 3; a score lies between 0 and 1"):
        model.predict(ROWS)


def test_an_exception_inside_is_told_in_one_line() -> None:
    def broken(_: Any) -> Any:
        raise KeyError("no such\ncolumn")

    with pytest.raises(
        ModelError, match=r"^The model broken failed on a batch of 3 rows: KeyError: 'no such"
    ) as caught:
        load_model(broken).predict(ROWS)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, KeyError)


def test_names_and_loading_twice() -> None:
    class Scorer:
        def __call__(self, rows: Any) -> Any:
            return np.zeros(len(rows))

    model: Model = Scorer()
    loaded = load_model(model)
    assert (loaded.name, loaded.features, loaded.classes) == ("Scorer", None, None)
    assert isinstance(loaded, LoadedModel)
    assert load_model(loaded) is loaded
    reader: Callable[[Any], Any] = len
    assert load_model(reader).name == "len"


def test_what_is_no_model() -> None:
    with pytest.raises(ModelError, match=r"A dict is no model; give a function of rows, an estimator with predict"):
        load_model({})
