"""Polarity: which rows are the disadvantaged group d, said of each facet by name and value."""

from dataclasses import dataclass

from evenhand.clarify.analysis import Analysis, Arithmetic
from evenhand.clarify.config.analysis_config import FacetConfig, Name
from evenhand.clarify.pages.tables import facets_of

RULE = (
    "Values listed under facet are the disadvantaged group d, and so are numbers above a facet's threshold; all other "
    "rows are group a. Read every sign with that in mind."
)
ARITHMETICS: dict[Arithmetic, tuple[str, str]] = {
    "correct": (
        "correct arithmetic",
        "The published formulas, with classes and missing values counted as the mathematics asks.",
    ),
    "compat": (
        "smclarify 0.5 arithmetic (compat)",
        "The numbers of SageMaker Clarify, its faults included, so that they can be compared with earlier reports.",
    ),
}


@dataclass(frozen=True)
class Side:
    """One facet and who its group d is."""

    facet: str
    disadvantaged: tuple[str, ...]
    each: bool = False

    @property
    def others(self) -> str:
        """Who group a is, in words."""
        return "every other row, for each of them in turn" if self.each else "every other row"


def sides(analysis: Analysis) -> tuple[Side, ...]:
    """Each facet of the config with the values of its group d; facets without values have one group for each value."""
    found = facets_of(analysis.bias) if analysis.bias is not None else {}
    return tuple(_side(analysis, facet, found) for facet in analysis.config.facet or ())


def _side(
    analysis: Analysis, facet: FacetConfig, found: dict[str, dict[str, dict[str, list[dict[str, object]]]]]
) -> Side:
    name = named(facet.name_or_index, analysis.config.headers)
    values = tuple(found.get(name, {}))
    if facet.value_or_threshold:
        # A threshold is shown as the interval that it became; single values as they were listed.
        threshold = len(values) == 1 and values[0].startswith("(") and values[0].endswith("]")
        return Side(name, values if threshold else tuple(map(str, facet.value_or_threshold)))
    return Side(name, values, each=True)


def named(name: Name | None, headers: tuple[str, ...] | None) -> str:
    """A column by its name, where headers tell the name of a place."""
    if isinstance(name, int) and headers and 0 <= name < len(headers):
        return headers[name]
    return "" if name is None else f"column {name}" if isinstance(name, int) else name
