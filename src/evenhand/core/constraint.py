"""Constraint: how far apart groups may be, in words such as equalized-odds:0.05."""

import re
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from evenhand.core.confusion import Confusion, Rate
from evenhand.core.errors import SpecError, suggestion

Array = NDArray[Any]
Name = Literal["demographic-parity", "equal-opportunity", "equalized-odds", "predictive-equality"]
Form = Literal["difference", "ratio", "least"]

_RATES: dict[Name, tuple[Rate, ...]] = {
    "demographic-parity": ("selection",),
    "equal-opportunity": ("true positive",),
    "equalized-odds": ("true positive", "false positive"),
    "predictive-equality": ("false positive",),
}
_FORM = re.compile(r"([a-z-]+?)(?:-(ratio|least))?:(\S+)")


@dataclass(frozen=True)
class Constraint:
    """A bound on rates of all groups, the largest against the smallest.

    `difference`: at most `bound` apart. `ratio`: the smallest is at least `bound` times the largest. `least`: every
    group's rate is at least `bound` (levelling up), which only demographic-parity and equal-opportunity have.
    """

    name: Name
    bound: float
    form: Form = "difference"

    def __post_init__(self) -> None:
        if not 0 <= self.bound <= 1:
            raise SpecError(f"The bound of {self.name} is {self.bound:g}; it must lie between 0 and 1.")
        if self.form == "least" and "false positive" in self.rates:
            raise SpecError(f"{self.name}-least makes no sense: nobody wants more false positives.")

    @classmethod
    def parse(cls, text: str) -> "Constraint":
        """Read a text such as equalized-odds:0.05 or demographic-parity-ratio:0.8; raises SpecError."""
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise SpecError(f"{text!r} is no constraint; write equalized-odds:0.05 or demographic-parity-ratio:0.8.")
        name, form, bound = found.groups()
        if name not in _RATES:
            raise SpecError(f"No constraint is called {name!r}.{suggestion(name, list(get_args(Name)))}")
        try:
            value = float(bound)
        except ValueError:
            raise SpecError(f"The bound {bound!r} of {name} is no number; write {name}:0.05.") from None
        return cls(cast(Name, name), value, cast(Form, form or "difference"))

    def __str__(self) -> str:
        return f"{self.name}{'' if self.form == 'difference' else '-' + self.form}:{self.bound:g}"

    @property
    def rates(self) -> tuple[Rate, ...]:
        """The rates that are bounded."""
        return _RATES[self.name]

    def violation(self, confusion: Confusion) -> Array:
        """How far apart the groups are: the worst of the bounded rates, shape of the draws (a scalar without).

        In the form of the constraint: the largest difference, or one less the smallest ratio, or one less the smallest
        rate. Rates that are undefined in a group (no positive labels) are left out of it.
        """
        return np.asarray(np.max([self._apart(confusion.rate(rate)) for rate in self.rates], axis=0))

    @property
    def allowed(self) -> float:
        """The violation that the bound allows."""
        return self.bound if self.form == "difference" else 1 - self.bound

    def _apart(self, rates: Array) -> Array:
        known = ~np.isnan(rates)
        # Where no group has the rate, nothing is apart.
        any_known = known.any(axis=-1)
        low = np.where(any_known, np.min(np.where(known, rates, np.inf), axis=-1), 1.0)
        high = np.where(any_known, np.max(np.where(known, rates, -np.inf), axis=-1), 1.0)
        if self.form == "least":
            return np.asarray(1 - low)
        if self.form == "difference":
            return np.asarray(high - low)
        return np.asarray(1 - np.divide(low, high, out=np.ones_like(low), where=high > 0))
