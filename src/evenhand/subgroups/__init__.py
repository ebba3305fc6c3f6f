"""Subgroups: ways to look for groups in which something happens more, or less, often than elsewhere; one kind a file.

All find patterns of levels of coded columns, and none of them says how sure one can be: candidates are measured anew on
rows that the search has not seen.
"""

from collections.abc import Mapping
from types import MappingProxyType

from evenhand.core.errors import SpecError, suggestion
from evenhand.core.items import Searching
from evenhand.subgroups.lattice import LatticeSearch
from evenhand.subgroups.linear import LinearSearch
from evenhand.subgroups.scan import ScanSearch
from evenhand.subgroups.tree import TreeSearch

ALL: Mapping[str, Searching] = MappingProxyType(
    {"lattice": LatticeSearch(), "scan": ScanSearch(), "tree": TreeSearch(), "linear": LinearSearch()}
)

__all__ = ["ALL", "LatticeSearch", "LinearSearch", "ScanSearch", "TreeSearch", "searcher"]


def searcher(name: str) -> Searching:
    """The searcher of this name: lattice, scan, tree or linear; raises SpecError."""
    if name not in ALL:
        raise SpecError(f"No search is called {name!r}.{suggestion(name, list(ALL))}")
    return ALL[name]
