"""Attribution drift: whether what drives the predictions changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evenhand.clarify.drift.constraints import attributions
from evenhand.clarify.drift.ranking import Attributions, Movement, movement, ndcg
from evenhand.clarify.drift.violations import ATTRIBUTION, MISSING, Drift, Violation
from evenhand.core.errors import SpecError

NDCG_THRESHOLD = 0.9


@dataclass(frozen=True)
class AttributionLimits:
    """How far attributions may move; NDCG sees neither a change of scale nor many small changes of order.

    `distance`: the total variation between shares of Σ|a|; 0.1 is a tenth of all importance gone elsewhere. `change`:
    Σ|a′−a| relative to Σ|a|; 0.5 is half of it. `rank`: the least rank correlation, heeded only where shares moved by
    more than `rank_floor`, so that features of nearly the same importance may change places.
    """

    distance: float = 0.1
    change: float = 0.5
    rank: float = 0.5
    rank_floor: float = 0.02

    def __post_init__(self) -> None:
        for name in ("distance", "change", "rank_floor"):
            if not getattr(self, name) >= 0:
                raise SpecError(f"The attribution limit {name} is {getattr(self, name)}; it must be 0 or more.")
        if not -1 <= self.rank <= 1:
            raise SpecError(f"The attribution limit rank is {self.rank}; it must be from -1 to 1.")


def attribution_drift(
    baseline: Mapping[str, Any], current: Mapping[str, Any], *, limits: AttributionLimits | None
) -> Drift:
    """The labels whose attributions drifted: in our rule with limits, in Clarify's with None."""
    before, after = attributions(baseline), attributions(current)
    found: list[Violation] = []
    notes: list[str] = []
    for label in dict.fromkeys([*before, *after]):
        absent = _absence(before.get(label), after.get(label))
        if absent and limits is None:
            notes.append(f"Attributions of {label}: {absent}.")
        elif absent:
            found.append(Violation("shap", MISSING, f"Cannot be compared: {absent}.", label=label))
        if label in before and label in after:
            found += _drifted(label, before[label], after[label], limits)
    return Drift(tuple(found), tuple(notes))


def _absence(before: Attributions | None, after: Attributions | None) -> str | None:
    if before is None:
        return "the baseline does not explain this label"
    if after is None:
        return "the current analysis does not explain this label"
    gone = [name for name in before if name not in after]
    new = [name for name in after if name not in before]
    said = [
        f"{', '.join(names)} only in {where}"
        for names, where in ((gone, "the baseline"), (new, "the current"))
        if names
    ]
    return "; ".join(said) or None


def _drifted(
    label: str, before: Attributions, after: Attributions, limits: AttributionLimits | None
) -> Iterator[Violation]:
    if limits is None:
        return _theirs(label, before, after)
    return _ours(label, movement(before, after), limits)


def _theirs(label: str, before: Attributions, after: Attributions) -> Iterator[Violation]:
    gain = ndcg(before, after)
    if gain < NDCG_THRESHOLD:
        # The wording is theirs: the number is the agreement, and it falls short of the threshold.
        text = f"Feature attribution drift {gain} exceeds threshold {NDCG_THRESHOLD}"
        yield Violation("shap", ATTRIBUTION, text, label=label)


def _ours(label: str, moved: Movement, limits: AttributionLimits) -> Iterator[Violation]:
    if moved.distance > limits.distance:
        text = f"Shares of importance moved by {moved.distance:.4g} (total variation), past {limits.distance:g}"
        yield Violation("shap_distance", ATTRIBUTION, text, label=label)
    if moved.change > limits.change:
        text = f"Attributions changed by {moved.change:.4g} of their sum, past {limits.change:g}"
        yield Violation("shap_change", ATTRIBUTION, text, label=label)
    if moved.rank is not None and moved.rank < limits.rank and moved.distance > limits.rank_floor:
        text = f"The order of importance has a rank correlation of {moved.rank:.4g}, below {limits.rank:g}"
        yield Violation("shap_rank", ATTRIBUTION, text, label=label)
