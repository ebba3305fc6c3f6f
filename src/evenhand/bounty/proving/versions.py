"""Versions: what every version of a decision list answers for a sample, and how updates and repairs make the next one.

Progress: an update lowers the mean loss of the sample by exactly the weighted gain of its certificate. Monotony:
pointers are pushed until every accepted group is served as well as any version served it (Globus-Harris et al. 2022).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.proving.places import Places, Pool
from evenhand.core.loss import Loss
from evenhand.models.decision_list import DecisionList, Node, ToLeaf, ToVersion

Array = NDArray[Any]

# Losses are counted in whole numbers of this unit (2^-40 of the greatest loss), whose sums over up to 8 million rows
# are exact in any order: what is as good is equal, no repair is for a rounding, and all of it replays bit for bit.
_UNIT = 2**40


@dataclass
class _Served:
    """How well a group is served now, and by the version that served it best: sums of losses, in units."""

    now: int
    best: int
    version: int


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
        self._given, self._lost = Pool(base), Pool(_units(loss.rows(labels, base)))
        self._places = Places(len(labels))
        self._rows: list[Array] = []
        self._served: list[_Served] = []
        self._known = 0  # the version up to which it is known how well groups are served

    @property
    def answers(self) -> Sequence[Array]:
        """What each version answers."""
        return _Taken(self._given, self._places)

    @property
    def losses(self) -> Sequence[Array]:
        """The loss of each row, for each version."""
        return _Taken(self._lost, self._places, unit=_UNIT)

    @property
    def newest(self) -> Array:
        """What the newest version answers."""
        return self.answers[-1]

    @property
    def mean(self) -> float:
        """The mean loss of the newest version."""
        return int(self._lost.values[self._places.newest].sum()) / (_UNIT * len(self.labels))

    def differences(self, mask: Array, answers: Array) -> Array:
        """By how much the loss of each row falls where the group is answered so; zero outside the group."""
        out = np.zeros(len(self.labels))
        now = self._lost.values[self._places.newest[mask]]
        out[mask] = (now - _units(self.loss.rows(self.labels[mask], answers[mask]))) / _UNIT
        return out

    def update(self, mask: Array, answers: Array) -> int:
        """Answer a group so from now on, without repairs; the new leaf's place."""
        mask = np.asarray(mask).astype(bool)
        rows = np.flatnonzero(mask).astype(np.int32)
        places = self._given.add(answers[rows])
        self._lost.add(_units(self.loss.rows(self.labels[rows], answers[rows])))
        self.groups.append(mask)
        self._rows.append(rows)
        leaf = len(self.groups)
        self._push(ToLeaf(group=leaf - 1, leaf=leaf), places)
        return leaf

    def repair(self) -> int:
        """Point groups that are served worse than before to the version that served them best; how many pointers.

        Each pointer lowers the total loss of the sample by a unit at the least, so they come to an end. The group
        whose sum of losses has most to fall comes first: half as many pointers do as in the order of acceptance.
        """
        first = self._places.version
        while (group := self._worst()) is not None:
            self._point(ToVersion(group=group, version=self._served[group].version))
        return self._places.version - first

    def replay(self, node: Node, mask: Array | None = None, answers: Array | None = None) -> None:
        """Add a node that another sample decided; a leaf comes with its mask and answers."""
        if isinstance(node, ToLeaf):
            assert mask is not None and answers is not None  # noqa: S101 - leaves are never without
            self.update(mask, answers)
        else:
            self._point(node)

    def best(self, group: int) -> float:
        """The least mean loss that any version had on a group."""
        self._look()
        return self._served[group].best / (_UNIT * max(len(self._rows[group]), 1))

    def now(self, group: int) -> float:
        """The mean loss that the newest version has on a group."""
        self._look()
        return self._served[group].now / (_UNIT * max(len(self._rows[group]), 1))

    def _worst(self) -> int | None:
        """The group whose sum of losses has most to fall, the oldest of equals; None where no group has any."""
        self._look()
        falls = [served.now - served.best for served in self._served]
        most = max(falls, default=0)
        return falls.index(most) if most else None

    def _look(self) -> None:
        """See how well every group is served by the versions since the last look, and a new group by all of them."""
        since = list(self._rises(self._known)) if self._served else []
        for version, rows, rises in reversed(since):
            for mask, served in zip(self.groups, self._served, strict=False):
                served.now += int(rises @ mask[rows])
                if served.now < served.best:
                    served.best, served.version = served.now, version + 1
        self._known = self._places.version
        if len(self.groups) > len(self._served):
            self._served += self._histories(len(self._served))

    def _histories(self, first: int) -> list[_Served]:
        """How well all versions so far serve the groups from one on, and which was the first that served it best."""
        lost, newest, groups = self._lost.values, self._places.newest, self.groups[first:]
        totals = [int(lost[newest[rows]].sum()) for rows in self._rows[first:]]
        found = [_Served(total, total, self._places.version) for total in totals]
        for version, rows, rises in self._rises(0):
            for place, (mask, served) in enumerate(zip(groups, found, strict=True)):
                totals[place] -= int(rises @ mask[rows])
                if totals[place] <= served.best:
                    served.best, served.version = totals[place], version
        return found

    def _rises(self, since: int) -> Iterator[tuple[int, Array, Array]]:
        """From the newest version back to one: rows whose loss the next version changed, and by how much it rose."""
        lost = self._lost.values
        for version, rows, before, after in self._places.back(since):
            rises = lost[after] - lost[before]
            changed = rises != 0
            yield version, rows[changed], rises[changed]

    def _point(self, node: ToVersion) -> None:
        self._push(node, self._places.at(node.version)[self._rows[node.group]])

    def _push(self, node: Node, places: Array) -> None:
        self.list = self.list.with_node(node)
        self._places.push(self._rows[node.group], places)


def _units(losses: Array) -> Array:
    return np.asarray(np.rint(losses * _UNIT).astype(np.int64))


class _Taken(Sequence[Array]):
    """An array for each version, taken from a pool when it is asked for."""

    def __init__(self, pool: Pool, places: Places, *, unit: int | None = None, versions: range | None = None) -> None:
        self._pool, self._places, self._unit = pool, places, unit
        self._versions = range(places.version + 1) if versions is None else versions

    @overload
    def __getitem__(self, place: int) -> Array: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Array]: ...

    def __getitem__(self, place: int | slice) -> Array | Sequence[Array]:
        if isinstance(place, slice):
            return _Taken(self._pool, self._places, unit=self._unit, versions=self._versions[place])
        taken = self._pool.values[self._places.at(self._versions[place])]
        return np.asarray(taken if self._unit is None else taken / self._unit)

    def __len__(self) -> int:
        return len(self._versions)
