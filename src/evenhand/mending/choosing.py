"""Choosing: which point of a frontier is taken, and why, in plain words; what is refused, and what levels down."""

from collections.abc import Sequence

from evenhand.core.constraint import Constraint
from evenhand.core.errors import SpecError
from evenhand.core.frontier import Floor, Frontier, Point
from evenhand.core.words import digits

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


def steps_of(
    constraints: Sequence[Constraint], floors: Sequence[Floor], found: Sequence[float]
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """The steps worth fitting, and what was refused and why.

    `found` are the unmended model's violations. Raises SpecError where the user's own tolerance is tighter than chance.
    """
    kept, refused = [], []
    for step in STEPS:
        if step > 1 and all(each.allowed * step >= value for each, value in zip(constraints, found, strict=True)):
            continue
        tight = [pair for pair in zip(constraints, floors, strict=True) if pair[0].allowed * step < pair[1].typical]
        if not tight:
            kept.append(step)
        elif step == 1:
            raise SpecError(_too_tight(*tight[0]))
        else:
            constraint, floor = tight[0]
            refused.append(
                f"{constraint.name} at {digits(constraint.allowed * step)} was not tried: exactly equal rates would"
                f" show {digits(floor.typical)} by chance on the {floor.rows:,} choosing rows, so nobody could tell."
            )
    return tuple(kept), tuple(refused)


def _too_tight(constraint: Constraint, floor: Floor) -> str:
    if constraint.form == "ratio":
        loosest = f"a ratio of {digits(1 - floor.rare)} or less"
    else:
        loosest = f"{digits(floor.rare)} or more"
    return (
        f"{constraint} is tighter than chance: thresholds with exactly equal rates would show a violation of"
        f" {digits(floor.typical)} on the {floor.rows:,} choosing rows; ask for {loosest}, join small groups, or bring"
        " more rows."
    )


def chosen_of(points: Sequence[Point], *, auto: bool) -> tuple[Point, str]:
    """The point that is taken and the reason: the most accurate within the tolerance on the choosing rows.

    With `auto`, the upper ends of the intervals must be within it, not just the estimates.
    """
    fit = [point for point in points if (point.credible if auto else point.within)]
    what = "the upper end of the interval of" if auto else ""
    if fit:
        best = max(fit, key=lambda point: (point.accuracy_choosing, -_worst(point, upper=auto), point.name))
        others = f"the most accurate of {len(fit)} points" if len(fit) > 1 else "the only point"
        reason = (
            f"{best.name}: {others} for which {what or 'the estimate of'} the violation on the choosing rows is within"
            f" the tolerance ({_told(best, upper=auto)}; accuracy there {best.accuracy_choosing:.4f})."
        )
        return best, reason
    best = min(points, key=lambda point: (_worst(point, upper=auto), -point.accuracy_choosing, point.name))
    reason = (
        f"No point is {'credibly ' if auto else ''}within the tolerance on the choosing rows; {best.name} comes closest"
        f" ({_told(best, upper=auto)}). More rows, fewer groups or a looser tolerance would help."
    )
    return best, reason


def _worst(point: Point, *, upper: bool) -> float:
    return max(each.interval.high if upper else each.value for each in point.violations_choosing.values())


def _told(point: Point, *, upper: bool) -> str:
    ends = point.violations_choosing.items()
    return ", ".join(f"{name}: {digits(each.interval.high if upper else each.value)}" for name, each in ends)


def remarks(frontier: Frontier) -> tuple[str, ...]:
    """What must be said of the chosen point, beside its numbers."""
    point = frontier.point
    said = [LEVELLING.format(groups=", ".join(point.levels_down))] if point.levels_down else []
    if point.needs_facet:
        said.append(LEGAL)
    if point.randomised:
        said.append(
            "For people near a threshold chance decides: a number that follows from their id, so that one person always"
            " gets one answer. --deterministic finds a rule without chance."
        )
    return tuple(said)
