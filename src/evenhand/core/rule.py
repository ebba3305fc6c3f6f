"""Rule: what turns a model's scores into other decisions — data that is kept as JSON, and applied the same anywhere."""

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from evenhand.core.confusion import grouped
from evenhand.core.finding import Fact

Array = NDArray[Any]

# A group that was not seen when the rule was made is decided as everyone together.
ANYONE = "(anyone)"


class Cut(Fact):
    """Thresholds of one group, each met by a share of its people: decided 1 where score >= threshold.

    One threshold decides by the score alone; with several, a person's own number of chance picks theirs.
    """

    thresholds: tuple[float, ...] = Field(min_length=1, description="Ascending; minus infinity decides 1 for all.")
    shares: tuple[float, ...] = Field(default=(1.0,), description="The share of people that meet each.")


class Thresholds(Fact):
    """A threshold for each group (Hardt, Price and Srebro 2016; Cruz and Hardt 2024)."""

    rule: Literal["thresholds"] = "thresholds"
    cuts: dict[str, Cut] = Field(description="By group; '(anyone)' serves groups not among them.")

    @property
    def randomised(self) -> bool:
        """Whether chance has a part in any decision."""
        return any(len(cut.thresholds) > 1 for cut in self.cuts.values())

    def decide(self, scores: Array, groups: Array, chances: Array) -> Array:
        """0 or 1 for each row, from its score, its group's text, and its number of chance."""
        names, places = grouped(groups)
        met = np.empty(len(scores))
        for place, name in enumerate(names):
            cut, here = self.cuts.get(name, self.cuts[ANYONE]), places == place
            chosen = np.searchsorted(np.cumsum(cut.shares)[:-1], chances[here], side="right")
            met[here] = np.asarray(cut.thresholds)[chosen]
        return np.asarray(scores >= met).astype(np.int64)


class Quantiles(Fact):
    """Scores moved along their quantiles, group by group, towards what all groups share (Chzhen et al. 2020)."""

    rule: Literal["quantiles"] = "quantiles"
    sources: dict[str, tuple[float, ...]] = Field(description="By group: values at evenly spaced quantiles.")
    target: tuple[float, ...]
    amount: float = Field(default=1.0, ge=0, le=1, description="0 leaves everything, 1 repairs in full.")

    def repaired(self, scores: Array, groups: Array) -> Array:
        """The moved scores, one a row."""
        levels, out = np.linspace(0, 1, len(self.target)), scores.astype(np.float64)
        for name in np.unique(groups.astype(str)):
            here = groups.astype(str) == name
            source = np.asarray(self.sources.get(name, self.sources[ANYONE]))
            moved = np.interp(np.interp(scores[here], source, levels), levels, self.target)
            out[here] = (1 - self.amount) * scores[here] + self.amount * moved
        return out


class Linear(Fact):
    """The class of least corrected risk (Xian and Zhao 2024, LinearPost), with group probabilities or group texts.

    The risk of a class is one less its probability, less the `shift` of the class for the row's group, averaged over
    groups with the row's probabilities of belonging to each. `given_label` has one shift for each true class.
    """

    rule: Literal["linear"] = "linear"
    groups: tuple[str, ...]
    shifts: tuple[tuple[float, ...], ...] = Field(description="Groups x classes, or groups x classes x classes, flat.")
    given_label: bool = False


Rule = Annotated[Thresholds | Quantiles | Linear, Field(discriminator="rule")]
