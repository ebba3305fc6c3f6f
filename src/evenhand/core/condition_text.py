"""The text form of conditions: `sex=Female & 18<=age<25`, written and read back."""

import json
import re
from typing import Literal, NoReturn

from evenhand.core.condition import Among, Both, Condition, Either, Missing, Other, Range
from evenhand.core.errors import GroupSyntaxError, SpecError
from evenhand.core.values import Value, bare, quoted, written

GRAMMAR = "column=value,value; column<number; low<=column<high; column is missing; joined by & | ~ and parentheses"

_TOKEN = re.compile(
    r'\s*(?:(?P<operator><=|>=|!=|[=<>&|~(),])|(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<bare>[^=<>!&|~(),"]+))'
)
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def write(condition: Condition, inside: Literal["nothing", "both", "other"] = "nothing") -> str:
    """The text form of a condition; `read` gives an equal condition back."""
    match condition:
        case Among(column, values):
            return f"{quoted(column)}={','.join(written(value) for value in values)}"
        case Range():
            return _range_text(condition)
        case Missing(column):
            return f"{quoted(column)} is missing"
        case Both(parts):
            text = " & ".join(write(part, "both") for part in parts)
            return f"({text})" if inside == "other" else text
        case Either(parts):
            text = " | ".join(write(part, "both") for part in parts)
            return text if inside == "nothing" else f"({text})"
        case Other(part):
            return f"~{write(part, 'other')}"


def _range_text(condition: Range) -> str:
    column = quoted(condition.column)
    below = "<=" if condition.includes_low else "<"
    above = "<=" if condition.includes_high else "<"
    if condition.high is None:
        return f"{column}{'>=' if condition.includes_low else '>'}{written(condition.low)}"
    if condition.low is None:
        return f"{column}{above}{written(condition.high)}"
    return f"{written(condition.low)}{below}{column}{above}{written(condition.high)}"


def read(text: str) -> Condition:
    """The condition that a text form describes; raises GroupSyntaxError with the place and the grammar."""
    reader = _Reader(text)
    condition = reader.either()
    reader.end()
    return condition


class _Reader:
    """A recursive-descent reader over the tokens of one text form."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                self.fail(f"unexpected {text[position:].strip()[:10]!r}")
            kind = str(match.lastgroup)
            self.tokens.append((kind, match[kind].strip()))
            position = match.end()
        self.position = 0

    def fail(self, why: str) -> NoReturn:
        raise GroupSyntaxError(f"The group {self.text!r} cannot be read: {why}. Write {GRAMMAR}.")

    def operator(self, *allowed: str) -> str | None:
        """Takes the next token if it is one of the operators."""
        kind, token = self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")
        if kind != "operator" or token not in allowed:
            return None
        self.position += 1
        return token

    def end(self) -> None:
        if self.position < len(self.tokens):
            self.fail(f"unexpected {self.tokens[self.position][1]!r}")

    def value(self) -> Value:
        """Takes the next token as a name or value."""
        if self.position == len(self.tokens):
            self.fail("it ends too early")
        kind, token = self.tokens[self.position]
        if kind == "operator" or not token:
            self.fail(f"unexpected {token!r}")
        self.position += 1
        return str(json.loads(token, strict=False)) if kind == "quoted" else bare(token)

    def either(self) -> Condition:
        parts = [self.both()]
        while self.operator("|"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def both(self) -> Condition:
        parts = [self.factor()]
        while self.operator("&"):
            parts.append(self.factor())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def factor(self) -> Condition:
        if self.operator("~"):
            return Other(self.factor())
        if self.operator("("):
            inner = self.either()
            if not self.operator(")"):
                self.fail("a parenthesis is not closed")
            return inner
        return self.atom()

    def atom(self) -> Condition:
        if (condition := self.about_missing()) is not None:
            return condition
        kind = self.tokens[self.position][0] if self.position < len(self.tokens) else "end"
        raw = self.tokens[self.position][1] if kind == "bare" else None
        first = self.value()
        column = raw if raw is not None else str(first)
        if self.operator("="):
            return Among(column, self.values())
        if self.operator("!="):
            return Other(Among(column, self.values()))
        sign = self.operator("<", "<=", ">", ">=")
        if sign is None:
            self.fail(f"a comparison must follow {column!r}")
        return self.compared(column, first, sign)

    def about_missing(self) -> Condition | None:
        """Takes `column is missing` or `column is not missing`."""
        if self.position == len(self.tokens):
            return None
        kind, token = self.tokens[self.position]
        if kind == "bare" and (match := re.fullmatch(r"(.+?)\s+is\s+(not\s+)?missing", token, re.DOTALL)):
            column, negated = match[1], match[2]
        elif kind == "quoted" and (match := re.fullmatch(r"is\s+(not\s+)?missing", self.peek(1))):
            column, negated = str(json.loads(token, strict=False)), match[1]
            self.position += 1
        else:
            return None
        self.position += 1
        return Other(Missing(column)) if negated else Missing(column)

    def peek(self, ahead: int) -> str:
        place = self.position + ahead
        return self.tokens[place][1] if place < len(self.tokens) else ""

    def values(self) -> tuple[Value, ...]:
        values = [self.value()]
        while self.operator(","):
            values.append(self.value())
        return tuple(values)

    def compared(self, column: str, first: Value, sign: str) -> Condition:
        """A range: either `column < number`, or `number < column` with perhaps `< number` after it."""
        middle = self.tokens[self.position][1] if self.position < len(self.tokens) else ""
        second = self.value()
        last = self.operator("<", "<=", ">", ">=")
        if last is not None or (_is_number(first) and not _is_number(second)):
            name = str(second) if middle.startswith('"') else middle
            bounds = [(_FLIPPED[sign], first)] + ([(last, self.value())] if last is not None else [])
            return self.range(name, bounds)
        return self.range(column, [(sign, second)])

    def range(self, column: str, bounds: list[tuple[str, Value]]) -> Condition:
        low: float | None = None
        high: float | None = None
        includes_low, includes_high = True, False
        for sign, bound in bounds:
            if isinstance(bound, str | bool):
                self.fail(f"{bound!r} is no number to compare {column!r} with")
            if sign[0] == ">" and low is None:
                low, includes_low = bound, sign == ">="
            elif sign[0] == "<" and high is None:
                high, includes_high = bound, sign == "<="
            else:
                self.fail(f"the bounds of {column!r} point the same way")
        try:
            return Range(column, low, high, includes_low, includes_high)
        except SpecError as error:
            raise GroupSyntaxError(str(error)) from None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
