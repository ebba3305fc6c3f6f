"""Metrics: the family of questions; each member is a function of a comparison of two sides of a tally."""

from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import entry_points

from evenhand.core.errors import SpecError, suggestion
from evenhand.core.metric import Metric
from evenhand.metrics import (
    decisions,
    distributions,
    errors,
    flip,
    inequality,
    labels,
    regression,
    representation,
    scores,
)

# One line a member; third parties add theirs through the entry-point group "evenhand.metrics".
MODULES = (representation, labels, distributions, decisions, errors, inequality, flip, scores, regression)

ALL: tuple[Metric, ...] = tuple(
    member for module in MODULES for member in vars(module).values() if isinstance(member, Metric)
)


@lru_cache
def registered() -> dict[str, Metric]:
    """Every metric by its code: ours, then those that installed packages register."""
    others = [point.load() for point in entry_points(group="evenhand.metrics")]
    return {member.code: member for member in (*ALL, *others)}


def chosen(codes: Iterable[str]) -> tuple[Metric, ...]:
    """The metrics with these codes, or all of them; raises SpecError for an unknown code."""
    known = registered()
    wanted = tuple(codes)
    for code in wanted:
        if code not in known:
            raise SpecError(f"No metric {code!r}.{suggestion(code, sorted(known), most=60)}")
    return tuple(known[code] for code in wanted) if wanted else tuple(known.values())
