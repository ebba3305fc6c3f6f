"""Attribution drift: importances that moved since the baseline, told from the noise of both explanations."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenhand.core.explanation import Explanation
from evenhand.core.moments import EVERYBODY
from evenhand.core.monitor import Monitor
from evenhand.core.outcome import Drift, DriftVerdict
from evenhand.core.words import digits
from evenhand.explaining.importances import sampled
from evenhand.monitor.drift.scores import baseline_share, clipped, one_sided

Floats = NDArray[np.float64]
DRAWS = 400
# Rows that the noise between rows is drawn from; it is scaled to all rows.
NOISE_ROWS = 2_000
# Fewer explained rows say too little of their spread.
LEAST_ROWS = 30
# Amazon SageMaker Model Monitor calls an NDCG below 0.90 a violation.
NDCG_LIMIT = 0.1


def total_variation(first: Floats, second: Floats) -> float:
    """Half the sum of differences between shares of importance: 0 the same, 1 nothing in common."""
    return float(_variations(first, second))


def ndcg(baseline: Floats, current: Floats) -> float:
    """The baseline's importances in the current order, discounted by log2(place + 1), beside those in their own order.

    1 where the order is the same. It sees neither scale nor, where importances are near each other, order.
    """
    return float(_ndcgs(baseline, current))


def rank_correlation(first: Floats, second: Floats) -> float | None:
    """Spearman's correlation of importances; None below three players or where one side has no order."""
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: Floats) -> Floats:
    """The rank of each value, equal ones sharing the mean of theirs; scipy.stats takes half a second to import."""
    _, place, number = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(number)
    found: Floats = (last - (number - 1) / 2)[place]
    return found


# Of one side and each row of the other, so that hundreds of draws are measured at once.
def _variations(first: Floats, second: Floats) -> Floats:
    found: Floats = np.abs(_shares(first) - _shares(second)).sum(axis=-1) / 2
    return found


def _ndcgs(baseline: Floats, current: Floats) -> Floats:
    ideal = _discounted(baseline, baseline)
    if ideal <= 0:
        nothing: Floats = np.where(np.any(current, axis=-1), 0.0, 1.0)
        return nothing
    found: Floats = _discounted(baseline, current) / ideal
    return found


def _shares(values: Floats) -> Floats:
    total = values.sum(axis=-1, keepdims=True)
    found: Floats = np.divide(values, total, out=values.astype(np.float64), where=total > 0)
    return found


def _discounted(gains: Floats, scores: Floats) -> Floats:
    order = np.argsort(-scores, axis=-1, kind="stable")
    found: Floats = (gains[order] / np.log2(np.arange(len(gains)) + 2)).sum(axis=-1)
    return found


@dataclass(frozen=True)
class Importances:
    """The importances of one output with draws of what sampling and estimation might have made of them.

    `values` has one number for each player, `draws` DRAWS rows of them, centred at `values`.
    """

    players: tuple[str, ...]
    values: Floats
    draws: Floats
    rows: int

    @property
    def errors(self) -> Floats:
        """The standard error of each importance."""
        found: Floats = self.draws.std(axis=0)
        return found

    def placed(self, players: tuple[str, ...]) -> "Importances":
        """The same with these players in this order; those it lacks are 0."""
        places = {name: place for place, name in enumerate(self.players)}
        at = np.array([places.get(name, len(self.players)) for name in players])
        padded = np.append(self.values, 0.0), np.pad(self.draws, ((0, 0), (0, 1)))
        return Importances(players, padded[0][at], padded[1][:, at], self.rows)


def importances_of(explanation: Explanation, seed: int = 0) -> dict[str, Importances]:
    """The importances of each output, with their noise: rows taken as a sample, and the estimation's own error."""
    sample = sampled(explanation, seed)
    moments = sample.moments[EVERYBODY]
    random = np.random.default_rng((seed, 11))
    chosen = sample.values
    if len(chosen) > NOISE_ROWS:
        chosen = chosen[random.choice(len(chosen), NOISE_ROWS, replace=False)]
    found = {}
    for place, output in enumerate(explanation.outputs):
        sizes = np.abs(chosen[:, :, place])
        values = np.maximum(moments.size[:, place], 0.0)
        # Normal multipliers have the covariance of the rows, without a matrix of players by players.
        spread = random.standard_normal((DRAWS, len(sizes))) @ (sizes - sizes.mean(axis=0))
        spread /= math.sqrt(max(len(sizes) - 1, 1) * moments.rows)
        own = random.standard_normal((DRAWS, len(values))) * explanation.importance_errors[:, place]
        found[output] = Importances(explanation.players, values, np.maximum(values + spread + own, 0.0), moments.rows)
    return found


def attribution_drifts(current: Explanation, baseline: Explanation, monitor: Monitor) -> list[Drift]:
    """For each output of both: total variation and NDCG, judged, and the rank correlation, for orientation.

    A drift is larger than `limits.attributions` (NDCG: below 0.90) by more than the noise of both explanations.
    """
    now, then = importances_of(current, monitor.audit.seed), importances_of(baseline, monitor.audit.seed + 1)
    outputs = [output for output in then if output in now]
    drifts = []
    for output in outputs:
        players = tuple(dict.fromkeys((*then[output].players, *now[output].players)))
        pair = _Pair(output, now[output].placed(players), then[output].placed(players), monitor, 2 * len(outputs))
        drifts += [pair.judged(measure) for measure in MEASURES]
        drifts.append(_orientation(pair))
    return drifts


@dataclass(frozen=True)
class _Measure:
    name: str
    distances: Callable[[Floats, Floats], Floats]
    limit: float | None

    def limit_of(self, monitor: Monitor) -> float:
        return monitor.limits.attributions if self.limit is None else self.limit

    def shown(self, distance: float) -> str:
        return digits(1 - distance if self.name == "NDCG" else distance)


MEASURES = (
    _Measure("total variation", _variations, None),
    _Measure("NDCG", lambda then, now: 1 - _ndcgs(then, now), NDCG_LIMIT),
)


@dataclass(frozen=True)
class _Pair:
    output: str
    now: Importances
    then: Importances
    monitor: Monitor
    questions: int

    def judged(self, measure: _Measure) -> Drift:
        """One measure, with what the noise of each side makes of it taken off."""
        if min(self.now.rows, self.then.rows) < LEAST_ROWS:
            least = f"only {min(self.now.rows, self.then.rows):,} rows explained; {LEAST_ROWS} are the least"
            return self.made(measure.name, "too little data", f"Importances of {self.output}: {least}.")
        if not self.now.values.any() or not self.then.values.any():
            reading = f"Importances of {self.output}: no player moves the predictions, so there are no shares."
            return self.made(measure.name, "undefined", reading)
        distance = float(measure.distances(self.then.values, self.now.values))
        noise = measure.distances(self.now.values, self.now.draws)
        before = measure.distances(self.then.values, self.then.draws)
        share = baseline_share(self.monitor.limits.false_alarms, self.questions)
        limit = measure.limit_of(self.monitor)
        fine = limit + before.mean() + one_sided(share) * before.std() + noise.mean()
        score = _scored(distance - fine, float(noise.std()))
        past = score > one_sided(share)
        reading = self._reading(measure, distance, float(noise.mean() + before.mean()), drifted=past)
        facts: Mapping[str, float] = {
            "value": 1 - distance if measure.name == "NDCG" else distance, "distance": distance,
            "limit": limit, "score": score,
        }  # fmt: skip
        return self.made(measure.name, "drift" if past else "no drift shown", reading, facts)

    def _reading(self, measure: _Measure, distance: float, noise: float, *, drifted: bool) -> str:
        change = self.now.values / self.now.values.sum() - self.then.values / self.then.values.sum()
        most = int(np.abs(change).argmax())
        way = "more" if change[most] > 0 else "less"
        moved = f"{self.now.players[most]} matters {way}, by {digits(100 * abs(change[most]))} points of the whole"
        certain = "more than noise explains" if drifted else "no more than noise or the limit explains"
        made = f"noise alone makes about {measure.shown(noise)}"
        shown = f"{measure.name} {measure.shown(distance)}, where {made}"
        return f"Importances of {self.output} moved {certain}: {shown}; {moved}."

    def made(
        self, metric: str, verdict: DriftVerdict, reading: str, facts: Mapping[str, float] | None = None
    ) -> Drift:  # fmt: skip
        """A drift of this pair."""
        return Drift(
            kind="attributions", about=f"importances of {self.output} | {metric}", metric=metric, rows=self.now.rows,
            verdict=verdict, reading=reading, **(facts or {}),
        )  # fmt: skip


def _scored(past: float, error: float) -> float:
    if error == 0:
        return clipped(math.inf if past > 0 else -math.inf)
    return clipped(past / error)


def _orientation(pair: _Pair) -> Drift:
    """The rank correlation, which is not judged: it turns where importances are near each other."""
    rank = rank_correlation(pair.then.values, pair.now.values)
    if rank is None:
        reading = f"Importances of {pair.output} have no rank correlation: too few players, or all alike."
        return pair.made("rank correlation", "undefined", reading)
    reading = f"Importances of {pair.output} correlate with the baseline's by rank at {digits(rank)}; not judged."
    return pair.made("rank correlation", "no drift shown", reading, {"value": rank, "distance": 1 - rank})
