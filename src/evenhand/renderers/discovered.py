"""What a search for groups found, as one page: complete without script or network; and its words for any place."""

from dataclasses import dataclass

from markupsafe import Markup

from evenhand.core.subgroup import Discovery, Outcome, Question, Subgroup
from evenhand.renderers import charts, figures
from evenhand.renderers.embedded import plain
from evenhand.renderers.html import filled

_MORE: dict[Outcome, str] = {
    "error": "decisions are wrong {more} often",
    "false positives": "people with a negative label are {more} often predicted positive",
    "false negatives": "people with a positive label are {more} often predicted negative",
    "selection": "people are {more} often predicted positive",
    "label": "people {more} often have a positive label",
    "regression error": "predictions are {more} wrong",
}
_DIRECTIONS = {"more": "more", "less": "less", "either": "more or less"}
_RATE = {"error", "false positives", "false negatives", "selection", "label"}


@dataclass(frozen=True)
class Strips:
    """The charts of one page, on one scale."""

    scale: charts.Scale
    rate: bool

    def strip(self, subgroup: Subgroup) -> Markup:
        """The group as a dot with its interval, the rest as a line."""
        low, high = subgroup.interval.low + subgroup.elsewhere, subgroup.interval.high + subgroup.elsewhere
        first, last = self.scale.place(low), self.scale.place(high)
        rest, here = self.scale.place(subgroup.elsewhere), self.scale.place(subgroup.value)
        label = f"{written(subgroup.value, rate=self.rate)} in the group, {written(subgroup.elsewhere, rate=self.rate)}"
        return charts.drawing(
            f"{label} elsewhere",
            charts.element("rect", class_="z", x=f"{min(rest, here):g}%", width=f"{abs(here - rest):g}%",
                           y="12%", height="76%"),
            charts.element("line", class_="y", x1=f"{rest:g}%", x2=f"{rest:g}%", y1="0%", y2="100%"),
            charts.element("line", class_="i", x1=f"{first:g}%", x2=f"{last:g}%", y1="50%", y2="50%"),
            charts.element("circle", class_="d p", cx=f"{here:g}%", cy="50%", r=5),
            class_=f"s g{len(self.scale.ticks) - 1}" if self.rate else "s plain",
        )  # fmt: skip

    @property
    def axis(self) -> Markup:
        """The labels of the scale, for shares; other numbers stand beside each chart."""
        return charts.axis(self.scale) if self.rate else Markup("")


def render_discovery(discovery: Discovery, *, title: str, command: str = "") -> str:
    """The page; `command` is what to go on with."""
    names = {
        "found": discovery, "title": title, "command": command, "headline": headline(discovery),
        "rate": is_rate(discovery.question), "written": written, "gap": gap, "ends": ends, "strips": _strips(discovery),
        "searched": searched(discovery), "unseen": unseen(discovery), "data": Markup(plain(discovery)),  # noqa: S704
    }  # fmt: skip
    return filled("discovered.html", names, styles=("report.css", "discovered.css"))


def _strips(discovery: Discovery) -> Strips:
    rate = is_rate(discovery.question)
    ends = [each.elsewhere + end for each in discovery.subgroups for end in (each.interval.low, each.interval.high, 0)]
    if rate:
        return Strips(charts.rate_scale([*ends, *(each.value for each in discovery.subgroups)]), rate)
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    margin = (high - low) * 0.06 or 1.0
    return Strips(charts.Scale(low - margin, high + margin), rate)


def is_rate(question: Question) -> bool:
    """Whether what is looked for happens or not, so that its averages are shares."""
    return question.outcome in _RATE


def written(value: float, *, rate: bool) -> str:
    """An average as people read it."""
    return figures.percent(value) if rate else figures.value(value)


def gap(subgroup: Subgroup, *, rate: bool) -> str:
    """How far a group is from the rest, with its sign."""
    sign = "+" if subgroup.gap > 0 else ""
    return f"{sign}{_points(subgroup.gap)}" if rate else f"{sign}{figures.value(subgroup.gap)}"


def ends(subgroup: Subgroup, *, rate: bool) -> str:
    """The interval of the gap."""
    low, high = subgroup.interval.low, subgroup.interval.high
    return f"{_points(low)} to {_points(high)}" if rate else f"{figures.value(low)} to {figures.value(high)}"


def _points(share: float) -> str:
    return f"{share * 100:.1f}".replace("-", figures.MINUS)


def happening(question: Question) -> str:
    """What was looked for, in words."""
    more = _DIRECTIONS[question.direction]
    if question.outcome == "column":
        return f"{question.column} is {more.replace('more', 'higher').replace('less', 'lower')}"
    return _MORE[question.outcome].format(more=more)


def headline(discovery: Discovery) -> str:
    """What was found, in a sentence."""
    number = len(discovery.subgroups)
    if not number:
        return f"No group was found for which {happening(discovery.question)} than elsewhere."
    groups = "1 group was found" if number == 1 else f"{number} groups were found"
    return f"{groups} for which {happening(discovery.question)} than elsewhere."


def searched(discovery: Discovery) -> str:
    """What was looked at, and what decided."""
    conditions = figures.several(discovery.depth, "condition")
    how = (
        "One half of the rows was searched, and the other, which the search has not seen, decided."
        if discovery.honest == "halves"
        else "All rows were searched, and the same search of shuffled outcomes says how far chance reaches."
    )
    return (
        f"Looked at {figures.several(discovery.searched, 'group')} of at least {discovery.least_rows:,} rows, each of"
        f" at most {conditions} on {figures.several(len(discovery.columns), 'column')}. {how}"
    )


def unseen(discovery: Discovery) -> str:
    """What could not have been found."""
    smallest = discovery.minimum_detectable
    if smallest is None:
        return "Nothing varies among the rows, so no group can differ."
    size = f"{smallest * 100:.1f} points" if is_rate(discovery.question) else figures.value(smallest)
    return f"In a group of {discovery.least_rows:,} rows a gap of {size} would have been found four times in five."
