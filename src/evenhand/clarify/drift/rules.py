"""Rules: what counts as drift between a baseline and a current analysis.json, in Clarify's rule and in ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from evenhand.clarify.drift.attribution_rules import AttributionLimits, attribution_drift
from evenhand.clarify.drift.bias_rules import bias_drift
from evenhand.clarify.drift.constraints import checked
from evenhand.clarify.drift.violations import Drift, Violation
from evenhand.core.errors import SpecError

Rule = Literal["theirs", "ours"]


@dataclass(frozen=True)
class Limits:
    """How much may change before our rule says so: `tolerance` is a distance to parity, in the metric's own unit."""

    tolerance: float = 0.01
    attribution: AttributionLimits = field(default_factory=AttributionLimits)

    def __post_init__(self) -> None:
        if not self.tolerance >= 0:
            raise SpecError(f"The tolerance is {self.tolerance}; it must be 0 or more.")


def drift_between(
    baseline: Mapping[str, Any], current: Mapping[str, Any], *, rule: Rule = "ours", limits: Limits | None = None
) -> Drift:
    """Compare two analysis.json documents, and say what could not be compared.

    Raises DataError where either has another shape, and SpecError for an unknown rule.
    """
    if rule not in ("theirs", "ours"):
        raise SpecError(f"No rule {rule!r}; there are 'theirs' and 'ours'.")
    limits = limits or Limits()
    checked(baseline, "baseline")
    checked(current, "current")
    ours = rule == "ours"
    bias = bias_drift(baseline, current, tolerance=limits.tolerance if ours else None)
    attribution = attribution_drift(baseline, current, limits=limits.attribution if ours else None)
    return Drift(bias.violations + attribution.violations, bias.notes + attribution.notes)


def violations_of(
    baseline: dict[str, Any], current: dict[str, Any], *, rule: Rule = "ours", limits: Limits | None = None
) -> list[Violation]:
    """The constraints of a baseline document that the current one does not meet.

    *Theirs*: a bias metric is violated when it is farther from 0 than in the baseline, whatever its parity and its
    noise; attributions when their NDCG is below 0.90. What only one side has is passed over.

    *Ours*: a bias metric is violated when its distance to parity grew by more than the tolerance and, where there are
    intervals, the intervals of the two distances have no value in common; attributions when their shares, their size
    or their order moved past the limits. What only one side has is a violation called "missing".

    Raises DataError where either document has another shape, and SpecError for an unknown rule.
    """
    return list(drift_between(baseline, current, rule=rule, limits=limits).violations)
