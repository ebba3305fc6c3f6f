"""Folders of mended models: model.json and the files of its members, read again as one model."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from evenhand.core.errors import ModelError, suggestion
from evenhand.core.values import Value, normalised
from evenhand.models.dividing import groups_of
from evenhand.models.inputs import Rows, matrix_of
from evenhand.models.loaded import LoadedModel
from evenhand.models.mended import Member, Mended, decided, identities, prepared

Array = NDArray[Any]
Scores = Callable[[Rows, Array], Array]

NAME = "model.json"
MOST_BYTES = 64 * 2**20


def load_mended(folder: Path, load: Callable[[Path], LoadedModel]) -> LoadedModel:
    """The model in this folder; `load` opens the files of its members. Raises ModelError."""
    mended = _read(folder / NAME)
    members = [_member(each, mended, folder, load) for each in mended.members]

    def ask(rows: Any) -> dict[str, Array]:
        columns, height = _columns(mended, rows), len(rows)
        groups = groups_of(mended.facets, columns, height)
        scores = [member(columns, groups) for member in members]
        ids = identities(mended, columns, height) if mended.randomised else []
        found = decided(mended, scores, groups, ids)
        return {"label": np.array(mended.classes, dtype=object)[found]}

    def evaluate(rows: Any) -> Array:
        answers = ask(rows)["label"]
        return np.asarray(answers == mended.classes[1]).astype(np.float64)

    return LoadedModel(f"{folder.name} ({mended.method})", ask, mended.features, mended.classes, evaluate, folder)


def _read(path: Path) -> Mended:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ModelError(f"{str(path)!r} is larger than {MOST_BYTES // 2**20} MiB, which no mended model is.")
        return Mended.model_validate_json(path.read_bytes())
    except OSError:
        raise ModelError(f"No mended model in {str(path.parent)!r}: it has no readable {NAME}.") from None
    except ValidationError as error:
        told = error.errors()[0]
        where = ".".join(map(str, told["loc"])) or "all of it"
        raise ModelError(f"{str(path)!r} is no mended model: {where}: {told['msg']}.") from None


def _member(member: Member, mended: Mended, folder: Path, load: Callable[[Path], LoadedModel]) -> Scores:
    if member.file is None:
        return _fileless(member)
    if Path(member.file).name != member.file or (folder / member.file).is_dir():
        raise ModelError(f"{NAME} names {member.file!r}; the files of a mended model lie beside it.")
    return scores_of(load(folder / member.file), mended, member)


def _fileless(member: Member) -> Scores:
    name, constant = member.score, member.constant
    if name is not None:
        return lambda rows, _: np.asarray(rows[name], dtype=np.float64)
    if constant is None:
        raise ModelError(f"{NAME} has a member without a file, a column of scores or a constant.")
    return lambda _, groups: np.full(len(groups), constant)


def scores_of(model: LoadedModel, mended: Mended, member: Member) -> Scores:
    """The scores of a model for columns, coded and prepared as the mended model says."""

    def ask(rows: Rows, groups: Array) -> Array:
        if mended.codings is None:
            return score_of(model, native(rows, mended.inputs), mended.classes[1], inverted=member.inverted)
        inputs = prepared(mended, matrix_of(mended.codings, rows), groups)
        if member.margin is not None:
            return expit(member.margin + np.asarray(model.predict(inputs)["label"], np.float64))
        return np.asarray(model.predict(inputs)["score"])

    return ask


def expit(margins: Array) -> Array:
    """Probabilities of log odds."""
    return np.asarray(1 / (1 + np.exp(-np.clip(margins, -700, 700))))


def score_of(model: LoadedModel, rows: Any, positive: Value, *, inverted: bool) -> Array:
    """The model's score of the positive class; 0 and 1 where it only gives labels."""
    answers = model.predict(rows)
    if "score" in answers:
        return 1 - answers["score"] if inverted else answers["score"]
    wanted = str(normalised(positive))
    return np.array([float(str(normalised(value)) == wanted) for value in answers["label"].tolist()])


def native(rows: Rows, names: Sequence[str]) -> Any:
    """Columns as a dataframe of a library that models take; raises MissingExtra."""
    from importlib.util import find_spec

    from evenhand.core.errors import MissingExtra

    chosen = {name: _own_type(rows[name]) for name in names}
    for library in ("pandas", "polars", "pyarrow"):
        if find_spec(library):
            return nw.from_dict(chosen, backend=library).to_native()
    raise MissingExtra("Calling a model on the rows", "pandas", "pandas")


def _own_type(values: Array) -> Any:
    return values.tolist() if values.dtype == object else values


def _columns(mended: Mended, rows: Any) -> dict[str, Array]:
    if isinstance(rows, np.ndarray):
        raise ModelError(f"A mended model needs named columns: {', '.join(mended.features)}; give a dataframe.")
    table = nw.from_native(rows, eager_only=True)
    for name in mended.features:
        if name not in table.columns:
            raise ModelError(
                f"The mended model needs the column {name!r}, which the rows lack."
                f"{suggestion(name, list(table.columns))}"
            )
    return {name: table[name].to_numpy() for name in mended.features}
