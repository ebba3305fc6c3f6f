"""Discovering: from a table to the groups nobody asked about, with intervals that survive the search."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from evenhand.core.audit import Audit
from evenhand.core.errors import DataError, SpecError
from evenhand.core.items import Candidate, Items, Search, Target
from evenhand.core.subgroup import Discovery, Question, Searcher
from evenhand.discovering.honest import HONEST, Findings, Honest
from evenhand.discovering.people import People, people_of
from evenhand.discovering.words import minimum_detectable, subgroup
from evenhand.models import load_model
from evenhand.sources import read
from evenhand.subgroups import searcher

__all__ = ["discover"]

# The share of rows that a group must have to be looked at, where nothing else is said.
SUPPORT = 0.01
# Fewer rows than this show nothing worth a sentence.
FEWEST_ROWS = 50


def discover(
    frame: Any,
    audit: Audit,
    question: Question,
    *,
    model: Any = None,
    columns: Sequence[str] = (),
    searchers: Sequence[Searcher] = ("lattice",),
    depth: int = 3,
    support: float = SUPPORT,
    honest: Honest = "halves",
    most: int = 20,
    trust_pickle: bool = False,
) -> Discovery:
    """Find groups for which an outcome happens more, or less, than for everyone else.

    `frame` is anything `read` takes; the audit says which columns hold labels, predictions and scores, and the level
    and the seed; `columns` are those that groups are made of, by default all that the audit does not use. With
    `halves`, one half of the rows is searched and the other decides; with `permutations`, the search is done again on
    shuffled outcomes and its largest find is what chance can do. At most `most` groups come back, each as a text that
    audits take as a facet. Raises EvenhandError.
    """
    started = time.monotonic()
    _check(depth, support, most)
    loaded = load_model(model, trust_pickle=trust_pickle) if model is not None else None
    people = people_of(read(frame), audit, question, loaded, columns)
    search = Search(
        depth=min(depth, len(people.items.columns)), least_rows=max(FEWEST_ROWS, round(support * people.items.rows)),
        direction={"more": 1, "less": -1, "either": 0}[question.direction], seed=audit.seed,
    )  # fmt: skip
    found = HONEST[honest](_all_of(searchers), people, search, level=audit.level, most=most)
    return _discovery(people, question, search, found, audit).model_copy(
        update={"honest": honest, "seconds": round(time.monotonic() - started, 3)}
    )


def _check(depth: int, support: float, most: int) -> None:
    if depth < 1:
        raise SpecError(f"depth is {depth}; a group needs at least 1 condition.")
    if not 0 < support < 0.5:
        raise SpecError(f"support is {support:g}; it is the least share of the rows, above 0 and below 0.5.")
    if most < 1:
        raise SpecError(f"most is {most}; ask for at least 1 group.")


class _all_of:  # noqa: N801 - a function with a state, seen as a function
    """Several searchers as one; who found a pattern first is remembered."""

    def __init__(self, names: Sequence[Searcher]) -> None:
        if not names:
            raise SpecError("Name at least one searcher: lattice, scan, tree or linear.")
        self.named = {name: searcher(name) for name in names}
        self.found_by: dict[Any, Searcher] = {}

    def __call__(self, items: Items, target: Target, search: Search) -> tuple[list[Candidate], int]:
        every: dict[Any, Candidate] = {}
        looked = 0
        for name, look in self.named.items():
            candidates, count = look(items, target, search)
            looked += count
            for each in candidates:
                if each.pattern not in every:
                    every[each.pattern] = each
                    self.found_by.setdefault(each.pattern, name)
        return sorted(every.values(), key=lambda each: (-each.score, each.pattern)), looked


def _discovery(people: People, question: Question, search: Search, found: Findings, audit: Audit) -> Discovery:
    counted = people.target.counted
    if not counted.any():
        raise DataError(f"No row can show {question.outcome}; look at the label and prediction columns.")
    subgroups = tuple(subgroup(each, people, question, found, audit.level) for each in found.kept)
    return Discovery(
        question=question, rows=int(people.items.rows), columns=tuple(each.name for each in people.items.columns),
        searched=found.searched, depth=search.depth, least_rows=search.least_rows, honest="halves",
        value=float(np.mean(people.target.values[counted])), subgroups=subgroups,
        minimum_detectable=minimum_detectable(people.target, search, found, audit.level),
        notes=people.notes, seed=search.seed, seconds=0.0,
    )  # fmt: skip
