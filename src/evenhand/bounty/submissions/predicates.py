"""Predicates: groups that strangers send, as JSON or in the text form, read within limits and checked against columns.

A comparison is `{"column": "age", "op": "<", "value": 30}`; comparisons are joined by `{"and": […]}`, `{"or": […]}`
and `{"not": …}`. A JSON string holds the text form: `"sex=Female & age<30"`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from evenhand.bounty.submissions.comparisons import comparison, comparison_json
from evenhand.core.bounty import Bounty
from evenhand.core.condition import Among, Both, Condition, Either, Missing, Other, Range
from evenhand.core.errors import DataError, GroupSyntaxError, SpecError, suggestion
from evenhand.core.group import Group
from evenhand.core.json_text import UnfitJSON, strict_json
from evenhand.core.values import Kind, Value, coerced

MOST_BYTES = 2**16
MOST_DEPTH = 16
MOST_VALUES = 1000
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_JOINED: dict[str, type[Both] | type[Either]] = {"and": Both, "or": Either}


def read_group(content: bytes, bounty: Bounty, kinds: Mapping[str, Kind]) -> Group:
    """The group that a submission names, on the features of the bounty and within its limits.

    Raises GroupSyntaxError where it cannot be read, and SpecError where it asks for too much or for what is not there.
    """
    if len(content) > MOST_BYTES:
        raise SpecError(f"The group is larger than {MOST_BYTES:,} bytes; name fewer people one by one.")
    try:
        value = strict_json(content, depth=2 * MOST_DEPTH + 4, what="group")
    except UnfitJSON as error:
        raise GroupSyntaxError(str(error)) from None
    group = _group_of_text(value, kinds) if isinstance(value, str) else group_of_json(value)
    check_group(group, bounty, kinds)
    return group


def group_to_keep(content: bytes, bounty: Bounty, kinds: Mapping[str, Kind]) -> Group:
    """As `read_group`, where the text form, which logs keep and replays read, is the same group; else SpecError."""
    group = read_group(content, bounty, kinds)
    if read_group(json.dumps(str(group), ensure_ascii=False).encode(), bounty, kinds) != group:
        raise SpecError("The group reads differently as text; write it with simpler values.")
    return group


def group_of_json(value: Any) -> Group:
    """The group of a tree of predicates; raises GroupSyntaxError."""
    try:
        return Group(_condition(value, 1))
    except OverflowError:
        raise GroupSyntaxError("The group compares with a number that is too large; use one below 1e308.") from None
    except SpecError as error:
        raise GroupSyntaxError(str(error)) from None


def json_of_group(group: Group) -> dict[str, Any]:
    """The tree of predicates of a group; `group_of_json` gives an equal group back."""
    return _json(group.condition)


def check_group(group: Group, bounty: Bounty, kinds: Mapping[str, Kind]) -> None:
    """Refuse a group that is too large or asks for other columns or kinds of values; raises SpecError."""
    comparisons = 0
    for condition, depth in _walk(group.condition):
        if depth > MOST_DEPTH:
            raise SpecError(f"The group is nested deeper than {MOST_DEPTH}; write it flatter.")
        if isinstance(condition, (Both, Either, Other)):
            continue
        comparisons += 1
        if comparisons > bounty.limits.conditions:
            raise SpecError(f"The group makes more than {bounty.limits.conditions} comparisons; use fewer.")
        if condition.column not in bounty.features:
            name = condition.column[:100]
            raise SpecError(f"No group may use the column {name!r}.{suggestion(name, list(bounty.features))}")
        _check_values(condition, kinds[condition.column])


def _condition(value: Any, depth: int) -> Condition:
    if depth > MOST_DEPTH:
        raise GroupSyntaxError(f"The group is nested deeper than {MOST_DEPTH}; write it flatter.")
    if not isinstance(value, dict):
        raise GroupSyntaxError(
            'A group is a text such as "sex=Female & age<30", or an object with "and", "or", "not" or "column".'
        )
    if "column" in value:
        return comparison(value)
    if len(value) != 1 or not value.keys() <= {"and", "or", "not"}:
        named = ", ".join(repr(str(key)[:40]) for key in list(value)[:5]) or "nothing"
        raise GroupSyntaxError(
            f'An object of a group holds {named}; it holds one of "and", "or", "not", or a "column".'
        )
    [(word, inner)] = value.items()
    if word == "not":
        return Other(_condition(inner, depth + 1))
    if not isinstance(inner, list) or not inner:
        raise GroupSyntaxError(f'"{word}" needs a list of at least one predicate.')
    return _joined(_JOINED[word], [_condition(part, depth + 1) for part in inner])


def _joined(kind: type[Both] | type[Either], parts: list[Condition]) -> Condition:
    """Parts of the same kind become one list, as `&` and `|` make of groups and as the text form reads back."""
    flat = [each for part in parts for each in (part.parts if isinstance(part, kind) else (part,))]
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def _json(condition: Condition) -> dict[str, Any]:
    match condition:
        case Both(parts):
            return {"and": [_json(part) for part in parts]}
        case Either(parts):
            return {"or": [_json(part) for part in parts]}
        case Other(part):
            return {"not": _json(part)}
        case _:
            return comparison_json(condition)


def _group_of_text(text: str, kinds: Mapping[str, Kind]) -> Group:
    return Group(_canonical(_parsed(text).condition, kinds))


def _parsed(text: str) -> Group:
    """The text form, read only where its reader cannot be made to recurse or to search for long."""
    outside = _QUOTED.sub('""', text)
    depth = deepest = 0
    for mark in outside:
        depth += {"(": 1, ")": -1}.get(mark, 0)
        deepest = max(deepest, depth)
    denied = max((len(run) for run in re.findall(r"~[~\s]*", outside)), default=0)
    if deepest > MOST_DEPTH or denied > MOST_DEPTH:
        raise SpecError(f"The group is nested deeper than {MOST_DEPTH}; write it flatter.")
    if re.search(r"\s{20}", outside):
        raise GroupSyntaxError("The group holds 20 spaces in a row outside of quotes; write single ones.")
    try:
        return Group.parse(text)
    except (ValueError, OverflowError):  # a broken escape, or a number too long to be one
        raise GroupSyntaxError("The group holds a broken text or a number that is too long.") from None
    except GroupSyntaxError as error:
        raise GroupSyntaxError(str(error).replace(repr(text), repr(text[:200]), 1)) from None


def _canonical(condition: Condition, kinds: Mapping[str, Kind]) -> Condition:
    """Values of the text form in the kinds of their columns, for it does not tell the text "1" from the number 1."""
    match condition:
        case Both(parts):
            return Both(tuple(_canonical(part, kinds) for part in parts))
        case Either(parts):
            return Either(tuple(_canonical(part, kinds) for part in parts))
        case Other(part):
            return Other(_canonical(part, kinds))
        case Among(column, values) if column in kinds:
            try:
                return Among(column, tuple(coerced(column, kinds[column], values)))
            except DataError as error:
                raise SpecError(str(error)) from None
    return condition


def _walk(condition: Condition) -> Iterator[tuple[Condition, int]]:
    left = [(condition, 1)]
    while left:
        here, depth = left.pop()
        yield here, depth
        if isinstance(here, (Both, Either)):
            left += [(part, depth + 1) for part in here.parts]
        elif isinstance(here, Other):
            left.append((here.part, depth + 1))


def _check_values(condition: Among | Range | Missing, kind: Kind) -> None:
    if isinstance(condition, Range) and kind != "number":
        raise SpecError(f"The column {condition.column!r} holds no numbers, so it has no ranges; compare with ==.")
    if not isinstance(condition, Among):
        return
    if len(condition.values) > MOST_VALUES:
        raise SpecError(f"The group lists more than {MOST_VALUES:,} values of {condition.column!r}; use a range.")
    for value in condition.values:
        if not _fits(value, kind):
            held = {"number": "numbers", "text": "texts", "boolean": "true or false"}.get(kind, "dates or other values")
            raise SpecError(f"The column {condition.column!r} holds {held}, and {str(value)[:60]!r} is none.")


def _fits(value: Value, kind: Kind) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= 1e308
    return isinstance(value, str)
