"""Parts: a folder of stored tallies that belong to one audit, each part once, and the report on their sum."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np

from evenhand.core.audit import Audit
from evenhand.core.errors import DataError, suggestion
from evenhand.core.frame import Frame
from evenhand.core.plan import columns_of, plan
from evenhand.core.report import Report
from evenhand.core.tally import Tally, count
from evenhand.counting.answering import settled
from evenhand.flow import About, report_of, tally_of
from evenhand.models import LoadedModel, load_model
from evenhand.parts.settled import Settled, differences, first_of, settle, settled_tally, standing
from evenhand.parts.stored import Header, Stamp, header, headers, place_of, remove, tally_in, write_part
from evenhand.sources import read

# What sources say of a table that cannot be opened because it is empty; of a part, that is no error.
NO_ROWS = "holds no rows"


@dataclass(frozen=True)
class Parts:
    """A folder of stored tallies, one file a part; each part counts once, however often it is added.

    The folder belongs to one audit: the first part settles the outcome and the favourable classes where the audit does
    not say them, and another audit is refused with SpecError. Several processes may add parts at the same time.

        parts = Parts("tallies", audit)
        stream.writeStream.foreachBatch(lambda frame, batch: parts.add(f"batch {batch}", frame)).start()
        parts.report()
    """

    folder: Path
    audit: Audit

    def __init__(self, folder: str | Path, audit: Audit) -> None:
        object.__setattr__(self, "folder", Path(folder).expanduser())
        object.__setattr__(self, "audit", audit)
        found = standing(self.folder)
        if found is not None:
            found.check_asked(audit, self.folder)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parts that were added, sorted."""
        return tuple(sorted(found.part for found in headers(self.folder)))

    @property
    def stamps(self) -> dict[str, Stamp]:
        """What the parts that are files are recognised by."""
        return {found.part: found.stamp for found in headers(self.folder) if found.stamp is not None}

    def add(
        self,
        name: str,
        part: Any,
        *,
        engine: str | None = None,
        model: Any = None,
        trust_pickle: bool = False,
        replace: bool = False,
        stamp: Stamp | None = None,
    ) -> bool:
        """Add a part: a Tally, or anything `read` takes, which is then counted; False where it is there already.

        A part without rows adds nothing. `engine` is that of `read`; `model` is asked for the predictions; `replace`
        lets a part be counted anew with other content, which is an error without it; `stamp` says which file the part
        is. Raises EvenhandError.
        """
        loaded = load_model(model, trust_pickle=trust_pickle) if model is not None else None
        tally = part if isinstance(part, Tally) else self._counted(name, part, engine, loaded)
        if tally is None:
            return False
        tally = settled_tally(tally)
        self._check(name, tally)
        if write_part(self.folder, Header(name, stamp), tally, replace=replace):
            return True
        if not _same(tally_in(self.folder, name), tally):
            raise DataError(
                f"The part {name!r} is there already with other content; give it another name, or say replace=True."
            )
        return False

    def forget(self, name: str) -> None:
        """Take a part out of the sum; raises DataError where there is none of this name."""
        if header(self.folder, name) is None:
            raise DataError(f"No part {name!r} in {str(self.folder)!r}.{suggestion(name, list(self.names))}")
        remove(self.folder, name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and place_of(self.folder, name).exists()

    def tally(self, name: str) -> Tally:
        """The tally of one part."""
        if name not in self:
            raise DataError(f"No part {name!r} in {str(self.folder)!r}.{suggestion(name, list(self.names))}")
        return tally_in(self.folder, name)

    def total(self) -> Tally:
        """The sum of all parts, the same in whatever order they were added; raises DataError where there is none."""
        names = self.names
        if not names:
            raise DataError(f"No part was added to {str(self.folder)!r} yet, so there is nothing to add up.")
        return reduce(add, (tally_in(self.folder, name) for name in names))

    def report(self, *, title: str | None = None, source: str | None = None, notes: Sequence[str] = ()) -> Report:
        """The report on all parts together; raises DataError where there is none."""
        total, found = self.total(), standing(self.folder)
        told = (*notes, *(found.notes if found is not None else ()), *_left_out(total))
        columns, model = (tuple(found.kinds), found.model) if found is not None else ((), None)
        return report_of(total, About(source or str(self.folder), columns, told, model), title=title)

    def _counted(self, name: str, source: Any, engine: str | None, model: LoadedModel | None) -> Tally | None:
        """The tally of rows, counted as the first part settled; None where there are no rows."""
        frame = None
        try:
            frame = read(source, engine=engine)
            return self._counted_alike(name, frame, model)
        except DataError as error:
            if frame.height == 0 if frame is not None else type(error) is DataError and NO_ROWS in str(error):
                return None
            raise

    def _counted_alike(self, name: str, frame: Frame, model: LoadedModel | None) -> Tally:
        before = standing(self.folder)
        if before is not None:
            before.check_model(model.name if model is not None else None, self.folder)
            tally = settled_tally(_counted(before.audit, frame, model))
            return dataclasses.replace(tally, notes=(*tally.notes, *_other_kinds(name, frame, before)))
        bound = plan(self.audit, frame)
        tally = settled_tally(_counted(settled(self.audit, bound), frame, model))
        found = dataclasses.replace(
            first_of(self.audit, tally),
            kinds=frame.kinds,
            notes=tuple(note for note in bound.notes if note not in tally.notes),
            model=model.name if model is not None else None,
        )
        found.check(name, tally)
        after = settle(self.folder, found)
        # Another writer was first, and its part showed another outcome or other classes.
        return self._counted_alike(name, frame, model) if differences(after.counted, tally.audit) else tally

    def _check(self, name: str, tally: Tally) -> None:
        """Raise where this part and those that are there disagree; where there is none, this one settles the rest."""
        found = standing(self.folder)
        if found is None:
            proposed = first_of(self.audit, tally)
            proposed.check(name, tally)
            found = settle(self.folder, proposed)
        found.check_asked(self.audit, self.folder)
        found.check(name, tally)


def _counted(audit: Audit, frame: Frame, model: LoadedModel | None) -> Tally:
    """The tally alone: `flow` would draw rows for the flip test, which nobody keeps here."""
    tally = count(frame, plan(audit, frame)) if model is None else tally_of(audit, frame, model)
    return dataclasses.replace(tally, notes=(*frame.notes, *tally.notes))


def _other_kinds(name: str, frame: Frame, found: Settled) -> Iterator[str]:
    """A note on each column that the audit reads and that is of another kind here than in the first part."""
    for column in columns_of(found.audit, frame):
        kind, first = frame.kinds[column], found.kinds.get(column)
        if first not in (None, kind):
            yield (
                f"Column {column!r} is {kind} in the part {name!r} and {first} in the first part, so that equal values "
                "may stand as different groups."
            )


def _same(first: Tally, second: Tally) -> bool:
    """Whether two tallies count the same rows; engines add in any order, so sums may differ in the last digits."""
    if first.unweighted != second.unweighted or len(first.cubes) != len(second.cubes):
        return False
    for mine, theirs in zip(first.cubes, second.cubes, strict=True):
        same_cells = mine.axes == theirs.axes and np.array_equal(mine.codes, theirs.codes)
        if not (same_cells and np.array_equal(mine.count, theirs.count) and repr(mine.levels) == repr(theirs.levels)):
            return False
        if not all(np.allclose(mine.sums[name], theirs.sums[name], rtol=1e-9, equal_nan=True) for name in mine.sums):
            return False
    return True


def _left_out(total: Tally) -> Iterator[str]:
    """A note on the flip test where the audit would have had one."""
    wanted = not total.audit.metrics or "FT" in total.audit.metrics
    if wanted and total.outcome == "binary" and "prediction" in total.axes:
        yield "The flip test is left out: it looks at rows, and of parts only counts are kept."
