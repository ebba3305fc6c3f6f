"""Predictions recorded beside the data are joined by an id, and what finds no partner is told."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evenhand.core.errors import ColumnNotFound, DataError
from evenhand.core.frame import Frame
from evenhand.sources import attach, join_predictions, read
from tests.sources.source_makers import DATABASES, write_csv

PEOPLE: dict[str, list[Any]] = {"id": list(range(50)), "sex": ["F", "M"] * 25}
GUESSES: dict[str, list[Any]] = {"id": [*range(40, 2, -1), 99], "guess": [place % 2 for place in range(39)]}


def _wanted() -> list[int | None]:
    guesses = dict(zip(GUESSES["id"], GUESSES["guess"], strict=True))
    return [guesses.get(place) for place in PEOPLE["id"]]


def _check(frame: Frame) -> None:
    assert list(frame.kinds) == ["id", "sex", "guess"]
    rows = frame.rows({name: frame.expressions.column(name) for name in frame.kinds}, 1000, 0)
    found = sorted(
        zip(map(int, rows["id"]), rows["sex"], (None if g != g else int(g) for g in rows["guess"]), strict=True)
    )
    assert [guess for _, _, guess in found] == _wanted()
    assert [sex for _, sex, _ in found] == PEOPLE["sex"]
    assert "12 of 50 rows have no prediction with their 'id'." in frame.notes
    assert "1 predictions belong to no row of the data and are left out." in frame.notes
    assert sum(len(batch) for batch in frame.batches(["guess", "sex"], 20)) == 50
    sampled = frame.rows({"id": frame.expressions.column("id")}, 10, 5)["id"]
    assert sampled.tolist() == sorted(sampled.tolist())
    assert sampled.tolist() == frame.rows({"id": frame.expressions.column("id")}, 10, 5)["id"].tolist()


def test_two_files(tmp_path: Path) -> None:
    people, guesses = write_csv(PEOPLE, tmp_path / "people.csv"), write_csv(GUESSES, tmp_path / "guesses.csv")
    _check(join_predictions(read(people), read(guesses), "id"))


def test_a_table_in_memory_and_a_file(tmp_path: Path) -> None:
    guesses = read(write_csv(GUESSES, tmp_path / "guesses.csv"))
    _check(join_predictions(read(pd.DataFrame(PEOPLE)), guesses, "id"))
    _check(join_predictions(DATABASES["sqlite table"](PEOPLE, tmp_path), guesses, "id"))


def test_text_ids_find_numbers() -> None:
    texts = {**GUESSES, "id": [str(each) for each in GUESSES["id"]]}
    _check(join_predictions(read(PEOPLE), read(texts), "id"))


def test_what_cannot_be_joined() -> None:
    with pytest.raises(
        DataError, match=r"The predictions .* have 'id' 4 more than once; keep one prediction for each\."
    ):
        join_predictions(read(PEOPLE), read({"id": [5, 4, 4], "guess": [1, 2, 3]}), "id")
    with pytest.raises(ColumnNotFound, match=r"No column 'idd' in the data\. Did you mean 'id'"):
        join_predictions(read(PEOPLE), read(GUESSES), "idd")
    with pytest.raises(DataError, match="The data and the predictions both have a column 'sex'; rename it"):
        join_predictions(read(PEOPLE), read({"id": [1], "sex": ["F"]}), "id")


def test_a_thousand_ids_in_another_order_keep_their_places() -> None:
    ids = list(range(5000))
    joined = join_predictions(read({"id": ids}), read({"id": ids[::-1][:20], "guess": ids[:20]}), "id")
    rows = joined.rows({"id": joined.expressions.column("id")}, 500, 1)["id"].tolist()
    assert rows == read({"id": ids}).rows({"id": joined.expressions.column("id")}, 500, 1)["id"].tolist()


def test_predictions_are_attached_to_a_batch() -> None:
    batch = pd.DataFrame({"a": [1, 2], "label": ["x", "y"]})
    frame = attach(batch, {"label": pd.Series([0, 1]).to_numpy(), "score": pd.Series([0.25, 0.5]).to_numpy()})
    assert frame.kinds == {"a": "number", "label": "number", "score": "number"}
    with pytest.raises(DataError, match=r"The new column 'score' has 1 values for 2 rows; give one a row\."):
        attach(batch, {"score": pd.Series([0.25]).to_numpy()})
