"""Job: a table is explained window by window and chunk by chunk, and can go on where it stopped."""

import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np

from evenhand.baselines import Baseline
from evenhand.core.attributions import Explainer
from evenhand.core.game import Game
from evenhand.explainers.pooling import ENOUGH_ROWS, Pilot, agreed_priors, pays, possible
from evenhand.explainers.priors import Priors
from evenhand.explainers.regression import Regression
from evenhand.explaining.asking import asker
from evenhand.explaining.geometry import Geometry
from evenhand.explaining.kept import KeptGame
from evenhand.explaining.ledger import Ledger, Shape
from evenhand.explaining.request import Request
from evenhand.explaining.slices import groups_of
from evenhand.explaining.windows import Places, Table, sliced, spread_of, windows
from evenhand.modalities.batches import Paced
from evenhand.modalities.tabular import TableGame
from evenhand.models import LoadedModel

Progress = Callable[[str, int, int], None]

# Rows that the model is timed with.
PROBE = 256
# Rows that say how all rows are explained.
FIRST = 4096


@dataclass
class Recipe:
    """How rows are explained, whichever they are: settled before the first, and shipped to workers if there are any."""

    model: LoadedModel
    features: tuple[str, ...]
    columns: tuple[str, ...]
    baseline: Baseline
    players: Mapping[str, Sequence[str]]
    request: Request
    explainer: Explainer
    paced: Paced

    @classmethod
    def pacing(cls, model: LoadedModel) -> Paced:
        """The model, asked in batches whose size is found on the way."""
        return Paced(asker(model))

    def game(self, rows: Any) -> TableGame:
        """The game of some rows, given as a native table of all columns."""
        return TableGame(
            self.features_of(rows),
            self.baseline.rows,
            self.paced,
            players=self.players,
            weights=self.baseline.weights,
            outputs=self.named,
            link=self.request.link,
            names=self.features,
        )

    def named(self, count: int) -> tuple[str, ...]:
        """What the model's outputs are called, on the scale that is explained."""
        names = self.model.outputs(count)
        if self.request.link == "identity":
            return names
        return tuple(f"log odds of {name.removeprefix('probability of ')}" for name in names)

    def features_of(self, rows: Any) -> Any:
        """The columns that the model takes."""
        if isinstance(rows, np.ndarray) or self.columns == self.features:
            return rows
        return nw.from_native(rows, eager_only=True).select(list(self.features)).to_native()


@dataclass
class Job(Recipe):
    """A recipe and the table whose rows it is for."""

    table: Table
    places: Places | None
    progress: Progress
    notes: list[str] = field(default_factory=list)
    outputs: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, object]:
        """What two runs must share for one to go on with the other's work."""
        ((_, baseline),) = fingerprints(self.baseline.rows, len(self.baseline))
        weights = 0 if self.baseline.weights is None else zlib.crc32(self.baseline.weights.tobytes())
        places = 0 if self.places is None else zlib.crc32(self.places.tobytes())
        return {
            **self.request.settings, "model": self.model.name, "features": list(self.features),
            "baseline": [self.baseline.description, baseline, weights], "rows": places,
        }  # fmt: skip

    @property
    def height(self) -> int:
        """How many rows are explained."""
        return self.table.height if self.places is None else len(self.places)

    def windows(self, size: int) -> Iterator[tuple[int, Any]]:
        """The rows in pieces of this size."""
        return windows(self.table, self.columns, self.places, size)

    def first(self) -> Any:
        """The first rows, by which it is settled how all are explained."""
        count = min(self.height, FIRST)
        places = self.places
        if spread_of(self.table) is not None:
            places = np.arange(count) if places is None else places[:count]
        _, rows = next(windows(self.table, self.columns, places, count))
        return rows


@dataclass
class Finished:
    """What a run leaves: the ledger and what is known of the whole."""

    ledger: Ledger
    geometry: Geometry
    priors: Priors | None
    model_rows: int
    seconds: float


def run_job(job: Job) -> Finished:
    """Explain every row; raises what the model or the data raise, and leaves finished chunks where they are."""
    started = time.monotonic()
    remembered = Ledger.remembered(job.request.out) if job.request.resume else {}
    geometry, explainer, kept = settled(job, remembered)
    shape = Shape(
        job.height,
        len(job.players),
        len(job.outputs),
        geometry.chunk,
        tuple(job.request.facets),
        job.request.interactions,
    )
    ledger = Ledger(shape, job.request.out, job.settings, job.request.memory // 2, resume=job.request.resume)
    priors = priors_of(explainer)
    ledger.remember(_state(geometry, priors))
    _explain_all(job, ledger, geometry, explainer, kept)
    return Finished(ledger, geometry, priors, job.paced.model_rows, time.monotonic() - started)


def priors_of(explainer: Explainer) -> Priors | None:
    """What an explainer knows from other rows."""
    return explainer.priors if isinstance(explainer, Regression) else None


def settled(job: Job, remembered: Mapping[str, Any]) -> tuple[Geometry, Explainer, KeptGame | None]:
    """The geometry and the explainer, with priors where they pay and held-out pairs agree; names the job's outputs."""
    first = job.first()
    game = job.game(first)
    job.outputs = tuple(game.outputs)
    explainer = job.explainer
    if remembered:
        if isinstance(explainer, Regression):
            explainer = explainer.with_priors(_priors_of(remembered))
        return Geometry(**remembered["geometry"]), explainer, None
    if not isinstance(explainer, Regression):
        return _geometry(job, explainer, first, pooled=False), explainer, None
    players, baseline = len(job.players), len(job.baseline)
    wanted = job.request.pooled
    pairs = explainer.first_pairs(players)
    worthwhile = pays(players, pairs, baseline, job.height)
    if wanted is False or (wanted == "auto" and not worthwhile) or not possible(players, pairs):
        return _geometry(job, explainer, first, pooled=False), explainer, None
    job.progress("learning from a few rows", 0, 1)
    pooled = _geometry(job, explainer, first, pooled=True)
    kept = KeptGame(game)
    priors = agreed_priors(_pilots(job, kept, pooled, game.height), pairs)
    if priors is None:
        job.notes.append("Priors from other rows were tried and not used: held-out pairs were foretold no better.")
        return _geometry(job, explainer, first, pooled=False), explainer, None
    return pooled, explainer.with_priors(priors), kept


def _pilots(job: Job, game: Game, geometry: Geometry, height: int) -> list[Pilot]:
    """Rows of the first designs, spread over the first rows, with the seeds they will be explained under."""
    each = min(geometry.design, ENOUGH_ROWS, height)
    designs = -(-height // geometry.design)
    count = min(-(-ENOUGH_ROWS // each), designs)
    starts = [geometry.design * (place * designs // count) for place in range(count)]
    return [
        Pilot(game, np.arange(start, min(start + each, height)), geometry.seed(job.request.seed, start))
        for start in starts
    ]


def _geometry(job: Job, explainer: Explainer, first: Any, *, pooled: bool) -> Geometry:
    players = len(job.players)
    pairs = explainer.first_pairs(players) if isinstance(explainer, Regression) else 8 * players
    row_bytes = 16 * len(job.columns) if not isinstance(first, np.ndarray) else 2 * first.itemsize * first.shape[1]
    return Geometry.of(
        players=players, pairs=pairs, baseline=len(job.baseline), pooled=pooled,
        row_bytes=row_bytes, memory=job.request.memory, seconds=_seconds_a_row(job, first),
    )  # fmt: skip


def _seconds_a_row(job: Job, first: Any) -> float:
    """About how long the model takes for a row, from a batch that outweighs the cost of a call."""
    rows = sliced(job.features_of(first), 0, PROBE)
    started = time.perf_counter()
    job.model.values(rows)
    return (time.perf_counter() - started) / len(rows)


def _explain_all(job: Job, ledger: Ledger, geometry: Geometry, explainer: Explainer, kept: KeptGame | None) -> None:
    job.progress("explaining", ledger.done * geometry.chunk, job.height)
    for start, rows in job.windows(geometry.window):
        ledger.write_groups(start, groups_of(rows, job.request.facets))
        marks = fingerprints(job.features_of(rows), geometry.chunk)
        open_chunks = [
            (offset, mark) for offset, mark in marks if not ledger.is_done((start + offset) // geometry.chunk, mark)
        ]
        game = job.game(rows) if open_chunks else None
        for offset, mark in open_chunks:
            assert game is not None  # noqa: S101 - made where there is a chunk to do
            places = np.arange(offset, min(offset + geometry.chunk, game.height))
            seed = geometry.seed(job.request.seed, start + offset)
            asked: Game = kept if kept is not None and start == 0 and places[-1] < kept.height else game
            ledger.write((start + offset) // geometry.chunk, explainer.explain(asked, places, seed), mark)
            job.progress("explaining", min(start + offset + geometry.chunk, job.height), job.height)
        ledger.release()


def fingerprints(rows: Any, chunk: int) -> list[tuple[int, int]]:
    """The offset of each chunk of these rows, and a checksum of what is in it."""
    if isinstance(rows, np.ndarray):
        whole = np.ascontiguousarray(rows)
        return [(start, zlib.crc32(whole[start : start + chunk].tobytes())) for start in range(0, len(rows), chunk)]
    table = nw.from_native(rows, eager_only=True)
    columns = [_bytes_of(table[name]) for name in table.columns]
    found = []
    for start in range(0, len(table), chunk):
        mark = 0
        for column in columns:
            mark = zlib.crc32(column(start, start + chunk), mark)
        found.append((start, mark))
    return found


def _bytes_of(series: nw.Series[Any]) -> Callable[[int, int], bytes]:
    values = series.to_numpy()
    if values.dtype.kind in "fiub":
        return lambda start, stop: values[start:stop].tobytes()
    plain = series.to_list()
    return lambda start, stop: repr(plain[start:stop]).encode()


def _state(geometry: Geometry, priors: Priors | None) -> dict[str, Any]:
    state: dict[str, Any] = {"geometry": vars(geometry)}
    if priors is not None:
        state |= {"single": priors.single.tolist(), "triple": priors.triple.tolist(), "noise": priors.noise}
    return state


def _priors_of(state: Mapping[str, Any]) -> Priors | None:
    if "single" not in state:
        return None
    return Priors(np.array(state["single"]), np.array(state["triple"]), float(state["noise"]))
