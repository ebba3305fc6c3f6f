"""Frontier: what every way of mending a model gives and costs, on rows that neither fitting nor choosing has seen."""

from typing import Literal

from pydantic import Field

from evenhand.core.finding import Fact, Interval

Stage = Literal["none", "before", "in", "after"]
How = Literal["auto", "estimate", "refused"]


class Measured(Fact):
    """A number and how sure it is."""

    value: float
    interval: Interval


class Share(Fact):
    """How many people a part of the rows has, and what it was used for."""

    name: Literal["fitting", "choosing", "judging"]
    rows: int
    use: str


class Floor(Fact):
    """The violation that thresholds with exactly equal rates would show by chance alone, on so many rows."""

    constraint: str
    part: Literal["choosing", "judging"]
    rows: int
    typical: float = Field(description="Half of all such samples would show more.")
    rare: float = Field(description="One in twenty would show more.")


class Payment(Fact):
    """Who pays: what changes for a group against the unmended model, in people per 1,000 of the group."""

    group: str
    rows: int
    selected_before: float
    selected_after: float
    gained: float = Field(description="Newly decided positive.")
    lost: float = Field(description="No longer decided positive.")
    errors_before: float
    errors_after: float
    mended: float = Field(description="Decided wrongly before and rightly now.")
    wronged: float = Field(description="Decided rightly before and wrongly now.")
    true_positive: float | None = Field(description="The rate after mending; none where no label is positive.")
    false_positive: float | None = Field(description="The rate after mending; none where no label is negative.")


class Point(Fact):
    """One way of deciding: a method with its setting, and what it gave."""

    name: str
    method: str
    setting: str
    stage: Stage
    needs_facet: bool = Field(description="Whether the group must be known when deciding.")
    randomised: bool = Field(description="Whether a person's own number of chance has a part in decisions.")
    status: str = Field(default="", description="What the solver or the training said.")
    accuracy: Measured = Field(description="On the judging rows.")
    violations: dict[str, Measured] = Field(description="By constraint, achieved on the judging rows.")
    accuracy_choosing: float
    violations_choosing: dict[str, Measured] = Field(description="By constraint; rules were fitted on other rows.")
    within: bool = Field(description="Whether each violation on the choosing rows is at most what is allowed.")
    confidence: float = Field(
        default=0.0, ge=0, le=1, description="The share of resamples of the choosing rows in which each violation is."
    )
    credible: bool = Field(description="Whether that share is at least the level.")
    payments: tuple[Payment, ...]
    levels_down: tuple[str, ...] = Field(default=(), description="Groups that lost where no group gained.")


class Frontier(Fact):
    """All points of one table, which of them was chosen, and why."""

    schema_version: Literal[1] = 1
    source: str
    label: str
    positive: tuple[str, ...]
    facets: tuple[str, ...]
    model: str
    constraints: tuple[str, ...]
    allowed: dict[str, float] = Field(description="By constraint: the violation that its bound allows.")
    shares: tuple[Share, ...]
    groups: dict[str, int] = Field(description="Judging rows by group.")
    floors: tuple[Floor, ...]
    points: tuple[Point, ...]
    chosen: str
    how: How = Field(description="Refused: nothing is chosen, nothing is mended.")
    reason: str
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    level: float
    seed: int
    seconds: float

    @property
    def kept(self) -> bool:
        """Whether the chosen point is within the tolerance, in the way that was asked for."""
        if self.how == "refused":
            return False
        return self.point.credible if self.how == "auto" else self.point.within

    @property
    def point(self) -> Point:
        """The chosen point; the unmended model where the choice was refused."""
        return self.named(self.chosen)

    def named(self, name: str) -> Point:
        """The point of this name; raises KeyError where there is none."""
        for point in self.points:
            if point.name == name:
                return point
        raise KeyError(name)

    @property
    def efficient(self) -> frozenset[str]:
        """Names of the points that no other beats in accuracy and in every violation, on the judging rows."""
        return frozenset(point.name for point in self.points if not any(_beats(other, point) for other in self.points))


def _beats(other: Point, point: Point) -> bool:
    pairs = [(other.violations[name].value, found.value) for name, found in point.violations.items()]
    as_good = other.accuracy.value >= point.accuracy.value and all(left <= right for left, right in pairs)
    return as_good and (other.accuracy.value > point.accuracy.value or any(left < right for left, right in pairs))
