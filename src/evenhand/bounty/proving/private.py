"""Private: a team's own list on the rows of the board, kept small — there is one for every team that ever scored.

A list of versions keeps every answer and every version, which for fifty teams of a long contest is most of a worker's
memory. Only the newest answers are asked for at each submission, so they are kept, and of each find no more than its
group as bits and its answers; versions are made again, node by node, when the list grows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.proving.versions import Versions
from evenhand.core.loss import Loss
from evenhand.models.decision_list import DecisionList, ToLeaf

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Beginning:
    """The rows of the board, and what the base model answers there: the same for all teams, and kept once."""

    loss: Loss
    labels: Array
    base: Array


class Own:
    """The list of one team."""

    def __init__(self, start: Beginning) -> None:
        self.list = DecisionList()
        self._start = start
        self._newest = _Narrow.of(start.base)
        self._finds: list[_Find] = []

    @property
    def newest(self) -> Array:
        """What the newest version answers."""
        return self._newest.read()

    @property
    def losses(self) -> Array:
        """The loss of each row, by the newest version."""
        return self._now().losses[-1]

    @property
    def mean(self) -> float:
        """The mean loss of the newest version."""
        return self._now().mean

    def differences(self, mask: Array, answers: Array) -> Array:
        """By how much the loss of each row falls where the group is answered so; zero outside the group."""
        return self._now().differences(mask, answers)

    def take(self, mask: Array, answers: Array) -> None:
        """Answer a group so from now on, and repair."""
        versions = self.versions()
        versions.update(mask, answers)
        versions.repair()
        self._finds.append(_Find(np.packbits(mask), _Narrow.of(answers[mask])))
        self.list, self._newest = versions.list, _Narrow.of(versions.newest)

    def versions(self) -> Versions:
        """All versions, made again from the finds."""
        made = Versions(self._start.loss, self._start.labels, self._start.base)
        finds = iter(self._finds)
        for node in self.list.nodes:
            made.replay(node, *(next(finds).read(len(self._start.labels)) if isinstance(node, ToLeaf) else ()))
        return made

    def _now(self) -> Versions:
        """The newest version, as if the list began with it."""
        return Versions(self._start.loss, self._start.labels, self.newest)


@dataclass(frozen=True, eq=False)
class _Narrow:
    """Answers in the narrowest type that holds them: places of classes are seldom more than a byte."""

    values: Array
    kind: np.dtype[Any]

    @classmethod
    def of(cls, answers: Array) -> "_Narrow":
        whole = answers.dtype.kind == "i" and answers.size and answers.min() >= 0
        # A copy, so that no larger array is kept for a part of it.
        kind = np.min_scalar_type(answers.max()) if whole else answers.dtype
        return cls(np.array(answers, kind), answers.dtype)

    def read(self) -> Array:
        return self.values.astype(self.kind)


@dataclass(frozen=True, eq=False)
class _Find:
    """A group as bits, and the answers of its rows alone."""

    bits: Array
    answers: _Narrow

    def read(self, rows: int) -> tuple[Array, Array]:
        """The mask, and answers whose rows outside of it mean nothing."""
        mask, inside = np.unpackbits(self.bits, count=rows).astype(bool), self.answers.read()
        answers = np.zeros((rows, *inside.shape[1:]), inside.dtype)
        answers[mask] = inside
        return mask, answers
