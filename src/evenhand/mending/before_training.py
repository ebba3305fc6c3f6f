"""Before training: models trained on weights, labels, rows or numbers that were changed, as candidates."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import SpecError
from evenhand.mending.candidates import Candidate, Case, as_it_is, training
from evenhand.mending.learner import Learner
from evenhand.models.inputs import Move, Removal, Repair
from evenhand.models.mended import prepared

Array = NDArray[Any]

# How much of a method without a tolerance is applied.
AMOUNTS = (0.5, 1.0)


def repair(case: Case) -> Iterator[Candidate]:
    """Numbers are moved, group by group, along their quantiles to what groups share."""
    from evenhand.mitigations.before.quantile_repair import fit_repair

    learner, people = training(case)
    matrix, numbers = learner.matrix(people.columns), _numbers(learner)
    moves = fit_repair(matrix[:, numbers], people.groups).columns
    for amount in AMOUNTS:
        repaired = {
            learner.codings[place].column: Repair(
                amount=amount,
                moves={
                    name: Move(values=tuple(move.values.tolist()), moved=tuple(move.moved.tolist()))
                    for name, move in found.items()
                },
            )
            for place, found in zip(numbers, moves, strict=True)
        }
        yield _moved(case, "repair", amount, {"repaired": repaired})


def correlation(case: Case) -> Iterator[Candidate]:
    """What the groups explain of numbers linearly is taken out of them."""
    from evenhand.mitigations.before.correlation import fit_removal

    learner, people = training(case)
    matrix, numbers = learner.matrix(people.columns), _numbers(learner)
    found = fit_removal(matrix[:, numbers], people.groups.astype(object)[:, None])
    names, shifts = found.facets.values[0] or (), np.zeros((len(found.effects), len(learner.codings)))
    shifts[:, numbers] = found.effects - (found.means * found.effects).sum(axis=0)
    table = dict(zip(names, map(tuple, shifts.tolist()), strict=True))
    for amount in AMOUNTS:
        yield _moved(case, "correlation", amount, {"removed": Removal(amount=amount, shifts=table)})


def _numbers(learner: Learner) -> list[int]:
    numbers = [place for place, coding in enumerate(learner.codings) if coding.levels is None]
    if not numbers:
        raise SpecError("it moves numbers, and no input is a number.")
    return numbers


def _moved(case: Case, method: str, amount: float, more: dict[str, Any]) -> Candidate:
    """A model trained on inputs that are moved by group, when it decides, too."""
    learner, people = training(case)
    more = more | {"facets": case.facets}
    inputs = prepared(learner.describing(**more), learner.matrix(people.columns), people.groups)
    model = learner.estimator().fit(inputs, people.labels)
    return as_it_is(method, f"amount {amount:g}", "before", learner.base([model], **more))


def reweighing(case: Case) -> Iterator[Candidate]:
    """Weights that make group and label independent."""
    from evenhand.mitigations.before.reweighing import Reweighed

    yield from _prepared(case, "reweighing", lambda estimator, amount: Reweighed(estimator, amount=amount))


def massaging(case: Case) -> Iterator[Candidate]:
    """Labels nearest to the boundary are changed until groups have as many positive ones."""
    from evenhand.mitigations.before.massaging import Massaged

    yield from _prepared(case, "massaging", lambda estimator, amount: Massaged(estimator, amount=amount))


def sampling(case: Case) -> Iterator[Candidate]:
    """Rows are repeated and left out until group and label are independent."""
    from evenhand.mitigations.before.sampling import Resampled

    seed = case.seed
    yield from _prepared(case, "sampling", lambda estimator, amount: Resampled(estimator, amount=amount, seed=seed))


def _prepared(case: Case, method: str, around: Callable[[Any, float], Any]) -> Iterator[Candidate]:
    learner, people = training(case)
    for amount in AMOUNTS:
        model = around(learner.estimator(), amount)
        model.fit(learner.matrix(people.columns), people.labels, facet=people.groups)
        yield as_it_is(method, f"amount {amount:g}", "before", learner.base([model.estimator_]))
