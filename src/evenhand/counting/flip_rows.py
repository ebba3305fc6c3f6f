"""Flip rows: the sample of rows, with their features, that the flip test looks at."""

from collections.abc import Sequence

from evenhand.core.audit import Audit
from evenhand.core.frame import Columns, Frame
from evenhand.core.plan import Plan
from evenhand.counting.answering import describing

# The most differences of two values that the flip test may look at.
FLIP_WORK = 4e9


def features_of(audit: Audit, frame: Frame) -> tuple[str, ...]:
    """The columns the flip test compares by: those asked for, or all that describe a person."""
    return describing(audit, frame, ("stratum",)) if audit.features is None else audit.features


def flip_rows(audit: Audit, features: Sequence[str]) -> int:
    """How many rows the flip test looks at: fewer with many features, whose distances cost more."""
    return min(audit.flip_test_rows, int((FLIP_WORK / max(len(features), 1)) ** 0.5))


def wants_flip_test(audit: Audit, bound: Plan) -> bool:
    """Whether the audit asks for the flip test, and there are predictions to flip."""
    wanted = not audit.metrics or "FT" in audit.metrics
    return wanted and "prediction" in bound.keys and bound.outcome == "binary"


def sampled(bound: Plan, frame: Frame, features: Sequence[str], limit: int) -> Columns:
    """The sampled rows: facet keys, the prediction, and the features."""
    expressions = {name: key for name, key in bound.keys.items() if name.startswith("facet ") or name == "prediction"}
    expressions |= {f"feature {name}": frame.expressions.column(name) for name in features}
    return frame.rows(expressions, limit, bound.audit.seed)
