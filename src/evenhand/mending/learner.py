"""Learner: models that are trained here, given, or recorded — as scores that rules can be laid over, and as files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import DataError, MissingExtra, ModelError, SpecError
from evenhand.core.rule import ANYONE, Cut, Thresholds
from evenhand.mending.people import People, Roles
from evenhand.models import LoadedModel
from evenhand.models.mended import (
    Coding,
    Member,
    Mended,
    Rows,
    Scores,
    expit,
    groups_of,
    matrix_of,
    prepared,
    scores_of,
)

Array = NDArray[Any]
Save = Callable[[Path], None]

TREES = 100
# Files whose bytes can be copied and loaded again without running code.
_COPIED = (".onnx", ".skops", ".ubj", ".json", ".txt")


@dataclass(frozen=True, eq=False)
class Base:
    """Models whose scores are used, what they need to be asked, and how each is written to its file."""

    scores: tuple[Scores, ...]
    description: Mended  # with a rule that does nothing yet
    saves: tuple[tuple[str, Save], ...] = ()
    threshold: float = 0.5
    kept: dict[int, tuple[People, list[Array]]] = field(default_factory=dict, repr=False)

    def of(self, people: People) -> list[Array]:
        """The scores of these people by each model; asked once."""
        key = id(people)
        if key not in self.kept:
            groups = groups_of(self.description.facets, people.columns, len(people))
            # The people are kept too, so that no others can get their place in memory, which is the key.
            self.kept[key] = (people, [each(people.columns, groups) for each in self.scores])
        return self.kept[key][1]


@dataclass(frozen=True, eq=False)
class Learner:
    """Trains LightGBM on the inputs as numbers."""

    roles: Roles
    codings: tuple[Coding, ...]
    seed: int
    known: dict[int, tuple[Rows, Array]] = field(default_factory=dict, repr=False)

    def matrix(self, columns: Rows) -> Array:
        """The inputs as numbers; made once for the same columns."""
        if id(columns) not in self.known:
            self.known[id(columns)] = (columns, matrix_of(self.codings, columns))
        return self.known[id(columns)][1]

    def estimator(self) -> Any:
        """A fresh classifier; raises MissingExtra."""
        try:
            from lightgbm import LGBMClassifier
        except ImportError as error:
            raise MissingExtra("Training a model to mend", "lightgbm", "mend") from error
        return LGBMClassifier(
            n_estimators=TREES, random_state=self.seed, deterministic=True, force_row_wise=True, verbose=-1, n_jobs=-1
        )

    def describing(self, **more: Any) -> Mended:
        """The description of models trained here, with a rule that does nothing."""
        given = {"method": "", "setting": "", "members": (Member(file="model-0.txt"),)} | more
        return Mended(
            inputs=tuple(each.column for each in self.codings), codings=self.codings, rule=_anyone(0.5),
            classes=self.roles.classes, identity=self.roles.identity, **given,
        )  # fmt: skip

    def base(self, models: Sequence[Any], shares: Sequence[float] = (1.0,), **more: Any) -> Base:
        """Trained classifiers, of which people meet these shares."""
        members, saves = [], []
        for place, (model, share) in enumerate(zip(models, shares, strict=True)):
            constant = None if hasattr(model, "booster_") else _constant(model)
            name = None if constant is not None else f"model-{place}.txt"
            members.append(Member(file=name, constant=constant, share=float(share)))
            if name is not None:
                saves.append((name, partial(_save_booster, model)))
        description = self.describing(members=tuple(members), **more)
        scores = tuple(
            partial(self._scores, model, member, description) for model, member in zip(models, members, strict=True)
        )
        return Base(scores, description, tuple(saves))

    def boosted(self, booster: Any, trees: int, margin: float) -> Base:
        """Trees of a Booster, the first of them, whose sum is a log odds above a margin."""
        member = Member(file="model-0.txt", margin=margin)
        description = self.describing(members=(member,))

        def scores(columns: Rows, groups: Array) -> Array:
            del groups
            return expit(
                margin + np.asarray(booster.predict(self.matrix(columns), raw_score=True, num_iteration=trees))
            )

        return Base((scores,), description, (("model-0.txt", partial(_save_trees, booster, trees)),))

    def _scores(self, model: Any, member: Member, description: Mended, columns: Rows, groups: Array) -> Array:
        if member.constant is not None:
            return np.full(len(groups), member.constant)
        return np.asarray(model.predict_proba(prepared(description, self.matrix(columns), groups))[:, 1])


def _save_trees(booster: Any, trees: int, path: Path) -> None:
    booster.save_model(str(path), num_iteration=trees)


def _constant(model: Any) -> float:
    """What a classifier that decides the same for everyone decides."""
    value = getattr(model, "value", None)
    if value is None:
        raise ModelError(f"A {type(model).__name__} cannot be written to a file; train with LightGBM.")
    return float(value)


def _save_booster(model: Any, path: Path) -> None:
    model.booster_.save_model(str(path))


def _anyone(threshold: float) -> Thresholds:
    return Thresholds(cuts={ANYONE: Cut(thresholds=(threshold,))})


def given_base(model: LoadedModel, source: Path | None, inputs: Sequence[str], roles: Roles) -> Base:
    """The scores of a model that was given; its file is copied. Raises ModelError where it cannot be."""
    if source is None or source.suffix.lower() not in _COPIED:
        raise ModelError(
            f"The model {model.name} cannot be copied beside its rule; give a file ({', '.join(_COPIED)}), or its"
            " recorded scores as a column."
        )
    member = Member(file=f"base{source.suffix.lower()}", inverted=_inverted(model, roles))
    description = Mended(
        method="", setting="", members=(member,), inputs=tuple(inputs), rule=_anyone(0.5), classes=roles.classes,
        identity=roles.identity,
    )  # fmt: skip
    scores = scores_of(model, description, member)
    return Base((scores,), description, ((str(member.file), partial(_copy, source)),))


def _inverted(model: LoadedModel, roles: Roles) -> bool:
    """Whether the model's second class, whose probability its score is, is the other label."""
    if model.classes is None or len(model.classes) != 2:
        return False
    first, second = (str(each) for each in model.classes)
    return first == str(roles.classes[1]) != second


def _copy(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes())


def recorded_base(column: str, people: People, roles: Roles, threshold: float | None) -> Base:
    """A column of recorded scores; raises DataError where it holds no numbers, or none in some rows.

    Raises SpecError where nobody said which scores are positive, and they are no probabilities.
    """
    values = people.columns[column]
    if values.dtype.kind not in "biuf":
        raise DataError(f"The score {column!r} holds no numbers.")
    missing = int(np.isnan(values.astype(np.float64)).sum())
    if missing:
        raise DataError(f"The score {column!r} has no value in {missing:,} rows; leave these rows out.")
    low, high = float(values.min()), float(values.max())
    if threshold is None and not 0 <= low <= high <= 1:
        raise SpecError(
            f"The score {column!r} goes from {low:g} to {high:g}; say from where on it is positive: --score-threshold."
        )
    threshold = 0.5 if threshold is None else threshold
    description = Mended(
        method="", setting="", members=(Member(score=column),), rule=_anyone(threshold), classes=roles.classes,
        identity=roles.identity,
    )  # fmt: skip
    return Base((partial(_recorded, column),), description, threshold=threshold)


def _recorded(column: str, columns: Rows, groups: Array) -> Array:
    del groups
    return np.asarray(columns[column], dtype=np.float64)
