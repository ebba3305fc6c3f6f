"""The report as one HTML page: complete without script or network, readable on a phone, on paper and aloud."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evenhand.core.reasons import Reasons
from evenhand.core.report import Report
from evenhand.core.visible import visible
from evenhand.renderers import (
    charts,
    embedded,
    figures,
    outline,
    pieces,
    reason_charts,
    reasons,
    reasons_clouds,
    series_charts,
    verdicts,
)
from evenhand.renderers.difference import difference

BUDGET = 300_000  # bytes that a page should stay under
COMPARED = 150_000  # and one that is about what changed since another report
EXPLAINED = 300_000  # bytes more that an explanation may take
Detail = Literal["all", "notable", "none"]

_FOLDER = Path(__file__).with_name("templates")
# From the most to the least that is said of each finding; every page holds every value and every verdict.
_LEVELS: tuple[tuple[Detail, bool], ...] = (("all", False), ("all", True), ("notable", True))
# A finding in words takes about so many bytes; where they pass the budget, a page does not even try.
_IN_WORDS = 550
# Beyond so many findings that need a look a page does not put these into words either.
_MOST_NOTABLE = 500


def render(report: Report, *, against: Report | None = None) -> str:
    """The page with as much detail as fits the budget; the report inside is compressed where it must be."""
    changes = difference(against, report) if against is not None else None
    most = BUDGET if against is None else COMPARED
    whole, page = embedded.plain(report), ""
    for detail, compressed in _levels(report, len(whole), most):
        data = embedded.packed(report) if compressed else whole
        names = {"title": report.title, "report": report, "changes": changes, "detail": detail, "data": Markup(data)}  # noqa: S704
        page = filled("report.html", names, styles=_styles(report), script="report.js")
        if len(page.encode()) <= (budget(report, most) if compressed else _room(report, most)):
            break
    return page


def render_reasons(reasons: Reasons, *, title: str) -> str:
    """A page of its own for what drives the predictions of a model, with the same data inside; no audit is needed."""
    names = {"reasons": reasons, "title": title, "data": Markup(embedded.plain(reasons))}  # noqa: S704
    return filled("explained.html", names, styles=("report.css", "reasons.css"))


def _room(report: Report, most: int) -> int:
    return most if report.reasons is None else most + EXPLAINED


def budget(report: Report, most: int = BUDGET) -> int:
    """The bytes that a page should stay under; clouds of many outputs do not cost the findings their words."""
    clouds = report.reasons.clouds if report.reasons is not None else ()
    length = sum(len(cloud.attributions) + len(cloud.levels) + len(cloud.numbers) for cloud in clouds)
    return max(_room(report, most), most + length)


def _levels(report: Report, length: int, most: int) -> list[tuple[Detail, bool]]:
    """The levels worth trying, the last of which is taken whatever its size."""
    notable = sum(finding.verdict not in ("within", "not judged") for finding in report.findings)
    if notable > _MOST_NOTABLE:
        return [("none", True)]
    if len(report.findings) * _IN_WORDS > budget(report, most):
        return [("notable", True)]
    return [level for level in _LEVELS if level[1] or length <= _room(report, most)]


def filled(template: str, names: Mapping[str, object], *, styles: Sequence[str], script: str = "") -> str:
    """A page from one of our templates, with its style and script inside and a policy that allows no other."""
    style, code = "\n".join(map(_piece, styles)), _piece(script) if script else ""
    text = (
        _environment()
        .get_template(template)
        .render(
            names,
            style=Markup(style),  # noqa: S704 - our own files, not data
            script=Markup(code),  # noqa: S704
            style_hash=_hash(style),
            script_hash=_hash(code) if code else "",
        )
    )
    # No text of the data holds a line end any more, so empty lines are ours.
    return re.sub(r"\n{2,}", "\n", text)


def _styles(report: Report) -> list[str]:
    return ["report.css"] if report.reasons is None else ["report.css", "reasons.css"]


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
        charts=charts,
        clouds=reasons_clouds,
        figures=figures,
        outline=outline,
        pieces=pieces,
        reason_charts=reason_charts,
        series_charts=series_charts,
        signs=verdicts.SIGNS,
        verdicts=verdicts,
        why=reasons,
    )
    return environment


@cache
def _piece(name: str) -> str:
    """A style sheet or script without its comments and indents; both are inlined, so every byte counts."""
    text = re.sub(r"/\*.*?\*/", "", (_FOLDER / name).read_text("utf-8"), flags=re.DOTALL)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
