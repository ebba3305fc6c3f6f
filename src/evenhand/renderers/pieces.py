"""The pieces of a page that need some arithmetic: panels of rates, shares of classes, tables of thresholds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evenhand.core.audit import Audit
from evenhand.core.report import Confusion, Profile, Rate, Report
from evenhand.renderers import charts, figures
from evenhand.renderers.outline import Part

CONFUSION = (
    ("true_positive", "Selected, rightly", "tp"),
    ("false_positive", "Selected, wrongly", "fp"),
    ("false_negative", "Passed over, wrongly", "fn"),
    ("true_negative", "Passed over, rightly", "tn"),
)
_KEYS = "ABCDEFGH"


@dataclass(frozen=True)
class Panel:
    """One rate over the groups of a facet, on one scale."""

    name: str
    scale: charts.Scale
    rows: tuple[tuple[Profile, Rate], ...]


def panels(part: Part) -> list[Panel]:
    """One panel for each rate."""
    return [_panel(part, name) for name in part.rate_names]


def _panel(part: Part, name: str) -> Panel:
    rows = tuple((profile, rate) for profile in part.profiles for rate in profile.rates if rate.name == name)
    ends = [rate.interval.high if rate.interval else rate.value for _, rate in rows]
    return Panel(name, charts.rate_scale(ends), rows)


def rate_of(profile: Profile, name: str) -> Rate | None:
    """The rate of that name, if the group has it."""
    return next((rate for rate in profile.rates if rate.name == name), None)


def said(profile: Profile, rate: Rate) -> str:
    """A rate of a group as a sentence for those who do not see the chart."""
    interval = f", interval {figures.interval(rate.interval, figures.percent)}" if rate.interval else ""
    return f"{profile.group}: {figures.percent(rate.value)}{interval}, {figures.count(rate.rows)} rows"


def confusion_cells(confusion: Confusion) -> list[tuple[str, float, str]]:
    """The four cells with their names and classes, in the order in which the bar shows them."""
    return [(name, getattr(confusion, field), style) for field, name, style in CONFUSION]


def share(amount: float, amounts: Sequence[float]) -> str:
    """A part of a sum in percent."""
    total = sum(amounts)
    return figures.percent(amount / total) if total > 0 else "no rows"


@dataclass(frozen=True)
class Classes:
    """The classes of a facet by key, the most frequent first; the last key may hold all the others."""

    keys: tuple[tuple[str, str, str], ...]  # key, class, style
    others: frozenset[str] = frozenset()

    def shares(self, counts: dict[str, float]) -> list[tuple[str, float, str]]:
        """The rows of a group by key, as a stacked bar takes them."""
        rest = sum(counts.get(name, 0.0) for name in self.others)
        return [
            (key, counts.get(name, 0.0) if place < len(_KEYS) - 1 or not self.others else rest, style)
            for place, (key, name, style) in enumerate(self.keys)
        ]

    def said(self, group: str, counts: dict[str, float]) -> str:
        """The shares in words."""
        parts = self.shares(counts)
        amounts = [amount for _, amount, _ in parts]
        named = zip(parts, self.keys, strict=True)
        return f"{group}: " + ", ".join(f"{key[1]} {share(part[1], amounts)}" for part, key in named)


def classes(part: Part) -> Classes:
    """The classes of the labels and predictions of a facet."""
    totals: dict[str, float] = {}
    for profile in part.profiles:
        for counts in (profile.labels, profile.predictions):
            for name, rows in counts.items():
                totals[name] = totals.get(name, 0.0) + rows
    ordered = sorted(totals, key=lambda name: -totals[name])
    if len(ordered) > len(_KEYS):
        kept, others = ordered[: len(_KEYS) - 1], ordered[len(_KEYS) - 1 :]
        ordered = [*kept, figures.several(len(others), "other class", "other classes")]
        return Classes(_keyed(ordered), frozenset(others))
    return Classes(_keyed(ordered))


def _keyed(names: list[str]) -> tuple[tuple[str, str, str], ...]:
    return tuple((key, name, f"c{place}") for place, (key, name) in enumerate(zip(_KEYS, names, strict=False)))


@dataclass(frozen=True)
class AtThreshold:
    """What would follow in one group if the threshold were elsewhere; `None`: not defined."""

    selected: float | None
    true_positive: float | None
    false_positive: float | None


MEASURES: tuple[tuple[str, Literal["selected", "true_positive", "false_positive"]], ...] = (
    ("Selected", "selected"),
    ("Of those labelled positive", "true_positive"),
    ("Of those labelled negative", "false_positive"),
)


def first_bin(audit: Audit, bins: int, threshold: float) -> int:
    """The first bin whose scores all lie at or above the threshold."""
    low, high = audit.score_range
    return min(max(math.ceil(bins * (threshold - low) / (high - low) - 1e-9), 0), bins)


def at_threshold(profile: Profile, first: int) -> AtThreshold:
    """The shares at or above a bin."""
    above, rows = sum(profile.scores[first:]), sum(profile.scores)
    if not profile.scores_positive:
        return AtThreshold(_ratio(above, rows), None, None)
    hits, positives = sum(profile.scores_positive[first:]), sum(profile.scores_positive)
    return AtThreshold(_ratio(above, rows), _ratio(hits, positives), _ratio(above - hits, rows - positives))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def thresholds(audit: Audit) -> list[float]:
    """Where the table of thresholds looks: at five places over the range, and at the audit's own."""
    low, high = audit.score_range
    spread = {round(low + (high - low) * tenth / 10, 10) for tenth in (1, 3, 5, 7, 9)}
    return sorted(spread | {audit.score_threshold})


def scored(part: Part) -> list[Profile]:
    """The groups with a distribution of scores."""
    return [profile for profile in part.profiles if sum(profile.scores) > 0]


def indices(report: Report, profiles: Sequence[Profile]) -> str:
    """Where the groups stand in the report, for the script of the page."""
    wanted = {id(profile) for profile in profiles}
    return " ".join(str(place) for place, profile in enumerate(report.profiles) if id(profile) in wanted)


def settings(audit: Audit) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
    """The fields of the audit that say something, and those left at their defaults: name, value, meaning."""
    given = set(audit.model_dump(exclude_defaults=True))
    rows = {
        name: (name, _setting(getattr(audit, name)), field.description or "")
        for name, field in type(audit).model_fields.items()
    }
    return [row for name, row in rows.items() if name in given], [
        row for name, row in rows.items() if name not in given
    ]


def _setting(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(_setting(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_setting(item)}" for key, item in value.items()) or "none"
    return "none" if value is None else str(value)


def ends(panel: Panel) -> tuple[float, float]:
    """The lowest and the highest rate of a panel."""
    values = [rate.value for _, rate in panel.rows if rate.value is not None]
    return min(values, default=0.0), max(values, default=0.0)


def unmarked(cells: Sequence[tuple[str, float, str]]) -> list[tuple[str, float, str]]:
    """Parts of a bar that carry their share instead of their name."""
    amounts = [amount for _, amount, _ in cells]
    total = sum(amounts)
    return [(f"{amount / total:.0%}" if total > 0 else "", amount, style) for _, amount, style in cells]


def told(group: str, cells: Sequence[tuple[str, float, str]]) -> str:
    """The parts of a bar in words."""
    amounts = [amount for _, amount, _ in cells]
    return f"{group}: " + ", ".join(f"{name.lower()} {share(amount, amounts)}" for name, amount, _ in cells)


def score_words(profile: Profile, audit: Audit) -> str:
    """A distribution of scores in words: where its quarters end."""
    low, high = audit.score_range
    width = (high - low) / len(profile.scores)
    marks = ", ".join(
        f"{name} at {figures.value(low + width * _bin_at(profile.scores, part))}"
        for name, part in (("a quarter of rows", 0.25), ("half", 0.5), ("three quarters", 0.75))
    )
    return f"Scores of {profile.group}: {marks} or below"


def _bin_at(bins: Sequence[float], part: float) -> int:
    wanted, passed = sum(bins) * part, 0.0
    for place, rows in enumerate(bins, start=1):
        passed += rows
        if passed >= wanted:
            return place
    return len(bins)
