"""A heat map as a table: shares of one thing by another, shaded from light to dark, with every number in its cell."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evenhand.renderers.charts import SHADES, element, shade

MARK = "✓"


@dataclass(frozen=True)
class Cell:
    """A share from 0 to 1, and whether it is marked."""

    share: float
    marked: bool = False


def heat_map(
    corner: str, rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[Cell]], *, caption: str
) -> Markup:
    """The table: `cells[i][j]` is of row i and column j, written in whole percent; the darker, the more."""
    named = [element("th", element("span", name), scope="col") for name in columns]
    head = element("tr", element("th", corner, scope="col"), *named)
    lines = [
        element("tr", element("th", element("bdi", name), scope="row"), *map(_cell, line))
        for name, line in zip(rows, cells, strict=True)
    ]
    return element(
        "table",
        element("caption", caption, class_="hide"),
        element("thead", head),
        element("tbody", *lines),
        class_="heat use",
    )


def legend() -> Markup:
    """What the shades mean, from none to all, as a list."""
    ends = [round(100 * step / SHADES) for step in range(SHADES + 1)]
    items = [
        element(
            "li", element("span", "", class_=f"key h{step}", aria_hidden="true"), f"{ends[step]} to {ends[step + 1]}%"
        )
        for step in range(SHADES)
    ]
    return element("ul", *items, class_="legend")


def _cell(cell: Cell) -> Markup:
    mark = f" {MARK}" if cell.marked else ""
    return Markup(f'<td class="{shade(cell.share, 0.0, 1.0)}">{_whole(cell.share)}{mark}</td>')  # noqa: S704 - numbers


def _whole(share: float) -> str:
    """A share in whole percent that is 0 for none alone, and 100 for all alone."""
    rounded = round(100 * share)
    if 0 < share < 1:
        rounded = min(max(rounded, 1), 99)
    return str(rounded)
