"""Rows: what a hunter has — rows with labels, rows without, and what the current model answers for both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from evenhand.bounty.hunting.coding import Coding
from evenhand.core.group import Group
from evenhand.core.loss import Loss
from evenhand.models.membership import Members

Array = NDArray[Any]


@dataclass(frozen=True)
class Task:
    """What answers are, how wrong they are, and the seed of every random choice."""

    loss: Loss
    classes: int
    seed: int


@dataclass(frozen=True, eq=False)
class Known:
    """Rows with their labels (places of classes or numbers), and what the current model answers for them."""

    columns: Mapping[str, Array]
    labels: Array
    current: Array

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Unlabelled:
    """Rows without labels, and what the current model answers for them."""

    columns: Mapping[str, Array]
    current: Array


@dataclass(frozen=True, eq=False)
class Half:
    """The rows that groups are looked for in; whoever confirms a find has not seen them."""

    known: Known
    coding: Coding
    matrix: Array

    def members(self, group: Group) -> Array:
        """Which rows are in the group."""
        return Members(self.known.columns).mask(group)
