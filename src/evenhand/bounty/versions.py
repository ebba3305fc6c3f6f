"""Versions: what every version of a decision list answers for a sample, and how updates and repairs make the next one.

Progress: an update lowers the mean loss of the sample by exactly the weighted gain of its certificate. Monotony:
pointers are pushed until every accepted group is served as well as any version served it (Globus-Harris et al. 2022).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import EvenhandError
from evenhand.core.loss import Loss
from evenhand.models.decision_list import DecisionList, Node, ToLeaf, ToVersion

Array = NDArray[Any]


class Versions:
    """A decision list as a sample sees it: answers and losses of all its versions, masks of its groups."""

    def __init__(self, loss: Loss, labels: Array, base: Array) -> None:
        """`labels` and `base` as the loss reads them, one a row."""
        self.loss = loss
        self.labels = labels
        self.list = DecisionList()
        self.answers: list[Array] = [base]
        self.losses: list[Array] = [loss.rows(labels, base)]
        self.groups: list[Array] = []
        self._of_group: list[list[float]] = []
        self._leaves = 0

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
        out[mask] = self.losses[version][mask] - self.loss.rows(self.labels[mask], answers[mask])
        return out

    def update(self, mask: Array, answers: Array) -> int:
        """Answer a group so from now on, without repairs; the new leaf's place."""
        self.groups.append(mask)
        self._of_group.append([float(losses[mask].sum()) for losses in self.losses])
        self._leaves += 1
        chosen = np.where(mask if answers.ndim == 1 else mask[:, None], answers, self.newest)
        self._push(ToLeaf(group=len(self.groups) - 1, leaf=self._leaves), chosen)
        return self._leaves

    def repair(self) -> int:
        """Point groups that are served worse than before to the version that served them best; how many pointers.

        Each pointer lowers the total loss of the sample, so there are finitely many. Raises EvenhandError if there
        are more than a sample can have.
        """
        found = 0
        most = 2 * (len(self.labels) + 1) * (len(self.groups) + 1)
        while (worse := self._worse()) is not None:
            group, version = worse
            mask = self.groups[group]
            where = mask if self.newest.ndim == 1 else mask[:, None]
            chosen = np.where(where, self.answers[version], self.newest)
            self._push(ToVersion(group=group, version=version), chosen)
            found += 1
            if found > most:
                raise EvenhandError("Repairs do not come to an end, which is a fault of evenhand; please report it.")
        return found

    def replay(self, node: Node, mask: Array | None = None, answers: Array | None = None) -> None:
        """Add a node that another sample decided; a leaf comes with its mask and answers."""
        if isinstance(node, ToLeaf):
            assert mask is not None and answers is not None  # noqa: S101 - leaves are never without
            self.update(mask, answers)
            return
        where = self.groups[node.group]
        chosen = np.where(where if self.newest.ndim == 1 else where[:, None], self.answers[node.version], self.newest)
        self._push(node, chosen)

    def best(self, group: int) -> float:
        """The least mean loss that any version had on a group."""
        return min(self._of_group[group]) / max(int(self.groups[group].sum()), 1)

    def now(self, group: int) -> float:
        """The mean loss that the newest version has on a group."""
        return self._of_group[group][-1] / max(int(self.groups[group].sum()), 1)

    def _worse(self) -> tuple[int, int] | None:
        """The first group that is served worse than by some version, and the version that served it best."""
        for group, sums in enumerate(self._of_group):
            best = int(np.argmin(sums))
            # Sums of the same rows in the same order are the same to the last bit where the answers are.
            if sums[-1] > sums[best] + 1e-9:
                return group, best
        return None

    def _push(self, node: Node, answers: Array) -> None:
        self.list = self.list.with_node(node)
        self.answers.append(answers)
        self.losses.append(self.loss.rows(self.labels, answers))
        for mask, sums in zip(self.groups, self._of_group, strict=True):
            sums.append(float(self.losses[-1][mask].sum()))
