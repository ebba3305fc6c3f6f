"""Subgroup: a group that a search found, how different it is, and how sure one can be after searching so many."""

from typing import Literal

from pydantic import Field

from evenhand.core.finding import Fact, Interval

Outcome = Literal["error", "false positives", "false negatives", "selection", "label", "regression error", "column"]
Direction = Literal["more", "less", "either"]
Searcher = Literal["lattice", "scan", "tree", "linear"]


class Question(Fact):
    """What is looked for: where does this outcome happen more, or less, than elsewhere?"""

    outcome: Outcome
    direction: Direction = "more"
    column: str | None = Field(default=None, description="The number looked at, where the outcome is a column.")


class Subgroup(Fact):
    """One found group. With halves, `value` and `interval` come from rows that the search has not seen."""

    group: str = Field(description="The text form, which audits, monitors and bounties take as it is.")
    found_by: Searcher
    rows: int
    share: float
    value: float
    elsewhere: float = Field(description="The same outcome among all rows known not to be in the group.")
    gap: float
    interval: Interval = Field(description="Of the gap; simultaneous over all groups that are reported.")
    audited: float = Field(description="The outcome in the group over all rows, as an audit of the whole table has it.")
    audited_elsewhere: float = Field(description="The same in the rest; the searched rows make the gap look larger.")
    p_value: float = Field(description="Of the gap, corrected for everything that was searched.")
    also: tuple[str, ...] = Field(default=(), description="Groups of nearly the same rows, folded into this one.")
    reading: str = Field(description="One sentence in plain words.")


class Discovery(Fact):
    """What a search found, what it searched, and what it could not have seen."""

    schema_version: Literal[1] = 1
    question: Question
    rows: int
    columns: tuple[str, ...]
    searched: int = Field(description="How many groups were looked at.")
    depth: int
    least_rows: int = Field(description="Groups of fewer rows that can show the outcome were not looked at.")
    honest: Literal["halves", "permutations"]
    value: float = Field(description="The outcome among all rows.")
    subgroups: tuple[Subgroup, ...]
    minimum_detectable: float | None = Field(description="The smallest gap of a group of least_rows that would show.")
    notes: tuple[str, ...] = ()
    seed: int
    seconds: float
