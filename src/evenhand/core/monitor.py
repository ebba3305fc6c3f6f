"""Monitor: what is watched of one model in production, as one file — audit, baseline, windows, truth and alerts."""

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, field_validator

from evenhand.core.audit import Audit
from evenhand.core.audit_file import first_error
from evenhand.core.errors import SpecError, UnreadableSource
from evenhand.core.yaml_text import read_yaml

_SPAN = re.compile(r"([0-9]{1,9})\s*(m|min|h|d|w)")
_UNITS = {"m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST = 100 * 366 * 86_400  # seconds; calendars end in the year 9999
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

About = Literal["bias", "data", "attributions", "performance", "failure"]
Channel = Literal["webhook", "slack", "alertmanager", "smtp", "cloudwatch", "opentelemetry", "command"]


def span(text: object) -> timedelta:
    """A length of time from text such as 90m, 1h, 7d or 2w; raises SpecError."""
    if isinstance(text, timedelta):
        return text
    found = _SPAN.fullmatch(str(text).strip())
    if found is None or int(found[1]) < 1:
        raise SpecError(f"{str(text)[:40]!r} is no length of time; write 90m, 1h, 7d or 2w.")
    seconds = int(found[1]) * _UNITS[found[2]]
    if seconds > _LONGEST:
        raise SpecError(f"{text!r} is longer than 100 years; write 90m, 1h, 7d or 2w.")
    return timedelta(seconds=seconds)


def span_text(length: timedelta) -> str:
    """A length of time as the text that `span` reads."""
    seconds = round(length.total_seconds())
    unit = next(unit for unit in ("w", "d", "h", "m") if seconds % _UNITS[unit] == 0 or unit == "m")
    return f"{seconds // _UNITS[unit]}{unit}"


Span = Annotated[timedelta, BeforeValidator(span), PlainSerializer(span_text, when_used="json")]


class Part(BaseModel):
    """The frozen shape of every part of a definition."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Windows(Part):
    """How time is cut: windows of a `length`, one beginning every `every`, or all from `since` on (a landmark)."""

    length: Span = Field(default=timedelta(days=1), description="The length of a window: 1h, 1d, 7d.")
    every: Span | None = Field(default=None, description="Sliding windows begin this often; a part of the length.")
    since: str | None = Field(default=None, description="A landmark: every window begins here, such as 2026-01-01.")
    grace: Span = Field(default=timedelta(hours=1), description="How long after its end a window waits for records.")

    @field_validator("since", mode="before")
    @classmethod
    def _as_text(cls, since: object) -> object:
        # YAML reads 2026-01-01 without quotes as a date.
        return since.isoformat() if isinstance(since, date) else since

    @field_validator("since")
    @classmethod
    def _in_a_calendar(cls, since: str | None) -> str | None:
        try:
            found = None if since is None else datetime.fromisoformat(since)
        except ValueError:
            raise SpecError(
                f"since {str(since)[:40]!r} is no time; write 2026-11-20 or 2026-11-20T13:00:00Z."
            ) from None
        if found is not None and not 1970 <= found.year <= 9000:
            raise SpecError(f"since {since!r} is beyond the years that are kept: 1970 to 9000.")
        return since


class Truth(Part):
    """Labels that arrive later, joined by id."""

    wait: Span = Field(default=timedelta(days=30), description="How long after a prediction its label is waited for.")
    least: float = Field(default=0.5, gt=0, le=1, description="The share matched below which label metrics wait.")
    estimate: bool = Field(default=True, description="Estimate performance from the scores while labels are missing.")


class Limits(Part):
    """When a change is a drift: sizes that matter, and how often a quiet monitor may be wrong."""

    bias: float = Field(default=0.0, ge=0, description="How much farther from parity than the baseline is still fine.")
    data: float = Field(
        default=0.1, ge=0, description="Jensen-Shannon distance (base 2) of a column that is still fine."
    )
    attributions: float = Field(default=0.1, ge=0, description="Total variation of importances that is still fine.")
    false_alarms: float = Field(default=0.05, gt=0, lt=1, description="Chance of any false alarm in a year, per kind.")


class Alert(Part):
    """Whom to tell, how, and when; addresses and secrets may be `env:NAME`, which is read when it is needed."""

    to: Channel
    address: str = Field(default="", description="A URL, e-mail address or program; env:NAME reads the environment.")
    about: tuple[About, ...] = Field(default=(), description="Which kinds of drift; by default all.")
    after: int = Field(default=1, ge=1, description="How many windows in a row must have drifted.")
    least: int = Field(default=100, ge=1, description="Windows with fewer rows tell nobody.")
    cooldown: Span = Field(default=timedelta(days=1), description="How long the same drift is not told again.")
    runbook: str | None = Field(default=None, description="A link that says what to do.")
    options: dict[str, str] = Field(default={}, description="What the channel needs besides, such as server and from.")


class Monitor(Part):
    """One model that is watched. Records are rows with an id and a time; times without a zone are UTC."""

    name: str
    audit: Audit
    baseline: str = Field(description="What windows are compared with: a table, a report.json, or 'first 7' windows.")
    id: str = Field(default="id", description="The column that predictions and labels share.")
    time: str = Field(default="time", description="The column that says when a prediction was made.")
    windows: Windows = Windows()
    truth: Truth = Truth()
    columns: tuple[str, ...] = Field(default=(), description="Columns watched for data drift; by default all inputs.")
    limits: Limits = Limits()
    model: str | None = Field(default=None, description="A model file or URL, asked for attributions of each window.")
    explained_rows: int = Field(default=500, ge=50, description="Rows explained in each window.")
    schedule: str | None = Field(default=None, description="When the server runs it, as cron: '15 * * * *'.")
    alerts: tuple[Alert, ...] = ()
    keep: Span | None = Field(default=None, description="How long records are kept; tallies and reports stay.")

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if NAME.fullmatch(name) is None:
            raise SpecError(f"name {name[:80]!r} must be letters, digits, dots, dashes or underscores, at most 64.")
        return name

    @classmethod
    def load(cls, path: str | Path) -> "Monitor":
        """Read a definition from YAML or JSON; raises SpecError or UnreadableSource."""
        try:
            found: Any = read_yaml(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UnreadableSource(f"Cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}.") from None
        except yaml.YAMLError as error:
            raise SpecError(f"{str(path)!r} is not YAML: {str(error).splitlines()[0]}.") from None
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            raise SpecError(first_error(error, cls)) from None
