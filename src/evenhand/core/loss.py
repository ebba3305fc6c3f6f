"""Loss: how wrong an answer is, from 0 to 1 for each row — all that a bounty needs to know about a task."""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from evenhand.core.errors import SpecError, suggestion
from evenhand.core.finding import Fact
from evenhand.core.values import normalised, written

Array = NDArray[Any]
Name = Literal["zero-one", "accuracy", "top", "squared", "absolute", "log"]

# Probabilities are clipped to these before their logarithm is taken, as in Ladder.jl (Hardt, losses.jl).
LEAST, MOST = 0.01, 0.99
_LABELS: tuple[Name, ...] = ("zero-one", "accuracy")
_NUMBERS: tuple[Name, ...] = ("squared", "absolute")


class Loss(Fact):
    """A loss of each row between 0 and 1, whatever the metric that people know it by.

    `zero-one` and `accuracy` compare labels; `top` asks whether the true class is among the `most` likeliest, `log`
    for its probability; `squared` and `absolute` are of numbers that differ by at most `width`, and capped there.
    """

    name: Name = "zero-one"
    width: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="How far apart numbers are at the most."
    )
    most: int = Field(default=1, ge=1, description="How many classes 'top' may name.")

    def model_post_init(self, _: Any) -> None:
        """Refuse a loss of numbers without a width, and settings that a loss does not have; raises SpecError."""
        if self.of_numbers and self.width is None:
            raise SpecError(f"The loss {self.name} needs a width, the largest difference that counts: {self.name}:100.")
        if self.width is not None and not self.of_numbers:
            raise SpecError(f"The loss {self.name} has no width; leave it out, or take squared or absolute.")
        if self.most > 1 and self.name != "top":
            raise SpecError(f"The loss {self.name} names one answer; leave `most` out, or take top:{self.most}.")

    @classmethod
    def parse(cls, text: str) -> "Loss":
        """Read zero-one, accuracy, log, top:3, squared:100 or absolute:100; raises SpecError."""
        name, colon, value = text.strip().partition(":")
        if name not in get_args(Name):
            raise SpecError(f"No loss is called {name!r}.{suggestion(name, list(get_args(Name)))}")
        if not colon:
            return cls.model_validate({"name": name})
        try:
            number = float(value)
        except ValueError:
            raise SpecError(f"{value!r} is no number; write {name}:3.") from None
        if name == "top" and number >= 1 and number.is_integer():
            return cls(name="top", most=int(number))
        if name in _NUMBERS and 0 < number < np.inf:
            return cls.model_validate({"name": name, "width": number})
        raise SpecError(f"{text!r} is no loss; write zero-one, accuracy, log, top:3, squared:100 or absolute:100.")

    def __str__(self) -> str:
        if self.name == "top":
            return f"top:{self.most}"
        return f"{self.name}:{written(normalised(self.width))}" if self.width is not None else self.name

    @property
    def of_labels(self) -> bool:
        """Whether answers are the places of classes."""
        return self.name in _LABELS

    @property
    def of_numbers(self) -> bool:
        """Whether answers are numbers of the label's own scale; otherwise they are a probability for each class."""
        return self.name in _NUMBERS

    @property
    def higher_is_better(self) -> bool:
        """Whether people know it by a metric that grows as the loss falls."""
        return self.name in ("accuracy", "top")

    def shown(self, mean: float) -> float:
        """The metric of a mean loss, in the units people know: accuracy for accuracy, squared units for squared."""
        if self.higher_is_better:
            return 1 - mean
        if self.width is not None:
            return mean * (self.width**2 if self.name == "squared" else self.width)
        return float(mean * (np.log(MOST) - np.log(LEAST)) - np.log(MOST)) if self.name == "log" else mean

    def rows(self, labels: Array, answers: Array) -> Array:
        """The loss of each row: `labels` are places of classes or numbers, `answers` as the loss wants them.

        An answer that is no number is as wrong as can be.
        """
        if self.of_labels:
            return np.asarray(labels != answers).astype(np.float64)
        if self.of_numbers:
            with np.errstate(over="ignore"):
                apart = np.minimum(np.abs(labels - answers) / self.width, 1.0)
            return _known(apart**2 if self.name == "squared" else apart)
        places = labels[:, None].astype(np.int64)
        if self.name == "top":
            # A class is among the likeliest where fewer than `most` others are at least as likely: ties do not help,
            # and neither does NaN, which is less than nothing.
            likelier = ~(answers < np.take_along_axis(answers, places, axis=1))
            return np.asarray(likelier.sum(axis=1) > self.most).astype(np.float64)
        clipped = np.clip(np.take_along_axis(_summing_to_one(answers), places, axis=1)[:, 0], LEAST, MOST)
        return _known((np.log(MOST) - np.log(clipped)) / (np.log(MOST) - np.log(LEAST)))


def _known(losses: Array) -> Array:
    return np.where(np.isnan(losses), 1.0, losses)


def _summing_to_one(answers: Array) -> Array:
    # Else someone who says 0.99 of every class would never be wrong.
    positive = np.maximum(answers, 0.0)
    with np.errstate(all="ignore"):
        return np.asarray(positive / positive.sum(axis=1, keepdims=True))
