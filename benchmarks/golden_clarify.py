"""Writes tests/clarify/bias/golden/*.json.gz: what smclarify 0.5 answers; run it in smclarify's environment.

    benchmarks/.environments/smclarify/bin/python benchmarks/golden_clarify.py

Five real tables (in $EVENHAND_SHARED_DATA, else ../shared/data beside the repository) and the thousand of
tests/clarify/bias/tables.py. Only answers are written: for each group the values in the order of the report, or the
texts of errors. `--speed` times a
million rows instead.
"""

import gzip
import json
import logging
import os
import random
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
from smclarify.bias.report import (
    FacetColumn,
    LabelColumn,
    StageType,
    bias_basic_stats,
    bias_report,
    label_value_or_threshold,
    model_performance_report,
)

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("EVENHAND_SHARED_DATA", ROOT.parent / "shared" / "data"))
GOLDEN = ROOT / "tests" / "clarify" / "bias" / "golden"
sys.path.insert(0, str(ROOT))

from tests.clarify.bias.tables import GENERATED, REAL, Real, drawn  # noqa: E402

Answer = dict[str, Any]


def asked(
    frame: pd.DataFrame, label: str, wanted: list[Any], facet: str, values: list[Any] | None, stratum: str | None
) -> Answer:
    """Both stages of one facet, or the text with which a whole report fails."""
    found: Answer = {}
    group = frame[stratum] if stratum else None
    for stage in (StageType.PRE_TRAINING, StageType.POST_TRAINING):
        predicted = LabelColumn("predicted", frame["predicted"])
        try:
            reports = bias_report(
                frame.drop(columns="predicted") if stage == StageType.PRE_TRAINING else frame,
                FacetColumn(facet, list(values) if values is not None else None),
                LabelColumn(label, frame[label], list(wanted)), stage,
                predicted if stage == StageType.POST_TRAINING else None, group_variable=group,
            )  # fmt: skip
            found[stage.value] = [[each["value_or_threshold"], *map(_short, each["metrics"])] for each in reports]
            found["label"] = label_value_or_threshold(frame[label], list(wanted))
        except Exception as error:
            found[stage.value] = str(error)
    return found


def _short(metric: Answer) -> Any:
    if "error" in metric:
        return {"error": metric["error"]}
    value = metric["value"]
    return value if isinstance(value, str) else float(f"{value:.11g}")


def of_seed(seed: int) -> Answer:
    """The answers for one generated table."""
    case = drawn(seed)
    return asked(case.frame(), "label", case.label, "facet", case.facet, "stratum" if case.stratified else None)


def of_table(table: Real) -> Answer:
    """The answers for one real table, and the companion statistics of its first facet."""
    frame = table.frame(pd.read_csv(DATA / table.file))
    found: Answer = {}
    for facet, values in table.facets:
        listed = list(values) if values is not None else None
        found[facet] = asked(frame, table.label, list(table.values), facet, listed, table.stratum)
    label, predicted = LabelColumn(table.label, frame[table.label], list(table.values)), frame["predicted"]
    first, values = table.facets[0]
    column = FacetColumn(first, list(values) if values is not None else None)
    found["statistics"] = bias_basic_stats(
        frame, column, label, StageType.POST_TRAINING, LabelColumn("predicted", predicted)
    )
    found["performance"] = model_performance_report(frame, label, LabelColumn("predicted", predicted))
    return found


def speed(rows: int = 1_000_000) -> None:
    """Time smclarify on the table that tests/clarify/bias/test_speed.py times here."""
    chance = random.Random(0)  # noqa: S311
    frame = pd.DataFrame(
        {
            "label": [chance.randint(0, 1) for _ in range(rows)],
            "predicted": [chance.randint(0, 1) for _ in range(rows)],
            "facet": [chance.choice(("f", "m", "x")) for _ in range(rows)],
            "stratum": [chance.choice("abcdef") for _ in range(rows)],
        }
    )
    label, predicted = LabelColumn("label", frame["label"], [1]), LabelColumn("predicted", frame["predicted"])
    codes = ["DPPL", "DI", "DCA", "DCR", "RD", "SD", "DAR", "DRR", "AD", "CDDPL", "TE", "GE"]
    for stage, metrics in ((StageType.PRE_TRAINING, ["all"]), (StageType.POST_TRAINING, codes)):
        started = time.perf_counter()
        group = frame["stratum"]
        bias_report(frame, FacetColumn("facet", ["f"]), label, stage, predicted, metrics=metrics, group_variable=group)
        print(stage.value, f"{time.perf_counter() - started:.2f} s")


def write(name: str, content: Any) -> None:
    """Write one golden file, with no time stamp in it."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    (GOLDEN / name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def main() -> None:
    """Write both files."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    if "--speed" in sys.argv:
        return speed()
    GOLDEN.mkdir(parents=True, exist_ok=True)
    write("generated.json.gz", [of_seed(seed) for seed in range(GENERATED)])
    write("real.json.gz", {table.name: of_table(table) for table in REAL})


if __name__ == "__main__":
    main()
