"""Methods: every mitigation by its name, as something that makes candidates of a case; one small adapter each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.constraint import Constraint
from evenhand.core.errors import EvenhandError, SpecError, suggestion
from evenhand.core.frontier import Stage
from evenhand.core.rule import Rule
from evenhand.mending.candidates import Candidate, Case, as_it_is, crossed, ruled
from evenhand.mending.learner import TREES, Base, Learner
from evenhand.mending.people import People
from evenhand.models.mended import Move, Removal, Repair, prepared

Array = NDArray[Any]
Make = Callable[[Case], Iterator[Candidate]]

# How much of a method without a tolerance is applied.
AMOUNTS = (0.5, 1.0)
# Models that a grid search trains for each tolerance.
GRID = 12
NAMED = "exponentiated-gradient"


@dataclass(frozen=True)
class Method:
    """A way of mending: when it acts, the file that holds it, and its adapter."""

    stage: Stage
    module: str
    make: Make

    @property
    def there(self) -> bool:
        """Whether this installation has it."""
        return find_spec(f"evenhand.mitigations.{self.module}") is not None


def _setting(constraints: Sequence[Constraint]) -> str:
    return " ".join(map(str, constraints))


def _steps(case: Case, method: str, make: Callable[[Sequence[Constraint]], Candidate]) -> Iterator[Candidate]:
    """A candidate for each tolerance; what cannot be made is written down."""
    for step in case.steps:
        constraints = case.tightened(step)
        try:
            yield make(constraints)
        except EvenhandError as error:
            case.failed.append(f"{method} has no point at {_setting(constraints)}: {error}")


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
    yield from _steps(case, "thresholds", lambda each: _thresholds(case, case.base, "thresholds", _setting(each), each))
    yield _thresholds(case, case.base, "thresholds", "without constraint", ())


def undone(case: Case, candidate: Candidate) -> Candidate:
    """What a mended model's scores give when its constraint is undone by the best threshold of each group.

    So methods can be compared by their scores alone (Cruz and Hardt 2024: unprocessing).
    """
    return _thresholds(case, candidate.base, f"{candidate.method}, undone", candidate.setting, ())


def _thresholds(case: Case, base: Base, method: str, setting: str, constraints: Sequence[Constraint]) -> Candidate:
    from evenhand.mitigations.thresholds import fit_thresholds

    scores, people = base.of(case.choosing)[0], case.choosing

    def fit(here: Array) -> tuple[Rule, str]:
        labels, groups = people.labels[here], people.groups[here]
        solved = fit_thresholds(scores[here], labels, groups, constraints, deterministic=case.deterministic)
        return solved.rule, solved.status

    return _fitted_after(case, method, setting, base, fit)


def linear(case: Case) -> Iterator[Candidate]:
    """Prices on groups, under which the most probable class keeps the constraints (LinearPost)."""
    from evenhand.mitigations.linear_post import NOISE, fit_linear

    scores, people = case.base.of(case.choosing)[0], case.choosing
    if scores.min(initial=0) < 0 or scores.max(initial=0) > 1:
        raise SpecError("it needs probabilities, and these scores go beyond 0 to 1.")
    both = np.column_stack([1 - scores, scores])
    noise = 0.0 if case.deterministic else NOISE

    def make(constraints: Sequence[Constraint]) -> Candidate:
        def fit(here: Array) -> tuple[Rule, str]:
            solved = fit_linear(both[here], people.labels[here], people.groups[here], constraints, noise=noise)
            return solved.rule, solved.status

        return _fitted_after(case, "linear", _setting(constraints), case.base, fit)

    yield from _steps(case, "linear", make)


def calibration(case: Case) -> Iterator[Candidate]:
    """Probabilities that hold in each group, and one threshold for everyone."""
    from evenhand.mitigations.calibration import fit_calibration

    scores, people = case.base.of(case.choosing)[0], case.choosing

    def fit(here: Array) -> tuple[Rule, str]:
        return fit_calibration(scores[here], people.labels[here], people.groups[here]).rule, ""

    yield _fitted_after(case, "calibration", "isotonic", case.base, fit)


def reject_option(case: Case) -> Iterator[Candidate]:
    """Near the threshold, groups that are chosen less often get the better answer."""
    from evenhand.mitigations.reject_option import fit_reject_option

    scores, people = case.base.of(case.choosing)[0], case.choosing
    if len(case.constraints) > 1:
        raise SpecError("it keeps one constraint, and several were given.")

    def make(constraints: Sequence[Constraint]) -> Candidate:
        def fit(here: Array) -> tuple[Rule, str]:
            return fit_reject_option(scores[here], people.labels[here], people.groups[here], constraints[0]).rule, ""

        return _fitted_after(case, "reject-option", _setting(constraints), case.base, fit)

    yield from _steps(case, "reject-option", make)


def repair(case: Case) -> Iterator[Candidate]:
    """Numbers are moved, group by group, along their quantiles to what groups share."""
    from evenhand.mitigations.quantile_repair import fit_repair

    learner, people = _training(case)
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
    from evenhand.mitigations.correlation import fit_removal

    learner, people = _training(case)
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
    learner, people = _training(case)
    more = more | {"facets": case.facets}
    inputs = prepared(learner.describing(**more), learner.matrix(people.columns), people.groups)
    model = learner.estimator().fit(inputs, people.labels)
    return as_it_is(method, f"amount {amount:g}", "before", learner.base([model], **more))


def reweighing(case: Case) -> Iterator[Candidate]:
    """Weights that make group and label independent."""
    from evenhand.mitigations.reweighing import Reweighed

    yield from _prepared(case, "reweighing", lambda estimator, amount: Reweighed(estimator, amount=amount))


def massaging(case: Case) -> Iterator[Candidate]:
    """Labels nearest to the boundary are changed until groups have as many positive ones."""
    from evenhand.mitigations.massaging import Massaged

    yield from _prepared(case, "massaging", lambda estimator, amount: Massaged(estimator, amount=amount))


def sampling(case: Case) -> Iterator[Candidate]:
    """Rows are repeated and left out until group and label are independent."""
    from evenhand.mitigations.sampling import Resampled

    seed = case.seed
    yield from _prepared(case, "sampling", lambda estimator, amount: Resampled(estimator, amount=amount, seed=seed))


def _prepared(case: Case, method: str, around: Callable[[Any, float], Any]) -> Iterator[Candidate]:
    learner, people = _training(case)
    for amount in AMOUNTS:
        model = around(learner.estimator(), amount)
        model.fit(learner.matrix(people.columns), people.labels, facet=people.groups)
        yield as_it_is(method, f"amount {amount:g}", "before", learner.base([model.estimator_]))


def exponentiated_gradient(case: Case) -> Iterator[Candidate]:
    """A mixture of models, each trained on weights that the constraints ask for."""
    from evenhand.mitigations.reductions import ExponentiatedGradient

    learner, _ = _training(case)
    model = ExponentiatedGradient(estimator=learner.estimator(), deterministic=case.deterministic, warm_start=True)
    yield from _steps(case, NAMED, lambda each: _mixture(case, NAMED, model, each))


def grid(case: Case) -> Iterator[Candidate]:
    """The best of models trained on a grid of prices for breaking the constraints."""
    from evenhand.mitigations.grid import GridSearchReduction

    learner, _ = _training(case)
    model = GridSearchReduction(estimator=learner.estimator(), points=GRID)
    few = replace(case, steps=tuple(step for step in (1.0, 0.5) if step in case.steps))
    yield from _steps(few, "grid", lambda each: _mixture(case, "grid", model, each))


def _mixture(case: Case, method: str, model: Any, constraints: Sequence[Constraint]) -> Candidate:
    learner, people = _training(case)
    model.set_params(constraint=tuple(map(str, constraints)))
    model.fit(learner.matrix(people.columns), people.labels, facet=people.groups)
    nearest = case.deterministic or len(model.estimators_) == 1
    models = [model.nearest_] if nearest else list(model.estimators_)
    base = learner.base(models, (1.0,) if nearest else model.shares_)
    return as_it_is(method, _setting(constraints), "in", base, str(model.result_.status)).salted(case.seed)


def boosted(case: Case) -> Iterator[Candidate]:
    """Trees that follow the constraints while they grow."""
    from evenhand.mitigations.fair_boosting import FairBoostingClassifier

    learner, people = _training(case)

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
        return as_it_is("boosted", _setting(constraints), "in", base, status)

    yield from _steps(case, "boosted", make)


def _training(case: Case) -> tuple[Learner, People]:
    if case.learner is None or case.fitting is None:
        raise SpecError("This method trains a model; leave out --model and --score, and one is trained here.")
    return case.learner, case.fitting


METHODS: dict[str, Method] = {
    "reweighing": Method("before", "reweighing", reweighing),
    "repair": Method("before", "quantile_repair", repair),
    "correlation": Method("before", "correlation", correlation),
    "massaging": Method("before", "massaging", massaging),
    "sampling": Method("before", "sampling", sampling),
    NAMED: Method("in", "reductions", exponentiated_gradient),
    "grid": Method("in", "grid", grid),
    "boosted": Method("in", "fair_boosting", boosted),
    "thresholds": Method("after", "thresholds", thresholds),
    "linear": Method("after", "linear_post", linear),
    "calibration": Method("after", "calibration", calibration),
    "reject-option": Method("after", "reject_option", reject_option),
}


def methods_of(text: str, *, training: bool) -> tuple[str, ...]:
    """The methods that a text names (`all`, or names with commas between); raises SpecError.

    Where a model was given, there is none to train, and methods that train are left out of `all`.
    """
    there = [name for name, method in METHODS.items() if method.there and (training or method.stage == "after")]
    if text.strip() == "all":
        return tuple(there)
    wanted = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not wanted:
        raise SpecError(f"--methods names none; there are: all, {', '.join(there)}.")
    for name in wanted:
        if name in METHODS and name not in there:
            raise SpecError(
                f"{name} trains a model, and one was given; leave out --model and --score, or take {', '.join(there)}."
            )
        if name not in there:
            raise SpecError(f"No method is called {name!r}.{suggestion(name, there)}")
    return wanted
