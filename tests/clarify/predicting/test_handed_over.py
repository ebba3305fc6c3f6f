"""Models handed over: callables, estimators, functions by name, programs; and labels in the column's type."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from evenhand.clarify.outcomes import labels_like
from evenhand.clarify.predicting import predictor_of
from evenhand.core.errors import ModelError, SpecError
from tests.clarify.datasets.configs import config

ROWS = pd.DataFrame({"a": [1.0, -2.0, 0.5, 0.0], "b": [0.25, 0.5, -1.5, 2.0]})


def test_callables_answer_scores_labels_or_classes() -> None:
    def predicted(answer: Any, **keys: Any) -> list[Any]:
        predictor = predictor_of(config(**keys), model=lambda rows: np.asarray(answer)[: len(rows)])
        return list(predictor.predicted(ROWS).labels.tolist())

    assert predicted([0.2, 0.5, 0.7, 1.0]) == [0, 0, 1, 1]
    assert predicted([0.2, 0.5, 0.7, 1.0], probability_threshold=0.7) == [0, 0, 0, 1]
    assert predicted([3, 1, 2, 2]) == [3, 1, 2, 2]
    assert predicted(["x", "y", "x", "x"]) == ["x", "y", "x", "x"]
    assert predicted([[0.9, 0.1]] * 4, predictor={"label_headers": ["p", "q"]}) == ["p"] * 4
    assert predicted([12.5, 3.0, 4.0, 1.0]) == [12.5, 3.0, 4.0, 1.0]


@pytest.mark.parametrize("classes", [(0, 1), ("no", "yes"), ("a", "b", "c")])
def test_estimators_name_their_classes(classes: tuple[Any, ...]) -> None:
    random = np.random.default_rng(1)
    rows = pd.DataFrame(random.normal(size=(90, 2)), columns=["a", "b"])
    truth = np.array(classes)[np.digitize(rows["a"], [-0.4, 0.4][: len(classes) - 1])]
    model = LogisticRegression().fit(rows, truth)
    predictor = predictor_of(config(predictor={"model_name": "m"}), model=model)
    found = predictor.predicted(rows)
    assert found.labels.tolist() == model.predict(rows).tolist()
    assert predictor.values(rows).shape == (90, len(classes))
    assert np.allclose(predictor.values(rows), model.predict_proba(rows))


def test_a_function_by_name_is_imported_only_when_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scoring_here.py").write_text("def score(rows):\n    return (rows['a'] > 0).to_numpy() * 0.9\n")
    monkeypatch.chdir(tmp_path)
    found = predictor_of(config(), model="python:scoring_here:score").predicted(ROWS)
    assert found.labels.tolist() == [1, 0, 1, 0] and str(tmp_path) not in sys.path
    del sys.modules["scoring_here"]
    for wrong, error in (
        ("python:scoring_here", SpecError),
        ("python:nowhere_at_all:f", ModelError),
        ("python:json:f", ModelError),
    ):
        with pytest.raises(error):
            predictor_of(config(), model=wrong)


def test_a_program_is_asked(tmp_path: Path) -> None:
    program = tmp_path / "model.py"
    program.write_text(
        "import csv, sys\nfor row in csv.DictReader(sys.stdin):\n    print(0.9 if float(row['a']) > 0 else 0.1)\n"
    )
    found = predictor_of(config(), model=f"command: {sys.executable} {program}").predicted(ROWS)
    assert found.labels.tolist() == [1, 0, 1, 0] and found.scores == pytest.approx([0.9, 0.1, 0.9, 0.1])


def test_failures_are_told_in_one_line() -> None:
    def broken(_: Any) -> Any:
        raise RuntimeError("first\nsecond")

    for model in (broken, lambda rows: np.ones(len(rows) + 1), lambda rows: np.full(len(rows), np.nan)):
        with pytest.raises(ModelError) as told:
            predictor_of(config(), model=model).predicted(ROWS)
        assert "\n" not in str(told.value)
    with pytest.raises(ModelError, match="Could not convert string to float"):
        predictor_of(config(), model=lambda rows: np.array(["x"] * len(rows))).values(ROWS)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=20))
def test_whole_numbers_come_in_the_type_of_the_label_column(labels: list[int]) -> None:
    for column in (pd.Series([1, 0]), pd.Series([1.0, None]), pd.Series([str(label) for label in labels])):
        for given_as in (np.array(labels), np.array(labels, float), np.array([str(each) for each in labels], object)):
            read = labels_like(given_as, column)
            assert pd.Series(read.tolist()).dtype.kind == column.dtype.kind
            assert [float(value) for value in read] == labels


def test_ambiguous_labels_stay_as_they_are() -> None:
    assert labels_like(np.array([1, 0]), pd.Series(["yes", "no"])).tolist() == [1, 0]
    assert labels_like(np.array(["yes"], object), pd.Series([1, 0])).tolist() == ["yes"]
    assert labels_like(np.array([0.5]), pd.Series([1, 0])).tolist() == [0.5]
    assert labels_like(np.array(["True", "false"], object), pd.Series([True])).tolist() == [True, False]
    assert labels_like(np.array([1, 0]), pd.Series([True, False])).tolist() == [True, False]
    assert labels_like(np.array([2, 0]), pd.Series([True, False])).tolist() == [2, 0]
