"""Segments: the metrics of each group beside each other, one column a segment."""

from collections.abc import Iterator
from dataclasses import dataclass

from evenhand.clarify.analysis import Analysis, Bias
from evenhand.clarify.pages.numbers import number
from evenhand.clarify.pages.tables import facets_of, spoken

COLUMNS = 5  # segments in one table, so that it fits on paper
MOST = 40  # segments on the page
Cell = tuple[float | None, str]  # a value, or why there is none


@dataclass(frozen=True)
class Block:
    """One group d over a few segments; the first column is all rows."""

    group: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True)
class Failed:
    """A segment that could not be analysed."""

    name: str
    reason: str


def failures(analysis: Analysis) -> tuple[Failed, ...]:
    """The segments without metrics, and why."""
    return tuple(
        Failed(name, str(bias.statistics.get("error") or "no metrics were computed"))
        for name, bias in analysis.segments.items()
        if not bias.sections
    )


def blocks(analysis: Analysis) -> Iterator[Block]:
    """The tables, group by group."""
    if analysis.bias is None:
        return
    whole = _values(analysis.bias)
    found = {name: _values(bias) for name, bias in list(analysis.segments.items())[:MOST] if bias.sections}
    names = list(found)
    groups = dict.fromkeys(group for values in (whole, *found.values()) for group in values)
    for group in groups:
        for start in range(0, len(names), COLUMNS):
            shown = names[start : start + COLUMNS]
            columns = [whole.get(group, {}), *(found[name].get(group, {}) for name in shown)]
            codes = dict.fromkeys(code for column in columns for code in column)
            rows = ((code, tuple(column.get(code, (None, "")) for column in columns)) for code in codes)
            yield Block(spoken(*group), ("All rows", *shown), tuple(rows))


def _values(bias: Bias) -> dict[tuple[str, str], dict[str, Cell]]:
    return {
        (facet, value): {
            str(metric.get("name", "")): (number(metric.get("value")), str(metric.get("error") or ""))
            for metrics in stages.values()
            for metric in metrics
        }
        for facet, values in facets_of(bias).items()
        for value, stages in values.items()
    }
