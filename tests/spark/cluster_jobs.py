"""What drivers do in the tests of the cluster: jobs come in as lines of JSON, answers go out as files.

The same functions, called with no engine, are the single machine that the cluster is compared with.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

import evenhand as eh

TRAITS = tuple(f"trait {number}" for number in range(8))
FEATURES = ("age", "hours", "education", "gain", "tenure", *TRAITS)
OLDEST = 120
# Without the flip test, whose rows every engine samples in its own way.
METRICS = ("CI", "DPL", "CDDL", "KL", "KS", "DPPL", "DI", "DCA", "AD", "GE", "AUCD", "SD", "ECED", "GAP-ACC", "GAP-S")
AUDIT = eh.Audit(
    label="granted", positive=["yes"], facets=["sex", "region"], intersections=2, stratum="education", weight="weight",
    metrics=METRICS, features=FEATURES,
)  # fmt: skip
SCORED = AUDIT.model_copy(update={"score": "score"})


@dataclass(frozen=True)
class Slow:
    """A model that takes its time, and leaves a marker when it begins a call and when it has ended it."""

    marks: str | None = None
    seconds: float = 0.0

    def __call__(self, rows: Any) -> NDArray[np.float64]:
        """A score of each row."""
        self._mark("begun")
        table = nw.from_native(rows, eager_only=True)
        age, hours, education, gain, tenure, *traits = (table[name].to_numpy().astype(np.float64) for name in FEATURES)
        time.sleep(self.seconds * len(age))
        log_odds = 0.04 * (age - 40) + 0.05 * (hours - 38) * np.sign(education - 2.5) + 0.3 * gain - 0.002 * tenure**2
        log_odds += sum(0.2 * first * second for first, second in pairwise(traits))
        self._mark("ended")
        scores: NDArray[np.float64] = 1 / (1 + np.exp(-log_odds))
        return scores

    def _mark(self, what: str) -> None:
        if self.marks is not None:
            Path(self.marks, f"{os.getpid()} {time.time_ns()} {what}").touch()


def refusing(rows: Any) -> NDArray[np.float64]:
    """A model that raises at a row that only a worker asks it for: the oldest is the last."""
    ages = nw.from_native(rows, eager_only=True)["age"].to_numpy()
    if ages.max() == OLDEST:
        raise ValueError("nobody is that old")
    return np.full(len(ages), 0.5)


def write_table(folder: Path, rows: int, files: int) -> None:
    """A made table of people, in several Parquet files."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(5)
    sex, region = random.choice(["f", "m"], rows, p=[0.4, 0.6]), random.choice(["north", "south", "east"], rows)
    columns = {
        "age": np.append(random.integers(18, 90, rows - 1), OLDEST),
        "hours": random.normal(38, 9, rows),
        "education": random.integers(0, 5, rows),
        "gain": random.exponential(1.0, rows),
        "tenure": random.integers(0, 30, rows),
        **{trait: random.normal(size=rows) for trait in TRAITS},
    }
    score = np.round(random.beta(2, 3, rows), 6)
    granted = np.where(random.random(rows) < 0.3 + 0.1 * (sex == "m") + 0.2 * score, "yes", "no")
    table = pa.table(
        {
            **columns,
            "sex": pa.array(sex, mask=random.random(rows) < 0.01),
            "region": region,
            # Quarters add up alike in every order.
            "weight": random.integers(1, 9, rows) / 4,
            "score": pa.array(score, mask=random.random(rows) < 0.01),
            "granted": granted,
        }
    )
    folder.mkdir()
    for number, part in enumerate(np.array_split(np.arange(rows), files)):
        pq.write_table(table.slice(part[0], len(part)), folder / f"part-{number:03}.parquet", row_group_size=2_000)


def audit(table: str, engine: str | None, out: str | None) -> eh.Report:
    """The audit of the scores of a column."""
    return _kept(eh.run(SCORED, eh.read(table, engine=engine)), out)


def predict(
    table: str, engine: str | None, out: str | None, marks: str | None = None, seconds: float = 0.0
) -> eh.Report:
    """The audit of what a model predicts."""
    return _kept(eh.run(AUDIT, eh.read(table, engine=engine), Slow(marks, seconds)), out)


def explain(
    table: str, engine: str | None, out: str | None, marks: str | None = None, seconds: float = 0.0
) -> eh.Explanation:
    """Why the model predicts what it does."""
    return eh.explain(
        Slow(marks, seconds), eh.read(table, engine=engine), features=FEATURES, facets=["sex"],
        baseline="kmeans:2", budget=64, out=out,
    )  # fmt: skip


def refuse(table: str, engine: str | None, out: str | None) -> eh.Report:
    """The audit of a model that raises."""
    return _kept(eh.run(AUDIT, eh.read(table, engine=engine), refusing), out)


def _kept(report: eh.Report, out: str | None) -> eh.Report:
    if out is not None:
        Path(out).write_text(report.to_json())
    return report


JOBS: Mapping[str, Callable[..., object]] = {"audit": audit, "predict": predict, "explain": explain, "refuse": refuse}


def answer(job: dict[str, Any], engine: str) -> dict[str, Any]:
    """What comes of one job: nothing more than its files, or the line that it failed with."""
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is not None:
        session.conf.set("spark.sql.files.maxPartitionBytes", job["partition"])
    started = time.monotonic()
    try:
        JOBS[job["name"]](job["table"], engine, job["out"], **job["more"])
    except Exception as error:
        return {"error": type(error).__name__, "line": str(error)}
    return {"seconds": time.monotonic() - started}


def serve(engine: str) -> None:
    """Do the jobs that come in, one after another."""
    for line in sys.stdin:
        job = json.loads(line)
        unfinished = Path(job["answer"]).with_suffix(".unfinished")
        unfinished.write_text(json.dumps(answer(job, engine)))
        unfinished.rename(job["answer"])


if __name__ == "__main__":
    serve(sys.argv[1])
