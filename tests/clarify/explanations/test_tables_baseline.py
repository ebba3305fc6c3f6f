"""Baselines of a configuration: the same rows, however they are given, are the same baseline."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evenhand.baselines import make_baseline
from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.explanations.baseline import prepared
from evenhand.core.errors import EvenhandError

ROWS = pd.DataFrame({"age": [20, 30, 40], "pay": [1.5, 2.5, 3.5], "city": ["Bonn", "Köln", "Bonn"]})
GIVEN: list[list[Any]] = [[25, 2.0, "Bonn"], [35, 3.0, "Essen"]]
NAMED = [dict(zip(ROWS.columns, row, strict=True)) for row in GIVEN]


def made(baseline: Any, **more: Any) -> pd.DataFrame:
    """The rows that stand for absence."""
    shap = {"baseline": baseline} | more.pop("shap", {})
    config = AnalysisConfig.model_validate({"dataset_type": "text/csv", "methods": {"shap": shap}} | more)
    assert config.methods.shap is not None
    found = prepared(config, config.methods.shap, ROWS)
    rows = make_baseline(found.baseline, found.rows).rows
    assert isinstance(rows, pd.DataFrame)
    return rows


WAYS: dict[str, Any] = {
    "lists": GIVEN,
    "objects": NAMED,
    "objects in another order": [dict(reversed(row.items())) for row in NAMED],
    "features": [{"features": row} for row in GIVEN],
    "one object of features": {"features": GIVEN},
    "columns": {name: [row[name] for row in NAMED] for name in ROWS.columns},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_rows_gives_the_same_baseline(way: str) -> None:
    pd.testing.assert_frame_equal(made(WAYS[way]), pd.DataFrame(NAMED), check_dtype=False)


def test_a_single_row_may_stand_alone() -> None:
    for alone in (GIVEN[0], NAMED[0], {"features": GIVEN[0]}):
        pd.testing.assert_frame_equal(made(alone), pd.DataFrame(NAMED[:1]), check_dtype=False)


def test_a_document_is_read_by_the_path_of_the_features() -> None:
    document = {"instances": [{"x": row} for row in GIVEN]}
    pd.testing.assert_frame_equal(made(document, features="instances[*].x"), pd.DataFrame(NAMED), check_dtype=False)


FILES: dict[str, Callable[[Path], object]] = {
    "plain.csv": lambda path: pd.DataFrame(NAMED).to_csv(path, index=False, header=False),
    "headed.csv": lambda path: pd.DataFrame(NAMED).assign(more=1).to_csv(path, index=False),
    "rows.json": lambda path: path.write_text(json.dumps(GIVEN, indent=1)),
    "rows.jsonl": lambda path: path.write_text("\n".join(json.dumps({"features": row}) for row in GIVEN)),
    "rows.parquet": lambda path: pd.DataFrame(NAMED).to_parquet(path),
    "nameless": lambda path: pd.DataFrame(NAMED).to_csv(path, index=False, header=False),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_rows_in_every_format(name: str, tmp_path: Path) -> None:
    FILES[name](tmp_path / name)
    pd.testing.assert_frame_equal(made(str(tmp_path / name)), pd.DataFrame(NAMED), check_dtype=False)


def test_a_mean_of_whole_numbers_is_a_baseline_too() -> None:
    found = made([[27.5, 2.0, "Bonn"]])
    assert found["age"].tolist() == [27.5]


def test_clusters_by_number_or_as_many_as_fit() -> None:
    assert len(made(None, shap={"num_clusters": 2})) == 2
    assert 1 <= len(made(None)) <= 3
    assert len(made("sample:2")) == 2


@pytest.mark.parametrize(
    ("baseline", "line"),
    [
        ([[1, 2]], "Row 0 of the baseline has 2 values and there are 3 features"),
        ([], "The baseline has no rows"),
        ([{"age": 1, "pay": 2}], "The baseline lacks the column 'city'"),
        ([NAMED[0], {"age": 1}], "Row 1 of the baseline has other features than row 0"),
        ([["old", 2, "Bonn"]], "The baseline has 'old' in the column 'age', which holds numbers"),
    ],
)
def test_rows_that_do_not_fit_are_refused_in_one_line(baseline: Any, line: str) -> None:
    with pytest.raises(EvenhandError, match=line) as error:
        made(baseline)
    assert "\n" not in str(error.value)


def test_rows_and_clusters_exclude_each_other() -> None:
    with pytest.raises(EvenhandError, match="shap has both baseline and num_clusters; give one of them"):
        made(GIVEN, shap={"num_clusters": 3})
