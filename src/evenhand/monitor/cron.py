"""Cron expressions: five fields that say at which minutes, in UTC, something is to be done."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from evenhand.core.errors import SpecError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_ALIASES = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}  # fmt: skip
_PART = re.compile(r"(?:(\*)|([a-z]{3}|\d{1,2})(?:-([a-z]{3}|\d{1,2}))?)(?:/(\d{1,2}))?")
# The 29th of February comes back within eight years, even around 1900 and 2100.
_FARTHEST = timedelta(days=366 * 9)


@dataclass(frozen=True)
class _Field:
    """One of the five: what it is called, and what it may hold."""

    name: str
    low: int
    high: int
    names: Mapping[str, int]


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of the month", 1, 31, {}),
    _Field("month", 1, 12, {name: place for place, name in enumerate(_MONTHS, 1)}),
    _Field("day of the week", 0, 7, {name: place for place, name in enumerate(_DAYS)}),
)


@dataclass(frozen=True)
class Cron:
    """The minutes, hours, days, months and weekdays (Sunday is 0) of an expression.

    Where neither of the two days begins with a star, either of them is enough, as cron has always had it.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    @classmethod
    def parse(cls, text: str) -> "Cron":
        """Read an expression such as '15 * * * *' or '0 6 * * mon-fri'; raises SpecError."""
        parts = _ALIASES.get(text.strip().lower(), text).lower().split()
        if len(parts) != 5:
            raise SpecError(
                f"{text!r} is no cron expression; write minute, hour, day, month and weekday, such as '15 * * * *'."
            )
        sets = [_values(part, field, text) for part, field in zip(parts, _FIELDS, strict=True)]
        weekdays = frozenset(day % 7 for day in sets[4])
        either = not parts[2].startswith("*") and not parts[4].startswith("*")
        found = cls(sets[0], sets[1], sets[2], sets[3], weekdays, either)
        if found.next_after(datetime(2000, 1, 1, tzinfo=UTC)) is None:
            raise SpecError(f"{text!r} never comes: no month that it names has such a day.")
        return found

    def holds(self, moment: datetime) -> bool:
        """Whether the minute of a moment is one of them."""
        at = moment.astimezone(UTC)
        return at.minute in self.minutes and at.hour in self.hours and self._holds_day(at)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first such minute after a moment; None where there is none within nine years."""
        at = moment.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        end = at + _FARTHEST
        while at < end:
            if not self._holds_day(at):
                at = at.replace(hour=0, minute=0) + timedelta(days=1)
            elif at.hour not in self.hours:
                at = at.replace(minute=0) + timedelta(hours=1)
            elif at.minute not in self.minutes:
                at += timedelta(minutes=1)
            else:
                return at
        return None

    def _holds_day(self, at: datetime) -> bool:
        if at.month not in self.months:
            return False
        day, weekday = at.day in self.days, at.isoweekday() % 7 in self.weekdays
        return day or weekday if self.either_day else day and weekday


def _values(text: str, field: _Field, whole: str) -> frozenset[int]:
    return frozenset(value for part in text.split(",") for value in _range(part, field, whole))


def _range(text: str, field: _Field, whole: str) -> range:
    found = _PART.fullmatch(text)
    if found is None:
        raise _wrong(text, field, whole)
    star, first, last, step = found.groups()
    low = field.low if star else _number(first, field)
    # 5/15 means from 5 to the end, every 15.
    high = field.high if star or (step and not last) else _number(last or first, field)
    if low is None or high is None or low > high or not int(step or 1):
        raise _wrong(text, field, whole)
    return range(low, high + 1, int(step or 1))


def _number(text: str, field: _Field) -> int | None:
    value = field.names.get(text, int(text) if text.isdigit() else None)
    return value if value is not None and field.low <= value <= field.high else None


def _wrong(text: str, field: _Field, whole: str) -> SpecError:
    names = f" or {', '.join(field.names)}" if field.names else ""
    return SpecError(
        f"{text!r} in {whole!r} is no {field.name}; it takes {field.low} to {field.high}{names}, *, ranges such as"
        f" {field.low}-{field.high}, and steps such as */2."
    )
