"""Violations: one breach of a constraint, and constraint_violations.json."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

FILE = "constraint_violations.json"
BIAS = "bias_drift_check"
ATTRIBUTION = "feature_attribution_drift_check"
MISSING = "missing"


@dataclass(frozen=True)
class Violation:
    """One constraint that the current document does not meet; of a facet's group, or of an explained label."""

    metric_name: str
    constraint_check_type: str
    description: str
    facet: str | None = None
    facet_value: str | None = None
    label: str | None = None

    def as_dict(self) -> dict[str, str]:
        """The entry of constraint_violations.json, in the order of the documented examples."""
        keys = ("facet", "facet_value", "label", "metric_name", "constraint_check_type", "description")
        found = {key: getattr(self, key) for key in keys}
        return {key: value for key, value in found.items() if value is not None}


@dataclass(frozen=True)
class Drift:
    """What a comparison of two documents found, and what it could not compare."""

    violations: tuple[Violation, ...]
    notes: tuple[str, ...] = ()


def violations_document(violations: Iterable[Violation]) -> dict[str, Any]:
    """The content of constraint_violations.json."""
    return {"version": "1.0", "violations": [violation.as_dict() for violation in violations]}
