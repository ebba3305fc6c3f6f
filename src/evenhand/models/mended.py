"""Mended models as data: members with scores, and a rule over them — nothing in it is run or unpickled."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from evenhand.core.chance import chance
from evenhand.core.finding import Fact
from evenhand.core.rule import Curves, Linear, Rule, Thresholds
from evenhand.core.values import Value, normalised
from evenhand.models.dividing import Dividing
from evenhand.models.inputs import Coding, Removal, Repair, Rows

Array = NDArray[Any]

_SEPARATOR = "\x1f"


class Member(Fact):
    """A model whose scores are used, for this share of the people."""

    file: str | None = None
    score: str | None = Field(default=None, description="The column of recorded scores, where there is no file.")
    reference: str | None = Field(default=None, description="The model whose scores the column holds; never asked.")
    constant: float | None = Field(default=None, description="The score of everyone, where there is neither.")
    margin: float | None = Field(default=None, description="Added to what the file answers, which is then a log odds.")
    share: float = Field(default=1.0, gt=0, le=1)
    inverted: bool = Field(default=False, description="Whether the file's score is that of the other class.")


class Mended(Fact):
    """Everything a mended model needs beside the files of its members."""

    schema_version: Literal[1] = 1
    kind: Literal["mended"] = "mended"
    method: str
    setting: str
    members: tuple[Member, ...] = Field(min_length=1)
    inputs: tuple[str, ...] = Field(default=(), description="Columns that the members are given.")
    codings: tuple[Coding, ...] | None = Field(
        default=None, description="How inputs become numbers; None: they do not."
    )
    repaired: dict[str, Repair] = Field(default={}, description="By input: moved before the members see it.")
    removed: Removal | None = None
    facets: tuple[Dividing, ...] = Field(default=(), description="Empty: the group is not needed.")
    rule: Rule
    classes: tuple[Value, Value] = Field(description="The other label, and the positive one.")
    identity: str | None = Field(default=None, description="The column whose text is a person's chance.")
    salt: str = ""

    @property
    def randomised(self) -> bool:
        """Whether chance has a part in decisions."""
        if isinstance(self.rule, Linear):
            return len(self.members) > 1 or self.rule.noise > 0
        return len(self.members) > 1 or (isinstance(self.rule, Thresholds) and self.rule.randomised)

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that rows must have."""
        recorded = [member.score for member in self.members if member.score is not None]
        identity = [self.identity] if self.identity is not None and self.randomised else []
        dividing = [name for each in self.facets for name in each.columns]
        return tuple(dict.fromkeys([*self.inputs, *recorded, *dividing, *identity]))


def prepared(mended: Mended, matrix: Array, groups: Array) -> Array:
    """The numbers as the members see them: repaired, and less what goes with the group."""
    if not mended.repaired and mended.removed is None:
        return matrix
    out = matrix.copy()
    for place, coding in enumerate(mended.codings or ()):
        if coding.column in mended.repaired:
            known = ~np.isnan(out[:, place])
            out[known, place] = mended.repaired[coding.column].repaired(out[known, place], groups[known])
    return out if mended.removed is None else out - _shift(mended.removed, groups, out.shape[1])


def _shift(removal: Removal, groups: Array, width: int) -> Array:
    none = np.zeros(width)
    return removal.amount * np.array([removal.shifts.get(group, none) for group in groups.tolist()])


def decided(mended: Mended, scores: Sequence[Array], groups: Array, ids: Sequence[Any]) -> Array:
    """0 or 1 for each row, from each member's scores."""
    chosen = scores[0]
    if len(scores) > 1:
        ends = np.cumsum([member.share for member in mended.members])
        place = np.searchsorted(ends[:-1] / ends[-1], chance(ids, f"{mended.salt} member"), side="right")
        chosen = np.choose(place, scores) if len(scores) < 32 else np.stack(scores)[place, np.arange(len(place))]
    rule = mended.rule
    chances = chance(ids, mended.salt) if mended.randomised else np.zeros(len(chosen))
    if isinstance(rule, Thresholds):
        return rule.decide(chosen, groups, chances)
    if isinstance(rule, Linear):
        both = np.column_stack([1 - chosen, chosen])
        return rule.choose_known(both, groups, chances).astype(np.int64)
    if isinstance(rule, Curves):
        return (rule.calibrated(chosen, groups) >= 0.5).astype(np.int64)
    return (rule.repaired(chosen, groups) >= 0.5).astype(np.int64)


def identities(mended: Mended, rows: Rows, height: int) -> list[str]:
    """The text that a person's chance comes from: their id, or else all that the model is told of them.

    A row's place would do as well, but then who gets what would depend on which rows come together.
    """
    if mended.identity is not None:
        return [str(normalised(value)) for value in rows[mended.identity].tolist()]
    columns = [rows[name].tolist() for name in mended.features]
    if not columns:
        return [str(place) for place in range(height)]
    return [_SEPARATOR.join(str(normalised(value)) for value in row) for row in zip(*columns, strict=True)]
