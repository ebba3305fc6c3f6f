"""Shapley values of the records of one request: tables together under one design, texts record by record."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.explanations.budgets import evaluations
from evenhand.clarify.online.features import Features, Records
from evenhand.clarify.online.job import Job
from evenhand.clarify.online.memory_shares import Shares
from evenhand.clarify.online.online_config import OnlineConfig
from evenhand.clarify.online.refusals import Refusal
from evenhand.core.errors import SpecError
from evenhand.explainers.regression import Regression
from evenhand.modalities.batches import Paced
from evenhand.modalities.tabular import TableGame
from evenhand.modalities.text import TextGame
from evenhand.modalities.units import units

Numbers = NDArray[np.float64]
Values = Callable[[Any], Numbers]
_MOST_TEXTS = 256


class Part(NamedTuple):
    """What a feature, or one unit of its text, owes: a number an output."""

    attribution: list[float]
    text: str | None = None
    start: int | None = None


@dataclass(frozen=True)
class Explained:
    """One record: the mean answer for the baseline, and the parts of every feature in order."""

    expected: list[float]
    parts: list[list[Part]]


class Shapley:
    """How records are explained; safe to use from many threads."""

    def __init__(self, config: OnlineConfig, features: Features, shares: Shares) -> None:
        self._shap, self._features, self._shares = config.shap, features, shares
        self._seed = (config.shap.seed or 0) % 2**32
        self._most = config.inference.max_record_count
        self._baseline = features.baseline.table()
        self._kept = threading.local()
        self._mask = _mask_of(features)
        players = len(features.names)
        if not features.texts:
            try:
                shares.check_design(players, self.budget(players), "The SHAP baseline")
            except Refusal as error:
                raise SpecError(str(error)) from error

    def budget(self, players: int) -> int:
        """How many coalitions a record is asked for: min(NumberOfSamples or 2M + 2048, 2^M − 2)."""
        return evaluations(self._shap.samples, players)

    def explained(
        self, records: Records, chosen: Sequence[int], values: Values, outputs: int, job: Job
    ) -> dict[int, Explained]:
        """The explanations of the records chosen, by place.

        Raises Refusal for what does not fit the memory setting, Dropped where the job is, ModelError.
        """

        def ask(rows: Any) -> Numbers:
            job.check()
            return values(rows)

        texts = self._features.texts
        blank = [place for place in chosen if not any((records.columns[name][place] or "").strip() for name in texts)]
        whole = [place for place in chosen if place not in set(blank)] if texts else []
        cells = len(self._features.names) * len(blank)
        self._shares.check_records(len(chosen), -(-cells // len(chosen)), outputs)
        found = dict(self._tables(records, blank, ask, outputs))
        for place in whole:
            found[place] = self._text(records, place, ask)
        return found

    def _tables(
        self, records: Records, chosen: Sequence[int], ask: Values, outputs: int
    ) -> Iterator[tuple[int, Explained]]:
        """Records without text, in runs that fit; those with as many varying features first share a design."""
        names = [name for name in self._features.names if name not in self._features.texts]
        if not names:
            for place in chosen:
                yield place, Explained(ask(records.table([place]))[0].tolist(), [[] for _ in self._features.names])
            return
        budget = self.budget(len(names))
        together = self._shares.rows_together(len(names), budget, outputs)
        for at in range(0, len(chosen), together):
            run = chosen[at : at + together]
            yield from zip(run, self._table(records.table(run), names, budget, ask), strict=True)

    def _table(self, rows: Any, names: Sequence[str], budget: int, ask: Values) -> Iterator[Explained]:
        size = self._shares.rows_at_once(len(self._features.names), self._most)
        game = TableGame(
            rows,
            self._baseline,
            Paced(ask, sizes=(size,)),
            players={name: (name,) for name in names},
            link="logit" if self._shap.use_logit else "identity",
        )
        counts = game.varying(np.arange(len(rows))).sum(axis=1)
        found = self._regression(budget, counts).explain(game, np.arange(len(rows)), self._seed)
        position = {name: place for place, name in enumerate(names)}
        for values, base in zip(found.values.tolist(), found.base.tolist(), strict=True):
            parts = [[Part(values[position[name]])] if name in position else [] for name in self._features.names]
            yield Explained(base, parts)

    def _regression(self, budget: int, counts: NDArray[Any]) -> Regression:
        """The thread's regression with the designs of earlier requests, begun anew before these fill its share."""
        kept: dict[int, Regression] = getattr(self._kept, "regressions", {})
        sizes: set[tuple[int, int]] = getattr(self._kept, "sizes", set())
        sizes = sizes | {(budget, int(count)) for count in counts}
        if sum(samples * players * 24 for samples, players in sizes) > self._shares.work // 8:
            kept, sizes = {}, {(budget, int(count)) for count in counts}
        self._kept.regressions, self._kept.sizes = kept, sizes
        return kept.setdefault(budget, Regression(budget=budget))

    def _text(self, records: Records, place: int, ask: Values) -> Explained:
        """One record with text; over several baseline rows its values are averaged, which keeps them additive."""
        size = self._check_text(records, place)
        rows = [self._against(records, place, row, ask, size) for row in range(len(self._features.baseline))]
        values = np.mean([row[1] for row in rows], axis=0)
        parts: dict[str, list[Part]] = {name: [] for name in self._features.names}
        for span, value in zip(rows[0][2].spans, values.tolist(), strict=True):
            whole = records.columns[span.column][place]
            text = (whole[span.start : span.end], span.start) if span.start >= 0 else (None, None)
            parts[span.column].append(Part(value, *text))
        return Explained(np.mean([row[0] for row in rows], axis=0).tolist(), list(parts.values()))

    def _against(
        self, records: Records, place: int, row: int, ask: Values, size: int
    ) -> tuple[Numbers, Numbers, TextGame]:
        texts, settings = self._features.texts, self._shap.text
        columns = self._features.baseline.columns
        game = TextGame(
            records.table([place]),
            ask,
            columns=texts,
            unit=settings.granularity if settings is not None else "token",
            language=settings.language if settings is not None else "xx",
            absent="mask" if self._mask else "drop",
            mask=self._mask or "",
            baseline={name: _plain(columns[name][row]) for name in self._features.names if name not in texts},
            batch=size,
            link="logit" if self._shap.use_logit else "identity",
        )
        found = Regression(budget=self.budget(len(game.players))).explain(game, np.arange(1), self._seed)
        return found.base[0], found.values[0], game

    def _check_text(self, records: Records, place: int) -> int:
        """How many copies of this text are asked at once; raises Refusal where its units do not fit."""
        settings = self._shap.text
        texts = [records.columns[name][place] or "" for name in self._features.texts]
        length = sum(map(len, texts))
        if length > self._shares.work // 256:
            raise Refusal(413, f"Record {place + 1} has {length:,} characters of text, more than the memory allows.")
        count = len(self._features.names) - len(texts)
        if settings is not None:
            count += sum(len(units(text, settings.granularity, settings.language)) for text in texts)
        self._shares.check_design(count, self.budget(count), f"Record {place + 1}")
        masked = length * max(1, len(self._mask or "")) * 8 + 1024
        most = min(_MOST_TEXTS, self._most or _MOST_TEXTS)
        return max(1, min(most, self._shares.work // 4 // masked))


def _mask_of(features: Features) -> str | None:
    """What absent units are written as; raises SpecError where the baseline's rows or text columns differ in it."""
    masks = {value or None for name in features.texts for value in features.baseline.columns[name]}
    if len(masks) > 1:
        raise SpecError("The SHAP baseline gives several texts for absent units; give all text features the same one.")
    return masks.pop() if masks else None


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
