"""Listed: a decision list as a folder — groups as text, leaves as files beside — with nothing to run or unpickle."""

import shutil
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from evenhand.core.errors import EvenhandError, ModelError, SpecError
from evenhand.core.group import Group
from evenhand.models.answering import numbers, told
from evenhand.models.decision_list import DecisionList, ToLeaf
from evenhand.models.leaves import Answering, Asked, FromTable, Leaf, Load, Opened, opened_leaves
from evenhand.models.loaded import LoadedModel
from evenhand.models.mended_files import MOST_BYTES, NAME

__all__ = ["Leaf", "Listed", "load_listed", "read_listed", "save_listed"]

Array = NDArray[Any]

MOST_TEXT = 2**16


class Listed(Answering):
    """Everything that a decision list needs beside the files of its leaves; leaf 0 is what it began with."""

    schema_version: Literal[1] = 1
    kind: Literal["decision list"] = "decision list"
    name: str
    list: DecisionList = DecisionList()
    groups: tuple[str, ...] = Field(default=(), description="As text forms, in the order in which they were accepted.")

    @model_validator(mode="after")
    def _belonging_together(self) -> "Listed":
        for place, node in enumerate(self.list.nodes):
            if node.group >= len(self.groups) or (isinstance(node, ToLeaf) and node.leaf >= len(self.leaves)):
                raise ValueError(f"node {place} names a group or a leaf that is not there")
        if self.answering != "numbers" and len(self.classes) < 2:
            raise ValueError(f"a list that answers {self.answering} needs at least two classes")
        if self.identity is None and any(leaf.table for leaf in self.leaves):
            raise ValueError("tables of answers need the column of identity")
        width = len(self.classes) if self.answering == "probabilities" else 1
        if any(leaf.columns and len(leaf.columns) != width for leaf in self.leaves):
            raise ValueError(f"recorded answers are {width} of columns here")
        return self

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that rows must have; raises GroupSyntaxError."""
        files = self.features if any(leaf.file for leaf in self.leaves) else ()
        recorded = [name for leaf in self.leaves for name in leaf.columns]
        groups = [name for text in self.groups for name in Group.parse(text).columns]
        identity = [self.identity] if self.identity and any(leaf.table for leaf in self.leaves) else []
        return tuple(dict.fromkeys([*files, *recorded, *groups, *identity]))

    def at(self, version: int) -> "Listed":
        """The list as it was at an older version, without what came later; raises SpecError."""
        older = self.list.at(version)
        groups = 1 + max((node.group for node in older.nodes), default=-1)
        leaves = 1 + max((node.leaf for node in older.nodes if isinstance(node, ToLeaf)), default=0)
        kept = {"list": older, "groups": self.groups[:groups], "leaves": self.leaves[:leaves]}
        return self.model_copy(update=kept)

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files that lie beside."""
        return tuple(dict.fromkeys(name for leaf in self.leaves for name in (leaf.file, leaf.table) if name))


def load_listed(folder: Path, load: Load, *, version: int | None = None) -> LoadedModel:
    """The model in this folder, or an older version of it; `load` opens the files of its leaves.

    Raises ModelError, and SpecError for a version that there is not.
    """
    listed = read_listed(folder)
    listed = listed if version is None else listed.at(version)
    groups = _groups(listed, folder)
    leaves = opened_leaves(listed, folder, load)
    needed = listed.needed

    def answer(rows: Any) -> Array:
        return _answers(listed, groups, leaves, Asked.of(rows, needed))

    return LoadedModel(
        f"{listed.name} (version {listed.list.version})",
        lambda rows: told(answer(rows), listed.answering, listed.classes),
        needed,
        listed.classes or None,
        lambda rows: numbers(answer(rows), listed.answering, listed.classes),
        folder,
    )


def _answers(listed: Listed, groups: tuple[Group, ...], leaves: tuple[Opened, ...], asked: Asked) -> Array:
    height = len(asked)
    if not height:
        dtype = np.int32 if listed.answering == "labels" else np.float64
        return np.zeros((0, len(listed.classes)) if listed.answering == "probabilities" else 0, dtype)
    knows = {place: partial(leaf.knows, asked) for place, leaf in enumerate(leaves) if isinstance(leaf, FromTable)}
    within = [lambda here, group=group: asked.mask(group)[here] for group in groups]
    answering = [partial(leaf.answers, asked) for leaf in leaves]
    return listed.list.answers(within, answering, height, knows=knows)


def read_listed(folder: Path) -> Listed:
    """What a folder says of its decision list; raises ModelError."""
    path = folder / NAME
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ModelError(f"{str(path)!r} is larger than {MOST_BYTES // 2**20} MiB, which no decision list is.")
        return Listed.model_validate_json(path.read_bytes())
    except OSError:
        raise ModelError(f"No decision list in {str(folder)!r}: it has no readable {NAME}.") from None
    except SpecError as error:
        raise ModelError(f"{str(path)!r} is no decision list: {error}") from None
    except ValidationError as error:
        raise ModelError(f"{str(path)!r} is no decision list: {first_fault(error)}.") from None


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong with a file, in one line."""
    fault = error.errors(include_url=False)[0]
    where = ".".join(map(str, fault["loc"])) or "all of it"
    return f"{where}: {fault['msg'].removeprefix('Value error, ')}"


def _groups(listed: Listed, folder: Path) -> tuple[Group, ...]:
    try:
        if any(len(text) > MOST_TEXT for text in listed.groups):
            raise SpecError(f"a group is longer than {MOST_TEXT:,} characters")
        found = tuple(Group.parse(text) for text in listed.groups)
        _ = [group.columns for group in found]
    except SpecError as error:
        raise ModelError(f"{str(folder / NAME)!r} is no decision list: {error}") from None
    except RecursionError:
        raise ModelError(f"{str(folder / NAME)!r} is no decision list: a group is nested too deeply.") from None
    return found


def save_listed(folder: Path, listed: Listed, files: Mapping[str, bytes | Path]) -> None:
    """Write a decision list and its files (bytes, or where a file or folder lies now), whole or not at all.

    Raises EvenhandError where the folder is there already, a file is missing, or the place cannot be written to.
    """
    if folder.exists():
        raise EvenhandError(f"{str(folder)!r} is there already; remove it, or choose another folder.")
    if missing := [name for name in listed.files if name not in files]:
        raise EvenhandError(
            f"The decision list needs the file {missing[0]!r}, which was not given; give all its files."
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            for name in listed.files:
                _place(files[name], made / name)
            (made / NAME).write_text(listed.model_dump_json(indent=1), encoding="utf-8")
            made.chmod(0o755)
            made.rename(folder)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    except OSError as error:
        raise EvenhandError(f"Cannot write {str(folder)!r}: {error.strerror or error}.") from None


def _place(source: bytes | Path, target: Path) -> None:
    if isinstance(source, bytes):
        target.write_bytes(source)
    elif source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
