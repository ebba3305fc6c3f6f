"""Beginning: a commented definition of a monitor, from a table of past predictions or from an audit file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.core.errors import ColumnNotFound, EvenhandError, SpecError

if TYPE_CHECKING:
    from evenhand.core.audit import Audit
    from evenhand.core.frame import Frame

_IDS = ("id", "event_id", "request_id", "uuid")
_TIMES = ("time", "timestamp", "datetime", "date", "created_at")


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the command line says of a new monitor."""

    name: str
    label: str | None = None
    positive: tuple[str, ...] = ()
    predicted_label: str | None = None
    score: str | None = None
    facets: tuple[str, ...] = ()
    id: str | None = None
    time: str | None = None


def begun(data: str, wishes: Wishes, place: Path) -> Iterator[str]:
    """Write the definition, and say what to do next; raises EvenhandError where it would make no sense."""
    from evenhand.core.monitor import Monitor
    from evenhand.core.plan import plan
    from evenhand.core.writing import write_whole
    from evenhand.sources import read

    if place.exists():
        raise EvenhandError(f"{str(place)!r} is there already; give another file with --write, or remove it.")
    audit, table = _asked(data, wishes)
    frame = read(table)
    plan(audit, frame)  # raises where a column is not there
    key = _column(wishes.id, _IDS, "--id", frame)
    time = _column(wishes.time, _TIMES, "--time", frame)
    baseline = str(Path(table).absolute()) if "://" not in table else table
    text = _definition(wishes.name, audit, baseline, (key, time))
    write_whole(place, text)
    try:
        Monitor.load(place)
    except EvenhandError:
        place.unlink()
        raise
    yield f"Wrote {place}: windows of a day, compared with {table}."
    yield f"Next: read it, then `evenhand monitor add {place}`, and"
    yield f"`evenhand monitor capture {wishes.name} FILES`, whose records have {key}, {time} and the audit's columns."


def _asked(data: str, wishes: Wishes) -> "tuple[Audit, str]":
    """The audit of the options, or of an audit file with its table."""
    from pydantic import ValidationError

    from evenhand.core.audit import Audit
    from evenhand.core.audit_file import AuditFile, first_error

    fields = ("label", "positive", "predicted_label", "score", "facets")
    given = {field: getattr(wishes, field) for field in fields if getattr(wishes, field)}
    if Path(data).suffix.lower() in (".yaml", ".yml"):
        request = AuditFile.load(data)
        if given:
            raise SpecError("An audit file says what is asked; leave out --label, --facet and their like.")
        table = Path(data).parent / request.data if "://" not in request.data else request.data
        return request.audit, str(table)
    try:
        return Audit.model_validate(given), data
    except ValidationError as error:
        raise SpecError(first_error(error, Audit)) from None


def _column(asked: str | None, usual: tuple[str, ...], option: str, frame: "Frame") -> str:
    """The column asked for, or the first that is usually called so; baselines need neither."""
    if asked is not None:
        if asked not in frame.kinds:
            raise ColumnNotFound(asked, frame.kinds)
        return asked
    lower = {name.lower(): name for name in frame.kinds}
    found = next((lower[name] for name in usual if name in lower), None)
    if found is None:
        raise SpecError(f"None of the columns is called {', '.join(usual)}; say which with {option}.")
    return found


def _definition(name: str, audit: "Audit", baseline: str, columns: tuple[str, str]) -> str:
    """The file, in which every text is quoted, so that no value reads as something else."""
    key, time = columns
    asked = audit.model_dump(mode="json", exclude_defaults=True)
    # JSON is YAML, on one line and without surprises.
    questions = "\n".join(f"  {field}: {_quoted(value)}" for field, value in asked.items())
    return f"""\
# What is watched. Every field: docs/monitoring.md. Then: evenhand monitor add {name}.yaml
name: {_quoted(name)}
audit:                        # the questions
{questions}
baseline: {_quoted(baseline)}  # what windows are compared with; or 'first 7' windows
id: {_quoted(key)}  # the column that predictions and labels share
time: {_quoted(time)}  # when a prediction was made; without a zone it is UTC
windows: {{length: 1d, grace: 1h}}  # 1h, 1d, 7d; every: 1d makes them slide; since: '2026-01-01' is a landmark
truth: {{wait: 30d, least: 0.5}}    # labels are waited for so long; below this share their metrics wait
limits: {{bias: 0.02, data: 0.1, attributions: 0.1, false_alarms: 0.05}}  # smaller changes are fine
# schedule: "15 * * * *"           # when a server looks; without one, cron calls evenhand monitor run {name}
# keep: 400d                       # records go after that; counts and reports stay
# alerts:
#   - {{to: slack, address: "env:EVENHAND_SLACK", about: [bias], after: 2, least: 500}}
"""


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True)
