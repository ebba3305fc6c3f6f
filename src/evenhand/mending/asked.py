"""Asked: how a model is to be mended, and what is wrong with that before any work is done."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from evenhand.core.audit import Audit
from evenhand.core.constraint import Constraint
from evenhand.core.errors import MissingExtra, SpecError


@dataclass(frozen=True)
class Asked:
    """How a model is to be mended; constraints as texts such as equalized-odds:0.05."""

    constraints: tuple[str, ...]
    methods: str = "all"
    auto: bool = False
    deterministic: bool = False
    identity: str | None = None
    score_threshold: float | None = None

    @property
    def parsed(self) -> tuple[Constraint, ...]:
        """The constraints, each once; raises SpecError for none, or one that makes no sense."""
        found = tuple(dict.fromkeys(Constraint.parse(text) for text in self.constraints))
        if not found:
            raise SpecError("Say what is to hold: --constraint equalized-odds:0.05, or demographic-parity-ratio:0.8.")
        return found


def check(audit: Audit, asked: Asked, model: Any) -> None:
    """Raise SpecError for what makes no sense together, and MissingExtra for what is not installed."""
    _ = asked.parsed
    if audit.label is None:
        raise SpecError("Mending needs the column of true outcomes: give a label.")
    if model is not None and audit.score is not None:
        raise SpecError("Both a model and a column of scores were given; leave one of them out.")
    if asked.identity is not None and asked.identity in audit.facets:
        raise SpecError(f"{asked.identity!r} cannot both tell people apart and divide them into groups.")
    if find_spec("sklearn") is None:
        raise MissingExtra("Mending", "scikit-learn", "mend")
    if model is None and audit.score is None and find_spec("lightgbm") is None:
        raise MissingExtra("Training a model to mend", "lightgbm", "mend")
