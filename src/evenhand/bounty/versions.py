"""Versions: what every version of a decision list answers for a sample, and how updates and repairs make the next one.

Progress: an update lowers the mean loss of the sample by exactly the weighted gain of its certificate. Monotony:
pointers are pushed until every accepted group is served as well as any version served it (Globus-Harris et al. 2022).
"""

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import EvenhandError
from evenhand.core.loss import Loss
from evenhand.models.decision_list import DecisionList, Node, ToLeaf, ToVersion

Array = NDArray[Any]

# Sums of losses that differ by less are the same.
TOLERANCE = 1e-9


class Versions:
    """A decision list as a sample sees it: answers and losses of all its versions, masks of its groups.

    Every answer that was ever given to a row is kept once; a version is where in that pool each row's answer lies.
    """

    def __init__(self, loss: Loss, labels: Array, base: Array) -> None:
        """`labels` and `base` as the loss reads them, one a row."""
        self.loss = loss
        self.labels = labels
        self.list = DecisionList()
        self.groups: list[Array] = []
        self._given = base.copy()
        self._lost = loss.rows(labels, base)
        self._places: list[Array] = [np.arange(len(labels), dtype=np.int32)]
        self._rows: list[Array] = []
        self._sums: list[list[float]] = []
        self._leaves = 0

    @property
    def answers(self) -> Sequence[Array]:
        """What each version answers."""
        return _Taken(self._given, self._places)

    @property
    def losses(self) -> Sequence[Array]:
        """The loss of each row, for each version."""
        return _Taken(self._lost, self._places)

    @property
    def newest(self) -> Array:
        """What the newest version answers."""
        return self.answers[-1]

    @property
    def mean(self) -> float:
        """The mean loss of the newest version."""
        return float(self.losses[-1].mean())

    def differences(self, mask: Array, answers: Array, *, version: int = -1) -> Array:
        """By how much the loss of each row falls where the group is answered so; zero outside the group."""
        out = np.zeros(len(self.labels))
        out[mask] = self._lost[self._places[version][mask]] - self.loss.rows(self.labels[mask], answers[mask])
        return out

    def update(self, mask: Array, answers: Array) -> int:
        """Answer a group so from now on, without repairs; the new leaf's place."""
        rows = np.flatnonzero(mask)
        places = self._places[-1].copy()
        places[rows] = np.arange(len(self._lost), len(self._lost) + len(rows))
        self._given = np.concatenate([self._given, answers[rows]])
        self._lost = np.concatenate([self._lost, self.loss.rows(self.labels[rows], answers[rows])])
        self.groups.append(np.asarray(mask).astype(bool))
        self._rows.append(rows)
        self._sums.append([float(self._lost[each[rows]].sum()) for each in self._places])
        self._leaves += 1
        self._push(ToLeaf(group=len(self.groups) - 1, leaf=self._leaves), places)
        return self._leaves

    def repair(self) -> int:
        """Point groups that are served worse than before to the version that served them best; how many pointers.

        Each pointer lowers the total loss of the sample, so there are finitely many. Raises EvenhandError if there
        are more than a sample can have.
        """
        found = 0
        most = 2 * (len(self.labels) + 1) * (len(self.groups) + 1)
        while (worse := self._worse()) is not None:
            self._point(ToVersion(group=worse[0], version=worse[1]))
            found += 1
            if found > most:
                raise EvenhandError("Repairs do not come to an end, which is a fault of evenhand; please report it.")
        return found

    def replay(self, node: Node, mask: Array | None = None, answers: Array | None = None) -> None:
        """Add a node that another sample decided; a leaf comes with its mask and answers."""
        if isinstance(node, ToLeaf):
            assert mask is not None and answers is not None  # noqa: S101 - leaves are never without
            self.update(mask, answers)
        else:
            self._point(node)

    def best(self, group: int) -> float:
        """The least mean loss that any version had on a group."""
        return min(self._sums[group]) / max(len(self._rows[group]), 1)

    def now(self, group: int) -> float:
        """The mean loss that the newest version has on a group."""
        return self._sums[group][-1] / max(len(self._rows[group]), 1)

    def _worse(self) -> tuple[int, int] | None:
        """The first group that is served worse than by some version, and the version that served it best."""
        for group, sums in enumerate(self._sums):
            best = min(sums)
            if sums[-1] > best + TOLERANCE:
                return group, sums.index(best)
        return None

    def _point(self, node: ToVersion) -> None:
        places, rows = self._places[-1].copy(), self._rows[node.group]
        places[rows] = self._places[node.version][rows]
        self._push(node, places)

    def _push(self, node: Node, places: Array) -> None:
        self.list = self.list.with_node(node)
        changed = places != self._places[-1]
        self._places.append(places)
        for rows, sums in zip(self._rows, self._sums, strict=True):
            # Sums of the same rows in the same order are the same to the last bit where the answers are.
            same = not changed[rows].any()
            sums.append(sums[-1] if same else float(self._lost[places[rows]].sum()))


class _Taken(Sequence[Array]):
    """A sequence of arrays, each taken from one pool when it is asked for."""

    def __init__(self, pool: Array, places: Sequence[Array]) -> None:
        self._pool, self._places = pool, places

    @overload
    def __getitem__(self, place: int) -> Array: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Array]: ...

    def __getitem__(self, place: int | slice) -> Array | Sequence[Array]:
        if isinstance(place, slice):
            return _Taken(self._pool, self._places[place])
        return np.asarray(self._pool[self._places[place]])

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Array]:
        return (self[place] for place in range(len(self)))
