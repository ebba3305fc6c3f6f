"""Drift between two analysis.json, in Clarify's rule and in ours."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.clarify.drift.attribution_rules import AttributionLimits
from evenhand.clarify.drift.bias_rules import distance
from evenhand.clarify.drift.rules import Limits, drift_between, violations_of
from evenhand.clarify.drift.violations import violations_document
from evenhand.core.errors import DataError, SpecError
from tests.clarify.drift.documents import document

NUMBERS = st.floats(-5, 5)
METRICS = st.dictionaries(st.sampled_from(["AD", "DPPL", "DCA", "GE", "TE"]), NUMBERS, min_size=1)
SHAP = st.dictionaries(st.sampled_from("abcdef"), st.floats(0.001, 5), min_size=1)


def kinds(before: dict[str, Any], after: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    return [(found.metric_name, found.constraint_check_type) for found in violations_of(before, after, **more)]


@given(METRICS, SHAP, st.sampled_from(["ours", "theirs"]))
def test_nothing_drifts_from_itself(metrics: dict[str, Any], shap: dict[str, float], rule: Any) -> None:
    found = document(metrics, shap)
    assert drift_between(found, found, rule=rule).violations == ()


@given(NUMBERS, NUMBERS)
def test_theirs_is_violated_just_where_farther_from_zero(before: float, after: float) -> None:
    found = kinds(document({"DPPL": before}), document({"DPPL": after}), rule="theirs")
    assert found == ([("DPPL", "bias_drift_check")] if abs(after) > abs(before) else [])


@given(NUMBERS, NUMBERS, st.floats(0, 2))
def test_ours_needs_more_than_the_tolerance(before: float, after: float, tolerance: float) -> None:
    limits = Limits(tolerance=tolerance)
    found = kinds(document({"DPPL": before}), document({"DPPL": after}), limits=limits)
    assert bool(found) == (abs(after) - abs(before) > tolerance)


@given(NUMBERS, NUMBERS, st.floats(0, 2), st.floats(0, 2))
def test_wider_intervals_never_find_more(before: float, after: float, narrow: float, wider: float) -> None:
    def found(width: float) -> list[Any]:
        first = document({"AD": before}, intervals={"AD": [before - width, before + width]})
        return kinds(first, document({"AD": after}, intervals={"AD": [after - width, after + width]}))

    assert len(found(narrow + wider)) <= len(found(narrow))


@given(st.floats(0.05, 20))
def test_a_ratio_is_as_far_as_its_inverse(ratio: float) -> None:
    assert distance("DI", ratio) == pytest.approx(distance("DI", 1 / ratio))


def test_the_documented_examples_of_their_rule() -> None:
    assert kinds(document({"DPPL": 0.2}), document({"DPPL": 0.1}), rule="theirs") == []
    assert kinds(document({"DPPL": 0.2}), document({"DPPL": -0.3}), rule="theirs") == [("DPPL", "bias_drift_check")]


def test_their_shape_to_the_key() -> None:
    shap = {"a": 0.7, "b": 0.5, "c": 0.05}
    before = document({"DPPL": 0.05}, shap)
    after = document({"DPPL": 0.0751544567666083}, {"a": 0.1, "b": 0.2, "c": 0.7})
    found = violations_document(violations_of(before, after, rule="theirs"))
    assert [list(entry) for entry in found["violations"]] == [
        ["facet", "facet_value", "metric_name", "constraint_check_type", "description"],
        ["label", "metric_name", "constraint_check_type", "description"],
    ]
    assert found["version"] == "1.0"
    assert found["violations"][0] == {
        "facet": "sex",
        "facet_value": "0",
        "metric_name": "DPPL",
        "constraint_check_type": "bias_drift_check",
        "description": "Value 0.0751544567666083 does not meet the constraint requirement",
    }
    attribution = found["violations"][1]
    assert attribution["label"] == "label0"
    assert attribution["metric_name"] == "shap"
    assert attribution["constraint_check_type"] == "feature_attribution_drift_check"
    assert attribution["description"].startswith("Feature attribution drift 0.687")
    assert attribution["description"].endswith(" exceeds threshold 0.9")


def test_impact_is_judged_from_one_in_ours_and_from_zero_in_theirs() -> None:
    fair, unfair = document({"DI": 1.0}), document({"DI": 0.5})
    assert kinds(fair, unfair) == [("DI", "bias_drift_check")]
    assert kinds(unfair, fair) == []
    assert kinds(fair, unfair, rule="theirs") == []
    assert kinds(unfair, fair, rule="theirs") == [("DI", "bias_drift_check")]


def test_intervals_must_separate() -> None:
    before = document({"AD": 0.1}, intervals={"AD": [0.05, 0.15]})
    assert kinds(before, document({"AD": 0.2}, intervals={"AD": [0.12, 0.28]})) == []
    assert kinds(before, document({"AD": 0.2}, intervals={"AD": [0.16, 0.24]})) == [("AD", "bias_drift_check")]
    assert kinds(before, document({"AD": -0.2}, intervals={"AD": [-0.24, -0.16]})) == [("AD", "bias_drift_check")]
    # One interval is enough to doubt.
    assert kinds(before, document({"AD": 0.14})) == []


def test_intervals_by_the_short_name_of_a_stage() -> None:
    before = document({"AD": 0.1})
    before["evenhand"] = {"intervals": {"post_training_bias": {"sex": {"0": {"AD": [0.0, 0.3]}}}}}
    assert kinds(before, document({"AD": 0.2})) == []


@pytest.mark.parametrize("rule", ["ours", "theirs"])
def test_infinity(rule: Any) -> None:
    endless, finite = document({"DCR": "Infinity"}), document({"DCR": 0.1})
    assert kinds(finite, endless, rule=rule) == [("DCR", "bias_drift_check")]
    assert kinds(endless, finite, rule=rule) == []
    assert kinds(endless, endless, rule=rule) == []


def test_what_has_no_value_is_said() -> None:
    before, after = document({"CDDPL": 0.1}), document({"CDDPL": "Group variable is empty"})
    [violation] = violations_of(before, after)
    assert violation.constraint_check_type == "missing"
    assert "Group variable is empty" in violation.description
    noted = drift_between(before, after, rule="theirs")
    assert noted.violations == ()
    assert "Group variable is empty" in noted.notes[0]
    assert drift_between(after, after).violations == ()


def test_what_one_side_lacks() -> None:
    before, after = document({"AD": 0.1}, {"a": 1.0, "b": 1.0}), document({"RD": 0.1}, {"a": 1.0, "b": 1.0, "c": 0.0})
    assert kinds(before, after) == [("AD", "missing"), ("RD", "missing"), ("shap", "missing")]
    noted = drift_between(before, after, rule="theirs")
    assert noted.violations == ()
    assert len(noted.notes) == 3


def test_another_label_is_another_question() -> None:
    before, after = document({"AD": 0.1}), document({"AD": 0.1}, label="2")
    assert kinds(before, after) == [("label", "missing")]
    assert len(drift_between(before, after, rule="theirs").notes) == 1


def test_attributions_ten_times_as_large_and_turned_around() -> None:
    linear = {f"f{place}": 1 - 0.3 * place / 29 for place in range(30)}
    tenfold = {name: 10 * value for name, value in linear.items()}
    reversed_ = dict(zip(linear, list(linear.values())[::-1], strict=True))
    before = document(shap=linear)
    assert kinds(before, document(shap=tenfold), rule="theirs") == []
    assert kinds(before, document(shap=reversed_), rule="theirs") == []
    assert [name for name, _ in kinds(before, document(shap=tenfold))] == ["shap_change"]
    assert [name for name, _ in kinds(before, document(shap=reversed_))] == ["shap_rank"]


def test_limits_of_attributions_are_the_callers() -> None:
    before, after = document(shap={"a": 0.6, "b": 0.4}), document(shap={"a": 0.5, "b": 0.5})
    assert kinds(before, after) == []
    limits = Limits(attribution=AttributionLimits(distance=0.05))
    assert [name for name, _ in kinds(before, after, limits=limits)] == ["shap_distance"]


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {},
        {"post_training_bias_metrics": 3},
        {"post_training_bias_metrics": {"facets": []}},
        {"post_training_bias_metrics": {"facets": {"sex": {}}}},
        {"post_training_bias_metrics": {"facets": {"sex": [3]}}},
        {"explanations": {"kernel_shap": {"label0": {"global_shap_values": {"a": "high"}}}}},
        {"explanations": {"kernel_shap": {"label0": {"global_shap_values": {"a": float("nan")}}}}},
    ],
)
def test_other_shapes_are_turned_away(wrong: Any) -> None:
    with pytest.raises(DataError):
        violations_of(wrong, document({"AD": 0.1}))
    with pytest.raises(DataError):
        violations_of(document({"AD": 0.1}), wrong)


def test_wrong_rules_and_limits() -> None:
    with pytest.raises(SpecError, match="theirs"):
        violations_of(document({"AD": 0.1}), document({"AD": 0.1}), rule="both")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="tolerance"):
        Limits(tolerance=float("nan"))
    with pytest.raises(SpecError, match="rank"):
        AttributionLimits(rank=2)
