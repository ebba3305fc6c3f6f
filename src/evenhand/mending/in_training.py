"""In training: models trained for the constraints, as candidates; what one method fitted serves the others."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.constraint import Constraint
from evenhand.core.errors import SpecError
from evenhand.mending.candidates import Candidate, Case, as_it_is, setting_of, stepped, training
from evenhand.mending.learner import TREES
from evenhand.models.mended_files import native

Array = NDArray[Any]

# Models that a grid search trains; the same for every tolerance.
GRID = 12
# Rounds of two fits each: of the game for each tolerance, and of the one with an auditor.
ROUNDS, AUDITS = 10, 6


def exponentiated_gradient(case: Case) -> Iterator[Candidate]:
    """A mixture of models, each trained on weights that the constraints ask for."""
    from evenhand.mitigations.during.reductions import Effort, fit_mixture

    _, people = training(case)

    def make(constraints: Sequence[Constraint]) -> Candidate:
        oracles, effort = _oracles(case), Effort(rounds=ROUNDS)
        found = fit_mixture(oracles, people.labels, people.groups, constraints, effort=effort)
        return _mixture(case, "exponentiated-gradient", constraints, found)

    yield from stepped(case, "exponentiated-gradient", make)


def grid(case: Case) -> Iterator[Candidate]:
    """The best of models trained on a grid of prices for breaking the constraints."""
    from evenhand.mitigations.during.grid import fit_grid

    _, people = training(case)

    places: list[int] = []

    def make(constraints: Sequence[Constraint]) -> Candidate:
        found = fit_grid(_oracles(case), people.labels, people.groups, constraints, points=GRID)
        places.append(found.nearest)
        return _mixture(case, "grid", constraints, found)

    for each in stepped(case, "grid", make):
        # One model may be the best for several tolerances; it is one point.
        if places[-1] not in places[:-1]:
            yield each


def rich_subgroups(case: Case) -> Iterator[Candidate]:
    """A mixture that is fair to every group that an auditor can make of the facets, in all crossings at once."""
    from evenhand.mitigations.during.rich_subgroups import Play, fit_rich
    from evenhand.subgroups import searcher

    _, people = training(case)
    if len(case.facets) < 2:
        raise SpecError("it crosses several facets, and one was given; exponentiated-gradient does the same with one.")
    if len(case.constraints) > 1:
        raise SpecError("it keeps one constraint, and several were given.")
    items, play = _items(case), Play(rounds=AUDITS)
    share = np.bincount(people.codes, minlength=len(people.names)) / len(people)
    smallest = float(share[share > 0].min())

    def make(constraints: Sequence[Constraint]) -> Candidate:
        # The game bounds share x difference from everyone; this is the bound at which the smallest group is within.
        bound = replace(constraints[0], bound=constraints[0].bound * smallest * (1 - smallest))
        found = fit_rich(_oracles(case), people.labels, items, bound, searcher("lattice"), play=play)
        return _mixture(case, "rich-subgroups", constraints, found)

    yield from stepped(case, "rich-subgroups", make)


def _items(case: Case) -> Any:
    """The facets as columns that an auditor looks through."""
    from evenhand.mitigations.codings import items_of

    _, people = training(case)
    table = {
        f"{place} {each.group or each.column}": np.array(each.texts(people.columns), dtype=object)
        for place, each in enumerate(case.facets)
    }
    return items_of(native(table, list(table)), len(people))


def _oracles(case: Case) -> Any:
    """Classifiers fitted to weighted labels of the fitting rows, each once for all methods."""
    from evenhand.mitigations.during.oracles import Oracles, trainer

    learner, people = training(case)
    if "oracles" not in case.kept:
        matrix = learner.matrix(people.columns)
        case.kept["oracles"] = Oracles(trainer(learner.estimator(), matrix), matrix, np.ones(len(people)))
    return case.kept["oracles"]


def _mixture(case: Case, method: str, constraints: Sequence[Constraint], found: Any) -> Candidate:
    """The members that were found, or the one of them that decides most like all, where there is to be no chance."""
    learner, _ = training(case)
    members = _oracles(case).members
    nearest = case.deterministic or len(found.members) == 1
    models = [members[place].model for place in ((found.nearest,) if nearest else found.members)]
    base = learner.base(models, (1.0,) if nearest else found.shares)
    return as_it_is(method, setting_of(constraints), "in", base, str(found.status)).salted(case.seed)


def boosted(case: Case) -> Iterator[Candidate]:
    """Trees that follow the constraints while they grow."""
    from evenhand.mitigations.during.fair_boosting import FairBoostingClassifier

    learner, people = training(case)

    def make(constraints: Sequence[Constraint]) -> Candidate:
        model = FairBoostingClassifier(constraint=tuple(map(str, constraints)), trees=TREES, random_state=case.seed)
        model.fit(learner.matrix(people.columns), people.labels, facet=people.groups)
        grown: Any = model.ensemble_
        base = learner.boosted(grown.booster, model.result_.trees, model._start)
        status = (
            "kept its bounds where it was fitted"
            if model.result_.kept
            else "did not keep its bounds where it was fitted"
        )
        return as_it_is("boosted", setting_of(constraints), "in", base, status)

    yield from stepped(case, "boosted", make)
