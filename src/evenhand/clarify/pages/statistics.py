"""Statistics: label and facet distributions and the model's performance, ready to be drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evenhand.clarify.analysis import Analysis, Section
from evenhand.clarify.pages.numbers import number
from evenhand.renderers import figures
from evenhand.renderers.pieces import CONFUSION, share

Amounts = tuple[tuple[str, float, str], ...]  # name, amount, and the class that colours it
MOST_VALUES = 20  # of a facet
MOST_CLASSES = 20  # of a confusion matrix
_KEYS = 7
_WIDE = 0.08  # of a bar, so that its share can stand inside
_LABELS = (("positive label", "c0"), ("negative label", "c3"))
# Their lists have the order TP, FP, FN, TN, as ours do.
_CELLS = tuple((name, style) for _, name, style in CONFUSION)


@dataclass(frozen=True)
class Shares:
    """Parts of a whole."""

    parts: Amounts

    @property
    def bar(self) -> list[tuple[str, float, str]]:
        """The parts as a stacked bar takes them: the wide ones carry their share."""
        total = sum(amount for _, amount, _ in self.parts) or 1.0
        wide = [f"{amount / total:.0%}" if amount / total >= _WIDE else "" for _, amount, _ in self.parts]
        return [(mark, amount, style) for mark, (_, amount, style) in zip(wide, self.parts, strict=True)]

    def share(self, amount: float) -> str:
        """A part in percent."""
        return share(amount, [each for _, each, _ in self.parts])

    def told(self, of: str) -> str:
        """The parts in words."""
        amounts = [amount for _, amount, _ in self.parts]
        return f"{of}: " + ", ".join(f"{name} {share(amount, amounts)}" for name, amount, _ in self.parts)


@dataclass(frozen=True)
class Value:
    """One value of a facet: its rows, their labels, and how the model treats them."""

    name: str
    rows: float | None
    proportion: float | None
    labels: Shares | None
    decided: Shares | None


@dataclass(frozen=True)
class Column:
    """One facet with its most frequent values; `more` are left out."""

    facet: str
    values: tuple[Value, ...]
    more: int


@dataclass(frozen=True)
class Matrix:
    """Rows by true class (down) and predicted class (across)."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Statistics:
    """What is shown before the bias: how rows are distributed, and how well the model does."""

    label: str = ""
    positive: str = ""
    labels: Shares | None = None
    classes: Shares | None = None
    facets: tuple[Column, ...] = ()
    performance: tuple[tuple[str, float | None], ...] = ()
    decided: Shares | None = None
    matrix: Matrix | None = None

    @property
    def distributed(self) -> bool:
        """Whether anything is known of labels or facets."""
        return bool(self.labels or self.classes or self.facets)


def statistics(analysis: Analysis) -> Statistics:
    """The statistics of a run; what it did not count is empty."""
    found: Section = analysis.bias.statistics if analysis.bias is not None else {}
    facets = _mapping(found.get("facets"))
    metrics = _mapping(found.get("model_performance_metrics"))
    return Statistics(
        label=str(found.get("label") or ""),
        positive=str(found.get("label_value_or_threshold") or ""),
        labels=_shares(found.get("observed_label_distribution"), _LABELS),
        classes=_classes(found.get("label_distribution")),
        facets=tuple(_column(str(name), values) for name, values in facets.items()),
        performance=tuple((str(name), number(each)) for name, each in metrics.items()),
        decided=_shares(found.get("binary_confusion_matrix"), _CELLS),
        matrix=_matrix(found.get("confusion_matrix")),
    )


def extra_notes(analysis: Analysis) -> list[str]:
    """What the counting had to say: notes, and why the other arithmetic has no values."""
    found: Section = analysis.bias.statistics if analysis.bias is not None else {}
    failed, notes = found.get("other_failed"), found.get("notes")
    said = [str(note) for note in notes] if isinstance(notes, (list, tuple)) else []
    return [*said, *([f"The other arithmetic has no values: {failed}"] if failed else [])]


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _shares(values: Any, names: Sequence[tuple[str, str]]) -> Shares | None:
    """Unnamed numbers with the names of their places."""
    if not isinstance(values, (list, tuple)) or len(values) != len(names):
        return None
    return Shares(tuple((name, number(v) or 0.0, style) for (name, style), v in zip(names, values, strict=True)))


def _classes(counts: Any) -> Shares | None:
    """The most frequent classes by name, and all others as one."""
    if not isinstance(counts, Mapping) or not counts:
        return None
    ordered = sorted(((str(name), number(rows) or 0.0) for name, rows in counts.items()), key=lambda item: -item[1])
    kept = ordered if len(ordered) <= _KEYS + 1 else ordered[:_KEYS]
    parts = [(name, rows, f"c{place}") for place, (name, rows) in enumerate(kept)]
    others = ordered[len(kept) :]
    if others:
        noun = figures.several(len(others), "other class", "other classes")
        parts.append((noun, sum(rows for _, rows in others), "c7"))
    return Shares(tuple(parts))


def _column(facet: str, values: Any) -> Column:
    entries = [each for each in values if isinstance(each, Mapping)] if isinstance(values, (list, tuple)) else []
    found = tuple(
        Value(
            str(each.get("value", each.get("value_or_threshold", ""))),
            number(each.get("rows")),
            number(each.get("proportion")),
            _shares(each.get("observed_label_distribution"), _LABELS),
            _shares(each.get("confusion_matrix"), _CELLS),
        )
        for each in entries[:MOST_VALUES]
    )
    return Column(facet, found, max(len(entries) - MOST_VALUES, 0))


def _matrix(value: Any) -> Matrix | None:
    """True by predicted classes; None where there is none, or where it would be too wide to read."""
    if not isinstance(value, Mapping) or not 0 < len(value) <= MOST_CLASSES:
        return None
    if not all(isinstance(row, Mapping) for row in value.values()):
        return None
    columns = tuple(dict.fromkeys(str(name) for row in value.values() for name in row))
    cells = tuple(tuple(number(row.get(column)) or 0.0 for column in columns) for row in value.values())
    return Matrix(tuple(map(str, value)), columns, cells)
