"""Planted tables: a current model that errs more in one group, by as much and in as large a group as a test says."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.hunting import Known, Unlabelled
from evenhand.core.loss import Loss

Array = NDArray[Any]


class Planted(NamedTuple):
    """Public rows, hidden rows with their labels, and which rows are in the planted group."""

    public: Known
    hidden: Known
    inside: Array
    inside_hidden: Array

    @property
    def unlabelled(self) -> Unlabelled:
        """The hidden rows as hunters have them."""
        return Unlabelled(self.hidden.columns, self.hidden.current)


def planted(*, seed: int, gap: float, loss: Loss | None = None, public: int = 6000, hidden: int = 10_000) -> Planted:
    """Young people of the north, a tenth of all: labels follow `score`, but there the current model errs `gap` more."""
    loss = loss or Loss()
    numbers, rows = np.random.default_rng([seed, 7]), public + hidden
    columns = {
        "age": numbers.integers(18, 78, rows), "region": numbers.choice(["north", "south"], rows).astype(object),
        "score": np.round(numbers.normal(size=rows), 3),
    }  # fmt: skip
    inside = (columns["age"] < 30) & (columns["region"] == "north")
    truth = (columns["score"] > 0).astype(int)
    labels = np.where(numbers.random(rows) < 0.1, 1 - truth, truth)
    current = np.where(inside & (numbers.random(rows) < gap / 0.8), 1 - truth, truth)
    parts = np.arange(rows) < public
    known = [
        Known({name: values[here] for name, values in columns.items()}, labels[here], answered(current[here], loss))
        for here in (parts, ~parts)
    ]
    return Planted(known[0], known[1], inside[parts], inside[~parts])


def answered(places: Array, loss: Loss) -> Array:
    """Places of two classes as answers of the loss."""
    if loss.of_labels:
        return places
    if loss.of_numbers:
        return places.astype(np.float64)
    return np.column_stack([0.9 - 0.8 * places, 0.1 + 0.8 * places])
