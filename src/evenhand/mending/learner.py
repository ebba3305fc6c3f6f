"""Learner: LightGBM trained on the inputs as numbers — as scores that rules can be laid over, and as files."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import MissingExtra, ModelError
from evenhand.core.rule import ANYONE, Cut, Thresholds
from evenhand.mending.people import People, Roles
from evenhand.models.dividing import groups_of
from evenhand.models.inputs import Coding, Rows, matrix_of
from evenhand.models.mended import Member, Mended, prepared
from evenhand.models.mended_files import Scores, expit

Array = NDArray[Any]
Save = Callable[[Path], None]

TREES = 100
ROWS_A_THREAD = 50_000


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


def threads_for(rows: int) -> int:
    """As many threads as there are processors, but no more than one for every so many rows: more would only wait."""
    return max(1, min(os.cpu_count() or 1, rows // ROWS_A_THREAD))


@dataclass(frozen=True, eq=False)
class Learner:
    """Trains LightGBM on the inputs as numbers."""

    roles: Roles
    codings: tuple[Coding, ...]
    seed: int
    threads: int = 1
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
            n_estimators=TREES,
            random_state=self.seed,
            deterministic=True,
            force_row_wise=True,
            verbose=-1,
            n_jobs=self.threads,
        )

    def describing(self, **more: Any) -> Mended:
        """The description of models trained here, with a rule that does nothing."""
        given = {"method": "", "setting": "", "members": (Member(file="model-0.txt"),)} | more
        return Mended(
            inputs=tuple(each.column for each in self.codings), codings=self.codings, rule=anyone(0.5),
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
            matrix = self.matrix(columns)
            found = booster.predict(matrix, raw_score=True, num_iteration=trees, num_threads=self.threads)
            return expit(margin + np.asarray(found))

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


def anyone(threshold: float) -> Thresholds:
    """The rule of a model as it is: one threshold for everyone."""
    return Thresholds(cuts={ANYONE: Cut(thresholds=(threshold,))})
