"""Labels: what each output of a model is called in analysis.json, and both classes where one output stands for two."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.analysis import Dataset
from evenhand.core.errors import SpecError
from evenhand.models import LoadedModel

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Labels:
    """The labels' names; `both` says that one output, the probability of the second class, stands for two."""

    names: tuple[str, ...]
    both: bool = False

    def signed(self, values: Floats) -> Floats:
        """Attributions or log odds by label, from those by output (the last axis): 1 − p has the negative of p's."""
        return np.concatenate([-values, values], axis=-1) if self.both else values

    def answers(self, values: Floats) -> Floats:
        """Answers by label, from those by output (the last axis)."""
        return np.concatenate([1 - values, values], axis=-1) if self.both else values


def labels_of(model: LoadedModel, dataset: Dataset, count: int, names: Sequence[Any] | None) -> Labels:
    """The labels of a model with this many outputs: those given, its classes, or label0, label1, …

    A single output is called by its only name given, by the label's column, or label0. Two names for a classifier of
    two classes are one for each class. Raises SpecError for another number of names.
    """
    given = tuple(str(name) for name in names or ())
    if len(given) == 2 and count == 1 and len(model.classes or ()) == 2:
        return Labels(given, both=True)
    if given and len(given) != count:
        raise SpecError(
            f"label_headers names {len(given)} labels and the model answers {count}; give one name for each output."
        )
    if given:
        return Labels(given)
    if count == 1:
        return Labels((dataset.label or "label0",))
    classes = tuple(str(each) for each in model.classes or ())
    return Labels(classes if len(classes) == count else tuple(f"label{place}" for place in range(count)))
