"""Largest gaps: the widest gap in a rate among three groups or more, held against what chance makes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from evenhand.core.audit import Audit
from evenhand.core.division import Division
from evenhand.core.judge import Draft, Subject, magnitude_bounds, without_gap
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
    worth = division.effective[known]
    with_trials = np.asarray(rate.trials) > 0
    metric = _gap_metric(gap)
    total = sum(division.slices[index].rows for index in known)
    if with_trials.sum() < 2:
        subject = Subject(division.name, "all groups", "each other", total, total, False)
        return Draft(metric, subject, reason="fewer than two groups have rows to rate")
    indices = [index for index, held in zip(known, with_trials, strict=True) if held]
    trials = (rate.trials * worth)[with_trials]
    hits = (rate.hits * worth)[with_trials]
    rates = hits / trials
    highest, lowest = indices[int(rates.argmax())], indices[int(rates.argmin())]
    names = [division.slices[index] for index in (highest, lowest)]
    value = float(rates.max() - rates.min())
    small = min(piece.rows for piece in names) < audit.small
    subject = Subject(division.name, names[0].text, names[1].text, names[0].rows, names[1].rows, small)
    null = largest_gap_null(hits, np.maximum(trials, 1.0), max(audit.draws, 2000), audit.seed + 2)
    generator = np.random.default_rng(audit.seed + 3)
    drawn = generator.binomial(np.maximum(np.rint(trials), 1).astype(np.int64), rates, (audit.draws, len(rates)))
    drawn = drawn / np.maximum(np.rint(trials), 1)
    bounds = magnitude_bounds(value, drawn.max(axis=1) - drawn.min(axis=1), audit.level)
    words = gap.words.replace("{size}", amount(value, "points"))
    return Draft(
        replace(metric, above=words.replace("{highest}", "{group}").replace("{lowest}", "{rest}")),
        subject, value=value, bounds=bounds, method="bias-corrected bootstrap", null=null,
        extra=without_gap(value, null),
    )  # fmt: skip


def _gap_metric(gap: Gap) -> Metric:
    def refuse(_: object) -> Any:
        raise NotImplementedError

    return Metric(
        code=gap.code, name=gap.name, sentence=gap.sentence, stage=gap.stage, needs=gap.needs, parity=0.0,
        bounds=(0, 1), unit="points", above=gap.words, below=gap.words, harm=gap.harm, measure=refuse, magnitude=True,
    )  # fmt: skip
