"""Every exception evenhand raises on purpose.

EvenhandError
├── SpecError        the audit asks something that makes no sense, or is badly written
│   └── GroupSyntaxError   a group's text form does not parse
├── DataError        the data does not hold what the audit asks for
│   ├── ColumnNotFound
│   ├── ValueNotFound
│   └── UnreadableSource   a file, query or database that cannot be read
├── ModelError       the model cannot be loaded or does not answer as it must
│   └── UntrustedModel     loading would run code from the file
├── MissingExtra     an optional package is needed
└── Undefined        a metric has no value here; `measure` turns it into a finding with that reason
"""

from collections.abc import Iterable
from difflib import get_close_matches


class EvenhandError(Exception):
    """Something evenhand cannot do, said in one line: what was wrong, what is allowed, what to do."""


class SpecError(EvenhandError):
    """The audit itself is wrong, whatever the data."""


class GroupSyntaxError(SpecError):
    """The text form of a group does not parse."""


class DataError(EvenhandError):
    """The data does not hold what the audit asks for."""


class ColumnNotFound(DataError):
    """A column that the audit names is not in the data."""

    def __init__(self, name: str, columns: Iterable[str]) -> None:
        columns = list(columns)
        super().__init__(f"No column {name!r} in the data.{suggestion(name, columns)}")


class ValueNotFound(DataError):
    """A value that the audit names does not occur in its column."""


class UnreadableSource(DataError):
    """A file, query or database that cannot be read."""


class ModelError(EvenhandError):
    """The model cannot be loaded, or does not answer as a model must."""


class UntrustedModel(ModelError):
    """Loading the model would run code from its file."""


class MissingExtra(EvenhandError):
    """An optional package is needed for what was asked."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f"{what} needs the package {package!r}: pip install 'evenhand[{extra}]'")


class Undefined(EvenhandError):
    """A metric has no value for this group, for the reason given."""


def suggestion(name: str, allowed: list[str], most: int = 12) -> str:
    """The nearest allowed name as a question, or else the allowed names; starts with a space."""
    folded = {candidate.casefold(): candidate for candidate in allowed}
    near = get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    if near:
        return f" Did you mean {folded[near[0]]!r}?"
    if not allowed:
        return ""
    shown = ", ".join(repr(candidate) for candidate in allowed[:most])
    more = f", … ({len(allowed) - most} more)" if len(allowed) > most else ""
    return f" There are: {shown}{more}."
