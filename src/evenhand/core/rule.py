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
    target: tuple[float, ...] = Field(min_length=2)
    amount: float = Field(default=1.0, ge=0, le=1, description="0 leaves everything, 1 repairs in full.")

    def repaired(self, scores: Array, groups: Array, chances: Array | None = None) -> Array:
        """The moved scores, one a row.

        A score that many share has a range of quantiles: a person's number of chance picks theirs, or else the middle.
        """
        levels, out = np.linspace(0, 1, len(self.target)), np.asarray(scores, np.float64).copy()
        names, places = grouped(groups)
        for place, name in enumerate(names):
            here = np.flatnonzero(places == place)
            source = np.asarray(self.sources.get(name, self.sources.get(ANYONE, self.target)))
            met = _levels(out[here], source, 0.5 if chances is None else chances[here])
            # So written, full repair gives values of the target to the last bit.
            out[here] = (1 - self.amount) * out[here] + self.amount * np.interp(met, levels, self.target)
        return out


def _levels(scores: Array, source: Array, chances: Array | float) -> Array:
    """Where each score lies among the quantiles, 0 to 1; between the first and the last place for one that is tied."""
    last = len(source) - 1
    first, past = np.searchsorted(source, scores, side="left"), np.searchsorted(source, scores, side="right")
    before = np.clip(past - 1, 0, last - 1)
    width = source[before + 1] - source[before]
    within = np.divide(scores - source[before], width, out=np.zeros(len(scores)), where=width > 0)
    between = np.where(past > first, first + chances * (past - 1 - first), before + np.clip(within, 0, 1))
    return np.asarray(between / last)


class Curve(Fact):
    """A map that is linear between its points, and level beyond them."""

    scores: tuple[float, ...] = Field(min_length=1, description="Ascending.")
    values: tuple[float, ...] = Field(min_length=1)


class Curves(Fact):
    """Scores turned into probabilities that hold in each group."""

    rule: Literal["curves"] = "curves"
    curves: dict[str, Curve] = Field(description="By group; '(anyone)' serves groups not among them.")

    def calibrated(self, scores: Array, groups: Array) -> Array:
        """The probability of each row, from its score and its group's text."""
        names, places = grouped(groups)
        out = np.empty(len(scores))
        for place, name in enumerate(names):
            curve, here = self.curves.get(name, self.curves[ANYONE]), places == place
            out[here] = np.interp(scores[here], curve.scores, curve.values)
        return out


class Linear(Fact):
    """The class of least corrected risk (Xian and Zhao 2024, LinearPost), with group texts or group probabilities.

    The risk of a class is one less its probability, less the `shift` of the class for the row's group, averaged over
    groups with the row's probabilities of belonging to each. With `given_label`, a group has one row of shifts for each
    true class, and the average is over both.
    """

    rule: Literal["linear"] = "linear"
    groups: tuple[str, ...]
    shifts: tuple[tuple[float, ...], ...] = Field(description="Groups x classes, or groups x classes x classes, flat.")
    given_label: bool = False
    noise: float = Field(default=0.0, ge=0, description="The most that chance adds to a class, which settles ties.")

    def choose(self, joint: Array, chances: Array | None = None) -> Array:
        """The chosen class's place, from the probability of each group and class: shape (rows, groups, classes)."""
        return self._best(joint.sum(axis=1) + self.corrections(joint), chances)

    def choose_known(self, classes: Array, groups: Array, chances: Array | None = None) -> Array:
        """The place of the chosen class, from probabilities of classes (rows, classes) and group texts.

        A row of a group that the rule does not know is not corrected.
        """
        places = dict(zip(self.groups, range(len(self.groups)), strict=True))
        names, found = grouped(groups)
        of = np.array([places.get(name, len(places)) for name in names], np.int64)[found]
        table = np.concatenate((self._table(), np.zeros((1, *self._table().shape[1:]))))
        corrections = np.einsum("ny,nyc->nc", classes, table[of]) if self.given_label else table[of]
        return self._best(classes + corrections, chances)

    def _best(self, gains: Array, chances: Array | None) -> Array:
        if chances is not None:
            gains = gains + self.noise * parted(chances, gains.shape[1])
        return np.asarray(np.argmax(gains, axis=1))

    def corrections(self, joint: Array) -> Array:
        """What is added to the probability of each class, a row."""
        if self.given_label:
            return np.asarray(np.einsum("ngy,gyc->nc", joint, self._table()))
        return np.asarray(joint.sum(axis=2) @ self._table())

    def _table(self) -> Array:
        shifts = np.array(self.shifts, dtype=np.float64)
        if not self.given_label:
            return shifts
        classes = round(shifts.shape[1] ** 0.5)
        return shifts.reshape(len(shifts), classes, classes)


def parted(chances: Array, number: int) -> Array:
    """Several numbers of chance a row, made of one: shape (rows, number)."""
    # Far digits of a number of chance are as good as the near ones.
    return np.asarray((chances[:, None] * (1 + 7919 * np.arange(number))) % 1.0)


Rule = Annotated[Thresholds | Quantiles | Curves | Linear, Field(discriminator="rule")]
