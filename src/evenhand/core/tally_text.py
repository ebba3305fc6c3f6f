"""Tallies as JSON text and back, exactly: levels keep their kinds, numbers are packed with their last bit."""

import json
import math
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from evenhand.core.audit import Audit, Outcome
from evenhand.core.cube import Cube
from evenhand.core.errors import EvenhandError, UnreadableSource
from evenhand.core.facet import Facet
from evenhand.core.group import Group
from evenhand.core.values import Level, Value

SCHEMA = 1


class Contents(NamedTuple):
    """What a tally holds, in the order of its fields."""

    audit: Audit
    outcome: Outcome
    facets: Mapping[str, Facet]
    cubes: tuple[Cube, ...]
    positive: tuple[Value, ...]
    notes: tuple[str, ...]
    unweighted: int


def written_tally(contents: Contents) -> str:
    """The contents of a tally as one line of JSON."""
    content = {
        "tally": SCHEMA,
        "audit": contents.audit.model_dump(mode="json"),
        "outcome": contents.outcome,
        "facets": {text: facet_fact(facet) for text, facet in contents.facets.items()},
        "positive": [_level_fact(value) for value in contents.positive],
        "notes": list(contents.notes),
        "unweighted": contents.unweighted,
        "cubes": [_cube_fact(cube) for cube in contents.cubes],
    }
    return json.dumps(content, allow_nan=False, separators=(",", ":"))


def read_tally(text: str | bytes) -> Contents:
    """The contents that `written_tally` wrote; raises UnreadableSource."""
    try:
        found = json.loads(text)
        if found["tally"] != SCHEMA:
            raise ValueError(f"its schema is {found['tally']!r}, and this evenhand reads {SCHEMA}")
        return _contents(found)
    except ValidationError as error:
        first = error.errors()[0]
        why = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    except KeyError as error:
        why = f"it has no {error.args[0]!r}"
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, EvenhandError) as error:
        why = str(error)
    raise UnreadableSource(f"This is not a tally of evenhand: {why.rstrip('.')}.")


def _contents(found: Mapping[str, Any]) -> Contents:
    outcome = found["outcome"]
    if outcome not in ("binary", "multiclass", "regression"):
        raise ValueError(f"its outcome is {outcome!r}")
    if not found["cubes"]:
        raise ValueError("it has no cube")
    return Contents(
        audit=Audit.model_validate(found["audit"]),
        outcome=outcome,
        facets={str(text): facet_of(fact) for text, fact in found["facets"].items()},
        cubes=tuple(_cube_of(fact) for fact in found["cubes"]),
        positive=tuple(value for fact in found["positive"] if (value := _level_of(fact)) is not None),
        notes=tuple(str(note) for note in found["notes"]),
        unweighted=int(found["unweighted"]),
    )


def facet_fact(facet: Facet) -> dict[str, Any]:
    """A facet as JSON holds it; its text alone would not say whether `a=b` is a column."""
    if facet.group is not None:
        return {"group": str(facet.group)}
    return {"column": facet.column, "cuts": list(facet.cuts)}


def facet_of(fact: Mapping[str, Any]) -> Facet:
    """The facet of such a fact."""
    if "group" in fact:
        return Facet(group=Group.parse(fact["group"]))
    return Facet(column=str(fact["column"]), cuts=tuple(fact["cuts"]))


def _cube_fact(cube: Cube) -> dict[str, Any]:
    return {
        "axes": list(cube.axes),
        "levels": [[_level_fact(level) for level in cube.levels[axis]] for axis in cube.axes],
        "codes": [_packed(column, "u1", "u2", "u4") for column in cube.codes.T],
        "count": _packed(cube.count, "u1", "u2", "u4"),
        "sums": {name: _packed(values) for name, values in cube.sums.items()},
    }


def _cube_of(fact: Mapping[str, Any]) -> Cube:
    axes = tuple(str(axis) for axis in fact["axes"])
    levels = {axis: tuple(map(_level_of, values)) for axis, values in zip(axes, fact["levels"], strict=True)}
    count = _unpacked(fact["count"], "u1", "u2", "u4", "i8").astype(np.int64)
    columns = [_unpacked(column, "u1", "u2", "u4", "i8").astype(np.int64) for column in fact["codes"]]
    for axis, column in zip(axes, columns, strict=True):
        if len(column) != len(count) or not ((column >= 0) & (column < len(levels[axis]))).all():
            raise ValueError(f"the codes of {axis!r} do not fit its levels and counts")
    codes = np.stack(columns, axis=1) if columns else np.zeros((len(count), 0), np.int64)
    sums = {str(name): _unpacked(packed, "f8").astype(np.float64) for name, packed in fact["sums"].items()}
    if any(len(values) != len(count) for values in sums.values()):
        raise ValueError("a sum does not have as many cells as there are counts")
    return Cube(axes, levels, codes, count, sums)


def _level_fact(level: Level) -> Any:
    """JSON tells true, 1, 1.5, "1" and null apart; numbers without an end it does not have."""
    return {"number": repr(level)} if isinstance(level, float) and not math.isfinite(level) else level


def _level_of(fact: Any) -> Level:
    if isinstance(fact, dict):
        return float(fact["number"])
    if fact is None or isinstance(fact, (bool, int, float, str)):
        return fact
    raise ValueError(f"{fact!r} is no level")


def _packed(values: NDArray[Any], *smaller: str) -> str:
    """Numbers as their type and their bytes, in the first of the smaller types that holds them all."""
    kind = values.dtype.str[1:]
    for small in smaller:
        if not values.size or (values.min() >= 0 and values.max() <= np.iinfo(small).max):
            kind = small
            break
    return f"{kind}:{b64encode(values.astype(f'<{kind}').tobytes()).decode()}"


def _unpacked(packed: str, *kinds: str) -> NDArray[Any]:
    kind, _, content = packed.partition(":")
    if kind not in kinds:
        raise ValueError(f"numbers of the type {kind[:20]!r} where {' or '.join(kinds)} must be")
    return np.frombuffer(b64decode(content, validate=True), f"<{kind}")
