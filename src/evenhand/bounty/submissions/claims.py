"""Claims: what a team sent becomes a group and its answers on the hold-out's rows, or one line that says why not.

A claim is read without looking at labels. Predictions come as Parquet or CSV for the hidden ids of the group; a model
(.onnx, .skops, .ubj, .json or .txt, never a pickle) is asked about the features of the group's rows; Python code that
defines `predict(rows)` is asked likewise where the bounty allows code, and is as safe as `sandbox.py` says.
"""

import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.submissions.answering import fault_of, plain_answers, width_of
from evenhand.bounty.submissions.child import ANSWERS
from evenhand.bounty.submissions.predicates import read_group
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Bounty, Kind
from evenhand.core.errors import EvenhandError
from evenhand.core.group import Group
from evenhand.core.values import Kind as ColumnKind
from evenhand.models.membership import Members

Array = NDArray[Any]
MODELS = (".onnx", ".skops", ".ubj", ".json", ".txt")
_PICKLE = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_LONGEST = 300


class Hidden(Protocol):
    """The rows that hunters know by their ids and features."""

    @property
    def ids(self) -> Array:
        """One text a row."""

    @property
    def columns(self) -> Mapping[str, Array]:
        """The features."""

    @property
    def kinds(self) -> Mapping[str, ColumnKind]:
        """What each of them holds."""


@dataclass(frozen=True, eq=False)
class Claim:
    """A group and answers for it, row by row of the hold-out; answers outside the group mean nothing."""

    group: Group
    mask: Array
    answers: Array


@dataclass(frozen=True)
class Refusal:
    """What was sent is not what the bounty asks for; `told` says why, in one line for the team."""

    told: str


@dataclass(frozen=True)
class Failure:
    """What was sent could not be judged within its limits; `told` says why, in one line for the team."""

    told: str


def claimed(
    bounty: Bounty, hidden: Hidden, kind: Kind, group: bytes | Group, file: Path, sandbox: Sandbox, *, name: str = ""
) -> Claim | Refusal | Failure:
    """What a submission claims; `name` is the file's name as it was sent, whose ending says what model it is.

    Whatever the file holds, this ends within the bounty's limits and raises nothing for it.
    """
    try:
        asked = group if isinstance(group, Group) else read_group(group, bounty, hidden.kinds)
        mask = Members(hidden.columns).mask(asked)
    except EvenhandError as error:
        return Refusal(told(str(error)))
    why = _unfit(bounty, kind, file, name or file.name)
    if why is not None:
        return Refusal(told(why))
    if not mask.any():
        return Refusal("The group has none of the hidden rows; take a larger group.")
    with tempfile.TemporaryDirectory(prefix="evenhand-claim-") as folder:
        return _handled(bounty, hidden, kind, Claim(asked, mask, np.empty(0)), _laid(folder, kind, file, name), sandbox)


def told(text: str) -> str:
    """A line for a team, without control characters, and not long."""
    line = _UNSEEN.sub(" ", text).strip()
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _features(bounty: Bounty, hidden: Hidden) -> dict[str, Array]:
    return {name: hidden.columns[name] for name in bounty.features}


def _unfit(bounty: Bounty, kind: Kind, file: Path, name: str) -> str | None:
    """Why a file is not even opened."""
    if kind not in bounty.kinds:
        return f"This bounty takes no {kind}; it takes {', '.join(bounty.kinds)}."
    if file.stat().st_size > bounty.limits.bytes:
        return f"The file is larger than {bounty.limits.bytes:,} bytes, the most that this bounty takes."
    with file.open("rb") as content:
        head = content.read(2)
    if kind == "model" and Path(name).suffix.lower() not in MODELS:
        return f"{Path(name).name[:60]!r} is no model that is asked; send one of {', '.join(MODELS)}."
    if kind != "code" and head in _PICKLE:
        return "The file is a pickle, which runs code when it is read; send another format."
    return None


def _laid(folder: str, kind: Kind, file: Path, name: str) -> Path:
    """A copy of the file in the one folder that its process keeps, under a name that is ours."""
    ending = {"predictions": "", "code": ".py"}.get(kind, Path(name or file.name).suffix.lower())
    target = Path(folder) / f"sent{ending}"
    shutil.copyfile(file, target)
    (target.parent / ANSWERS).touch()  # behind the walls no file can be made
    return target


def _handled(
    bounty: Bounty, hidden: Hidden, kind: Kind, claim: Claim, file: Path, sandbox: Sandbox
) -> Claim | Refusal | Failure:
    if kind == "predictions":
        np.save(file.parent / "ids.npy", hidden.ids.astype(str))
        np.save(file.parent / "mask.npy", claim.mask)
    else:
        _keep_features(bounty, hidden, claim.mask, file.parent / "features.parquet")
    rows, width = int(claim.mask.sum()), width_of(bounty.loss, bounty.classes)
    said = sandbox.do(_errand(bounty, kind, file, rows * width))
    if said["state"] == "refused":
        return Refusal(told(said["told"]))
    if said["state"] != "done":
        return Failure(told(said["told"] or "It ended without answers."))
    return _answered(bounty, claim, _numbers(file.parent / ANSWERS, rows, width))


def _errand(bounty: Bounty, kind: Kind, file: Path, numbers: int) -> dict[str, Any]:
    limits = bounty.limits
    return {
        "task": kind, "folder": str(file.parent), "file": str(file), "identity": bounty.identity,
        "loss": bounty.loss.model_dump(mode="json"), "classes": list(bounty.classes), "seconds": limits.seconds,
        "memory": limits.memory, "written": max(8 * numbers, 2**20),
    }  # fmt: skip


def _keep_features(bounty: Bounty, hidden: Hidden, mask: Array, file: Path) -> None:
    """The rows that a model is asked about: features of the group's rows, and nothing else of the hold-out."""
    import pyarrow
    from pyarrow import parquet

    columns = {
        name: pyarrow.array(values[mask], from_pandas=True) for name, values in _features(bounty, hidden).items()
    }
    parquet.write_table(pyarrow.table(columns), file)


def _numbers(file: Path, rows: int, width: int) -> Array | None:
    """What the process wrote, if it is as long as it must be: its header is nothing to trust, so it has none."""
    expected = 8 * rows * width
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size != expected:
            return None
        with file.open("rb") as content:
            numbers = np.frombuffer(content.read(expected), "<f8")
    except OSError:
        return None
    return numbers.reshape(rows, width) if width > 1 else numbers


def _answered(bounty: Bounty, claim: Claim, numbers: Array | None) -> Claim | Refusal | Failure:
    """The claim with its answers, checked once more on this side of the walls."""
    if numbers is None:
        return Failure("It answered another number of rows than it was asked about.")
    why = fault_of(numbers, bounty.loss, bounty.classes)
    if why is not None:
        return Refusal(told(f"It cannot be judged: {why}"))
    plain = plain_answers(numbers, bounty.loss)
    height = len(claim.mask)
    answers = np.full((height, *plain.shape[1:]), -1 if bounty.loss.of_labels else np.nan, plain.dtype)
    answers[claim.mask] = plain
    return Claim(claim.group, claim.mask, answers)
