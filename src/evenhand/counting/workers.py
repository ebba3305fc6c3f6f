"""Workers: a model asked where the rows are, by many workers, and the answers counted there too."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evenhand.core.audit import Audit
from evenhand.core.errors import MissingExtra
from evenhand.core.frame import Columns
from evenhand.core.plan import columns_of, plan
from evenhand.core.spread import ArrowSchema, ArrowTable, Spread
from evenhand.core.tally import Tally, count
from evenhand.counting.answering import answers_of, inputs_of, naming, predicted, settled
from evenhand.counting.flip_rows import flip_rows, sampled, wants_flip_test
from evenhand.models import LoadedModel
from evenhand.models.shipping import Shipment, pack
from evenhand.sources.native import native_of_arrow


@dataclass(frozen=True)
class Asking:
    """The work of one worker: keep the columns that are counted, and add the model's answers."""

    model: Shipment
    audit: Audit
    kept: tuple[str, ...]
    inputs: tuple[str, ...]
    gives: ArrowSchema

    def __call__(self, rows: Iterator[ArrowTable]) -> Iterator[ArrowTable]:
        """Tables of the kept columns and the answers."""
        import pyarrow

        model = self.model.unpack()
        asked = [f"c{place}" for place in range(len(self.kept), len(self.kept) + len(self.inputs))]
        for table in rows:
            answers = answers_of(self.audit, model, native_of_arrow(table.select(asked), self.inputs))
            columns = [table.column(f"c{place}") for place in range(len(self.kept))]
            columns += [pyarrow.array(values, from_pandas=True) for values in answers.values()]
            yield pyarrow.Table.from_arrays(columns, names=self.gives.names).cast(self.gives)


def counted_by_workers(
    audit: Audit, frame: Spread, model: LoadedModel, features: Sequence[str], first_rows: int
) -> tuple[Tally, Columns | None]:
    """The tally of a frame with the model's answers, and a sample of rows for the flip test.

    The first rows are asked here: whether the model gives labels or scores is then settled for all workers alike.
    """
    asked = settled(audit, plan(audit, frame))
    inputs = inputs_of(audit, frame, model)
    first = answers_of(asked, model, frame.at(np.arange(min(frame.height, first_rows)), inputs))
    answered = naming(asked, first)
    kept = tuple(name for name in columns_of(audit, frame) if name not in first)
    gives = _schema(frame, kept, first)
    work = Asking(pack(model), asked, kept, inputs, gives)
    extended = frame.mapped(work, (*kept, *inputs), gives)
    # The features that the audit names stayed where they are.
    bound = replace(plan(answered.model_copy(update={"features": None}), extended), audit=answered)
    rows = _flip_sample(asked, frame, model, features) if features and wants_flip_test(audit, bound) else None
    return count(extended, bound), rows


def _schema(frame: Spread, kept: Sequence[str], answers: Mapping[str, Any]) -> ArrowSchema:
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtra("Asking a model by many workers", "pyarrow", "arrow") from error
    schema = frame.schema(kept)
    for name, values in answers.items():
        schema = schema.append(pyarrow.field(name, pyarrow.array(values, from_pandas=True).type))
    return schema


def _flip_sample(audit: Audit, frame: Spread, model: LoadedModel, features: Sequence[str]) -> Columns:
    """A sample of rows is asked here, so that the workers need not be asked twice."""
    height, limit = frame.height, flip_rows(audit, features)
    places = np.arange(height)
    if height > limit:
        places = np.sort(np.random.default_rng(audit.seed).choice(height, limit, replace=False))
    inputs = inputs_of(audit, frame, model)
    needed = tuple(dict.fromkeys((*columns_of(audit, frame), *inputs, *features)))
    answered, extended = predicted(audit, model, frame.at(places, needed), inputs)
    return sampled(plan(answered, extended), extended, features, limit)
