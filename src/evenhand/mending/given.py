"""Given: the scores of a model that was not trained here — its file is copied, or its scores become a column."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import ColumnNotFound, DataError, ModelError, SpecError
from evenhand.mending.learner import Base, anyone
from evenhand.mending.people import People, Roles
from evenhand.models import LoadedModel, load_model
from evenhand.models.inputs import Rows
from evenhand.models.mended import Member, Mended
from evenhand.models.mended_files import native, score_of, scores_of

Array = NDArray[Any]

# The column that holds the scores of a model without a file.
SCORES = "base score"
_PICKLES = (".pkl", ".pickle", ".joblib")
# Files whose bytes can be copied and loaded again; pickles only where they are trusted.
_COPIED = (".onnx", ".skops", ".ubj", ".json", ".txt", *_PICKLES)


@dataclass(frozen=True, eq=False)
class Given:
    """A model, its file where that can be copied, and otherwise the name of the column that holds its scores."""

    loaded: LoadedModel
    file: Path | None = None
    column: str | None = None

    @property
    def note(self) -> str:
        """What must be known of the model that is written."""
        known = "A model looks better on rows it was trained on; these should be others."
        if self.column is not None:
            return (
                f"{known} {self.loaded.name} cannot be copied beside its rule and is never asked by it: the mended"
                f" model needs that model's scores in the column {self.column!r}."
            )
        if self.file is not None and self.file.suffix.lower() in _PICKLES:
            return f"{known} The mended model holds a pickle, so it loads with --trust-pickle (trust_pickle=True) only."
        return known


def given_model(model: Any, *, trust_pickle: bool) -> Given:
    """The model, ready to be asked; raises ModelError for one that is mended already, or cannot be loaded."""
    file = Path(model).expanduser() if isinstance(model, (str, Path)) else None
    if file is not None and file.is_dir():
        raise ModelError("This model is mended already; give the model that it was made of.")
    loaded = load_model(model, trust_pickle=trust_pickle)
    copied = file is not None and file.is_file() and file.suffix.lower() in _COPIED
    return Given(loaded, file if copied else None)


def scored(given: Given, people: People, roles: Roles) -> tuple[Given, People]:
    """With the scores of a model without a file as a column of the people; asked once. Raises EvenhandError."""
    inputs = _inputs(given.loaded, people, roles)
    if given.file is not None:
        return given, people
    name, inverted = SCORES, _inverted(given.loaded, roles)
    while name in people.columns:
        name += " "
    scores = score_of(given.loaded, native(people.columns, inputs), roles.classes[1], inverted=inverted)
    found = replace(people, columns=people.columns | {name: np.asarray(scores, np.float64)})
    return replace(given, column=name), found


def given_base(given: Given, people: People, roles: Roles, threshold: float | None) -> Base:
    """The scores of a model that was given; raises EvenhandError."""
    if given.column is not None:
        return recorded_base(given.column, people, roles, threshold, reference=given.loaded.name)
    assert given.file is not None  # noqa: S101 - there is a file or a column
    name, inputs = f"base{given.file.suffix.lower()}", _inputs(given.loaded, people, roles)
    member = Member(file=name, inverted=_inverted(given.loaded, roles))
    description = Mended(
        method="", setting="", members=(member,), inputs=tuple(inputs), rule=anyone(0.5), classes=roles.classes,
        identity=roles.identity,
    )  # fmt: skip
    scores = scores_of(given.loaded, description, member)
    threshold = 0.5 if threshold is None else threshold
    return Base((scores,), description, ((name, partial(_copy, given.file)),), threshold)


def _inputs(loaded: LoadedModel, people: People, roles: Roles) -> Sequence[str]:
    inputs = loaded.features or roles.inputs
    for name in inputs:
        if name not in people.columns:
            raise ColumnNotFound(name, people.columns)
    return inputs


def _inverted(model: LoadedModel, roles: Roles) -> bool:
    """Whether the model's second class, whose probability its score is, is the other label."""
    if model.classes is None or len(model.classes) != 2:
        return False
    first, second = (str(each) for each in model.classes)
    return first == str(roles.classes[1]) != second


def _copy(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes())


def recorded_base(
    column: str, people: People, roles: Roles, threshold: float | None, *, reference: str | None = None
) -> Base:
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
        method="", setting="", members=(Member(score=column, reference=reference),), rule=anyone(threshold),
        classes=roles.classes, identity=roles.identity,
    )  # fmt: skip
    return Base((partial(_recorded, column),), description, threshold=threshold)


def _recorded(column: str, columns: Rows, groups: Array) -> Array:
    del groups
    return np.asarray(columns[column], dtype=np.float64)
