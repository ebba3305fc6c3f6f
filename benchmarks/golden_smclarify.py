"""Writes tests/peers/golden/*.json: what smclarify 0.5 finds in three real tables; run it in smclarify's environment.

    benchmarks/.environments/smclarify/bin/python benchmarks/golden_smclarify.py

The tables are looked for in $EVENHAND_SHARED_DATA, else in ../shared/data beside the repository. The predictions are
rules on one column, so that nothing is random: Adult is predicted >50K from 13 years of education on, COMPAS not to
reoffend below a decile score of 5, German credit to be good below an amount of 4,000. Only aggregate numbers are
written.
"""

import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from smclarify.bias.metrics import FT, POSTTRAINING_METRICS, call_metric
from smclarify.bias.report import FacetColumn, LabelColumn, StageType, bias_report

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("EVENHAND_SHARED_DATA", ROOT.parent / "shared" / "data"))
GOLDEN = ROOT / "tests" / "peers" / "golden"


@dataclass(frozen=True)
class Question:
    """One facet of one table: how evenhand writes it, and how smclarify does (`values`: listed, or a threshold)."""

    facet: str
    column: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table with its label, rule of prediction, stratum and questions."""

    name: str
    file: str
    label: str
    positive: str | int
    negative: str | int
    prediction: str
    predicted: Callable[[pd.DataFrame], pd.Series]
    stratum: str
    features: tuple[str, ...]
    questions: tuple[Question, ...]


TABLES = (
    Table(
        "adult", "adult.csv", "income-per-year", ">50K", "<=50K", "education-num>=13",
        lambda rows: rows["education-num"] >= 13, "marital-status", ("age", "fnlwgt", "hours-per-week"),
        (
            Question("sex", "sex"),
            Question("race", "race"),
            Question("race=Black,Other", "race", ("Black", "Other")),
            Question("age>40", "age", (40.0,)),
            Question("workclass", "workclass"),
        ),
    ),
    Table(
        "adult_by_workclass", "adult.csv", "income-per-year", ">50K", "<=50K", "education-num>=13",
        lambda rows: rows["education-num"] >= 13, "workclass", (), (Question("sex", "sex"), Question("race", "race")),
    ),
    Table(
        "compas", "compas_two_years.csv", "two_year_recid", 0, 1, "decile_score<5",
        lambda rows: rows["decile_score"] < 5, "c_charge_degree", (),
        (
            Question("race", "race"),
            Question("sex", "sex"),
            Question("age_cat", "age_cat"),
            Question("race=African-American,Hispanic", "race", ("African-American", "Hispanic")),
        ),
    ),
    Table(
        "german", "german_credit.csv", "class-label", 1, 0, "credit-amount<4000",
        lambda rows: rows["credit-amount"] < 4000, "housing", ("duration", "credit-amount", "age"),
        (
            Question("sex", "sex"),
            Question("foreign-worker", "foreign-worker"),
            Question("age>25", "age", (25,)),
            Question("purpose", "purpose"),
        ),
    ),
)  # fmt: skip


def answered(table: Table, rows: pd.DataFrame, question: Question) -> dict[str, dict[str, Any]]:
    """The 20 counting metrics of every group of one facet, by evenhand's text of the group."""
    frame = rows.copy()
    if question.values and isinstance(question.values[0], float):
        frame[question.column] = frame[question.column].astype(float)
    predicted = np.where(table.predicted(frame), table.positive, table.negative)
    frame["predicted"] = pd.Series(predicted, index=frame.index)
    counting = [metric.__name__ for metric in POSTTRAINING_METRICS if metric.__name__ != "FT"]
    facet = FacetColumn(question.column, list(question.values) or None)
    found: dict[str, dict[str, Any]] = {}
    for stage, metrics in ((StageType.PRE_TRAINING, ["all"]), (StageType.POST_TRAINING, counting)):
        reports = bias_report(
            frame, facet, LabelColumn(table.label, frame[table.label], [table.positive]), stage,
            LabelColumn("predicted", frame["predicted"], [table.positive]), metrics=metrics,
            group_variable=frame[table.stratum],
        )  # fmt: skip
        for report in reports:
            group = question.facet if question.values else f"{question.column}={_written(report['value_or_threshold'])}"
            values = {entry["name"]: entry.get("error") or _plain(entry["value"]) for entry in report["metrics"]}
            found.setdefault(group, {}).update(values)
    return found


def _written(value: str) -> str:
    return json.dumps(value) if "(" in value or "," in value else value


def _plain(value: Any) -> Any:
    number = float(value)
    return number if np.isfinite(number) else ("Infinity" if number > 0 else "-Infinity")


def flipped(table: Table, rows: pd.DataFrame, question: Question) -> dict[str, dict[str, float]]:
    """The flip test of each group on the numeric features: as they are, and as z-scores."""
    features = rows[list(table.features)].astype(float)
    scaled = (features - features.mean()) / features.std(ddof=0)
    predicted = table.predicted(rows)
    found = {}
    groups = [question.values] if question.values else [(value,) for value in rows[question.column].unique()]
    for values in groups:
        numeric = isinstance(values[0], (int, float))
        inside = rows[question.column] > values[0] if numeric else rows[question.column].isin(values)
        name = question.facet if question.values else f"{question.column}={_written(values[0])}"
        found[name] = {
            way: float(call_metric(FT, df=df, sensitive_facet_index=inside, positive_predicted_label_index=predicted))
            for way, df in (("unscaled", features), ("scaled", scaled))
        }
    return found


def without_a_class(table: Table, rows: pd.DataFrame, question: Question) -> dict[str, dict[str, float]]:
    """What strata that lack negatives or positives add to CDDL and CDDPL in smclarify."""
    outcomes = {"CDDL": rows[table.label] == table.positive, "CDDPL": table.predicted(rows)}
    found: dict[str, dict[str, float]] = {}
    groups = [question.values] if question.values else [(value,) for value in rows[question.column].unique()]
    for values in groups:
        numeric = isinstance(values[0], (int, float))
        inside = rows[question.column] > values[0] if numeric else rows[question.column].isin(values)
        name = question.facet if question.values else f"{question.column}={_written(values[0])}"
        found[name] = dict.fromkeys(outcomes, 0.0)
        for code, positive in outcomes.items():
            for _, stratum in rows.groupby(table.stratum).groups.items():
                within, share = positive[stratum], float(inside[stratum].mean())
                if within.nunique() == 1:
                    sign = -1 if within.iloc[0] else 1
                    found[name][code] += sign * share * len(stratum) / len(rows)
    return found


def golden(table: Table) -> dict[str, Any]:
    """Everything asked of one table."""
    rows = pd.read_csv(DATA / table.file)
    content: dict[str, Any] = {
        "made_by": f"benchmarks/golden_smclarify.py with smclarify {version('smclarify')}",
        "file": table.file,
        "rows": len(rows),
        "audit": {
            "label": table.label, "positive": [table.positive], "predicted_label": table.prediction,
            "stratum": table.stratum, "facets": [question.facet for question in table.questions],
        },
        "groups": {},
        "strata_without_a_class": {},
    }  # fmt: skip
    for question in table.questions:
        content["groups"][question.facet] = answered(table, rows, question)
        content["strata_without_a_class"][question.facet] = without_a_class(table, rows, question)
        print(table.name, question.facet, len(content["groups"][question.facet]), "groups", flush=True)
    if table.features:
        content["features"] = list(table.features)
        content["flip_test"] = {
            question.facet: flipped(table, rows, question) for question in table.questions if question.column == "sex"
        }
    return content


def main() -> None:
    """Write one file for each table."""
    logging.disable(logging.CRITICAL)
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for table in TABLES:
        text = json.dumps(golden(table), indent=1, ensure_ascii=False)
        (GOLDEN / f"smclarify_{table.name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
