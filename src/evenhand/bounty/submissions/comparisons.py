"""Comparisons: one column against a value, as the leaves of a tree of predicates write it."""

import math
from typing import Any, Literal

from evenhand.core.condition import Among, Condition, Missing, Other, Range
from evenhand.core.errors import GroupSyntaxError, suggestion
from evenhand.core.values import Value

OPERATORS = ("==", "!=", "in", "<", "<=", ">", ">=", "between", "isnull", "notnull")
_ENDS = {"both": (True, True), "left": (True, False), "right": (False, True), "neither": (False, False)}


def comparison(value: dict[str, Any]) -> Condition:
    """The condition of `{"column": …, "op": …, "value": …}`; raises GroupSyntaxError."""
    column, operator = value["column"], value.get("op")
    if not isinstance(column, str):
        raise GroupSyntaxError('"column" is the name of a column, as a text.')
    if operator not in OPERATORS:
        told = str(operator)[:40]
        raise GroupSyntaxError(f"No comparison is called {told!r}.{suggestion(told, list(OPERATORS))}")
    _check_keys(value, operator)
    if operator in ("isnull", "notnull"):
        return Missing(column) if operator == "isnull" else Other(Missing(column))
    given = value["value"]
    if operator in ("==", "!="):
        among = Among(column, (_value(column, given),))
        return among if operator == "==" else Other(among)
    if operator == "in":
        return Among(column, tuple(_value(column, each) for each in _listed(column, given)))
    if operator == "between":
        return _between(column, given, value.get("closed", "both"))
    bound = _number(column, given)
    if operator[0] == ">":
        return Range(column, bound, None, operator == ">=", False)
    return Range(column, None, bound, True, operator == "<=")


def comparison_json(condition: Among | Range | Missing) -> dict[str, Any]:
    """A comparison as the leaves of a tree write it."""
    column = condition.column
    match condition:
        case Among(_, values) if len(values) == 1:
            return {"column": column, "op": "==", "value": values[0]}
        case Among(_, values):
            return {"column": column, "op": "in", "value": list(values)}
        case Missing():
            return {"column": column, "op": "isnull"}
        case Range(_, None, high, _, included):
            return {"column": column, "op": "<=" if included else "<", "value": high}
        case Range(_, low, None, included, _):
            return {"column": column, "op": ">=" if included else ">", "value": low}
        case Range(_, low, high, first, last):
            closed = next(name for name, ends in _ENDS.items() if ends == (first, last))
            return {"column": column, "op": "between", "value": [low, high], "closed": closed}


def _check_keys(value: dict[str, Any], operator: str) -> None:
    wanted = {"column", "op"} if operator in ("isnull", "notnull") else {"column", "op", "value"}
    allowed = wanted | {"closed"} if operator == "between" else wanted
    if other := sorted(value.keys() - allowed):
        raise GroupSyntaxError(
            f"A comparison with {operator!r} has no {other[0][:40]!r}.{suggestion('', sorted(allowed))}"
        )
    if not wanted <= value.keys():
        raise GroupSyntaxError(f"The comparison {operator!r} needs a value.")


def _between(column: str, value: Any, closed: Literal["both", "left", "right", "neither"]) -> Range:
    if not isinstance(closed, str) or closed not in _ENDS:
        raise GroupSyntaxError('"closed" says which ends belong to the range: "both", "left", "right" or "neither".')
    bounds = _listed(column, value)
    if len(bounds) != 2:
        raise GroupSyntaxError(f"'between' on {column[:100]!r} needs two numbers, the low one first.")
    return Range(column, _number(column, bounds[0]), _number(column, bounds[1]), *_ENDS[closed])


def _listed(column: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise GroupSyntaxError(f"The comparison on {column[:100]!r} needs a list of values.")
    return value


def _value(column: str, value: Any) -> Value:
    if isinstance(value, (bool, int, float, str)):
        return value
    raise GroupSyntaxError(
        f"The comparison on {column[:100]!r} needs a text, a number, true or false; for no value use 'isnull'."
    )


def _number(column: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise GroupSyntaxError(f"The comparison on {column[:100]!r} needs a number, not {str(value)[:60]!r}.")
    return value
