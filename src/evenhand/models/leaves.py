"""Leaves: what answers for the rows that a decision list leads to it — a model's file, recorded answers, a table."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from evenhand.core.errors import ModelError, suggestion
from evenhand.core.finding import Fact
from evenhand.core.group import Group
from evenhand.core.values import Value
from evenhand.models.answering import AnsweringName, answers_of, places_of
from evenhand.models.leaf_tables import identity_texts, numbered, read_answers
from evenhand.models.loaded import LoadedModel
from evenhand.models.membership import Members
from evenhand.models.mended_files import NAME

Array = NDArray[Any]
# Opens the file of a leaf, which answers with these classes.
Load = Callable[[Path, Sequence[Value]], LoadedModel]

# The name of a file beside model.json: no folder, no way up, nothing that a file system reads otherwise.
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Leaf(Fact):
    """A model in a list: a file or folder beside, columns of recorded answers, or a table of answers for known ids."""

    file: str | None = None
    columns: tuple[str, ...] = Field(default=(), description="Recorded answers: one, or one for each class.")
    table: str | None = Field(default=None, description="Parquet: `id`, and what `answers_table` writes beside it.")
    number: int | None = Field(default=None, description="The submission that it came with.")
    team: str | None = None

    @model_validator(mode="after")
    def _one_of_three(self) -> "Leaf":
        if sum([self.file is not None, bool(self.columns), self.table is not None]) != 1:
            raise ValueError("a leaf is a file, columns or a table, and one of them only")
        for name in (self.file, self.table):
            if name is not None and (not FILE.fullmatch(name) or name == NAME):
                raise ValueError(f"{name[:80]!r} is no name of a file that lies beside {NAME}")
        return self


class Answering(Fact):
    """What all leaves of a list answer, and what they are given."""

    leaves: tuple[Leaf, ...] = Field(min_length=1)
    answering: AnsweringName = "labels"
    classes: tuple[Value, ...] = ()
    identity: str | None = Field(default=None, description="The column by which tables know a row.")
    features: tuple[str, ...] = Field(default=(), description="The columns that files are given, in this order.")


@dataclass(eq=False)
class Asked:
    """The rows that a list is asked about: masks of groups and texts of ids are made once, when they are needed."""

    table: nw.DataFrame[Any]
    members: Members
    _masks: dict[Group, Array] = field(default_factory=dict)
    _places: dict[str, Array] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Any, needed: Sequence[str]) -> "Asked":
        """Rows that have the columns that are needed; raises ModelError."""
        if isinstance(rows, np.ndarray):
            raise ModelError(f"A decision list needs named columns: {', '.join(needed)}; give a dataframe.")
        table = nw.from_native(rows, eager_only=True)
        for name in needed:
            if name not in table.columns:
                raise ModelError(
                    f"The decision list needs the column {name!r}, which the rows lack."
                    f"{suggestion(name, list(table.columns))}"
                )
        return cls(table, Members(rows))

    def __len__(self) -> int:
        return len(self.table)

    def mask(self, group: Group) -> Array:
        """Which rows are in the group."""
        if group not in self._masks:
            self._masks[group] = self.members.mask(group)
        return self._masks[group]

    def native(self, features: Sequence[str], here: Array) -> Any:
        """Some rows of some columns, in the library that they came in."""
        chosen = self.table.select(*features)
        return (chosen if len(here) == len(self) else chosen[here]).to_native()

    def places(self, identity: str, ids: Mapping[str, int]) -> Array:
        """The place of each row's id among those that tables know; -1: they do not."""
        if identity not in self._places:
            texts = identity_texts(self.table[identity].to_numpy())
            self._places[identity] = np.array([ids.get(text, -1) for text in texts], np.int32)
        return self._places[identity]


@dataclass(frozen=True, eq=False)
class FromFile:
    """A model, given the features."""

    model: LoadedModel
    listing: Answering

    def answers(self, rows: Asked, here: Array) -> Array:
        """What the model answers."""
        given = rows.native(self.listing.features, here)
        return answers_of(self.model, given, self.listing.answering, self.listing.classes)


@dataclass(frozen=True, eq=False)
class FromColumns:
    """Answers that are recorded in the rows themselves."""

    columns: tuple[str, ...]
    listing: Answering

    def answers(self, rows: Asked, here: Array) -> Array:
        """What is recorded."""
        held = [rows.table[name].to_numpy()[here] for name in self.columns]
        if self.listing.answering == "labels":
            return places_of(held[0], self.listing.classes, f"in the column {self.columns[0]}")
        found = np.column_stack([values.astype(np.float64) for values in held])
        if not np.isfinite(found).all():
            raise ModelError(f"The recorded answers in {', '.join(self.columns)} have NaN or infinity; fill them.")
        return found[:, 0] if self.listing.answering == "numbers" else found


@dataclass(frozen=True, eq=False)
class FromTable:
    """Answers for known ids, by their places among all ids that tables know."""

    at: Array
    held: Array
    identity: str
    ids: Mapping[str, int]

    def knows(self, rows: Asked, here: Array) -> Array:
        """Rows whose id is in the table."""
        wanted = rows.places(self.identity, self.ids)[here]
        return np.asarray(self.at[self._found(wanted)] == wanted) if len(self.at) else np.zeros(len(here), bool)

    def answers(self, rows: Asked, here: Array) -> Array:
        """What the table says."""
        if not (known := self.knows(rows, here)).all():
            first = identity_texts(rows.table[self.identity].to_numpy()[here[~known][:1]])[0]
            raise ModelError(f"The decision list began with recorded answers, and none is for the id {first[:80]!r}.")
        return np.asarray(self.held[self._found(rows.places(self.identity, self.ids)[here])])

    def _found(self, wanted: Array) -> Array:
        return np.minimum(np.searchsorted(self.at, wanted), len(self.at) - 1)


Opened = FromFile | FromColumns | FromTable


def opened_leaves(listing: Answering, folder: Path, load: Load) -> tuple[Opened, ...]:
    """Every leaf of a list, ready to be asked; raises ModelError."""
    tables = _tables(listing, folder)
    return tuple(_opened(leaf, listing, folder, load, tables) for leaf in listing.leaves)


def _tables(listing: Answering, folder: Path) -> dict[str, FromTable]:
    """The tables beside by their names, read together so that an id of many tables is made a text once."""
    names = tuple(dict.fromkeys(leaf.table for leaf in listing.leaves if leaf.table is not None))
    read = [read_answers(_beside(folder, name), listing.answering, len(listing.classes)) for name in names]
    places, ids = numbered([known for known, _ in read])
    found = {}
    for name, at, (_, held) in zip(names, places, read, strict=True):
        order = np.argsort(at, kind="stable")
        found[name] = FromTable(at[order], held[order], listing.identity or "", ids)
    return found


def _beside(folder: Path, name: str) -> Path:
    if (folder / name).is_symlink():
        raise ModelError(f"{name!r} is a link; the files of a decision list lie beside its {NAME}.")
    return folder / name


def _opened(leaf: Leaf, listing: Answering, folder: Path, load: Load, tables: Mapping[str, FromTable]) -> Opened:
    if leaf.columns:
        return FromColumns(leaf.columns, listing)
    if leaf.table is not None:
        return tables[leaf.table]
    return FromFile(load(_beside(folder, leaf.file or ""), listing.classes), listing)
