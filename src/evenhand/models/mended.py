"""Mended models: a folder with a model and a rule over its scores, as data — nothing in it is run or unpickled."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from evenhand.core.chance import chance
from evenhand.core.errors import DataError, ModelError, SpecError, suggestion
from evenhand.core.facet import Facet
from evenhand.core.finding import Fact
from evenhand.core.rule import ANYONE, Curves, Linear, Rule, Thresholds
from evenhand.core.values import Value, normalised
from evenhand.models.loaded import LoadedModel

Array = NDArray[Any]
Rows = Mapping[str, Array]
Scores = Callable[[Rows, Array], Array]

NAME = "model.json"
MISSING, EVERYONE = "(missing)", "(everyone)"
MOST_BYTES = 64 * 2**20
_SEPARATOR = "\x1f"


class Coding(Fact):
    """How a column becomes a number: as it is, or by the place of its text among the levels."""

    column: str
    levels: tuple[str, ...] | None = Field(default=None, description="None: the column holds numbers.")


class Dividing(Fact):
    """A column that people are divided by: by its values, or into ranges cut at these numbers."""

    column: str
    cuts: tuple[float, ...] = ()


class Move(Fact):
    """Where values of one group go: knots ascending, and the moved knots; beyond them, as far as the outermost."""

    values: tuple[float, ...] = Field(min_length=1)
    moved: tuple[float, ...] = Field(min_length=1)

    def of(self, values: Array) -> Array:
        """The moved values."""
        inside = np.clip(values, self.values[0], self.values[-1])
        return np.asarray(np.interp(inside, self.values, self.moved) + (values - inside))


class Repair(Fact):
    """How an input is moved, group by group, towards what all groups share."""

    amount: float = Field(ge=0, le=1)
    moves: dict[str, Move] = Field(description="By group; '(anyone)' serves groups not among them.")

    def repaired(self, values: Array, groups: Array) -> Array:
        """The moved values; those of groups without a move stay."""
        out = values.copy()
        for name in np.unique(groups):
            move, here = self.moves.get(name, self.moves.get(ANYONE)), groups == name
            if move is not None:
                out[here] += self.amount * (move.of(values[here]) - values[here])
        return out


class Removal(Fact):
    """What is taken from each input, so that it no longer goes with the group: a mean for each group."""

    amount: float = Field(ge=0, le=1)
    shifts: dict[str, tuple[float, ...]] = Field(description="By group: what is subtracted from each input.")


class Member(Fact):
    """A model whose scores are used, for this share of the people."""

    file: str | None = None
    score: str | None = Field(default=None, description="The column of recorded scores, where there is no file.")
    constant: float | None = Field(default=None, description="The score of everyone, where there is neither.")
    margin: float | None = Field(default=None, description="Added to what the file answers, which is then a log odds.")
    share: float = Field(default=1.0, gt=0, le=1)
    inverted: bool = Field(default=False, description="Whether the file's score is that of the other class.")


class Mended(Fact):
    """Everything a mended model needs beside the files of its members."""

    schema_version: Literal[1] = 1
    kind: Literal["mended"] = "mended"
    method: str
    setting: str
    members: tuple[Member, ...] = Field(min_length=1)
    inputs: tuple[str, ...] = Field(default=(), description="Columns that the members are given.")
    codings: tuple[Coding, ...] | None = Field(
        default=None, description="How inputs become numbers; None: they do not."
    )
    repaired: dict[str, Repair] = Field(default={}, description="By input: moved before the members see it.")
    removed: Removal | None = None
    facets: tuple[Dividing, ...] = Field(default=(), description="Empty: the group is not needed.")
    rule: Rule
    classes: tuple[Value, Value] = Field(description="The other label, and the positive one.")
    identity: str | None = Field(default=None, description="The column whose text is a person's chance.")
    salt: str = ""

    @property
    def randomised(self) -> bool:
        """Whether chance has a part in decisions."""
        if isinstance(self.rule, Linear):
            return len(self.members) > 1 or self.rule.noise > 0
        return len(self.members) > 1 or (isinstance(self.rule, Thresholds) and self.rule.randomised)

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that rows must have."""
        recorded = [member.score for member in self.members if member.score is not None]
        identity = [self.identity] if self.identity is not None and self.randomised else []
        return tuple(dict.fromkeys([*self.inputs, *recorded, *(each.column for each in self.facets), *identity]))


def dividing(text: str, columns: Sequence[str]) -> Dividing:
    """The column and the cuts of a facet's text; raises SpecError for a group, which divides in no other way."""
    facet = Facet.parse(text, columns)
    if facet.column is None:
        raise SpecError(f"{text!r} is one group; mending divides people by a column (sex) or its ranges (age@25,45).")
    return Dividing(column=facet.column, cuts=facet.cuts)


def groups_of(facets: Sequence[Dividing], rows: Rows, height: int) -> Array:
    """The text of each row's group; several facets are crossed, and missing is a group of its own."""
    if not facets:
        return np.full(height, EVERYONE)
    texts = [_texts(rows[each.column], each.cuts) for each in facets]
    return np.array([" & ".join(parts) for parts in zip(*texts, strict=True)], dtype=str)


def _texts(values: Array, cuts: Sequence[float]) -> list[str]:
    plain = [normalised(value) for value in values.tolist()]
    if not cuts:
        known = {value: MISSING if value is None else str(value) for value in set(plain)}
        return [known[value] for value in plain]
    return [MISSING if value is None else _range(float(value), cuts) for value in plain]


def _range(value: float, cuts: Sequence[float]) -> str:
    place = int(np.searchsorted(cuts, value, side="right"))
    if place == 0:
        return f"below {cuts[0]:g}"
    return f"{cuts[place - 1]:g} or more" if place == len(cuts) else f"{cuts[place - 1]:g} to below {cuts[place]:g}"


def matrix_of(codings: Sequence[Coding], rows: Rows) -> Array:
    """Numbers of the inputs, rows × inputs; missing, and levels that were not seen, are NaN."""
    if not codings:
        return np.zeros((0, 0))
    return np.column_stack([_coded(each, rows[each.column]) for each in codings])


def _coded(coding: Coding, values: Array) -> Array:
    if coding.levels is None:
        if values.dtype.kind in "biuf":
            return values.astype(np.float64)
        return np.array([_number(value) for value in values.tolist()])
    places: dict[str | None, float] = {level: float(place) for place, level in enumerate(coding.levels)}
    return np.array([places.get(level_text(value), np.nan) for value in values.tolist()])


def _number(value: Any) -> float:
    plain = normalised(value)
    try:
        return np.nan if plain is None else float(plain)
    except ValueError:
        raise DataError(f"{plain!r} is no number, and the mended model learnt this column as numbers.") from None


def level_text(value: Any) -> str | None:
    """The text of a level; None where it is missing."""
    plain = normalised(value)
    return None if plain is None else str(plain)


def prepared(mended: Mended, matrix: Array, groups: Array) -> Array:
    """The numbers as the members see them: repaired, and less what goes with the group."""
    if not mended.repaired and mended.removed is None:
        return matrix
    out = matrix.copy()
    for place, coding in enumerate(mended.codings or ()):
        if coding.column in mended.repaired:
            known = ~np.isnan(out[:, place])
            out[known, place] = mended.repaired[coding.column].repaired(out[known, place], groups[known])
    return out if mended.removed is None else out - _shift(mended.removed, groups, out.shape[1])


def _shift(removal: Removal, groups: Array, width: int) -> Array:
    none = np.zeros(width)
    return removal.amount * np.array([removal.shifts.get(group, none) for group in groups.tolist()])


def decided(mended: Mended, scores: Sequence[Array], groups: Array, ids: Sequence[Any]) -> Array:
    """0 or 1 for each row, from each member's scores."""
    chosen = scores[0]
    if len(scores) > 1:
        ends = np.cumsum([member.share for member in mended.members])
        place = np.searchsorted(ends[:-1] / ends[-1], chance(ids, f"{mended.salt} member"), side="right")
        chosen = np.choose(place, scores) if len(scores) < 32 else np.stack(scores)[place, np.arange(len(place))]
    rule = mended.rule
    chances = chance(ids, mended.salt) if mended.randomised else np.zeros(len(chosen))
    if isinstance(rule, Thresholds):
        return rule.decide(chosen, groups, chances)
    if isinstance(rule, Linear):
        both = np.column_stack([1 - chosen, chosen])
        return rule.choose_known(both, groups, chances).astype(np.int64)
    if isinstance(rule, Curves):
        return (rule.calibrated(chosen, groups) >= 0.5).astype(np.int64)
    return (rule.repaired(chosen, groups) >= 0.5).astype(np.int64)


def identities(mended: Mended, rows: Rows, height: int) -> list[str]:
    """The text that a person's chance comes from: their id, or else all that the model is told of them.

    A row's place would do as well, but then who gets what would depend on which rows come together.
    """
    if mended.identity is not None:
        return [str(normalised(value)) for value in rows[mended.identity].tolist()]
    columns = [rows[name].tolist() for name in mended.features]
    if not columns:
        return [str(place) for place in range(height)]
    return [_SEPARATOR.join(str(normalised(value)) for value in row) for row in zip(*columns, strict=True)]


def load_mended(folder: Path, load: Callable[[Path], LoadedModel]) -> LoadedModel:
    """The model in this folder; `load` opens the files of its members. Raises ModelError."""
    mended = _read(folder / NAME)
    members = [_member(each, mended, folder, load) for each in mended.members]

    def ask(rows: Any) -> dict[str, Array]:
        columns, height = _columns(mended, rows), len(rows)
        groups = groups_of(mended.facets, columns, height)
        scores = [member(columns, groups) for member in members]
        found = decided(mended, scores, groups, identities(mended, columns, height))
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
