"""Group: who is meant — a named condition on columns, with `&`, `|`, `~` and a text form that parses back."""

from dataclasses import dataclass

from evenhand.core.condition import Among, Both, Condition, Either, Missing, Other, Range, columns, expression
from evenhand.core.condition_text import read, write
from evenhand.core.expressions import Expression, Expressions
from evenhand.core.values import Value


@dataclass(frozen=True)
class Group:
    """Who is meant: a condition on columns, combined with `&`, `|` and `~`.

    A row with no value in a column is in neither a group on that column nor its complement
    (three-valued logic, as in SQL); `Group.missing(column)` names those rows.
    """

    condition: Condition

    @classmethod
    def of(cls, column: str, *values: Value) -> "Group":
        """The rows whose value in `column` is one of `values`."""
        return cls(Among(column, values))

    @classmethod
    def between(
        cls,
        column: str,
        low: float | None = None,
        high: float | None = None,
        *,
        includes_low: bool = True,
        includes_high: bool = False,
    ) -> "Group":
        """The rows whose number in `column` lies in the range, by default low <= x < high."""
        includes_low, includes_high = includes_low or low is None, includes_high and high is not None
        return cls(Range(column, low, high, includes_low, includes_high))

    @classmethod
    def missing(cls, column: str) -> "Group":
        """The rows with no value in `column`."""
        return cls(Missing(column))

    @classmethod
    def parse(cls, text: str) -> "Group":
        """Read a text form such as ``sex=Female & 18<=age<25``; raises GroupSyntaxError."""
        return cls(read(text))

    def __and__(self, other: "Group") -> "Group":
        return Group(Both((*_parts(self.condition, Both), *_parts(other.condition, Both))))

    def __or__(self, other: "Group") -> "Group":
        return Group(Either((*_parts(self.condition, Either), *_parts(other.condition, Either))))

    def __invert__(self) -> "Group":
        return Group(Other(self.condition))

    def __str__(self) -> str:
        return write(self.condition)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the condition reads, each once, in order."""
        return tuple(dict.fromkeys(columns(self.condition)))

    def expression(self, expressions: Expressions) -> Expression:
        """The condition as a boolean expression of a frame: true, false, or null where unknown."""
        return expression(self.condition, expressions)


def _parts(condition: Condition, kind: type[Both] | type[Either]) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, kind) else (condition,)
