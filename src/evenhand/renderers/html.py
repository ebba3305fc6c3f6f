"""The report as one HTML page: complete without script or network, readable on a phone, on paper and aloud."""

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evenhand.core.report import Report
from evenhand.core.visible import visible
from evenhand.renderers import charts, embedded, figures, outline, pieces, verdicts
from evenhand.renderers.difference import difference

BUDGET = 300_000  # bytes that a page should stay under
Detail = Literal["all", "notable", "none"]

_FOLDER = Path(__file__).with_name("templates")
# From the most to the least that is said of each finding; every page holds every value and every verdict.
_LEVELS: tuple[tuple[Detail, bool], ...] = (("all", False), ("all", True), ("notable", True))
# Beyond so many findings a page does not even try to put each into words, or each of those that need a look.
_MOST_IN_WORDS, _MOST_NOTABLE = 2_000, 500


def render(report: Report, *, against: Report | None = None) -> str:
    """The page with as much detail as fits the budget; the report inside is compressed where it must be."""
    changes = difference(against, report) if against is not None else None
    whole, page = embedded.plain(report), ""
    for detail, compressed in _levels(report, len(whole)):
        data = embedded.packed(report) if compressed else whole
        page = _page({"report": report, "changes": changes, "detail": detail, "data": Markup(data)})  # noqa: S704
        if len(page.encode()) <= BUDGET:
            break
    return page


def _levels(report: Report, length: int) -> list[tuple[Detail, bool]]:
    """The levels worth trying, the last of which is taken whatever its size."""
    notable = sum(finding.verdict not in ("within", "not judged") for finding in report.findings)
    if notable > _MOST_NOTABLE:
        return [("none", True)]
    if len(report.findings) > _MOST_IN_WORDS:
        return [("notable", True)]
    return [level for level in _LEVELS if level[1] or length <= BUDGET]


def _page(names: Mapping[str, object]) -> str:
    style, script = _piece("report.css"), _piece("report.js")
    text = (
        _environment()
        .get_template("report.html")
        .render(
            names,
            style=Markup(style),  # noqa: S704 - our own files, not data
            script=Markup(script),  # noqa: S704
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
    )
    # No text of the data holds a line end any more, so empty lines are ours.
    return re.sub(r"\n{2,}", "\n", text)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Whatever is not our own markup goes through here, so that no template can forget it.
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.globals.update(
        charts=charts, figures=figures, outline=outline, pieces=pieces, verdicts=verdicts, signs=verdicts.SIGNS
    )
    return environment


@cache
def _piece(name: str) -> str:
    """A style sheet or script without its comments and indents; both are inlined, so every byte counts."""
    text = re.sub(r"/\*.*?\*/", "", (_FOLDER / name).read_text("utf-8"), flags=re.DOTALL)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
