"""Attributions: the bars of each label, at most ten drawn and the rest folded."""

from dataclasses import dataclass
from typing import Any

from evenhand.clarify.analysis import Section
from evenhand.clarify.pages.numbers import number
from evenhand.renderers import figures
from evenhand.renderers.charts import Scale
from evenhand.renderers.reason_charts import value_scale

MOST_BARS = 10
MOST_DRAWN = 8  # labels with bars; those after them have tables
MOST_FOLDED = 500
AGGREGATES = {
    "mean_abs": "the mean size of the SHAP values over the explained rows, whichever way they point",
    "mean_sq": "the mean square of the SHAP values over the explained rows, whichever way they point",
    "median": "the median SHAP value over the explained rows, with its sign",
}


@dataclass(frozen=True)
class Bars:
    """Features, or units of text, by importance; `rest` is folded and `left` not shown."""

    title: str
    noun: str
    shown: tuple[tuple[str, float], ...]
    rest: tuple[tuple[str, float], ...]
    left: int
    scale: Scale
    undefined: int = 0

    def style(self, value: float) -> str:
        """Bars without a direction share a colour; those with one have one each."""
        signed = any(amount < 0 for _, amount in (*self.shown, *self.rest))
        return "im" if not signed else "up" if value >= 0 else "dn"


@dataclass(frozen=True)
class Label:
    """What moves the score of one label."""

    name: str
    expected: float | None
    bars: tuple[Bars, ...]


def labels(explanations: Section) -> tuple[Label, ...]:
    """The labels of `kernel_shap`, which their documents once spell `kernal_shap`."""
    found = explanations.get("kernel_shap") or explanations.get("kernal_shap") or {}
    return tuple(_label(str(name), entry) for name, entry in found.items() if isinstance(entry, dict))


def _label(name: str, entry: Section) -> Label:
    bars = [_bars("Features", "feature", entry.get("global_shap_values"))]
    texts = entry.get("global_top_shap_text")
    if isinstance(texts, dict) and texts and all(isinstance(units, dict) for units in texts.values()):
        bars += [_bars(f"Units of text of {feature}", "unit", units) for feature, units in texts.items()]
    else:
        bars.append(_bars("Units of text", "unit", texts))
    return Label(name, number(entry.get("expected_value")), tuple(each for each in bars if each is not None))


def _bars(title: str, noun: str, values: Any) -> Bars | None:
    if not isinstance(values, dict) or not values:
        return None
    numbers = [(str(name), number(value)) for name, value in values.items()]
    known = sorted(((name, value) for name, value in numbers if value is not None), key=lambda item: -abs(item[1]))
    shown, rest = known[:MOST_BARS], known[MOST_BARS:]
    return Bars(
        title, noun, tuple(shown), tuple(rest[:MOST_FOLDED]), max(len(rest) - MOST_FOLDED, 0),
        value_scale(value for _, value in shown), len(numbers) - len(known),
    )  # fmt: skip


def told(label: Label, bars: Bars) -> str:
    """The first few in words."""
    first = ", ".join(f"{name} {figures.value(value)}" for name, value in bars.shown[:3])
    return f"{label.name}, most of all {first}"
