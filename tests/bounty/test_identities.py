"""Identities: an id is the same person whether it was kept as a number, a float or text."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from evenhand.bounty.proving.holdout import HIDDEN, opened
from evenhand.bounty.proving.opening import Opening, opened_in
from evenhand.models.leaf_tables import identity_texts

KINDS: tuple[Literal["int64", "float64", "string"], ...] = ("int64", "float64", "string")


def numbered(kind: Literal["int64", "float64", "string"]) -> pd.DataFrame:
    numbers = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"id": np.arange(1, 1001), "x": numbers.integers(9, size=1000), "y": numbers.integers(2, size=1000)}
    )
    return rows.assign(said=1 - rows["y"], id=rows["id"].astype(kind))


def fields(folder: Path) -> list[Any]:
    holdout = opened(folder)[1]
    return [each.tolist() for each in (holdout.ids, holdout.part, holdout.labels, holdout.base)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_bounty_knows_ids_of_each_kind_as_the_same_texts(
    tmp_path: Path, kind: Literal["int64", "float64", "string"]
) -> None:
    rules = {"seed": 3}
    opened_in(
        tmp_path / "texts", Opening("b", numbered("string"), "y", predicted=("said",), identity="id", rules=rules)
    )
    opened_in(tmp_path / "other", Opening("b", numbered(kind), "y", predicted=("said",), identity="id", rules=rules))
    expected = fields(tmp_path / "texts")
    assert set(expected[0]) == {str(place) for place in range(1, 1001)}
    assert fields(tmp_path / "other") == expected
    # A hidden file that another program wrote again, with numbers for texts.
    table = parquet.read_table(tmp_path / "other" / HIDDEN)
    again = table.set_column(0, "id", table["id"].cast(pa.int64()).cast(getattr(pa, kind)()))
    parquet.write_table(again, tmp_path / "other" / HIDDEN)
    assert fields(tmp_path / "other") == expected


def test_texts_of_ids() -> None:
    for values in (
        np.array([1, 20]),
        np.array([1.0, 20.0]),
        np.array(["1", "20"], object),
        np.array([1, 20.0], object),
    ):
        assert identity_texts(values) == ["1", "20"]
    assert identity_texts(np.array([1.5, "1.0"], object)) == ["1.5", "1.0"]
