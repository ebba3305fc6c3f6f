"""Mending: from a table to the frontier of mended models — every method on one split, and the one that is chosen."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.audit import Audit
from evenhand.core.constraint import Constraint
from evenhand.core.errors import EvenhandError
from evenhand.core.frontier import Floor, Frontier, How, Point
from evenhand.core.report import Report
from evenhand.flow import Progress
from evenhand.mending.after_training import undone
from evenhand.mending.asked import Asked, check
from evenhand.mending.before_after import Judged, reports
from evenhand.mending.candidates import Candidate, Case, as_it_is
from evenhand.mending.choosing import chosen_of, loosened, steps_of
from evenhand.mending.given import Given, given_base, given_model, recorded_base, scored
from evenhand.mending.learner import Base, Learner, threads_for
from evenhand.mending.measured import Measuring, floors_of
from evenhand.mending.methods import METHODS, methods_of
from evenhand.mending.people import People, Roles, codings_of, people_of
from evenhand.mending.splitting import Split, folds_of, split_of
from evenhand.models.mended import Mended
from evenhand.sources import read

__all__ = ["Asked", "MendedTable", "mend"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class MendedTable:
    """The frontier, every candidate by the name of its point, and reports before and after on the judging rows.

    Where the choice was refused there is nothing after, and the chosen candidate is the unmended model.
    """

    frontier: Frontier
    candidates: Mapping[str, Candidate]
    before: Report
    after: Report | None

    @property
    def chosen(self) -> Candidate:
        """The chosen way of deciding; `save(folder)` writes what `load_model` opens."""
        return self.candidates[self.frontier.chosen]

    @property
    def description(self) -> Mended:
        """The chosen model as data."""
        return self.chosen.mended


def mend(
    frame: Any,
    audit: Audit,
    asked: Asked | None = None,
    *,
    constraint: str | tuple[str, ...] = (),
    model: Any = None,
    trust_pickle: bool = False,
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
    check(audit, wanted, model)
    constraints = wanted.parsed
    names = methods_of(wanted.methods, training=model is None and audit.score is None)
    given = None if model is None else given_model(model, trust_pickle=trust_pickle)
    say("reading", 0, 1)
    work = _prepared(frame, audit, wanted, given)
    unmended = as_it_is("unmended", "", "none", work.base)
    floors = _floors(constraints, work.split, unmended, audit.seed)
    fitted, beyond = loosened(constraints, floors[: len(constraints)])
    steps, refused = _steps(fitted, floors, work.split, unmended)
    case = Case(
        work.split.fitting, work.split.choosing, folds_of(work.split.choosing, audit.seed), fitted, steps, work.base,
        work.learner, work.roles.facets, audit.seed, wanted.deterministic,
    )  # fmt: skip
    candidates = _candidates(case, names, unmended, say)
    before = unmended.decide(work.split.judging)
    points = _points(candidates, Measuring(constraints, audit.level, audit.seed), work.split, before)
    chosen, how, reason = _choice(points, beyond, auto=wanted.auto)
    say("reporting", 0, 1)
    after = None if how == "refused" else candidates[chosen].decide(work.split.judging)
    earlier, later = reports(audit, Judged(work.split.judging, work.roles, before, after), constraints, title)
    frontier = Frontier(
        source=work.source, label=str(audit.label), positive=tuple(map(str, audit.positive)),
        facets=tuple(audit.facets), model=_name(given, audit), constraints=tuple(map(str, constraints)),
        allowed={str(each): each.allowed for each in constraints}, shares=work.split.shares,
        groups=_sizes(work.split.judging), floors=tuple(floors), points=points, chosen=chosen, how=how, reason=reason,
        refused=(*refused, *case.failed), notes=work.notes, level=audit.level, seed=audit.seed,
        seconds=round(time.monotonic() - started, 3),
    )  # fmt: skip
    return MendedTable(frontier, candidates, earlier, later)


@dataclass(frozen=True, eq=False)
class _Work:
    """What is mended: the rows by what they are for, and the scores."""

    source: str
    split: Split
    roles: Roles
    base: Base
    learner: Learner | None
    notes: tuple[str, ...]


def _prepared(frame: Any, audit: Audit, asked: Asked, given: Given | None) -> _Work:
    """The table, read and split, with the scores of the model; raises EvenhandError."""
    opened, trained = read(frame), given is None and audit.score is None
    people, roles = people_of(opened, audit, identity=asked.identity, unused=(audit.score,) if audit.score else ())
    if given is not None:
        given, people = scored(given, people, roles)
    split = split_of(people, trained=trained, identity=asked.identity, seed=audit.seed)
    base, learner, notes = _base(split, people, roles, audit, asked, given)
    return _Work(opened.location, split, roles, base, learner, (*people.notes, *split.notes, *notes))


def _points(
    candidates: Mapping[str, Candidate], measuring: Measuring, split: Split, before: Array
) -> tuple[Point, ...]:
    return tuple(measuring.point(each, split.choosing, split.judging, before) for each in candidates.values())


def _choice(points: tuple[Point, ...], beyond: tuple[str, ...], *, auto: bool) -> tuple[str, How, str]:
    """The name of the chosen point, how it was chosen, and why."""
    if beyond:
        return "unmended", "refused", " ".join(beyond)
    best, reason = chosen_of(points, auto=auto)
    return best.name, "auto" if auto else "estimate", reason


def _steps(
    constraints: tuple[Constraint, ...], floors: list[Floor], split: Split, unmended: Candidate
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    confusion = split.choosing.confusion(unmended.decide(split.choosing))
    found = [max(float(each.violation(confusion)), 0.0) for each in constraints]
    return steps_of(constraints, floors[: len(constraints)], found)


def _sizes(people: People) -> dict[str, int]:
    sizes = np.bincount(people.codes, minlength=len(people.names))
    return dict(zip(people.names, sizes.tolist(), strict=True))


def _silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


def _name(given: Given | None, audit: Audit) -> str:
    if given is not None:
        return given.loaded.name
    return f"the scores in {audit.score}" if audit.score is not None else "LightGBM, trained here"


def _base(
    split: Split, people: People, roles: Roles, audit: Audit, asked: Asked, given: Given | None
) -> tuple[Base, Learner | None, tuple[str, ...]]:
    """The scores that are mended, the learner where one is trained, and notes."""
    if audit.score is not None:
        return recorded_base(audit.score, people, roles, asked.score_threshold), None, ()
    if given is not None:
        return given_base(given, people, roles, asked.score_threshold), None, (given.note,)
    assert split.fitting is not None  # noqa: S101 - there is neither score nor model
    codings, notes = codings_of(split.fitting, roles.inputs)
    learner = Learner(roles, codings, audit.seed, threads_for(len(split.fitting)))
    inputs = {each.column for each in codings}
    among = [name for each in roles.facets for name in each.columns if name in inputs]
    if among:
        notes = (*notes, f"The trained model is given {', '.join(among)} as an input; --feature names others.")
    trained = learner.estimator().fit(learner.matrix(split.fitting.columns), split.fitting.labels)
    threshold = 0.5 if asked.score_threshold is None else asked.score_threshold
    return replace(learner.base([trained]), threshold=threshold), learner, notes


def _floors(constraints: tuple[Constraint, ...], split: Split, unmended: Candidate, seed: int) -> list[Floor]:
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
