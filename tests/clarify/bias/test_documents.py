"""Worked examples of the documents and acceptance cases that both arithmetics, or the correct one, must pass."""

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evenhand.clarify.analysis import Arithmetic
from evenhand.clarify.bias import bias_of
from evenhand.clarify.bias.catalogue import POST, PRE
from evenhand.core.errors import DataError, SpecError, ValueNotFound
from tests.clarify.bias.configs import config_of, counted, dataset_of, values_of
from tests.clarify.bias.tables import drawn

BOTH: tuple[Arithmetic, ...] = ("correct", "compat")

# Rows of d and of a as TP, FP, FN, TN; the metric, and what the documents print for it.
EXAMPLES = [
    ("DCA", (18, 12, 2, 8), (50, 10, 20, 20), 70 / 60 - 20 / 30),
    ("DCA", (30, 10, 10, 10), (40, 20, 10, 10), 50 / 60 - 40 / 40),
    ("DCR", (10, 10, 20, 10), (10, 10, 20, 40), 20 / 30 - 50 / 60),
    ("RD", (20, 5, 7, 10), (65, 5, 5, 10), 65 / 70 - 20 / 27),
    ("SD", (10, 5, 10, 18), (10, 10, 10, 20), 18 / 23 - 20 / 30),
    ("DAR", (40, 60, 10, 10), (35, 35, 10, 10), 35 / 70 - 40 / 100),
    ("DRR", (10, 10, 5, 15), (10, 10, 10, 30), 0.0),
    ("AD", (30, 20, 20, 30), (50, 10, 10, 30), 0.2),
    ("TE", (10, 2, 5, 10), (10, 6, 8, 10), 5 / 2 - 8 / 6),
    ("DI", (25, 25, 25, 25), (30, 30, 20, 20), 0.5 / 0.6),
    ("DPPL", (25, 25, 25, 25), (30, 30, 20, 20), 0.1),
]


@pytest.mark.parametrize("arithmetic", BOTH)
@pytest.mark.parametrize(("code", "d", "a", "expected"), EXAMPLES)
def test_examples_of_the_documents(
    code: str, d: tuple[int, int, int, int], a: tuple[int, int, int, int], expected: float, arithmetic: Arithmetic
) -> None:
    rows, facets = counted(d, a), {"group": ["d"]}
    found = bias_of(config_of("label", [1], facets, methods=[code], pre=False), dataset_of(rows, "label", facets),
                    arithmetic=arithmetic)  # fmt: skip
    assert values_of(found.sections, POST, "group", "d") == {code: pytest.approx(expected, abs=1e-9)}
    assert values_of(found.other, POST, "group", "d") == {code: pytest.approx(expected, abs=1e-9)}
    assert found.differences == ()


def labelled(d: dict[str, int], a: dict[str, int]) -> pd.DataFrame:
    rows = [(side, label) for side, counts in (("d", d), ("a", a)) for label, n in counts.items() for _ in range(n)]
    return pd.DataFrame(rows, columns=["group", "label"])


def test_divergence_and_distance_of_the_documents() -> None:
    facets = {"group": ["d"]}
    rows = labelled({"yes": 3, "no": 7}, {"yes": 8, "no": 2})
    found = bias_of(config_of("label", ["yes"], facets, post=False), dataset_of(rows, "label", facets))
    values = values_of(found.sections, PRE, "group", "d")
    assert values["KL"] == pytest.approx(0.8 * math.log(0.8 / 0.3) + 0.2 * math.log(0.2 / 0.7), abs=1e-9)
    assert values["KL"] == pytest.approx(0.53, abs=0.005)


def test_distances_see_all_classes_and_compat_only_two() -> None:
    facets = {"group": ["d"]}
    rows = labelled({"x": 20, "y": 10, "z": 70}, {"x": 40, "y": 40, "z": 20})
    found = bias_of(config_of("label", ["x"], facets, post=False), dataset_of(rows, "label", facets))
    ours, theirs = values_of(found.sections, PRE, "group", "d"), values_of(found.other, PRE, "group", "d")
    assert ours["KS"] == pytest.approx(0.5, abs=1e-9)
    assert ours["TVD"] == pytest.approx(0.5, abs=1e-9)
    assert (ours["DPL"], theirs["DPL"]) == (pytest.approx(0.2), pytest.approx(0.2))
    assert (theirs["TVD"], theirs["KS"]) == (pytest.approx(0.2), pytest.approx(0.2))
    assert {each.metric for each in found.differences} == {"KL", "JS", "LP", "TVD", "KS"}
    assert all("every class" in each.why for each in found.differences)


@pytest.mark.parametrize("wanted", [["maybe"], [7]])
def test_labels_that_do_not_occur_are_named_with_those_that_do(wanted: list[object]) -> None:
    facets = {"group": ["d"]}
    rows = labelled({"yes": 3, "no": 7}, {"yes": 8, "no": 2})
    with pytest.raises(ValueNotFound, match=r"No Label values are present.*'label', which holds 'yes', 'no'"):
        bias_of(config_of("label", wanted, facets, post=False), dataset_of(rows, "label", facets))
    compat = bias_of(
        config_of("label", wanted, facets, post=False), dataset_of(rows, "label", facets), arithmetic="compat"
    )
    assert values_of(compat.sections, PRE, "group", "d")["DPL"] == 0
    assert "No Label values are present" in compat.statistics["other_failed"]


def test_groups_that_do_not_occur_are_named_with_those_that_do() -> None:
    facets = {"group": ["q"]}
    with pytest.raises(
        ValueNotFound, match=r"'q' of value_or_threshold does not occur in 'group', which holds 'd', 'a'"
    ):
        bias_of(config_of("label", [1], facets), dataset_of(counted((1, 1, 1, 1), (1, 1, 1, 1)), "label", facets))


def test_infinite_differences_are_texts() -> None:
    facets = {"group": ["d"]}
    rows = counted((25, 25, 0, 0), (20, 10, 10, 10))
    found = bias_of(config_of("label", [1], facets, methods=["DCR"], pre=False), dataset_of(rows, "label", facets))
    assert values_of(found.other, POST, "group", "d") == {"DCR": "Infinity"}
    assert values_of(found.sections, POST, "group", "d") == {"DCR": "Infinity"}
    json.dumps([found.sections, found.other], allow_nan=False)


@pytest.mark.parametrize("kind", ["str", "string", "object", "category"])
def test_text_columns_of_every_type(kind: Any) -> None:
    facets = {"group": None}
    rows = labelled({"yes": 3, "no": 7}, {"yes": 8, "no": 2}).astype(kind)
    found = bias_of(config_of("label", ["yes"], facets, post=False), dataset_of(rows, "label", facets))
    assert [each["value_or_threshold"] for each in found.sections[PRE]["facets"]["group"]] == ["d", "a"]
    assert values_of(found.sections, PRE, "group", "d")["DPL"] == pytest.approx(0.5, abs=1e-12)
    assert values_of(found.other, PRE, "group", "d")["DPL"] == pytest.approx(0.5, abs=1e-12)


def test_german_credit_before_training(real_tables: Path) -> None:
    """Amazon's numbers are of 900 rows that it does not name, and of predictions that are not public.

    Our copy has all 1,000: what is checked is the identity of its numbers with counts taken by hand.
    """
    rows, facets = pd.read_csv(real_tables / "german_credit.csv"), {"foreign-worker": ["yes"]}
    config = config_of("class-label", [1], facets, stratum="housing", post=False)
    found = bias_of(config, dataset_of(rows, "class-label", facets, stratum="housing"), arithmetic="compat")
    values = values_of(found.sections, PRE, "foreign-worker", "yes")
    assert values["CI"] == pytest.approx((37 - 963) / 1000, abs=1e-9)
    assert values["TVD"] == pytest.approx(abs(values["DPL"]), abs=1e-9)
    assert values["KS"] == pytest.approx(abs(values["DPL"]), abs=1e-9)
    assert values["LP"] == pytest.approx(math.sqrt(2) * abs(values["DPL"]), abs=1e-9)
    assert found.differences == ()


def test_unknown_metrics_name_the_nearest() -> None:
    facets = {"group": ["d"]}
    rows = counted((1, 1, 1, 1), (1, 1, 1, 1))
    with pytest.raises(SpecError, match=r"^Invalid metric_name.*Did you mean 'DPPL'\?"):
        bias_of(config_of("label", [1], facets, methods=["DPLP"], pre=False), dataset_of(rows, "label", facets))


def test_a_whole_report_that_fails_there_has_their_text_in_front() -> None:
    facets = {"group": ["d"]}
    rows = counted((0, 0, 5, 5), (0, 0, 5, 5))
    config, dataset = config_of("label", [1], facets), dataset_of(rows, "label", facets)
    with pytest.raises(DataError, match=r"^No Label values are present in the predicted Label Column,"):
        bias_of(config, dataset, arithmetic="compat")
    found = bias_of(config, dataset)
    assert found.other == {}
    assert found.statistics["other_failed"].startswith("No Label values are present")
    assert values_of(found.sections, PRE, "group", "d")["DPL"] == 0


def test_a_facet_with_one_value_fails_alone() -> None:
    facets = {"group": ["d"], "same": None}
    rows = counted((25, 15, 10, 20), (20, 10, 10, 10)).assign(same="x")
    found = bias_of(config_of("label", [1], facets), dataset_of(rows, "label", facets))
    alone = found.sections[PRE]["facets"]["same"][0]
    assert {metric["error"] for metric in alone["metrics"]} == {"Negated Facet set is empty"}
    assert values_of(found.sections, PRE, "group", "d")["CI"] == pytest.approx((50 - 70) / 120)


def test_the_sign_of_the_flip_test_is_the_documents() -> None:
    facets = {"group": ["d"]}
    rows = counted((0, 0, 30, 30), (30, 30, 0, 0))
    rows["amount"] = [float(place % 60) for place in range(len(rows))]
    config = config_of("label", [1], facets, methods=["FT"], pre=False)
    found = bias_of(config, dataset_of(rows, "label", facets))
    assert values_of(found.sections, POST, "group", "d") == {"FT": 1.0}
    assert values_of(found.other, POST, "group", "d") == {"FT": -1.0}
    assert "sign opposite" in found.differences[0].why


def test_a_class_that_one_side_lacks() -> None:
    facets = {"group": ["d"]}
    rows = labelled({"no": 10}, {"yes": 5, "no": 5})
    found = bias_of(config_of("label", ["yes"], facets, post=False), dataset_of(rows, "label", facets))
    ours, theirs = values_of(found.sections, PRE, "group", "d"), values_of(found.other, PRE, "group", "d")
    assert ours["KL"] == "Infinity"
    assert theirs["KL"] == pytest.approx(0.5 * math.log(0.5), abs=1e-9)
    assert (ours["TVD"], theirs["TVD"]) == (pytest.approx(0.5), pytest.approx(0.25))


def test_thresholds_name_their_range() -> None:
    facets = {"age": [40]}
    rows = pd.DataFrame({"age": [20.0, 30.0, 45.5, 60.0] * 5, "label": [0, 1, 1, 1] * 5})
    found = bias_of(config_of("label", [1], facets, post=False), dataset_of(rows, "label", facets))
    assert found.sections[PRE]["facets"]["age"][0]["value_or_threshold"] == "(40.0, 60.0]"
    assert found.sections[PRE]["label_value_or_threshold"] == "1"
    # Of twenty rows with two labels, 0 and 1 are a quantity there.
    assert found.other[PRE]["label_value_or_threshold"] == ""
    assert any("took the column for" in each.why for each in found.differences)


@pytest.mark.parametrize("block", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_correct_answers_are_whole_for_every_awkward_table(block: int) -> None:
    """An answer, or one line of what is wrong: never another exception, and nothing that JSON cannot hold."""
    answered = 0
    for seed in range(block * 40, block * 400 + 40):
        case = drawn(seed)
        facets, stratum = {"facet": case.facet}, "stratum" if case.stratified else None
        config = config_of("label", case.label, facets, stratum=stratum)
        try:
            found = bias_of(config, dataset_of(case.frame(), "label", facets, stratum=stratum))
        except (SpecError, DataError) as error:
            assert "\n" not in str(error)
            continue
        json.dumps([found.sections, found.other, found.statistics], allow_nan=False)
        metrics = [each for facet in found.sections[PRE]["facets"]["facet"] for each in facet["metrics"]]
        assert all((each["value"] is None) == ("error" in each) for each in metrics)
        answered += 1
    assert answered >= 15
