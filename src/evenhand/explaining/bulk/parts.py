"""Parts: what a worker does with its part of the rows — whole designs where they are there, each under its own seed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evenhand.baselines import Baseline
from evenhand.core.attributions import Attributions, Explainer
from evenhand.core.spread import PLACE
from evenhand.explaining.asking import limited
from evenhand.explaining.bulk.layout import Layout
from evenhand.explaining.forests import explained_by_trees, numbers_of, parsed
from evenhand.explaining.geometry import Geometry
from evenhand.explaining.job import Recipe
from evenhand.explaining.request import Request
from evenhand.explaining.slices import groups_of
from evenhand.explaining.windows import Places
from evenhand.models.shipping import Shipment
from evenhand.sources.native import native_of_arrow

Numbers = NDArray[np.int64]
# Explains native rows that are these of the job: slices of them, and what was found there.
Explained = Callable[[Any, Numbers], Iterator[tuple[slice, Attributions]]]


@dataclass(frozen=True)
class Shipped:
    """A recipe as it travels: the model as bytes, of which a process makes a model once."""

    shipment: Shipment
    features: tuple[str, ...]
    columns: tuple[str, ...]
    baseline: Baseline
    players: Mapping[str, Sequence[str]]
    request: Request
    explainer: Explainer

    @classmethod
    def of(cls, recipe: Recipe, shipment: Shipment, explainer: Explainer) -> "Shipped":
        """The recipe without what belongs to the driver alone."""
        request = replace(recipe.request, baseline=None, rows=None, classes=None, method="auto", out=None)
        return cls(shipment, recipe.features, recipe.columns, recipe.baseline, recipe.players, request, explainer)

    def recipe(self) -> Recipe:
        """The recipe in this process."""
        model = self.shipment.unpack()
        return Recipe(
            model=model, features=self.features, columns=self.columns, baseline=self.baseline, players=self.players,
            request=self.request, explainer=self.explainer, paced=Recipe.pacing(model),
        )  # fmt: skip


class Way(Protocol):
    """How attributions are found; it travels with the work."""

    def ready(self, recipe: Recipe) -> Explained:
        """What explains rows in this process."""


@dataclass(frozen=True)
class ByEvaluations:
    """By asking the model about coalitions, run by run of the rows that share a chunk of a design."""

    geometry: Geometry

    def ready(self, recipe: Recipe) -> Explained:
        """What explains rows in this process."""

        def explained(rows: Any, numbers: Numbers) -> Iterator[tuple[slice, Attributions]]:
            game = recipe.game(rows)
            for run in runs(numbers, self.geometry.chunk):
                seed = self.geometry.seed(recipe.request.seed, int(numbers[run.start]))
                yield run, recipe.explainer.explain(game, np.arange(run.start, run.stop), seed)

        return explained


@dataclass(frozen=True)
class ByTrees:
    """By reading the trees of the model, exactly."""

    def ready(self, recipe: Recipe) -> Explained:
        """What explains rows in this process."""
        forest, chosen = parsed(recipe)
        background = numbers_of(forest, recipe.baseline.rows)

        def explained(rows: Any, numbers: Numbers) -> Iterator[tuple[slice, Attributions]]:
            given = numbers_of(forest, recipe.features_of(rows))
            yield slice(0, len(numbers)), explained_by_trees(recipe, forest, given, background, chosen)

        return explained


@dataclass(frozen=True)
class Explaining:
    """The work of one part of the rows: explains those that are asked for, and gives lines of the layout.

    `places` are the places of the rows that are explained, in the order in which the job numbers them; None for all
    `height` rows. A row's number alone says which design it has.
    """

    shipped: Shipped
    way: Way
    geometry: Geometry
    places: Places | None
    height: int
    layout: Layout

    def __call__(self, rows: Iterator[Any]) -> Iterator[Any]:
        """Tables of the recipe's columns and `place`; gives tables of the layout."""
        import pyarrow as pa

        recipe = self.shipped.recipe()
        with limited(recipe.request.threads):
            explained = self.way.ready(recipe)
            for numbers, table in regrouped(self._numbered(rows), self.geometry, self.height):
                places = numbers if self.places is None else self.places[numbers]
                native = native_of_arrow(table, recipe.columns)
                groups = groups_of(native, recipe.request.facets)
                lines = []
                for run, found in explained(native, numbers):
                    design = int(numbers[run.start]) // self.geometry.design
                    lines.append(self.layout.table(places[run], found, [each[run] for each in groups], design))
                yield pa.concat_tables(lines).combine_chunks()

    def _numbered(self, tables: Iterator[Any]) -> Iterator[tuple[Numbers, Any]]:
        """The rows that are explained, with their numbers."""
        for table in tables:
            if len(table) == 0:
                continue
            numbers = np.asarray(table[PLACE].to_numpy(), np.int64)
            plain = table.drop_columns([PLACE])
            if self.places is not None:
                at = np.minimum(np.searchsorted(self.places, numbers), len(self.places) - 1)
                chosen = self.places[at] == numbers
                numbers, plain = at[chosen], plain.filter(_mask(chosen))
            if len(numbers):
                yield numbers, plain


def regrouped(tables: Iterator[tuple[Numbers, Any]], geometry: Geometry, height: int) -> Iterator[tuple[Numbers, Any]]:
    """The same rows in ascending order, window by window, each chunk whole where all of its rows come in this part.

    Rows of chunks that are not yet whole wait for the others, up to two windows of them.
    """
    held: list[tuple[Numbers, Any]] = []
    waiting = 0
    for numbers, table in tables:
        held.append((numbers, table))
        waiting += len(numbers)
        if waiting < geometry.window:
            continue
        together = _ascending(held)
        whole = _whole(together[0], geometry.chunk, height)
        if len(whole) - whole.sum() > 2 * geometry.window:
            whole[:] = True
        yield from _windows(_only(together, whole), geometry)
        held = [_only(together, ~whole)]
        waiting = len(held[0][0])
    if waiting:
        yield from _windows(_ascending(held), geometry)


def runs(numbers: Numbers, size: int) -> Iterator[slice]:
    """Slices of ascending numbers that lie in one chunk of this size each."""
    if len(numbers) == 0:
        return
    ends = [*(np.flatnonzero(np.diff(numbers // size)) + 1).tolist(), len(numbers)]
    start = 0
    for stop in ends:
        yield slice(start, stop)
        start = stop


def _ascending(held: Sequence[tuple[Numbers, Any]]) -> tuple[Numbers, Any]:
    import pyarrow as pa

    numbers = np.concatenate([each for each, _ in held])
    table = held[0][1] if len(held) == 1 else pa.concat_tables([each for _, each in held]).combine_chunks()
    if (np.diff(numbers) > 0).all():
        return numbers, table
    order = np.argsort(numbers, kind="stable")
    return numbers[order], table.take(pa.array(order))


def _whole(numbers: Numbers, chunk: int, height: int) -> NDArray[np.bool_]:
    """Of each row, whether all rows of its chunk are here."""
    chunks, at, counts = np.unique(numbers // chunk, return_inverse=True, return_counts=True)
    found: NDArray[np.bool_] = (counts == np.minimum(chunk, height - chunks * chunk))[at]
    return found


def _windows(rows: tuple[Numbers, Any], geometry: Geometry) -> Iterator[tuple[Numbers, Any]]:
    """Pieces of about a window, cut between chunks."""
    numbers, table = rows
    start, stop = 0, 0
    for chunk in runs(numbers, geometry.chunk):
        if stop > start and chunk.stop - start > geometry.window:
            yield numbers[start:stop], table.slice(start, stop - start)
            start = stop
        stop = chunk.stop
    if stop > start:
        yield numbers[start:stop], table.slice(start, stop - start)


def _only(rows: tuple[Numbers, Any], chosen: NDArray[np.bool_]) -> tuple[Numbers, Any]:
    return rows[0][chosen], rows[1].filter(_mask(chosen))


def _mask(chosen: NDArray[np.bool_]) -> Any:
    import pyarrow as pa

    return pa.array(chosen)
