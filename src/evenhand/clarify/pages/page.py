"""page: the report of a run as one HTML page, complete without script or network."""

import base64
import hashlib
import json
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import evenhand.renderers
from evenhand.clarify.analysis import Analysis, Section
from evenhand.clarify.pages import attributions, curves, polarity, segments, statistics, tables
from evenhand.clarify.pages.numbers import without_secrets
from evenhand.core.visible import visible
from evenhand.renderers import charts, figures, outline, pieces, reason_charts, verdicts

_ROOM = Path(__file__).with_name("templates")
_HOUSE = Path(evenhand.renderers.__file__).with_name("templates")
_STYLES = (_HOUSE / "report.css", _HOUSE / "reasons.css", _ROOM / "clarify.css")


def page(analysis: Analysis, *, title: str) -> str:
    """The page of an analysis, with the style of every page of the house."""
    style = _style()
    names = {
        "title": title,
        "analysis": analysis,
        "bias": analysis.bias,
        "config": config_text(analysis),
        "explanations": explanations_of(analysis),
        "notes": [without_secrets(note) for note in notes_of(analysis)],
        "sides": polarity.sides(analysis),
        "parts": tables.parts(analysis),
        "statistics": statistics.statistics(analysis),
    }
    policy = {"style": Markup(style), "style_hash": _hash(style), "script_hash": ""}  # noqa: S704 - our own files
    text = _environment().get_template("clarify.html").render(names | policy)
    return re.sub(r"\n{2,}", "\n", text)


def config_text(analysis: Analysis) -> str:
    """The configuration as it was given, without secrets."""
    given = analysis.config.model_dump(mode="json", exclude_unset=True)
    return json.dumps(without_secrets(given), indent=2, ensure_ascii=False, default=str)


def explanations_of(analysis: Analysis) -> Section:
    """What stands under `explanations`; the document goes before what it was made of."""
    found = analysis.document.get("explanations") or (analysis.explained.sections if analysis.explained else {})
    return found if isinstance(found, dict) else {}


def notes_of(analysis: Analysis) -> list[str]:
    """What the run, and the house's own report, say beside the numbers; each once."""
    report = analysis.bias.report if analysis.bias is not None else None
    said = (*analysis.notes, *statistics.extra_notes(analysis), *(report.notes if report is not None else ()))
    return list(dict.fromkeys(said))


@cache
def _environment() -> Environment:
    """The house's templates and ours; all that is not our own markup is made visible and escaped."""
    environment = Environment(
        loader=FileSystemLoader([_ROOM, _HOUSE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.filters |= {"lines": _lines, "bare": without_secrets}
    environment.globals.update(
        attributions=attributions, charts=charts, curves=curves, figures=figures, outline=outline, pieces=pieces,
        polarity=polarity, reason_charts=reason_charts, segments=segments, signs=verdicts.SIGNS, tables=tables,
        verdicts=verdicts,
    )  # fmt: skip
    return environment


def _lines(text: str) -> Markup:
    """A text of several lines of our own making, such as JSON; what hides inside a line is spelled out."""
    return Markup("\n").join(Markup.escape(visible(line)) for line in text.split("\n"))


@cache
def _style() -> str:
    text = "\n".join(file.read_text("utf-8") for file in _STYLES)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
