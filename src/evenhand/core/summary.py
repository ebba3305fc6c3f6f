"""Summary: the verdict over all findings, and the few sentences a reader should not miss."""

import math
from collections.abc import Sequence
from typing import Literal

from evenhand.core.audit import Audit
from evenhand.core.finding import Finding

MOST_SENTENCES = 6


def overall(findings: Sequence[Finding]) -> Literal["past", "within", "cannot tell", "not judged"]:
    """The verdict of the whole audit: past if any finding is, within only if every judged one is."""
    verdicts = {finding.verdict for finding in findings}
    if "past" in verdicts:
        return "past"
    if verdicts & {"cannot tell", "too little data"}:
        return "cannot tell"
    return "within" if "within" in verdicts else "not judged"


def summary(findings: Sequence[Finding], audit: Audit) -> tuple[str, ...]:
    """Plain sentences: how many questions were judged, what stands out, what cannot be told."""
    judged = [finding for finding in findings if finding.acceptable is not None and finding.value is not None]
    if not judged:
        measured = sum(finding.value is not None for finding in findings)
        return (f"{measured} values were measured; none has a threshold to judge it by.",)
    return (*_counts(judged, audit), *_standing_out(judged), *_untold(judged))


def _counts(judged: Sequence[Finding], audit: Audit) -> list[str]:
    past = sum(finding.verdict == "past" for finding in judged)
    corrections = {"benjamini-hochberg": "Benjamini–Hochberg", "holm": "Holm"}
    method = corrections.get(audit.correction)
    correction = f" after the {method} correction for {len(judged)} questions" if method and len(judged) > 1 else ""
    if past:
        verb = "lies" if past == 1 else "lie"
        return [
            f"{past} of {len(judged)} judged comparisons {verb} past the threshold by more than chance explains"
            f"{correction}."
        ]
    return [f"None of {len(judged)} judged comparisons lies past its threshold by more than chance explains."]


def _standing_out(judged: Sequence[Finding]) -> list[str]:
    """The furthest finding of each facet and stage, furthest first."""
    furthest: dict[tuple[str, str], Finding] = {}
    for finding in sorted(judged, key=distance, reverse=True):
        if finding.verdict == "past":
            furthest.setdefault((finding.facet, finding.stage), finding)
    return [finding.reading for finding in furthest.values()][:MOST_SENTENCES]


def _untold(judged: Sequence[Finding]) -> list[str]:
    groups = list(dict.fromkeys(_who(finding) for finding in judged if finding.verdict == "too little data"))
    if not groups:
        return []
    shown = ", ".join(groups[:5]) + (f" and {len(groups) - 5} more" if len(groups) > 5 else "")
    return [f"Cannot tell, too little data: {shown}."]


def _who(finding: Finding) -> str:
    return finding.group if finding.label_class is None else f"{finding.group} for the class {finding.label_class}"


def distance(finding: Finding) -> float:
    """How far past its limits a finding lies, in units of those limits; for sorting."""
    if finding.value is None or finding.acceptable is None or finding.parity is None:
        return 0.0
    high = finding.acceptable[1]
    if finding.parity == 1.0:
        if finding.value <= 0:
            return math.inf
        return abs(math.log(finding.value)) / max(math.log(high), 1e-9)
    return abs(finding.value - finding.parity) / max(high - finding.parity, 1e-9)
