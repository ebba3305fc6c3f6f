"""Counting: from the rows of a frame, and a model's answers for them, to a tally."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evenhand.core.audit import Audit
from evenhand.core.errors import DataError, SpecError
from evenhand.core.frame import Columns, Frame
from evenhand.core.plan import columns_of, plan
from evenhand.core.spread import as_spread
from evenhand.core.tally import Tally, count
from evenhand.counting.answering import describing, inputs_of, predicted, settled
from evenhand.counting.flip_rows import features_of, flip_rows, sampled, wants_flip_test
from evenhand.counting.workers import counted_by_workers
from evenhand.models import LoadedModel

__all__ = ["Counted", "counted", "describing"]

Progress = Callable[[str, int, int], None]

MODEL_BATCH = 50_000


@dataclass
class Counted:
    """The tally, and the rows that only the flip test looks at."""

    tally: Tally
    rows: Columns | None
    features: Sequence[str]


def counted(audit: Audit, frame: Frame, model: LoadedModel | None, say: Progress) -> Counted:
    """Count the rows for an audit, with the predictions of a column or of a model."""
    if model is None:
        return _counted_by_columns(audit, frame, say)
    if audit.predicted_label is not None or audit.score is not None:
        raise SpecError("Predictions come from a model or from columns: leave out model, or predicted_label and score.")
    spread = as_spread(frame)
    if spread is None:
        return _counted_by_batches(audit, frame, model, say)
    features = features_of(audit, frame)
    say("asking the model", 0, 1)
    tally, rows = counted_by_workers(audit, spread, model, features, MODEL_BATCH)
    say("asking the model", 1, 1)
    return Counted(tally, rows, features)


def _counted_by_columns(audit: Audit, frame: Frame, say: Progress) -> Counted:
    bound = plan(audit, frame)
    say("counting", 0, 1)
    tally = count(frame, bound)
    say("counting", 1, 1)
    features = features_of(audit, frame) if wants_flip_test(audit, bound) else ()
    rows = sampled(bound, frame, features, flip_rows(audit, features)) if features else None
    return Counted(tally, rows, features)


def _counted_by_batches(audit: Audit, frame: Frame, model: LoadedModel, say: Progress) -> Counted:
    """The sum of the tallies of batches, each with the predictions the model gave for it."""
    asked = settled(audit, plan(audit, frame))
    features = features_of(audit, frame)
    inputs = inputs_of(audit, frame, model)
    tally, parts, done = None, [], 0
    needed = tuple(dict.fromkeys((*columns_of(audit, frame), *inputs, *features)))
    for batch in frame.batches(needed, MODEL_BATCH):
        answered, extended = predicted(asked, model, batch, inputs)
        bound = plan(answered, extended)
        part = count(extended, bound)
        tally = part if tally is None else tally + part
        if features and wants_flip_test(audit, bound):
            share = -(-flip_rows(audit, features) * part.rows // max(frame.height, 1))
            parts.append(sampled(bound, extended, features, max(share, 1)))
        done += part.rows
        say("asking the model", done, frame.height)
    if tally is None:
        raise DataError("The data has no rows.")
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else None
    return Counted(tally, rows, features)
