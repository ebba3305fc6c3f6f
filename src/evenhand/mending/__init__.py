"""Mending: from a table to the frontier of mended models — every method on one split, and the one that is chosen."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.audit import Audit
from evenhand.core.constraint import Constraint
from evenhand.core.errors import DataError, EvenhandError, ModelError, SpecError
from evenhand.core.frontier import Floor, Frontier, Share
from evenhand.core.report import Report
from evenhand.flow import Progress
from evenhand.mending.before_after import Judged, reports
from evenhand.mending.candidates import Candidate, Case, as_it_is
from evenhand.mending.choosing import chosen_of, steps_of
from evenhand.mending.learner import Base, Learner, given_base, recorded_base
from evenhand.mending.measured import Measuring, floors_of
from evenhand.mending.methods import METHODS, methods_of, undone
from evenhand.mending.people import People, Roles, codings_of, people_of
from evenhand.mending.splitting import folds_of, parts_of
from evenhand.models import LoadedModel, load_model
from evenhand.models.mended import Mended
from evenhand.sources import read

__all__ = ["Asked", "MendedTable", "mend"]

Array = NDArray[Any]

# Fitting, choosing, judging; without a model to train, there is nothing to fit but rules.
TRAINED, GIVEN = (0.6, 0.2, 0.2), (0.5, 0.5)


@dataclass(frozen=True)
class Asked:
    """How a model is to be mended; constraints as texts such as equalized-odds:0.05."""

    constraints: tuple[str, ...]
    methods: str = "all"
    auto: bool = False
    deterministic: bool = False
    identity: str | None = None
    score_threshold: float | None = None


@dataclass(frozen=True, eq=False)
class MendedTable:
    """The frontier, every candidate by the name of its point, and reports before and after on the judging rows."""

    frontier: Frontier
    candidates: Mapping[str, Candidate]
    before: Report
    after: Report

    @property
    def chosen(self) -> Candidate:
        """The chosen way of deciding; `save(folder)` writes what `load_model` opens."""
        return self.candidates[self.frontier.chosen]

    @property
    def description(self) -> Mended:
        """The chosen model as data."""
        return self.chosen.mended


@dataclass(frozen=True, eq=False)
class _Split:
    """Rows by what they are for; `fitting` only where a model is trained."""

    fitting: People | None
    choosing: People
    judging: People

    @property
    def shares(self) -> tuple[Share, ...]:
        """What a reader is told."""
        rules = "rules are fitted on them in five folds, each judged on the others, and the choice is made"
        told = [Share(name="choosing", rows=len(self.choosing), use=rules)]
        if self.fitting is not None:
            told.insert(0, Share(name="fitting", rows=len(self.fitting), use="models are trained"))
        seen = "seen by neither: every number of the frontier and both reports"
        return (*told, Share(name="judging", rows=len(self.judging), use=seen))


def mend(
    frame: Any,
    audit: Audit,
    asked: Asked | None = None,
    *,
    constraint: str | tuple[str, ...] = (),
    model: Any = None,
    title: str | None = None,
    progress: Progress | None = None,
) -> MendedTable:
    """Make decisions that treat groups more alike, by every method, and say what each gives and costs.

    `frame` is anything `read` takes. The audit names label, positive, facets (several are crossed), features, level and
    seed, and a column of scores to mend; otherwise `model` is mended, or one is trained. `constraint` stands for
    `Asked` where nothing else is asked. Raises EvenhandError with one line that says what is wrong and what to do.
    """
    started, say = time.monotonic(), progress or _silent
    wanted = asked or Asked((constraint,) if isinstance(constraint, str) else tuple(constraint))
    constraints = _constraints(wanted)
    _check(audit, wanted, model)
    names = methods_of(wanted.methods, training=model is None and audit.score is None)
    say("reading", 0, 1)
    opened = read(frame)
    trained = model is None and audit.score is None
    unused = tuple(filter(None, (audit.score,)))
    people, roles = people_of(opened, audit, identity=wanted.identity, unused=unused)
    split = _split(people, trained=trained, identity=wanted.identity, seed=audit.seed)
    base, learner, notes = _base(split, people, roles, audit, wanted, model)
    unmended = as_it_is("unmended", "", "none", base)
    floors = _floors(constraints, split, unmended, audit.seed)
    steps, refused = _steps(constraints, floors, split, unmended)
    case = Case(
        split.fitting, split.choosing, folds_of(split.choosing, audit.seed), constraints, steps, base, learner,
        roles.facets, audit.seed, wanted.deterministic,
    )  # fmt: skip
    candidates = _candidates(case, names, unmended, say)
    before = unmended.decide(split.judging)
    measuring = Measuring(constraints, audit.level, audit.seed)
    points = tuple(measuring.point(each, split.choosing, split.judging, before) for each in candidates.values())
    best, reason = chosen_of(points, auto=wanted.auto)
    say("reporting", 0, 1)
    judged = Judged(split.judging, roles, before, candidates[best.name].decide(split.judging))
    earlier, later = reports(audit, judged, constraints, title)
    frontier = Frontier(
        source=opened.location, label=str(audit.label), positive=tuple(map(str, audit.positive)),
        facets=tuple(audit.facets), model=_name(model, audit), constraints=tuple(map(str, constraints)),
        allowed={str(each): each.allowed for each in constraints}, shares=split.shares, groups=_sizes(split.judging),
        floors=tuple(floors), points=points, chosen=best.name, how="auto" if wanted.auto else "estimate", reason=reason,
        refused=(*refused, *case.failed), notes=(*people.notes, *notes), level=audit.level, seed=audit.seed,
        seconds=round(time.monotonic() - started, 3),
    )  # fmt: skip
    return MendedTable(frontier, candidates, earlier, later)


def _steps(
    constraints: tuple[Constraint, ...], floors: list[Floor], split: _Split, unmended: Candidate
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    confusion = split.choosing.confusion(unmended.decide(split.choosing))
    found = [max(float(each.violation(confusion)), 0.0) for each in constraints]
    return steps_of(constraints, floors[: len(constraints)], found)


def _sizes(people: People) -> dict[str, int]:
    sizes = np.bincount(people.codes, minlength=len(people.names))
    return dict(zip(people.names, sizes.tolist(), strict=True))


def _silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


def _constraints(asked: Asked) -> tuple[Constraint, ...]:
    found = tuple(dict.fromkeys(Constraint.parse(text) for text in asked.constraints))
    if not found:
        raise SpecError("Say what is to hold: --constraint equalized-odds:0.05, or demographic-parity-ratio:0.8.")
    return found


def _check(audit: Audit, asked: Asked, model: Any) -> None:
    if audit.label is None:
        raise SpecError("Mending needs the column of true outcomes: give a label.")
    if model is not None and audit.score is not None:
        raise SpecError("Both a model and a column of scores were given; leave one of them out.")
    if asked.identity is not None and asked.identity in audit.facets:
        raise SpecError(f"{asked.identity!r} cannot both tell people apart and divide them into groups.")


def _name(model: Any, audit: Audit) -> str:
    if model is not None:
        return Path(str(model)).name if isinstance(model, (str, Path)) else type(model).__name__
    return f"the scores in {audit.score}" if audit.score is not None else "LightGBM, trained here"


def _split(people: People, *, trained: bool, identity: str | None, seed: int) -> _Split:
    """The rows by what they are for; raises ColumnNotFound and DataError."""
    if identity is not None and identity not in people.columns:
        from evenhand.core.errors import ColumnNotFound

        raise ColumnNotFound(identity, people.columns)
    part = parts_of(people, TRAINED if trained else GIVEN, identity=identity, seed=seed)
    found = [people.chosen(np.flatnonzero(part == place)) for place in range(3 if trained else 2)]
    for each in found:
        if len(each) == 0 or len(np.unique(each.labels)) < 2:
            raise DataError("Some part of the split has one label only; bring more rows.")
    return _Split(found[0] if trained else None, found[-2], found[-1])


def _base(
    split: _Split, people: People, roles: Roles, audit: Audit, asked: Asked, model: Any
) -> tuple[Base, Learner | None, tuple[str, ...]]:
    """The scores that are mended, the learner where one is trained, and notes."""
    if audit.score is not None:
        return recorded_base(audit.score, people, roles, asked.score_threshold), None, ()
    threshold = 0.5 if asked.score_threshold is None else asked.score_threshold
    if model is not None:
        loaded = load_model(model)
        given = _given(loaded, model, people, roles)
        note = "A model looks better on rows it was trained on; these should be others."
        return replace(given, threshold=threshold), None, (note,)
    assert split.fitting is not None  # noqa: S101 - there is neither score nor model
    codings, notes = codings_of(split.fitting, roles.inputs)
    learner = Learner(roles, codings, audit.seed)
    inputs = {each.column for each in codings}
    among = [each.column for each in roles.facets if each.column in inputs]
    if among:
        notes = (*notes, f"The trained model is given {', '.join(among)} as an input; --feature names others.")
    trained = learner.estimator().fit(learner.matrix(split.fitting.columns), split.fitting.labels)
    return replace(learner.base([trained]), threshold=threshold), learner, notes


def _given(loaded: LoadedModel, model: Any, people: People, roles: Roles) -> Base:
    from evenhand.core.errors import ColumnNotFound

    inputs = loaded.features or roles.inputs
    for name in inputs:
        if name not in people.columns:
            raise ColumnNotFound(name, people.columns)
    if isinstance(model, (str, Path)) and Path(model).is_dir():
        raise ModelError("This model is mended already; give the model that it was made of.")
    source = Path(model) if isinstance(model, (str, Path)) else None
    return given_base(loaded, source, inputs, roles)


def _floors(constraints: tuple[Constraint, ...], split: _Split, unmended: Candidate, seed: int) -> list[Floor]:
    found = floors_of(constraints, split.choosing, unmended.decide(split.choosing), "choosing", seed)
    return found + floors_of(constraints, split.judging, unmended.decide(split.judging), "judging", seed)


def _candidates(
    case: Case, names: tuple[str, ...], unmended: Candidate, say: Callable[[str, int, int], None]
) -> dict[str, Candidate]:
    """Every candidate by name; what could not be made is written down in the case."""
    found = {unmended.name: unmended}
    for place, name in enumerate(names):
        say(name, place, len(names))
        try:
            for each in METHODS[name].make(case):
                found.setdefault(each.name, each)
                for other in _undone(case, each):
                    found.setdefault(other.name, other)
        except EvenhandError as error:
            case.failed.append(f"{name} was left out: {error}")
    return found


def _undone(case: Case, candidate: Candidate) -> Iterator[Candidate]:
    """The constraint of a newly trained model undone; mixtures have no score of their own to do that with."""
    if candidate.stage in ("before", "in") and len(candidate.mended.members) == 1 and candidate.mended.members[0].file:
        yield undone(case, candidate)
