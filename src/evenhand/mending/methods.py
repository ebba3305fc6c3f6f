"""Methods: every mitigation by its name, when it acts, and what makes candidates of a case with it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from evenhand.core.errors import SpecError, suggestion
from evenhand.core.frontier import Stage
from evenhand.mending.after_training import calibration, linear, reject_option, thresholds
from evenhand.mending.before_training import correlation, massaging, repair, reweighing, sampling
from evenhand.mending.candidates import Candidate, Case
from evenhand.mending.in_training import boosted, exponentiated_gradient, grid, rich_subgroups
from evenhand.mending.people import REGRESSION

Make = Callable[[Case], Iterator[Candidate]]


@dataclass(frozen=True)
class Method:
    """A way of mending: when it acts, and its adapter."""

    stage: Stage
    make: Make


METHODS: dict[str, Method] = {
    "reweighing": Method("before", reweighing),
    "repair": Method("before", repair),
    "correlation": Method("before", correlation),
    "massaging": Method("before", massaging),
    "sampling": Method("before", sampling),
    "exponentiated-gradient": Method("in", exponentiated_gradient),
    "grid": Method("in", grid),
    "rich-subgroups": Method("in", rich_subgroups),
    "boosted": Method("in", boosted),
    "thresholds": Method("after", thresholds),
    "linear": Method("after", linear),
    "calibration": Method("after", calibration),
    "reject-option": Method("after", reject_option),
}
# Ways of mending numbers, which no frontier of decisions has a place for.
NUMBERS = ("barycentre", "barycenter", "quantile-barycentre", "regression")


def methods_of(text: str, *, training: bool) -> tuple[str, ...]:
    """The methods that a text names (`all`, or names with commas between); raises SpecError.

    Where a model was given, there is none to train, and methods that train are left out of `all`.
    """
    there = [name for name, method in METHODS.items() if training or method.stage == "after"]
    if text.strip() == "all":
        return tuple(there)
    wanted = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not wanted:
        raise SpecError(f"--methods names none; there are: all, {', '.join(there)}.")
    for name in wanted:
        if name in NUMBERS:
            raise SpecError(f"{name} is for numbers, and a frontier is of decisions; {REGRESSION}.")
        if name in METHODS and name not in there:
            raise SpecError(
                f"{name} trains a model, and one was given; leave out --model and --score, or take {', '.join(there)}."
            )
        if name not in there:
            raise SpecError(f"No method is called {name!r}.{suggestion(name, there)}")
    return wanted
