"""The family of renderers: a report becomes text — a page, Markdown, JSON. None of them measures anything."""

from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, cast

from evenhand.core.errors import SpecError, suggestion
from evenhand.core.report import Report

GROUP = "evenhand.renderers"

ALL = {
    "html": "evenhand.renderers.html:render",
    "json": "evenhand.renderers.json_text:render",
    "markdown": "evenhand.renderers.markdown:render",
}


class Renderer(Protocol):
    """What a member of the family is: a report, and perhaps an earlier one to compare it with, as text."""

    def __call__(self, report: Report, *, against: Report | None = None) -> str:
        """The text of the report."""
        ...


def doors() -> dict[str, EntryPoint]:
    """The renderers by name, not yet imported; our own cannot be replaced by an installed package."""
    ours = {name: EntryPoint(name, place, GROUP) for name, place in ALL.items()}
    return {door.name: door for door in entry_points(group=GROUP)} | ours


def render(report: Report, format: str = "html", *, against: Report | None = None) -> str:  # noqa: A002
    """The report as text in the given format; `against` adds what changed since an earlier report.

    Raises SpecError where no renderer has that name.
    """
    known = doors()
    if format not in known:
        raise SpecError(f"No format {format!r} for a report.{suggestion(format, sorted(known))}")
    renderer = cast(Renderer, known[format].load())
    return renderer(report, against=against)
