"""Board groups: how wrong the model was and is about the groups that the rules name, on the rows of the board."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.contest.facts import GroupError
from evenhand.bounty.submissions.kinds import kind_of
from evenhand.core.facet import Facet
from evenhand.core.finding import Interval
from evenhand.core.group import Group
from evenhand.core.interval import expanded, percentile, wilson
from evenhand.core.loss import Loss
from evenhand.core.values import Level, normalised, order
from evenhand.models.membership import Members

Array = NDArray[Any]
LEVEL = 0.95
# A facet shows this many levels, the most frequent; numbers with more different values are cut at their quartiles.
MOST_LEVELS = 30
_DRAWS = 400
# Resampling stops here: intervals of means of more rows are normal ones.
_MOST_CELLS = 4_000_000


def named_groups(facets: Sequence[str], columns: Mapping[str, Array]) -> tuple[tuple[str, Group], ...]:
    """Every group of every facet that these rows have, with the facet's text; raises SpecError and DataError."""
    return tuple((text, group) for text in facets for group in _groups(Facet.parse(text, tuple(columns)), columns))


def _groups(facet: Facet, columns: Mapping[str, Array]) -> Sequence[Group]:
    if facet.group is not None:
        return facet.group, ~facet.group
    if facet.cuts:
        return [facet.level_group(passed) for passed in range(len(facet.cuts) + 1)]
    column = str(facet.column)
    values = columns[column]
    if kind_of(values) == "number" and len(np.unique(values[~_missing(values)])) > MOST_LEVELS:
        quartiles = np.unique(np.quantile(values[~_missing(values)].astype(np.float64), (0.25, 0.5, 0.75)))
        return _groups(Facet(column=column, cuts=tuple(quartiles.tolist())), columns)
    counted: Counter[Level] = Counter(normalised(value) for value in values.tolist())
    return [
        facet.level_group(level) for level in sorted((each for each, _ in counted.most_common(MOST_LEVELS)), key=order)
    ]


def _missing(values: Array) -> Array:
    return np.array([normalised(value) is None for value in values.tolist()], bool)


def masks_of(groups: Sequence[tuple[str, Group]], columns: Mapping[str, Array]) -> list[Array]:
    """Which rows are in each group; raises DataError."""
    members = Members(columns)
    return [members.mask(group) for _, group in groups]


def group_errors(
    groups: Sequence[tuple[str, Group]], masks: Sequence[Array], loss: Loss, base: Array, now: Array
) -> tuple[GroupError, ...]:
    """The errors of each group, from the loss of each row before and now."""
    return tuple(
        group_error(facet, str(group), loss, base[mask], now[mask])
        for (facet, group), mask in zip(groups, masks, strict=True)
    )


def group_error(facet: str, group: str, loss: Loss, base: Array, now: Array) -> GroupError:
    """The errors of one group, from the loss of each of its rows before and now."""
    if not len(now):
        return GroupError(facet=facet, group=group, rows=0, base=None, now=None, interval=None, change=None,
                          change_interval=None)  # fmt: skip
    slope = loss.shown(1.0) - loss.shown(0.0)
    change = slope * float((now - base).mean())
    return GroupError(
        facet=facet, group=group, rows=len(now), base=loss.shown(float(base.mean())),
        now=loss.shown(float(now.mean())), interval=shown_interval(loss, now), change=change,
        change_interval=change_interval(loss, now - base),
    )  # fmt: skip


def shown_interval(loss: Loss, losses: Array) -> Interval:
    """Of a mean loss, in units of the metric: Wilson's for 0 and 1, else by resampling rows."""
    if bool(np.isin(losses, (0.0, 1.0)).all()):
        bounds, method = wilson(float(losses.sum()), len(losses), LEVEL), "wilson"
    else:
        bounds, method = resampled(losses), "bootstrap"
    low, high = sorted(loss.shown(min(max(bound, 0.0), 1.0)) for bound in bounds)
    return Interval(low=low, high=high, level=LEVEL, method=method)


def change_interval(loss: Loss, differences: Array) -> Interval:
    """Of a mean difference of losses, in units of the metric, by resampling rows, whose two losses stay together."""
    slope = loss.shown(1.0) - loss.shown(0.0)
    low, high = sorted(slope * bound for bound in resampled(differences))
    return Interval(low=low, high=high, level=LEVEL, method="bootstrap")


def resampled(values: Array, *, seed: int = 0) -> tuple[float, float]:
    """The percentile interval of a mean, expanded for few rows (`core/interval.py`)."""
    different, counts = np.unique(values, return_counts=True)
    rows = len(values)
    draws = min(_DRAWS, max(_MOST_CELLS // len(different), 100))
    drawn = np.random.default_rng(seed).multinomial(rows, counts / rows, size=draws) @ different / rows
    return percentile(drawn, expanded(LEVEL, rows))
