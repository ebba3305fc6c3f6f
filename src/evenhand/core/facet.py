"""Facet: one way of dividing the rows — by every value of a column, by ranges, or by one group against the others."""

from collections.abc import Sequence
from dataclasses import dataclass

from evenhand.core.errors import GroupSyntaxError, SpecError
from evenhand.core.expressions import Expression, Expressions
from evenhand.core.group import Group
from evenhand.core.values import Level, bare, quoted


@dataclass(frozen=True)
class Facet:
    """A division of the rows: `race` (each value), `age@25,45` (ranges cut there), `sex=Female` (one group).

    Exactly one of the three is meant: `group` is given, or `cuts`, or neither.
    """

    column: str | None = None
    cuts: tuple[float, ...] = ()
    group: Group | None = None

    @classmethod
    def parse(cls, text: str, columns: Sequence[str] = ()) -> "Facet":
        """Read a text form; a text that is exactly one of `columns` means that column."""
        if text in columns:
            return cls(column=text)
        name, at, cuts = text.rpartition("@")
        if at and '"' not in cuts:
            return cls(column=_name(name), cuts=_cuts(text, cuts))
        try:
            return cls(group=Group.parse(text))
        except GroupSyntaxError:
            if any(sign in text for sign in "=<>&|~()") and not text.startswith('"'):
                raise
            return cls(column=_name(text))

    def __str__(self) -> str:
        if self.group is not None:
            return str(self.group)
        cuts = ",".join(repr(cut) for cut in self.cuts)
        return f"{quoted(str(self.column))}@{cuts}" if cuts else quoted(str(self.column))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the facet reads."""
        return self.group.columns if self.group is not None else (str(self.column),)

    def expression(self, expressions: Expressions) -> Expression:
        """The key to count by: the value, the number of cuts passed, or whether the row is in the group."""
        if self.group is not None:
            return self.group.expression(expressions)
        if self.cuts:
            return expressions.cut(expressions.number(str(self.column)), self.cuts)
        return expressions.column(str(self.column))

    def level_group(self, level: Level) -> Group:
        """The group of the rows that have this level of the key."""
        if self.group is not None:
            if level is None:
                missing = [Group.missing(column) for column in self.columns]
                return missing[0] if len(missing) == 1 else Group.parse(" | ".join(map(str, missing)))
            return self.group if level else ~self.group
        column = str(self.column)
        if level is None:
            return Group.missing(column)
        if not self.cuts:
            return Group.of(column, level)
        passed = int(level)
        low = self.cuts[passed - 1] if passed else None
        return Group.between(column, low, self.cuts[passed] if passed < len(self.cuts) else None)


def _name(text: str) -> str:
    stripped = text.strip()
    if stripped.startswith('"'):
        condition = Group.parse(f"{stripped}=0").condition
        return str(getattr(condition, "column"))  # noqa: B009 - the condition of `name=0` always names one column
    if not stripped:
        raise SpecError("A facet needs a column, such as race, age@25,45 or sex=Female.")
    return stripped


def _cuts(text: str, cuts: str) -> tuple[float, ...]:
    numbers = [bare(part.strip()) for part in cuts.split(",")]
    if any(isinstance(number, (str, bool)) for number in numbers) or numbers != sorted(set(numbers)):
        raise SpecError(f"The cuts of {text!r} must be ascending numbers, such as age@25,45,65.")
    return tuple(number for number in numbers if not isinstance(number, str))
