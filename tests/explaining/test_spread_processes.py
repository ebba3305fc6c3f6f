"""Explanations in bulk by several processes: trees read exactly, many rows, and a worker that dies."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from evenhand.core.errors import EvenhandError
from evenhand.core.moments import EVERYBODY
from evenhand.explaining import Request, explain, explained_reasons
from evenhand.explaining.bulk import run as bulk
from evenhand.sources import read
from evenhand.sources.processes import frame as processes
from tests.explaining.models import credit, table
from tests.explaining.spreads import values_in, written

COLUMNS = ["a", "b", "c", "d"]


class Dying:
    """`credit`, but the first worker that is asked dies: there is a file that only one of them can take away."""

    __name__ = "credit"

    def __init__(self, sign: Path, home: int) -> None:
        self.sign, self.home = sign, home

    def __call__(self, rows: pd.DataFrame) -> Any:
        if os.getpid() != self.home:
            try:
                self.sign.unlink()
            except FileNotFoundError:
                return credit(rows)
            os._exit(9)
        return credit(rows)


@pytest.mark.slow
def test_what_a_dead_worker_had_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "FEW", 100)
    monkeypatch.setattr(processes, "PART", 64)
    path, sign = written(table(200), tmp_path), tmp_path / "sign"
    sign.touch()
    settings: dict[str, Any] = {"baseline": "median", "budget": 40, "facets": ["city"]}
    found = explain(Dying(sign, os.getpid()), read(path, engine="processes:2"), **settings)
    whole = explain(credit, path, **settings)
    assert not sign.exists()
    lines = values_in(str(found.values))
    np.testing.assert_array_equal(lines["row"], whole.rows)
    for place, player in enumerate(whole.players):
        np.testing.assert_allclose(lines[player], whole.attributions[:, place, 0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.importance, whole.importance, rtol=1e-9, atol=1e-12)


def test_a_model_that_fails_in_a_worker_says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "FEW", 100)
    home = os.getpid()

    def failing(rows: pd.DataFrame) -> Any:
        if os.getpid() != home:
            raise RuntimeError("the disk is full")
        return rows["income"].to_numpy()

    frame = read(written(table(200), tmp_path), engine="processes:1")
    with pytest.raises(EvenhandError, match=r"^The model failing failed on a batch of .*the disk is full$"):
        explain(failing, frame, baseline="median", budget=40, out=tmp_path / "out")
    assert [each.name for each in tmp_path.iterdir()] == ["rows.parquet"]


@pytest.mark.slow
def test_trees_over_many_rows_are_read_exactly_and_told(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    data = pd.DataFrame(random.normal(size=(24_000, 4)), columns=COLUMNS)
    data["group"] = random.choice(np.array(["x", "y", None], object), len(data), p=[0.5, 0.45, 0.05])
    model = HistGradientBoostingClassifier(max_iter=15, max_depth=4)
    model.fit(data[COLUMNS], data["a"] * data["b"] + (data["group"] == "x") > 0.2)
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pandas(data, preserve_index=False), path)
    settings: dict[str, Any] = {
        "baseline": "kmeans:5", "features": COLUMNS, "facets": ["group"], "method": "tree", "link": "logit",
    }  # fmt: skip
    whole, theirs = explained_reasons(model, path, Request(**settings), curves=1)
    found, mine = explained_reasons(model, read(path, engine="processes:2"), Request(**settings), curves=1)
    assert found.making.explainer == whole.making.explainer == "tree" and found.making.gap < 1e-9
    lines = values_in(str(found.values))
    for place, player in enumerate(whole.players):
        np.testing.assert_allclose(lines[player], whole.attributions[:, place, 0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.importance, whole.importance, rtol=1e-9)
    assert not found.importance_errors.any()
    assert found.moments[EVERYBODY].rows == 24_000 and len(found) == 20_000
    assert mine.curves == theirs.curves
    for gap, other in zip(mine.gaps, theirs.gaps, strict=True):
        assert (gap.group, gap.player, gap.rows) == (other.group, other.player, other.rows)
        assert gap.value == pytest.approx(other.value, rel=1e-9, abs=1e-12)
    assert mine.summary[0].startswith("Means and differences are of all 24,000 rows; medians, clouds and single rows")


def test_workers_end_without_a_word(tmp_path: Path) -> None:
    """DuckDB, which a worker groups rows with, complains where an interpreter ends that has worked with it."""
    path = written(table(400), tmp_path)
    script = (
        "import evenhand as eh\n"
        "from evenhand.explaining.bulk import run\n"
        "run.FEW = 100\n"
        f"frame = eh.read({str(path)!r}, engine='processes:2')\n"
        "eh.explain(lambda rows: rows['income'] * rows['rate'], frame, features=['income', 'rate'], facets=['job'], budget=8)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
