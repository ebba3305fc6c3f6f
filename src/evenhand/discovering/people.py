"""People: the rows of a table as a search sees them — what is looked at, and the columns that groups are made of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.audit import Audit
from evenhand.core.errors import ColumnNotFound, DataError, SpecError
from evenhand.core.expressions import Expression
from evenhand.core.frame import Columns, Frame
from evenhand.core.items import Coded, Items, Target
from evenhand.core.plan import check_positive_occurs, plan
from evenhand.core.subgroup import Question
from evenhand.counting.answering import describing, inputs_of, predicted, settled
from evenhand.discovering.levels import coded
from evenhand.discovering.outcomes import needed, target_of
from evenhand.models import LoadedModel

Array = NDArray[Any]

# More rows than this are sampled: a group of 1 % then has 20,000 rows.
MOST_ROWS = 2_000_000
MODEL_BATCH = 50_000
# Fewer rows than this show nothing worth a sentence.
FEWEST_ROWS = 50


@dataclass(frozen=True, eq=False)
class People:
    """Rows that can be searched; rows of one block are dependent."""

    items: Items
    target: Target
    notes: tuple[str, ...] = ()
    blocks: Array | None = None

    def chosen(self, places: Array) -> "People":
        """Some of the rows."""
        blocks = None if self.blocks is None else self.blocks[places]
        return People(self.items.chosen(places), self.target.chosen(places), self.notes, blocks)


@dataclass(frozen=True, eq=False)
class Asked:
    """What to search: the columns of groups, and the least share of the rows that a group must have."""

    audit: Audit
    question: Question
    columns: tuple[str, ...]
    support: float

    def least_rows(self, target: Target) -> int:
        """Groups of fewer rows are not looked at; a share of those that count, for a rate is rarely one of all."""
        return max(FEWEST_ROWS, round(self.support * int(np.count_nonzero(target.counted))))


def people_of(frame: Frame, asked: Asked, model: LoadedModel | None) -> People:
    """The rows of a table, coded; raises EvenhandError where the question does not fit the columns."""
    names = _names(frame, asked)
    fetched = _fetched(frame, asked, model, names)
    rows = len(next(iter(fetched.values()), ()))
    if not rows:
        raise DataError("The data has no rows.")
    target = target_of(fetched, asked.question)
    _check(frame, asked, fetched, target)
    least = asked.least_rows(target)
    found = [coded(name, fetched[f"column {name}"], frame.kinds[name], least) for name in names]
    kept = tuple(each for each in found if _divides(each, least))
    if not kept:
        raise DataError(f"No column is left that groups of at least {least:,} rows could be made of; name some.")
    alone = [each.name for each in found if each not in kept]
    notes = list(_notes(frame, asked.audit, rows, alone))
    return People(Items(kept, rows), target, tuple(notes), _blocks(fetched))


def _names(frame: Frame, asked: Asked) -> tuple[str, ...]:
    for name in asked.columns:
        if name not in frame.kinds:
            raise ColumnNotFound(name, frame.kinds)
    free = describing(asked.audit, frame, ("facet", "stratum"))
    names = tuple(dict.fromkeys(asked.columns)) or free
    used = [name for name in asked.columns if name not in free]
    if used:
        raise SpecError(
            f"Groups cannot be made of {used[0]!r}: the audit uses it as label, prediction, score or other."
        )
    return tuple(name for name in names if name != asked.question.column)


def _divides(column: Coded, least: int) -> bool:
    """Whether a group and its rest can both be large enough to be looked at."""
    rows = np.bincount(column.codes, minlength=len(column.levels))
    return len(column.levels) > 1 and bool(((rows >= least) & (rows < len(column.codes))).any())


def _notes(frame: Frame, audit: Audit, rows: int, alone: Sequence[str]) -> Iterator[str]:
    yield from frame.notes
    if frame.height > rows:
        yield f"{rows:,} of {frame.height:,} rows were sampled."
    if alone:
        listed = ", ".join(alone[:10]) + (f" and {len(alone) - 10} more" if len(alone) > 10 else "")
        yield f"Columns with one value only, or none that enough rows have, were left out: {listed}."
    if audit.weight is not None:
        yield f"Every row counts once; the weights in {audit.weight} are not used, so an audit with them may differ."


def _check(frame: Frame, asked: Asked, fetched: Columns, target: Target) -> None:
    if not target.counted.any():
        raise DataError(f"No row can show {asked.question.outcome}; look at the label and prediction columns.")
    if asked.audit.positive and "label" in fetched and asked.question.outcome not in ("column", "regression error"):
        present = fetched["label"]
        if not any(value is not None and bool(value) for value in present):
            check_positive_occurs(asked.audit, frame, asked.audit.positive)


def _fetched(frame: Frame, asked: Asked, model: LoadedModel | None, names: Sequence[str]) -> Columns:
    if model is None:
        return frame.rows(_expressions(frame, asked.audit, asked.question, names), MOST_ROWS, asked.audit.seed)
    if asked.question.outcome in ("column", "label"):
        raise SpecError(f"A model says nothing about {asked.question.outcome}; leave it out.")
    parts = list(_answered(frame, asked, model, names))
    return {name: _joined([part[name] for part in parts]) for name in parts[0]} if parts else {}


def _joined(parts: Sequence[Array]) -> Array:
    """The parts of a column, of which some may be without a value and so of another type."""
    kinds = {part.dtype.kind for part in parts}
    if "O" in kinds or len(kinds - set("iuf")) > 1:
        return np.concatenate([part.astype(object) for part in parts])
    return np.concatenate(parts)


def _answered(frame: Frame, asked: Asked, model: LoadedModel, names: Sequence[str]) -> Iterator[Columns]:
    """The rows of each batch with the model's answers; a table beyond MOST_ROWS is read as far as that."""
    audit = asked.audit
    known, inputs = settled(audit, plan(audit, frame)), inputs_of(audit, frame, model)
    if asked.question.outcome == "regression error":
        known = known.model_copy(update={"outcome": "regression", "positive": ()})
    done = 0
    for batch in frame.batches(tuple(frame.kinds), MODEL_BATCH):
        answered, extended = predicted(known, model, batch, inputs)
        yield extended.rows(_expressions(extended, answered, asked.question, names), MODEL_BATCH, audit.seed)
        done += MODEL_BATCH
        if done >= MOST_ROWS:
            return


def _expressions(frame: Frame, audit: Audit, question: Question, names: Sequence[str]) -> dict[str, Expression]:
    """What is fetched of each row."""
    asked = {f"column {name}": frame.expressions.column(name) for name in names}
    block = {} if audit.block is None else {"block": frame.expressions.column(audit.block)}
    return asked | block | needed(frame, audit, question)


def _blocks(fetched: Columns) -> Array | None:
    """Which block each row is in, as numbers; rows that name none are a block each."""
    if "block" not in fetched:
        return None
    texts = np.array([f"#{place}" if value is None or value != value else f"={value}"
                      for place, value in enumerate(fetched["block"])], dtype=object)  # fmt: skip
    index: dict[Any, int] = {}
    return np.array([index.setdefault(text, len(index)) for text in texts], np.int64)
