"""Amounts: how much of a mitigation is applied, from 0 (nothing changes) to 1 (all of it)."""

from evenhand.core.errors import SpecError


def checked_amount(amount: float) -> float:
    """The amount, if it is one; raises SpecError."""
    if not 0 <= amount <= 1:
        raise SpecError(f"amount is {amount:g}; it must lie between 0 (change nothing) and 1 (in full).")
    return float(amount)
