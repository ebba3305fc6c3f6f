"""A model asked by many workers gives the tally, and the report, that one process gives."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

import evenhand as eh
from evenhand.core.errors import ModelError
from evenhand.flow import About, report_of, tally_of

ROWS = 3_000
FEATURES = ("age", "hours", "education")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(5)
    numbers = {name: random.normal(size=ROWS) for name in FEATURES}
    chance = 1 / (1 + np.exp(-numbers["age"] - numbers["hours"] * numbers["education"]))
    table = pa.table(
        {
            **numbers,
            "sex": np.array(["Female", "Male", None], object)[random.choice(3, ROWS, p=[0.45, 0.5, 0.05])],
            "race": random.choice(["a", "b", "c"], ROWS),
            "paid": (random.random(ROWS) < chance).astype(int),
            "worth": numbers["age"] * 3 + random.normal(size=ROWS),
            "household": random.integers(0, 400, ROWS),
        }
    )
    folder = tmp_path_factory.mktemp("people")
    for part in range(3):
        pq.write_table(table.slice(part * 1000, 1000), folder / f"part-{part}.parquet")
    return folder


@pytest.fixture(scope="module")
def classifier(people: Path) -> Any:
    table = pq.read_table(people).to_pandas()
    return HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(table[list(FEATURES)], table["paid"])


AUDIT = eh.Audit(
    label="paid", positive=(1,), facets=("sex", "race", "age@-1,1"), intersections=2, block="household",
    features=FEATURES, draws=100,
)  # fmt: skip


def same(first: eh.Report, second: eh.Report) -> None:
    assert first.provenance.fingerprint == second.provenance.fingerprint
    assert first.findings == second.findings
    assert first.missing == second.missing
    assert first.profiles == second.profiles


def test_two_processes_report_what_one_reports(people: Path, classifier: Any) -> None:
    alone = eh.run(AUDIT, people, classifier)
    same(eh.run(AUDIT, eh.read(people, engine="processes:2"), classifier), alone)
    assert {finding.metric for finding in alone.findings} >= {"DPPL", "AUCD", "FT"}


def test_quantities_are_counted_by_workers_too(people: Path) -> None:
    table = pq.read_table(people).to_pandas()
    model = HistGradientBoostingRegressor(max_iter=20).fit(table[list(FEATURES)], table["worth"])
    audit = eh.Audit(label="worth", outcome="regression", facets=("sex",), draws=100)
    spread = eh.read(people, engine="processes:2")
    for ours, theirs in zip(eh.run(audit, spread, model).findings, eh.run(audit, people, model).findings, strict=True):
        assert ours.value == pytest.approx(theirs.value, abs=1e-9)


def test_what_the_first_rows_settle_holds_for_all_parts(people: Path) -> None:
    audit = AUDIT.model_copy(update={"block": None})
    alone = eh.run(audit, people, _labels)
    same(eh.run(audit, eh.read(people, engine="processes:2"), _labels), alone)


def _labels(rows: Any) -> list[str]:
    return ["1" if hours > 0 else "0" for hours in rows["hours"]]


def test_a_model_that_fails_says_so_in_one_line(people: Path) -> None:
    here = os.getpid()

    def broken(rows: Any) -> Any:
        return np.zeros(len(rows), int) if os.getpid() == here else len(rows) / 0

    with pytest.raises(ModelError, match="The model broken failed on a batch of"):
        eh.run(AUDIT, eh.read(people, engine="processes:2"), broken)


def test_tallies_of_parts_report_what_the_whole_reports(people: Path, classifier: Any) -> None:
    whole = eh.run(AUDIT, people, classifier)
    parts = [tally_of(AUDIT, file, classifier) for file in sorted(people.glob("*.parquet"))]
    report = report_of(parts[0] + parts[1] + parts[2], About("three parts", tuple(eh.read(people).kinds)))
    kept = [finding for finding in whole.findings if finding.metric != "FT"]
    assert [finding.value for finding in report.findings] == [finding.value for finding in kept]
    assert report.provenance.fingerprint == whole.provenance.fingerprint
    assert report.missing == whole.missing
