"""Discovering: from a table to the groups nobody asked about, with intervals that survive the search."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evenhand.core.audit import Audit
from evenhand.core.errors import SpecError, suggestion
from evenhand.core.items import Search
from evenhand.core.subgroup import Discovery, Question, Searcher
from evenhand.discovering.asking import audit_of, question_of
from evenhand.discovering.honest import HONEST, Findings, Honest
from evenhand.discovering.looking import Looking, ranges_fit
from evenhand.discovering.people import Asked, People, people_of
from evenhand.discovering.words import minimum_detectable, subgroup
from evenhand.models import load_model
from evenhand.sources import read

__all__ = ["discover"]

# The share of rows that a group must have to be looked at, where nothing else is said.
SUPPORT = 0.01
# Said where joining ranges would take too long.
APART = (
    "Neighbouring ranges of numbers were not joined by the lattice; name fewer columns or a lower depth to have that."
)


def discover(
    data: Any,
    audit: Audit | Mapping[str, Any],
    question: Question | str,
    *,
    model: Any = None,
    columns: Sequence[str] = (),
    by: Sequence[Searcher] = ("lattice",),
    depth: int = 3,
    support: float = SUPPORT,
    honest: Honest = "halves",
    most: int = 20,
    trust_pickle: bool = False,
) -> Discovery:
    """Find groups for which an outcome happens more, or less, than for everyone else.

    `data` is anything `read` takes; the audit, or its fields without facets, says which columns hold labels,
    predictions and scores, and the level and the seed; `question` is a Question or the name of its outcome;
    `columns` are those that groups are made of, by default all that the audit does not use. With `halves`, one half
    of the rows is searched and the other decides; with `permutations`, all rows are searched, and the same search of
    shuffled outcomes says what chance can do. At most `most` groups come back, each as a text that audits take as a
    facet. Raises EvenhandError.
    """
    started = time.monotonic()
    manner = _Manner(tuple(by), depth, support, honest, most)
    question, frame = question_of(question), read(data)
    asked = Asked(audit_of(audit, question, frame), question, tuple(columns), support)
    loaded = load_model(model, trust_pickle=trust_pickle) if model is not None else None
    found = _searched(people_of(frame, asked, loaded), asked, manner)
    return found.model_copy(update={"seconds": round(time.monotonic() - started, 3)})


@dataclass(frozen=True)
class _Manner:
    """How to search."""

    by: tuple[Searcher, ...]
    depth: int
    support: float
    honest: Honest
    most: int

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise SpecError(f"depth is {self.depth}; a group needs at least 1 condition.")
        if not 0 < self.support < 0.5:
            raise SpecError(f"support is {self.support:g}; it is the least share of the rows, above 0 and below 0.5.")
        if self.most < 1:
            raise SpecError(f"most is {self.most}; ask for at least 1 group.")
        if self.honest not in HONEST:
            raise SpecError(f"No way is called {self.honest!r}.{suggestion(self.honest, list(HONEST))}")


def _searched(people: People, asked: Asked, manner: _Manner) -> Discovery:
    depth = min(manner.depth, len(people.items.columns))
    search = Search(
        depth=depth, least_rows=asked.least_rows(people.target),
        direction={"more": 1, "less": -1, "either": 0}[asked.question.direction], seed=asked.audit.seed,
    )  # fmt: skip
    look = Looking(manner.by, ranges=ranges_fit(people.items, depth))
    found = HONEST[manner.honest](look, people, search, level=asked.audit.level, most=manner.most)
    if "lattice" in manner.by and not look.ranges and any(each.ordered for each in people.items.columns):
        people = replace(people, notes=(*people.notes, APART))
    return _discovery(people, asked, search, found, manner.honest)


def _discovery(people: People, asked: Asked, search: Search, found: Findings, honest: Honest) -> Discovery:
    level = asked.audit.level
    return Discovery(
        question=asked.question, rows=people.items.rows, columns=tuple(each.name for each in people.items.columns),
        searched=found.searched, depth=search.depth, least_rows=search.least_rows, honest=honest,
        value=float(np.mean(people.target.values[people.target.counted])),
        subgroups=tuple(subgroup(each, people, asked.question, found, level) for each in found.kept),
        minimum_detectable=minimum_detectable(people.target, search, found), notes=people.notes, seed=search.seed,
        seconds=0.0,
    )  # fmt: skip
