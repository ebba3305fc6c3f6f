"""Hold-out: rows that prove and repair, whose labels no hunter ever sees, and what is handed out of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.submissions.kinds import kinds_of
from evenhand.core.bounty import Bounty
from evenhand.core.chance import chance
from evenhand.core.errors import DataError, UnreadableSource
from evenhand.core.values import Kind
from evenhand.models.leaf_tables import identity_texts

Array = NDArray[Any]
CHECK, REPAIR, BOARD = range(3)

# The owner's files of a bounty, and those that hunters download.
RULES, SECRET, HIDDEN, PUBLIC, BASE, FILES = (
    "bounty.json", "holdout.npz", "hidden.parquet", "public.parquet", "base", "files",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Holdout:
    """The rows of a bounty, in the order of `hidden.parquet`: ids, features, labels as the loss reads them."""

    ids: Array
    columns: Mapping[str, Array]
    labels: Array
    base: Array
    part: Array
    fold: Array

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """What each column holds."""
        return kinds_of(self.columns)

    def rows(self, part: int, fold: int | None = None) -> Array:
        """The places of the rows of a part, or of one fold of it."""
        here = self.part == part
        return np.flatnonzero(here if fold is None else here & (self.fold == fold))


def parts_of(ids: Array, bounty: Bounty) -> tuple[Array, Array]:
    """The part and the fold of each row: a function of its id alone, so that nothing is learnt from the order."""
    shares = np.array([bounty.shares.check, bounty.shares.repair, bounty.shares.board])
    ends = np.cumsum(shares / shares.sum())
    part = np.searchsorted(ends[:-1], chance(ids, f"bounty {bounty.seed}"), side="right")
    folds = bounty.accept_at_most + 1 if bounty.fresh_folds else 1
    fold = (chance(ids, f"fold {bounty.seed}") * folds).astype(np.int64)
    return part, fold


def keep_secret(folder: Path, labels: Array, base: Array) -> None:
    """Write what only the owner may read: labels, and what the base model answers."""
    import io

    from evenhand.core.writing import write_whole

    held = io.BytesIO()
    np.savez_compressed(held, labels=labels, base=base)
    write_whole(folder / SECRET, held.getvalue())
    (folder / SECRET).chmod(0o600)


def opened(folder: Path) -> tuple[Bounty, Holdout]:
    """The rules and the hold-out of a bounty's folder; raises UnreadableSource and DataError."""
    from pyarrow import parquet

    try:
        bounty = Bounty.model_validate_json((folder / RULES).read_bytes())
        table = parquet.read_table(folder / HIDDEN)
        with np.load(folder / SECRET, allow_pickle=False) as held:
            labels, base = held["labels"], held["base"]
    except (OSError, ValueError) as error:
        raise UnreadableSource(f"The bounty in {str(folder)!r} cannot be opened: {error}") from None
    columns = {name: table[name].to_numpy() for name in table.column_names}
    ids = np.array(identity_texts(columns.pop(bounty.identity)))
    if not len(ids) == len(labels) == len(base):
        raise DataError(f"The files of the bounty in {str(folder)!r} do not belong together; restore them all.")
    part, fold = parts_of(ids, bounty)
    return bounty, Holdout(ids, columns, labels, base, part, fold)
