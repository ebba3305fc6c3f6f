"""Ladder: the one number a team sees, which moves only when the team has become better beyond chance.

Blum and Hardt (ICML 2015). Parameter-free: a mean loss R replaces the best one where R < best - s / sqrt(n), s the
standard deviation of the paired differences of losses, and is rounded to 1/n. With a step eta: where R < best - eta,
rounded to eta. Otherwise the old number is shown again, so that useless submissions say nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import DataError, SpecError
from evenhand.core.loss import Loss

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Ladder:
    """The state after some submissions; `after` is the next. The first submission is always shown."""

    step: float | None = None
    """The fixed step in units of loss; None for the parameter-free form."""
    best: float | None = None
    losses: Array | None = None
    """The losses of the best submission's rows."""

    def __post_init__(self) -> None:
        """Refuse a step that is none."""
        if self.step is not None and not 0 < self.step < 1:
            raise SpecError(f"A step of {self.step:g} is none; use a number between 0 and 1, or none at all.")

    def after(self, losses: Array) -> "Ladder":
        """The state after one more submission, given the loss of each row; raises DataError for other rows or NaN."""
        losses = np.asarray(losses, np.float64)
        if not losses.size or not np.isfinite(losses).all():
            raise DataError("The Ladder needs a loss for every row, and at least one row; check the answers for NaN.")
        if self.losses is not None and len(losses) != len(self.losses):
            raise DataError(f"The Ladder compares the same rows; it had {len(self.losses)} and got {len(losses)}.")
        if self.best is not None and not losses.mean() < self.best - self._least(losses):
            return self
        unit = self.step or 1 / len(losses)
        return replace(self, best=round(float(losses.mean()) / unit) * unit, losses=losses)

    def through(self, submissions: Iterable[Array]) -> "Ladder":
        """The state after all of these submissions, in their order."""
        state = self
        for losses in submissions:
            state = state.after(losses)
        return state

    def shown(self, loss: Loss) -> float | None:
        """The number for the board, in units of the metric; None before the first submission."""
        return None if self.best is None else float(loss.shown(self.best))

    def _least(self, losses: Array) -> float:
        """The fall that is more than chance."""
        if self.step is not None or self.losses is None:
            return self.step or 0.0
        if len(losses) < 2:
            return 1.0
        return float((losses - self.losses).std(ddof=1) / np.sqrt(len(losses)))
