"""Reasons: the part of a report that an explanation makes — aggregates, rows to look at, clouds, and a summary."""

import base64
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from evenhand.core.explanation import Explanation
from evenhand.core.reasons import AttributionGap, Cloud, Curve, ExplainedRow, Pair, Proxy, Reasons
from evenhand.core.words import amount
from evenhand.explaining.differences import attribution_gaps, proxies
from evenhand.explaining.importances import importances, sampled

# Outputs whose rows are shown one by one, and pairs listed for each output.
CLOUDS = 3
# Points of a cloud: rows times players.
CLOUD = 30_000
PAIRS = 15
# A player that tells the groups apart this well is named.
TELLING = 0.3
QUANTILES = {"lowest": 0.0, "lower quarter": 0.25, "middle": 0.5, "upper quarter": 0.75, "highest": 1.0}


def reasons_of(
    explanation: Explanation, *, level: float = 0.95, seed: int = 0, curves: Sequence[Curve] = ()
) -> Reasons:
    """What a report says of an explanation; intervals have this level."""
    sample = sampled(explanation, seed)
    columns = list(explanation.features)
    gaps = attribution_gaps(explanation, sample, level)
    carried = proxies(explanation, columns)
    return Reasons(
        players=explanation.players,
        outputs=explanation.outputs,
        importances=tuple(importances(explanation, sample, level)),
        gaps=tuple(gaps),
        proxies=tuple(carried),
        pairs=tuple(_pairs(explanation)),
        rows=tuple(_rows(explanation)),
        clouds=tuple(_clouds(explanation)),
        curves=tuple(curves),
        summary=tuple(_summary(explanation, gaps, carried)),
        making=explanation.making,
    )


def ranked(explanation: Explanation) -> list[str]:
    """The players, most important first, over all outputs."""
    order = np.argsort(-explanation.importance.sum(axis=1), kind="stable")
    return [explanation.players[place] for place in order]


def _pairs(explanation: Explanation) -> Iterator[Pair]:
    if explanation.interactions is None:
        return
    sizes = np.abs(explanation.interactions).mean(axis=0)
    first, second = np.triu_indices(len(explanation.players), 1)
    for output, name in enumerate(explanation.outputs):
        strength = sizes[first, second, output]
        for place in np.argsort(-strength, kind="stable")[:PAIRS]:
            yield Pair(
                first=explanation.players[first[place]], second=explanation.players[second[place]],
                output=name, mean=float(strength[place]),
            )  # fmt: skip


def _rows(explanation: Explanation) -> Iterator[ExplainedRow]:
    """Rows at the ends, the quarters and the middle of the predictions, for the first outputs."""
    shown = explanation.shown
    for output, name in enumerate(explanation.outputs[:CLOUDS]):
        ordered = np.argsort(explanation.predictions[shown, output], kind="stable")
        chosen = dict.fromkeys(int(ordered[round(share * (len(shown) - 1))]) for share in QUANTILES.values())
        for place in chosen:
            row = int(shown[place])
            yield ExplainedRow(
                row=int(explanation.rows[row]), output=name,
                base=float(explanation.base[row, output]), prediction=float(explanation.predictions[row, output]),
                attributions=tuple(explanation.attributions[row, :, output].tolist()),
                errors=tuple(explanation.errors[row, :, output].tolist()),
                features=tuple(_told(explanation, player, place) for player in explanation.players),
            )  # fmt: skip


def _told(explanation: Explanation, player: str, place: int) -> str:
    """The player's values in one shown row, as text."""
    members = [name for name in explanation.members.get(player, (player,)) if name in explanation.features]
    values = [_written(explanation.features[name][place]) for name in members]
    return values[0] if len(values) == 1 else ", ".join(values)


def _written(value: object) -> str:
    if value is None or value != value:
        return "missing"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _clouds(explanation: Explanation) -> Iterator[Cloud]:
    kept = max(CLOUD // max(len(explanation.players), 1), 50)
    places = np.linspace(0, len(explanation.shown) - 1, min(kept, len(explanation.shown))).round().astype(int)
    shown = explanation.shown[places]
    levels, numbers = (array[places] for array in _levels(explanation))
    for output, name in enumerate(explanation.outputs[:CLOUDS]):
        yield Cloud(
            output=name, rows=len(shown), attributions=_packed(explanation.attributions[shown, :, output]),
            levels=_packed(levels), numbers=_packed(numbers),
        )  # fmt: skip


def _levels(explanation: Explanation) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each shown value's place in its column from 0 to 1, and the value; NaN for text and for groups of columns."""
    shape = (len(explanation.shown), len(explanation.players))
    levels, numbers = np.full(shape, np.nan), np.full(shape, np.nan)
    for place, player in enumerate(explanation.players):
        members = explanation.members.get(player, (player,))
        values = explanation.features.get(members[0]) if len(members) == 1 else None
        if values is None or values.dtype.kind != "f":
            continue
        numbers[:, place] = values
        known = ~np.isnan(values)
        different, ranks = np.unique(values[known], return_inverse=True)
        levels[known, place] = ranks / max(len(different) - 1, 1)
    return levels, numbers


def _packed(array: NDArray[np.float64]) -> str:
    # Eleven bits of mantissa are more than a picture shows, and the zeros behind them compress.
    bits = (np.ascontiguousarray(array, "<f4").view("<u4") + np.uint32(0x800)) & np.uint32(0xFFFFF000)
    return base64.b64encode(bits.tobytes()).decode("ascii")


def _summary(explanation: Explanation, gaps: Sequence[AttributionGap], carried: Sequence[Proxy]) -> Iterator[str]:
    if explanation.moments:
        yield (
            f"Means and differences are of all {explanation.making.rows:,} rows; medians, clouds and single rows of a"
            f" random sample of {len(explanation):,} of them."
        )
    total = explanation.importance.sum()
    if total > 0:
        order = ranked(explanation)[:3]
        places = [explanation.players.index(player) for player in order]
        share = float(explanation.importance[places].sum() / total)
        yield f"{_listed(order)} move the predictions most: {_percent(share)} of all attribution."
    for facet in explanation.groups:
        own = [proxy for proxy in carried if proxy.facet == facet and proxy.own]
        if own and sum(proxy.share for proxy in own) > 0:
            share = sum(proxy.share for proxy in own)
            yield f"{facet} itself contributes {_percent(share)} of all attribution: the model uses it directly."
        elif not own:
            yield f"The column of {facet} is not among the model's inputs."
        telling = [proxy for proxy in carried if proxy.facet == facet and not proxy.own]
        telling = sorted(
            (proxy for proxy in telling if proxy.association >= TELLING),
            key=lambda proxy: -proxy.association * proxy.share,
        )
        if telling:
            named = [f"{proxy.player} (association {proxy.association:.2f})" for proxy in telling[:3]]
            share = sum(proxy.share for proxy in telling)
            verb, whole = ("carry", "such inputs contribute") if len(telling) > 1 else ("carries", "it contributes")
            yield f"{_listed(named)} {verb} information on {facet}; {whole} {_percent(share)} of all attribution."
    yield from _largest(gaps)


def _largest(gaps: Sequence[AttributionGap]) -> Iterator[str]:
    """Of each facet and the first output: the gap in mean predictions, and the player that makes most of it."""
    if not gaps:
        return
    first = gaps[0].output
    for facet in dict.fromkeys(gap.facet for gap in gaps):
        here = [gap for gap in gaps if gap.facet == facet and gap.output == first]
        sizes = {group: sum(gap.value for gap in here if gap.group == group) for group in {gap.group for gap in here}}
        group = max(sorted(sizes), key=lambda name: abs(sizes[name]))
        most = max((gap for gap in here if gap.group == group), key=lambda gap: abs(gap.value))
        sure = most.probability is not None and most.probability < 0.05
        way = "lower" if sizes[group] < 0 else "higher"
        yield (
            f"The mean {first} is {abs(sizes[group]):.3g} {way} for {group} than for the rest; the largest part of that"
            f" is {most.player} ({most.value:+.3g}{'' if sure else ', which chance could explain'})."
        )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _percent(share: float) -> str:
    return amount(share, "share")
