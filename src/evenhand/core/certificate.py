"""Certificate: proof, on rows that a hunter never saw, that a model serves a group better than the current one."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from evenhand.core.finding import Fact

Array = NDArray[Any]
CheckerName = Literal["paired-z", "bernstein", "hoeffding", "thresholdout"]


@dataclass(frozen=True)
class Spent:
    """What a hold-out has answered so far: how many certificates it accepted, and how many it ever may be asked."""

    accepted: int
    budget: int
    accept_at_most: int
    number: int  # of the submission that is asked about, which settles what chance it meets
    looks: int = 0  # rulings that looked at the hold-out so far (Ruling.looked), which Thresholdout counts


class Ruling(Fact):
    """What a checker said of one certificate; only the owner sees its numbers."""

    accepted: bool
    gain: float
    """The mean fall of the loss over all rows of the fold, zero outside the group: the weighted gain."""
    bar: float
    """The gain that was needed."""
    confidence: float
    """The error spent on this question alone: the delta of the counting bound."""
    low: float
    high: float
    rows: int
    discordant: int
    looked: bool = False
    """Whether Thresholdout had to look at the hold-out, of which it has accept_at_most looks."""


class Checker(Protocol):
    """Decides whether a mean of differences, each in [-1, 1], is above zero beyond chance."""

    def rule(self, differences: Array, spent: Spent, *, seen: Array | None = None) -> Ruling:
        """The ruling on differences of all rows of a fold (0 outside the group).

        `seen` holds the differences on public rows, which Thresholdout compares with. Raises SpecError where the
        checker needs them and there are none.
        """

    def bar(self, spent: Spent, *, rows: int, deviation: float) -> float:
        """The gain that a certificate with this standard deviation of its differences needs now."""
