"""Largest gaps: the widest gap in a rate among three groups or more, held against what chance makes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from evenhand.core.audit import Audit
from evenhand.core.division import Division
from evenhand.core.interval import Array, Bounds
from evenhand.core.judge import Draft, Subject, without_gap
from evenhand.core.metric import Metric
from evenhand.core.resample import largest_gap_null
from evenhand.core.sides import Decisions
from evenhand.core.words import amount
from evenhand.metrics.gaps import ALL as GAPS
from evenhand.metrics.gaps import Gap


def largest_gaps(division: Division) -> Iterator[Draft]:
    """The largest gaps among three groups or more, each tested against what chance makes."""
    tally, audit = division.tally, division.tally.audit
    known = [index for index, piece in enumerate(division.slices) if not piece.missing and piece.rows]
    if len(known) < 3 or tally.outcome != "binary":
        return
    for gap in GAPS:
        held = {"labels": {"label"}, "predictions": {"prediction"}}.get(gap.needs, {"label", "prediction"})
        if held <= tally.axes and (not audit.metrics or gap.code in audit.metrics):
            yield _largest_gap(division, gap, known, audit)


def _largest_gap(division: Division, gap: Gap, known: list[int], audit: Audit) -> Draft:
    rate = gap.rate(Decisions("the groups", division.decisions[known]))
    worth, metric = division.effective[known], _gap_metric(gap)
    rated = np.flatnonzero(np.asarray(rate.trials) > 0)
    if len(rated) < 2:
        total = sum(division.slices[index].rows for index in known)
        subject = Subject(division.name, "all groups", "each other", total, total, False)
        return Draft(metric, subject, reason="fewer than two groups have rows to rate")
    hits, trials = (rate.hits * worth)[rated], np.maximum((rate.trials * worth)[rated], 1.0)
    rates = rate.value[rated]
    value = float(rates.max() - rates.min())
    null = largest_gap_null(hits, trials, max(audit.draws, 2000), audit.seed + 2)
    words = gap.words.replace("{size}", amount(value, "points"))
    return Draft(
        replace(metric, above=words.replace("{highest}", "{group}").replace("{lowest}", "{rest}")),
        _subject(division, known[rated[rates.argmax()]], known[rated[rates.argmin()]]),
        value=value, bounds=_bounds(rates, trials, audit), method="bootstrap of the range", null=null,
        extra=without_gap(value, null),
    )  # fmt: skip


def _subject(division: Division, highest: int, lowest: int) -> Subject:
    first, second = division.slices[highest], division.slices[lowest]
    small = min(first.rows, second.rows) < division.tally.audit.small
    return Subject(division.name, first.text, second.text, first.rows, second.rows, small)


def _bounds(rates: Array, trials: Array, audit: Audit) -> Bounds:
    """An interval of the range of the rates, which many groups compete to widen.

    The true range is never further from the observed one than the range of the deviations, so the lower bound holds
    whatever the groups look like; the upper one is the percentile of drawn ranges.
    """
    generator = np.random.default_rng(audit.seed + 3)
    sizes = np.rint(trials).astype(np.int64)
    drawn = generator.binomial(sizes, rates, (audit.draws, len(rates))) / sizes
    deviations = np.ptp(drawn - rates, axis=1)
    share = (1 + audit.level) / 2
    value = float(np.ptp(rates))
    low = max(0.0, value - float(np.quantile(deviations, share)))
    return low, max(value, float(np.quantile(np.ptp(drawn, axis=1), share)))


def _gap_metric(gap: Gap) -> Metric:
    def refuse(_: object) -> Any:
        raise NotImplementedError

    return Metric(
        code=gap.code, name=gap.name, sentence=gap.sentence, stage=gap.stage, needs=gap.needs, parity=0.0,
        bounds=(0, 1), unit="points", above=gap.words, below=gap.words, harm=gap.harm, measure=refuse, magnitude=True,
    )  # fmt: skip
