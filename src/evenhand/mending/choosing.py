"""Choosing: which point of a frontier is taken, and why, in plain words; what is refused, and what levels down."""

from collections.abc import Sequence
from dataclasses import replace

from evenhand.core.constraint import Constraint
from evenhand.core.frontier import Floor, Frontier, Point
from evenhand.core.words import digits
from evenhand.mending.people import named_few

# Shares of what the constraints allow that are tried, the loosest first.
STEPS = (4.0, 2.0, 1.0, 0.75, 0.5, 0.25, 0.0)

LEVELLING = (
    "Levelling down: {groups} lost, and no group gained. Treating everyone worse is no remedy for those who were"
    " treated worst, and courts and regulators may not accept it as one; prefer a point where somebody gains, or bound"
    " the worst-off with equal-opportunity-least:BOUND."
)
LEGAL = (
    "A rule that needs the group when deciding treats people by it. Some laws forbid that whatever the aim, for example"
    " different cut-offs by race or sex on employment tests (42 U.S.C. 2000e-2(l)) and prohibited bases in credit"
    " (12 CFR 1002.4) in the United States. This page is no legal advice; ask before such a rule decides about people."
)

REFUSED = (
    "Nothing was chosen and no model was written. The points below are what can be had on these rows; ask for a"
    " tolerance that they can show, and the choice is made."
)


def loosened(
    constraints: Sequence[Constraint], floors: Sequence[Floor]
) -> tuple[tuple[Constraint, ...], tuple[str, ...]]:
    """The constraints, those tighter than chance at the tightest bound that is credible; and why they were refused."""
    kept, refused = [], []
    for constraint, floor in zip(constraints, floors, strict=True):
        tight = constraint.allowed < floor.typical
        allowed = min(floor.rare, 1.0)
        bound = allowed if constraint.form == "difference" else 1 - allowed
        kept.append(replace(constraint, bound=bound) if tight else constraint)
        if tight:
            refused.append(_too_tight(constraint, floor))
    return tuple(kept), tuple(refused)


def steps_of(
    constraints: Sequence[Constraint], floors: Sequence[Floor], found: Sequence[float]
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """The steps worth fitting, and which were refused and why; `found` are the unmended model's violations."""
    kept, refused = [], []
    for step in STEPS:
        if step > 1 and all(each.allowed * step >= value for each, value in zip(constraints, found, strict=True)):
            continue
        tight = [pair for pair in zip(constraints, floors, strict=True) if pair[0].allowed * step < pair[1].typical]
        if not tight or step == 1:
            kept.append(step)
        else:
            constraint, floor = tight[0]
            refused.append(
                f"{constraint.name} at {digits(constraint.allowed * step)} was not tried: exactly equal rates would"
                f" show {digits(floor.typical)} by chance on the {floor.rows:,} choosing rows, so nobody could tell."
            )
    return tuple(kept), tuple(refused)


def _too_tight(constraint: Constraint, floor: Floor) -> str:
    if floor.rare >= 1:
        advice = "no tolerance could be told from it:"
    elif constraint.form == "ratio":
        advice = f"ask for a ratio of {digits(1 - floor.rare)} or less,"
    else:
        advice = f"ask for {digits(floor.rare)} or more,"
    return (
        f"{constraint} is tighter than chance: thresholds with exactly equal rates would show a violation of"
        f" {digits(floor.typical)} on the {floor.rows:,} choosing rows; {advice} join small groups, or bring"
        " more rows."
    )


def chosen_of(points: Sequence[Point], *, auto: bool) -> tuple[Point, str]:
    """The point that is taken and the reason: the most accurate within the tolerance on the choosing rows.

    With `auto` it must be credibly within: in enough resamples of the choosing rows, not just by the estimates.
    """
    fit = [point for point in points if (point.credible if auto else point.within)]
    if fit:
        best = max(fit, key=lambda point: (point.accuracy_choosing, point.confidence, -_worst(point), point.name))
        others = f"the most accurate of {len(fit)} points" if len(fit) > 1 else "the only point"
        how = f" in {best.confidence:.0%} of resamples of the choosing rows" if auto else " on the choosing rows"
        reason = (
            f"{best.name}: {others} {'credibly ' if auto else ''}within the tolerance,{how}"
            f" ({_told(best)}; accuracy there {best.accuracy_choosing:.4f})."
        )
        return best, reason
    if auto:
        best = max(points, key=lambda point: (point.confidence, -_worst(point), point.accuracy_choosing, point.name))
        odds = f"within it in {best.confidence:.0%} of resamples; "
    else:
        best = min(points, key=lambda point: (_worst(point), -point.accuracy_choosing, point.name))
        odds = ""
    reason = (
        f"No point is {'credibly ' if auto else ''}within the tolerance on the choosing rows; {best.name} comes closest"
        f" ({odds}{_told(best)}; upper end {_upper(best)}). More rows, fewer groups or a tolerance as loose as that"
        " would help."
    )
    return best, reason


def _worst(point: Point) -> float:
    """How far the violation is beyond what is allowed; negative within."""
    return max(each.value - Constraint.parse(name).allowed for name, each in point.violations_choosing.items())


def _told(point: Point) -> str:
    return ", ".join(f"{name}: {digits(each.value)}" for name, each in point.violations_choosing.items())


def _upper(point: Point) -> str:
    return ", ".join(digits(each.interval.high) for each in point.violations_choosing.values())


def remarks(frontier: Frontier) -> tuple[str, ...]:
    """What must be said of the chosen point, beside its numbers."""
    point = frontier.point
    if frontier.how == "refused":
        return (REFUSED,)
    said = [LEVELLING.format(groups=named_few(point.levels_down))] if point.levels_down else []
    if point.needs_facet:
        said.append(LEGAL)
    if point.randomised:
        said.append(
            "For people near a threshold chance decides: a number that follows from their id, so that one person always"
            " gets one answer. --deterministic finds a rule without chance."
        )
    return tuple(said)
