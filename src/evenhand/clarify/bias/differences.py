"""Where smclarify's arithmetic and the right one part, and why, in plain words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from evenhand.clarify.analysis import MetricDifference, Section
from evenhand.clarify.bias.catalogue import DISTANCES
from evenhand.clarify.bias.compat import FLIPS_LEFT_OUT

NEAR = 1e-9
FLIP_SIGN = (
    "smclarify counts the flip test with the sign opposite to its documents, on features that do not share a scale."
)
FLIP_TEXT = "smclarify's flip test refuses text columns and missing values; the correct one compares categories too."
CLASSES = "smclarify only sees positive labels against all others; the correct value compares every class."
SUPPORT = "smclarify leaves out a class that one side lacks, so a part of the distance is lost."
STRATA = "smclarify counts a stratum in which everyone has the same outcome as a disparity."
ZERO = "smclarify takes nothing divided by nothing for 0"
READING = (
    "smclarify took the column for {theirs} where {ours} is meant, by its rule for distinct values and number types."
)
MISSING = "smclarify counts rows without a facet value among the others, and rows without a label as negative."
# How the reasons of quotients of nothing begin.
EMPTY_SIDES = ("the group has", "the rest has")
FAILED = "smclarify could not compute it"


@dataclass(frozen=True)
class Circumstances:
    """What is known of a run that explains differences."""

    multiclass: bool
    missing: bool  # rows without a facet, label or prediction


def differences(compat: Section, correct: Section, known: Circumstances) -> tuple[MetricDifference, ...]:
    """Each metric of both sections that the two arithmetics give different values, beyond 1e-9."""
    return tuple(_all(compat, correct, known))


def _all(compat: Section, correct: Section, known: Circumstances) -> Iterator[MetricDifference]:
    for stage in correct:
        if stage not in compat:
            continue
        theirs, ours = compat[stage], correct[stage]
        label = _label_reading(theirs["label_value_or_threshold"], ours["label_value_or_threshold"])
        for facet, groups in ours["facets"].items():
            for first, second in _pairs(theirs["facets"].get(facet, []), groups):
                reading = label or _label_reading(first["value_or_threshold"], second["value_or_threshold"])
                yield from _of_group(facet, first, second, known, reading)


def _pairs(theirs: list[Section], ours: list[Section]) -> Iterator[tuple[Section, Section]]:
    """The entries of one group in both; by name, or by place where the names differ and the numbers of them agree."""
    by_name = {each["value_or_threshold"]: each for each in theirs}
    for place, each in enumerate(ours):
        name = each["value_or_threshold"]
        if name in by_name:
            yield by_name[name], each
        elif len(theirs) == len(ours):
            yield theirs[place], each


def _label_reading(theirs: str, ours: str) -> str | None:
    if theirs == ours or (theirs.startswith("(") and ours.startswith("(")):
        return None
    return READING.format(
        theirs=f"a quantity, {theirs}" if theirs.startswith("(") else f"values, {theirs or 'none'}", ours=ours
    )


def _of_group(
    facet: str, first: Section, second: Section, known: Circumstances, reading: str | None
) -> Iterator[MetricDifference]:
    theirs = {each["name"]: each for each in first["metrics"]}
    for each in second["metrics"]:
        other = theirs.get(each["name"])
        if other is None or other.get("error") == FLIPS_LEFT_OUT or same(other["value"], each["value"]):
            continue
        yield MetricDifference(
            facet, second["value_or_threshold"], each["name"], other["value"], each["value"],
            _why(other, each, known, reading),
        )  # fmt: skip


def same(first: Any, second: Any) -> bool:
    """Whether two values are the same: both absent, the same text, or within 1e-9."""
    if isinstance(first, (int, float)) and isinstance(second, (int, float)):
        return abs(first - second) <= NEAR * max(1.0, abs(first), abs(second))
    return bool(first == second)


def _why(theirs: Section, ours: Section, known: Circumstances, reading: str | None) -> str:
    code = ours["name"]
    if reading is not None:
        return reading
    if code == "FT":
        return FLIP_TEXT if theirs["value"] is None else FLIP_SIGN
    if code in DISTANCES and known.multiclass:
        return CLASSES
    if ours["value"] is None:
        reason = str(ours.get("error", "no value"))
        return f"{ZERO}: {reason}." if reason.startswith(EMPTY_SIDES) else f"There is no correct value: {reason}."
    if theirs["value"] is None and code not in DISTANCES:
        return f"{FAILED}: {theirs.get('error', 'no value')}."
    if known.missing:
        return MISSING
    return SUPPORT if code in DISTANCES else STRATA if code in ("CDDL", "CDDPL") else f"{ZERO} within one side."
