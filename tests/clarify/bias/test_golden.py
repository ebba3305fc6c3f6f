"""The arithmetic compat equals smclarify 0.5 on five real tables and a thousand generated ones, to nine digits."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evenhand.clarify.bias.catalogue import POST, PRE, codes_asked
from evenhand.clarify.bias.compat import compat_sections
from evenhand.clarify.bias.statistics import statistics_of
from evenhand.core.errors import DataError
from tests.clarify.bias.configs import STAGES, Facets, config_of, dataset_of
from tests.clarify.bias.tables import GENERATED, REAL, Real, drawn

GOLDEN = Path(__file__).parent / "golden"
DIGITS = 1e-9


@cache
def golden(name: str) -> Any:
    return json.loads(gzip.decompress((GOLDEN / f"{name}.json.gz").read_bytes()))


def answers(
    frame: pd.DataFrame, label: str, wanted: list[Any], facet: str, values: list[Any] | None, stratum: str | None
) -> dict[str, Any]:
    """What we give, in the short form of the golden files."""
    facets: Facets = {facet: values}
    dataset = dataset_of(frame, label, facets, stratum=stratum)
    config = config_of(label, wanted, facets, stratum=stratum)
    found: dict[str, Any] = {}
    for name, stage in STAGES.items():
        try:
            section = compat_sections(config, dataset, {stage: codes_asked(stage, "all")})[stage]
        except DataError as error:
            found[name] = str(error)
            continue
        found["label"] = section["label_value_or_threshold"]
        found[name] = [[each["value_or_threshold"], *each["metrics"]] for each in section["facets"][facet]]
    return found


def compare(theirs: dict[str, Any], ours: dict[str, Any]) -> int:
    """How many values were compared; raises AssertionError where one differs."""
    compared = 0
    for name, stage in STAGES.items():
        if isinstance(theirs[name], str):
            assert isinstance(ours[name], str), (name, theirs[name])
            assert ours[name].startswith(" ".join(theirs[name].split())[:60])
            compared += 1
            continue
        assert not isinstance(ours[name], str), ours[name]
        assert [group[0] for group in ours[name]] == [group[0] for group in theirs[name]]
        for mine, other in zip(ours[name], theirs[name], strict=True):
            assert [metric["name"] for metric in mine[1:]] == list(codes_asked(stage, "all"))
            for metric, expected in zip(mine[1:], other[1:], strict=True):
                compare_one(metric, expected)
                compared += 1
    if "label" in theirs:
        assert ours["label"] == theirs["label"]
    return compared


def compare_one(metric: dict[str, Any], expected: Any) -> None:
    if isinstance(expected, dict):
        assert metric["value"] is None
        assert metric["error"].splitlines()[0] == expected["error"].splitlines()[0]
    elif isinstance(expected, str):
        assert metric["value"] == expected
    else:
        assert "error" not in metric, metric
        assert metric["value"] == pytest.approx(expected, abs=DIGITS), metric["name"]


@pytest.mark.parametrize(
    "block", [pytest.param(block, marks=pytest.mark.slow if block > 3 else ()) for block in range(10)]
)
def test_generated_tables_give_what_smclarify_gives(block: int) -> None:
    compared = 0
    size = GENERATED // 10
    for seed in range(block * size, (block + 1) * size):
        case = drawn(seed)
        stratum = "stratum" if case.stratified else None
        ours = answers(case.frame(), "label", case.label, "facet", case.facet, stratum)
        try:
            compared += compare(golden("generated")[seed], ours)
        except AssertionError as error:
            raise AssertionError(f"table {seed}: {error}") from error
    assert compared > 10 * size


def test_the_generated_answers_hold_all_kinds() -> None:
    stages = [answer[name] for answer in golden("generated") for name in STAGES]
    failed = {text for text in stages if isinstance(text, str)}
    metrics = [metric for stage in stages if not isinstance(stage, str) for group in stage for metric in group[1:]]
    assert len(failed) >= 8
    assert sum(isinstance(metric, float) for metric in metrics) > 8000
    assert {"Infinity", "-Infinity"} <= {metric for metric in metrics if isinstance(metric, str)}
    assert len({metric["error"] for metric in metrics if isinstance(metric, dict)}) >= 12


@pytest.mark.parametrize("table", REAL, ids=lambda table: table.name)
def test_real_tables_give_what_smclarify_gives(table: Real, real_tables: Path) -> None:
    frame = table.frame(pd.read_csv(real_tables / table.file))
    for facet, values in table.facets:
        listed = list(values) if values is not None else None
        ours = answers(frame, table.label, list(table.values), facet, listed, table.stratum)
        assert compare(golden("real")[table.name][facet], ours) >= 21


@pytest.mark.parametrize("name", ["adult", "compas"])
def test_statistics_are_those_of_smclarify(name: str, real_tables: Path) -> None:
    table = next(table for table in REAL if table.name == name)
    frame = table.frame(pd.read_csv(real_tables / table.file))
    facet = table.facets[0][0]
    found = statistics_of(
        config_of(table.label, list(table.values), {facet: None}), dataset_of(frame, table.label, {facet: None})
    )
    theirs = golden("real")[name]["performance"]
    for metric in theirs["model_performance_metrics"]:
        assert found["model_performance_metrics"][metric["name"]] == pytest.approx(metric["value"], abs=DIGITS)
    assert found["binary_confusion_matrix"] == pytest.approx(theirs["binary_confusion_matrix"], abs=DIGITS)
    assert found["confusion_matrix"] == theirs["confusion_matrix"]
    groups = {each["value"]: each for each in found["facets"][facet]}
    for group in golden("real")[name]["statistics"]:
        proportion, labels, confusion = (metric["value"] for metric in group["metrics"])
        ours = groups[group["value_or_threshold"]]
        assert ours["proportion"] == pytest.approx(proportion, abs=DIGITS)
        assert ours["observed_label_distribution"] == pytest.approx(labels, abs=DIGITS)
        assert ours["confusion_matrix"] == pytest.approx(confusion, abs=DIGITS)


def test_descriptions_are_theirs_word_for_word() -> None:
    frame = drawn(0).frame()
    ours = answers(frame, "label", drawn(0).label, "amount", [50], None)
    described = {metric["name"]: metric["description"] for group in ours["pre_training"] for metric in group[1:]}
    assert described["KL"] == "Kullback-Liebler Divergence (KL)"
    assert list(described) == ["CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD"]
    assert codes_asked(POST, "all")[:3] == ("AD", "CDDPL", "DAR")
    assert codes_asked(PRE, ["DPL", "CI"]) == ("CI", "DPL")
