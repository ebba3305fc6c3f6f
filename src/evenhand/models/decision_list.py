"""Decision lists: a model, and the groups for whom better ones were proven — each answered by the version it points to.

Globus-Harris, Kearns and Roth (FAccT 2022), pointer decision lists: version t + 1 answers as version t, except for a
group, whom another model (a leaf) or an earlier version (a pointer: a repair) answers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from evenhand.core.errors import SpecError
from evenhand.core.finding import Fact

Array = NDArray[Any]
# Which of these rows are in the group; what the leaf answers for these rows.
Within = Callable[[Array], Array]
Answering = Callable[[Array], Array]


class ToLeaf(Fact):
    """The group's rows are answered by a leaf."""

    to: Literal["leaf"] = "leaf"
    group: int = Field(ge=0)
    leaf: int = Field(ge=1, description="Its place; leaf 0 is the model that the list began with.")


class ToVersion(Fact):
    """The group's rows are answered as an earlier version answers them."""

    to: Literal["version"] = "version"
    group: int = Field(ge=0)
    version: int = Field(ge=0)


Node = Annotated[ToLeaf | ToVersion, Field(discriminator="to")]


class DecisionList(Fact):
    """Nodes in the order in which they were added: version t is made of the first t of them."""

    nodes: tuple[Node, ...] = ()

    @model_validator(mode="after")
    def _pointing_back(self) -> "DecisionList":
        for place, node in enumerate(self.nodes):
            _check(place, node)
        return self

    @property
    def version(self) -> int:
        """The newest version."""
        return len(self.nodes)

    def with_node(self, node: Node) -> "DecisionList":
        """One version more; raises SpecError where the node points forward."""
        _check(len(self.nodes), node)
        # The nodes so far were checked when they came.
        return DecisionList.model_construct(nodes=(*self.nodes, node))

    def at(self, version: int) -> "DecisionList":
        """The list as it was at an older version; raises SpecError."""
        if not 0 <= version <= self.version:
            raise SpecError(f"There is no version {version}; the versions are 0 to {self.version}.")
        return DecisionList(nodes=self.nodes[:version])

    def leaves(
        self,
        groups: Sequence[Within],
        rows: int,
        *,
        version: int | None = None,
        knows: Mapping[int, Within] | None = None,
    ) -> Array:
        """Which leaf answers each row: one sweep from the newest node down, for pointers only ever point back.

        `knows` tells of leaves that can answer some rows only: a row that its leaf does not know is answered as if
        the node were not there. Versions, and what points to them, stay as they are.
        """
        at = np.full(rows, self.version if version is None else version, np.int32)
        leaf = np.zeros(rows, np.int32)
        for place in range(int(at.max(initial=0)) - 1, -1, -1):
            here = np.flatnonzero(at == place + 1)
            if not len(here):
                continue
            node = self.nodes[place]
            at[here] = place
            inside = here[np.asarray(groups[node.group](here)).astype(bool)]
            if isinstance(node, ToVersion):
                at[inside] = node.version
                continue
            if knows is not None and node.leaf in knows:
                inside = inside[np.asarray(knows[node.leaf](inside)).astype(bool)]
            leaf[inside] = node.leaf
            at[inside] = 0
        return leaf

    def answers(
        self,
        groups: Sequence[Within],
        leaves: Sequence[Answering],
        rows: int,
        *,
        version: int | None = None,
        knows: Mapping[int, Within] | None = None,
    ) -> Array:
        """The answer for each row; a leaf is asked for the rows that it answers, and no others."""
        of = self.leaves(groups, rows, version=version, knows=knows)
        out: Array | None = None
        for leaf in np.unique(of):
            here = np.flatnonzero(of == leaf)
            given = np.asarray(leaves[leaf](here))
            if out is None:
                out = np.empty((rows, *given.shape[1:]), given.dtype)
            elif out.dtype != given.dtype:
                out = out.astype(np.result_type(out, given))
            out[here] = given
        return np.empty(0) if out is None else out


def _check(place: int, node: Node) -> None:
    if isinstance(node, ToVersion) and node.version > place:
        raise SpecError(f"Node {place} points to version {node.version}, which is not before it.")
