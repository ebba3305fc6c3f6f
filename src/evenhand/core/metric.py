"""Metric: a question with a name, a parity value and a plain reading, answered by a function of a comparison."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from evenhand.core.finding import Stage
from evenhand.core.interval import Estimate

Needs = Literal[
    "rows",
    "labels",
    "predictions",
    "both",
    "label classes",
    "prediction classes",
    "scores",
    "scored labels",
    "probabilities",
    "errors",
    "label values",
    "predicted values",
    "covered",
    "features",
]
Unit = Literal["points", "share", "times", "number", "score", "value"]


@dataclass(frozen=True)
class Metric:
    """One member of the metrics family; made by the decorator `metric`."""

    code: str
    name: str
    sentence: str
    stage: Stage
    needs: Needs
    parity: float | None
    bounds: tuple[float, float]
    unit: Unit
    above: str
    below: str
    harm: str
    measure: Callable[[Any], Estimate]
    strata: bool = False
    magnitude: bool = False
    threshold: float | None = None
    against_highest: bool = False

    @property
    def is_ratio(self) -> bool:
        """Whether parity is a ratio of one, so that distances are logarithms."""
        return self.parity == 1.0

    def acceptable(self, threshold: float | None) -> tuple[float, float] | None:
        """The values a threshold allows: 0.8 for a ratio means 0.8 to 1.25; 0.1 for a gap means -0.1 to 0.1."""
        threshold = self.threshold if threshold is None else threshold
        if threshold is None or self.parity is None:
            return None
        if self.is_ratio:
            return min(threshold, 1 / threshold), max(threshold, 1 / threshold)
        return self.parity - threshold, self.parity + threshold


class _Decorator(Protocol):
    def __call__(self, measure: Callable[[Any], Estimate]) -> Metric: ...


def metric(
    *,
    code: str,
    stage: Stage,
    needs: Needs,
    parity: float | None,
    bounds: tuple[float, float],
    harm: str,
    above: str,
    below: str,
    unit: Unit = "points",
    strata: bool = False,
    magnitude: bool = False,
    threshold: float | None = None,
    name: str | None = None,
    against_highest: bool = False,
) -> _Decorator:
    """Make a function of a Comparison a metric; its name (or `name`) and first docstring line are what reports print.

    `above` and `below` say in words what a value on that side of parity means: `{group}` and `{rest}` are the two
    sides, `{size}` is the distance. `magnitude` marks distances that cannot be negative, which chance alone makes
    positive; they are tested against resamples without a gap. `strata`: only where a stratum is given.
    `against_highest`: compared with the group selected most often, not with the rest.
    """

    def decorate(measure: Callable[[Any], Estimate]) -> Metric:
        spoken = measure.__name__.replace("_", " ")
        sentence = (measure.__doc__ or "").strip().splitlines()[0]
        return Metric(
            code=code, name=name or spoken[0].upper() + spoken[1:], sentence=sentence, stage=stage, needs=needs,
            parity=parity, bounds=bounds, unit=unit, above=above, below=below, harm=harm, measure=measure,
            strata=strata, magnitude=magnitude, threshold=threshold, against_highest=against_highest,
        )  # fmt: skip

    return decorate
