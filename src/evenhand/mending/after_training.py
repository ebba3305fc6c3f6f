"""After training: rules over the scores of a model, as candidates; fitted on the choosing rows, and in folds."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.constraint import Constraint
from evenhand.core.errors import SpecError
from evenhand.core.rule import Rule
from evenhand.mending.candidates import Candidate, Case, crossed, ruled, setting_of, stepped
from evenhand.mending.learner import Base

Array = NDArray[Any]


def _fitted_after(
    case: Case, method: str, setting: str, base: Base, fit: Callable[[Array], tuple[Rule, str]]
) -> Candidate:
    """A rule over scores, fitted on the choosing rows at these places; and in folds, to be judged on the others."""
    status = ""

    def fitted(places: Array) -> Candidate:
        nonlocal status
        rule, status = fit(places)
        return ruled(method, setting, base, rule, case)

    return crossed(case, fitted).told(status)


def thresholds(case: Case) -> Iterator[Candidate]:
    """A threshold for each group, by one linear programme a tolerance; and the best thresholds without any."""

    def make(constraints: Sequence[Constraint]) -> Candidate:
        return _thresholds(case, case.base, "thresholds", setting_of(constraints), constraints)

    yield from stepped(case, "thresholds", make)
    yield _thresholds(case, case.base, "thresholds", "without constraint", ())


def undone(case: Case, candidate: Candidate) -> Candidate:
    """What a mended model's scores give when its constraint is undone by the best threshold of each group.

    So methods can be compared by their scores alone (Cruz and Hardt 2024: unprocessing).
    """
    return _thresholds(case, candidate.base, f"{candidate.method}, undone", candidate.setting, ())


def _thresholds(case: Case, base: Base, method: str, setting: str, constraints: Sequence[Constraint]) -> Candidate:
    from evenhand.mitigations.after.thresholds import fit_thresholds

    scores, people = base.of(case.choosing)[0], case.choosing

    def fit(here: Array) -> tuple[Rule, str]:
        labels, groups = people.labels[here], people.groups[here]
        solved = fit_thresholds(scores[here], labels, groups, constraints, deterministic=case.deterministic)
        return solved.rule, solved.status

    return _fitted_after(case, method, setting, base, fit)


def linear(case: Case) -> Iterator[Candidate]:
    """Prices on groups, under which the most probable class keeps the constraints (LinearPost)."""
    from evenhand.mitigations.after.linear_post import NOISE, fit_linear

    scores, people = case.base.of(case.choosing)[0], case.choosing
    if scores.min(initial=0) < 0 or scores.max(initial=0) > 1:
        raise SpecError("it needs probabilities, and these scores go beyond 0 to 1.")
    both = np.column_stack([1 - scores, scores])
    noise = 0.0 if case.deterministic else NOISE

    def make(constraints: Sequence[Constraint]) -> Candidate:
        def fit(here: Array) -> tuple[Rule, str]:
            solved = fit_linear(both[here], people.labels[here], people.groups[here], constraints, noise=noise)
            return solved.rule, solved.status

        return _fitted_after(case, "linear", setting_of(constraints), case.base, fit)

    yield from stepped(case, "linear", make)


def calibration(case: Case) -> Iterator[Candidate]:
    """Probabilities that hold in each group, and one threshold for everyone."""
    from evenhand.mitigations.after.calibration import fit_calibration

    scores, people = case.base.of(case.choosing)[0], case.choosing

    def fit(here: Array) -> tuple[Rule, str]:
        return fit_calibration(scores[here], people.labels[here], people.groups[here]).rule, ""

    yield _fitted_after(case, "calibration", "isotonic", case.base, fit)


def reject_option(case: Case) -> Iterator[Candidate]:
    """Near the threshold, groups that are chosen less often get the better answer."""
    from evenhand.mitigations.after.reject_option import fit_reject_option

    scores, people = case.base.of(case.choosing)[0], case.choosing
    if len(case.constraints) > 1:
        raise SpecError("it keeps one constraint, and several were given.")

    def make(constraints: Sequence[Constraint]) -> Candidate:
        def fit(here: Array) -> tuple[Rule, str]:
            return fit_reject_option(scores[here], people.labels[here], people.groups[here], constraints[0]).rule, ""

        return _fitted_after(case, "reject-option", setting_of(constraints), case.base, fit)

    yield from stepped(case, "reject-option", make)
