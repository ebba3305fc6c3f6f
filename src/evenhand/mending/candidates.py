"""Candidates: ways of deciding that the methods made, each a rule over the scores of models, ready to be measured."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.constraint import Constraint
from evenhand.core.errors import EvenhandError, SpecError
from evenhand.core.frontier import Stage
from evenhand.core.rule import Rule
from evenhand.mending.learner import Base, Learner, anyone
from evenhand.mending.people import People
from evenhand.models.dividing import Dividing, groups_of
from evenhand.models.mended import Mended, decided, identities

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way of deciding. `crossed`: decisions on the choosing rows by rules that were fitted on others of them."""

    method: str
    setting: str
    stage: Stage
    base: Base
    mended: Mended
    crossed: Array | None = None
    status: str = ""

    @property
    def name(self) -> str:
        """The name of its point."""
        return f"{self.method} {self.setting}".strip()

    def told(self, status: str) -> "Candidate":
        """With what the solver said."""
        return replace(self, status=status)

    def salted(self, seed: int) -> "Candidate":
        """With chances of its own for each seed."""
        return replace(self, mended=self.mended.model_copy(update={"salt": f"mended {seed}"}))

    def decide(self, people: People) -> Array:
        """0 or 1 for each of these people, as the saved model will decide."""
        return _decided(self.mended, self.base.of(people), people)

    def save(self, folder: Path) -> None:
        """Write the folder that `load_model` opens."""
        folder.mkdir(parents=True)
        (folder / "model.json").write_text(self.mended.model_dump_json(indent=1) + "\n", encoding="utf-8")
        for name, save in self.base.saves:
            save(folder / name)


@dataclass(frozen=True, eq=False)
class Case:
    """What every method is given.

    `fitting` are rows to train on, none where a model was given; rules are fitted on `choosing`, in folds. `steps` are
    shares of what the constraints allow, the loosest first.
    """

    fitting: People | None
    choosing: People
    folds: Array
    constraints: tuple[Constraint, ...]
    steps: tuple[float, ...]
    base: Base
    learner: Learner | None
    facets: tuple[Dividing, ...]
    seed: int
    deterministic: bool = False
    failed: list[str] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict, repr=False)  # what one method leaves for another

    def tightened(self, step: float) -> tuple[Constraint, ...]:
        """The constraints with this share of what they allow."""
        return tuple(_tightened(each, step) for each in self.constraints)


def _tightened(constraint: Constraint, step: float) -> Constraint:
    allowed = min(constraint.allowed * step, 1.0)
    return replace(constraint, bound=allowed if constraint.form == "difference" else 1 - allowed)


def as_it_is(method: str, setting: str, stage: Stage, base: Base, status: str = "") -> Candidate:
    """A model without any rule over its scores."""
    mended = base.description.model_copy(update={"method": method, "setting": setting, "rule": anyone(base.threshold)})
    return Candidate(method, setting, stage, base, mended, status=status)


def ruled(method: str, setting: str, base: Base, rule: Rule, case: Case) -> Candidate:
    """A rule over the scores of a model, for groups of people."""
    update = {"method": method, "setting": setting, "rule": rule, "facets": case.facets, "salt": f"mended {case.seed}"}
    return Candidate(method, setting, "after", base, base.description.model_copy(update=update))


def crossed(case: Case, fitted: Callable[[Array], Candidate]) -> Candidate:
    """The candidate fitted on all choosing rows, with decisions on those of each fold by one fitted on the others."""
    out = np.zeros(len(case.choosing), np.int64)
    for fold in np.unique(case.folds):
        here = np.flatnonzero(case.folds == fold)
        candidate = fitted(np.flatnonzero(case.folds != fold))
        scores = [each[here] for each in candidate.base.of(case.choosing)]
        out[here] = _decided(candidate.mended, scores, case.choosing.chosen(here))
    return replace(fitted(np.arange(len(out))), crossed=out)


def setting_of(constraints: Sequence[Constraint]) -> str:
    """Constraints as the setting of a point."""
    return " ".join(map(str, constraints))


def stepped(case: Case, method: str, make: Callable[[Sequence[Constraint]], Candidate]) -> Iterator[Candidate]:
    """A candidate for each tolerance; what cannot be made is written down."""
    for step in case.steps:
        constraints = case.tightened(step)
        try:
            yield make(constraints)
        except EvenhandError as error:
            case.failed.append(f"{method} has no point at {setting_of(constraints)}: {error}")


def training(case: Case) -> tuple[Learner, People]:
    """The learner and the rows to train on; raises SpecError where a model was given."""
    if case.learner is None or case.fitting is None:
        raise SpecError("This method trains a model; leave out --model and --score, and one is trained here.")
    return case.learner, case.fitting


def _decided(mended: Mended, scores: Sequence[Array], people: People) -> Array:
    groups = groups_of(mended.facets, people.columns, len(people))
    ids = identities(mended, people.columns, len(people)) if mended.randomised else []
    return decided(mended, scores, groups, ids)
