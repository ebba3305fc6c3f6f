"""People: the rows of a table as mending sees them — labels, groups, inputs, and whose chance is whose."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.audit import Audit
from evenhand.core.confusion import Confusion, grouped
from evenhand.core.errors import ColumnNotFound, DataError, SpecError
from evenhand.core.frame import Frame
from evenhand.core.plan import named_columns, plan
from evenhand.core.values import Value, normalised
from evenhand.flow import MOST_NUMBERS
from evenhand.models.dividing import Dividing, dividing, groups_of
from evenhand.models.inputs import Coding, level_text

Array = NDArray[Any]

MOST_ROWS = 1_000_000
# A column of texts with more levels than this names people rather than describing them.
MOST_LEVELS = 256
FEWEST_ROWS = 40
REGRESSION = (
    "predicted numbers are repaired in Python: evenhand.mitigations.after.barycentre.QuantileBarycentre around a"
    " regressor"
)


@dataclass(frozen=True, eq=False)
class People:
    """Rows by column, with the label (0 or 1) and the place of the group of each."""

    columns: dict[str, Array]
    labels: Array
    names: tuple[str, ...]
    codes: Array
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def groups(self) -> Array:
        """The text of each row's group."""
        return np.asarray(self.names)[self.codes]

    def chosen(self, places: Array) -> "People":
        """Some of the rows."""
        columns = {name: values[places] for name, values in self.columns.items()}
        return replace(self, columns=columns, labels=self.labels[places], codes=self.codes[places])

    def confusion(self, decisions: Array) -> Confusion:
        """How these decisions meet the labels in each group."""
        return Confusion.of(self.names, self.codes, self.labels, decisions)


@dataclass(frozen=True)
class Roles:
    """Which columns are what."""

    facets: tuple[Dividing, ...]
    inputs: tuple[str, ...]
    classes: tuple[Value, Value]
    identity: str | None


def people_of(frame: Frame, audit: Audit, *, identity: str | None, unused: Sequence[str]) -> tuple[People, Roles]:
    """The rows whose label is known, and the roles of the columns.

    `unused` are columns that are no inputs. Raises EvenhandError where there is nothing to mend.
    """
    facets = tuple(dividing(text, list(frame.kinds)) for text in audit.facets)
    for name in (*(name for each in facets for name in each.columns), *unused, *(audit.features or ())):
        if name not in frame.kinds:
            raise ColumnNotFound(name, frame.kinds)
    bound = plan(audit, frame)
    if bound.outcome != "binary":
        raise SpecError(f"Mending needs two outcomes: say which labels are favourable with --positive; {REGRESSION}.")
    expressions = frame.expressions
    asked = {f"column {name}": expressions.column(name) for name in frame.kinds}
    fetched = frame.rows(asked | {"label": bound.keys["label"]}, MOST_ROWS, audit.seed)
    columns = {name: fetched[f"column {name}"] for name in frame.kinds}
    known, labels = _labels(fetched["label"])
    columns = {name: values[known] for name, values in columns.items()}
    for facet in facets:
        _check_few(facet, columns)
    texts = groups_of(facets, columns, len(labels))
    names, codes = grouped(texts)
    people = People(columns, labels, names, codes, tuple(_notes(frame, known)))
    _check(people, audit)
    outside = {identity, *unused, *_named(audit, frame)}
    inputs = tuple(audit.features or (name for name in frame.kinds if name not in outside))
    return people, Roles(facets, inputs, _classes(people, audit), identity)


def _check_few(facet: Dividing, columns: dict[str, Array]) -> None:
    """Raise SpecError for numbers that are a quantity, as audits do, with ranges that would divide it."""
    values = columns.get(facet.column)
    if facet.group is not None or facet.cuts or values is None or values.dtype.kind not in "iuf":
        return
    numbers = np.unique(values[~np.isnan(values.astype(np.float64))])
    if len(numbers) > MOST_NUMBERS:
        cuts = ",".join(f"{numbers[len(numbers) * part // 4]:g}" for part in (1, 2, 3))
        raise SpecError(
            f"Facet {facet.column!r} has {len(numbers):,} different numbers; divide it into ranges, such as"
            f" {facet.column}@{cuts}, or name one, such as {facet.column}<{cuts.split(',')[1]}."
        )


def _named(audit: Audit, frame: Frame) -> set[str]:
    return {*named_columns(audit.label, frame.kinds), *([audit.score] if audit.score else [])}


def _labels(values: Array) -> tuple[Array, Array]:
    """Which rows have a label, and their labels as 0 and 1."""
    if values.dtype == object:
        known = np.array([value is not None for value in values.tolist()], bool)
        return known, np.array([int(bool(value)) for value in values[known].tolist()], np.int64)
    known = ~np.isnan(values.astype(np.float64))
    return known, values[known].astype(np.int64)


def _notes(frame: Frame, known: Array) -> list[str]:
    notes = list(frame.notes)
    if frame.height > MOST_ROWS:
        notes.append(f"{MOST_ROWS:,} of {frame.height:,} rows were sampled.")
    if not known.all():
        notes.append(f"{int((~known).sum()):,} rows without a label were left out.")
    return notes


def _check(people: People, audit: Audit) -> None:
    if len(people) < FEWEST_ROWS:
        raise DataError(
            f"{len(people):,} rows have a label; mending needs at least {FEWEST_ROWS}, and thousands to be sure."
        )
    for label, word in ((0, "other"), (1, "positive")):
        if not (people.labels == label).any():
            raise DataError(
                f"No row has the {word} label in {audit.label!r}, so there is nothing to learn; look at --positive."
            )
    if len(people.names) < 2:
        raise DataError(
            f"{' × '.join(audit.facets)} has one group only ({people.names[0]}), so there is nothing to mend."
        )


def _classes(people: People, audit: Audit) -> tuple[Value, Value]:
    """The label that decisions write for no and for yes: those that the column holds, where it is a column."""
    if audit.label not in people.columns:
        return (0, 1)
    values = people.columns[audit.label]
    found = [normalised(values[people.labels == label][0]) for label in (0, 1)]
    return tuple(value for value in found if value is not None)  # type: ignore[return-value]


def codings_of(people: People, inputs: Sequence[str]) -> tuple[tuple[Coding, ...], tuple[str, ...]]:
    """How each input becomes a number, and notes; columns of one value or of very many texts are left out."""
    found: list[Coding] = []
    alone, many = [], []
    for name in inputs:
        coding, levels = _coding(name, people.columns[name])
        if levels < 2:
            alone.append(name)
        elif coding.levels is not None and levels > MOST_LEVELS:
            many.append(name)
        else:
            found.append(coding)
    if not found:
        raise DataError("No column is left that a model could learn from; name some with --feature.")
    notes = [f"Left out, as they hold one value only: {', '.join(alone)}."] if alone else []
    notes += [f"Left out, as they hold more than {MOST_LEVELS} different texts: {', '.join(many)}."] if many else []
    return tuple(found), tuple(notes)


def _coding(name: str, values: Array) -> tuple[Coding, int]:
    """The coding of a column, and how many different values it has."""
    if values.dtype.kind in "biuf":
        numbers = values.astype(np.float64)
        return Coding(column=name), len(np.unique(numbers[~np.isnan(numbers)]))
    levels = sorted({text for text in map(level_text, values.tolist()) if text is not None})
    return Coding(column=name, levels=tuple(levels)), len(levels)


def named_few(names: Sequence[str], most: int = 10) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
