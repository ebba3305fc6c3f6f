"""Request: what an explanation job was asked to do, checked at the door."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evenhand.core.attributions import Explainer
from evenhand.core.errors import SpecError, suggestion

Method = Literal["auto", "exact", "regression", "permutation", "owen", "tree", "proxy"]
METHODS = ("auto", "exact", "regression", "permutation", "owen", "tree", "proxy")
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


@dataclass(frozen=True)
class Request:
    """The settings of a job beside model and table; `explain` says what each means.

    `held` names columns that are no player: every coalition has them as they are in the row, so that a row's base is
    the mean answer for the baseline with the row's own values of them.
    """

    baseline: Any = None
    features: Sequence[str] | None = None
    rows: int | Sequence[int] | NDArray[Any] | None = None
    classes: Sequence[Any] | None = None
    trust_pickle: bool = False
    method: Method | Explainer = "auto"
    budget: int | Literal["auto"] = "auto"
    target: float = 0.02
    seed: int = 0
    players: Mapping[str, Sequence[str]] | None = None
    held: Sequence[str] = ()
    facets: Sequence[str] = ()
    link: Literal["identity", "logit"] = "identity"
    interactions: bool = False
    pooled: bool | Literal["auto"] = "auto"
    memory: int = 10**9
    threads: int | None = None
    out: Path | None = None
    resume: bool = True

    def __post_init__(self) -> None:
        self._check_names()
        if isinstance(self.method, str) and self.method not in METHODS:
            raise SpecError(f"No explainer {self.method!r}.{suggestion(self.method, list(METHODS))}")
        if not isinstance(self.method, str) and not (hasattr(self.method, "explain") and hasattr(self.method, "name")):
            raise SpecError(
                f"explainer={self.method!r} is no explainer; give one of {', '.join(METHODS)}, or an object with name"
                " and explain(game, rows, seed)."
            )
        if self.budget != "auto" and not _whole(self.budget, 2):
            raise SpecError(f"budget={self.budget!r} must be a number of evaluations from 2 up, or 'auto'.")
        if not 0 < self.target < 1:
            raise SpecError(f"target={self.target!r} must lie between 0 and 1, such as 0.02.")
        if self.link not in ("identity", "logit"):
            raise SpecError(f"link={self.link!r} must be identity or logit.")
        if self.threads is not None and not _whole(self.threads, 1):
            raise SpecError(f"threads={self.threads!r} must be at least 1.")
        if not _whole(self.seed, 0):
            raise SpecError(f"seed={self.seed!r} must be a whole number from 0 up.")
        if self.pooled not in (True, False, "auto"):
            raise SpecError(f"pooled={self.pooled!r} must be True, False or 'auto'.")
        object.__setattr__(self, "seed", int(self.seed))
        object.__setattr__(self, "budget", self.budget if self.budget == "auto" else int(self.budget))
        for option in ("features", "held", "facets", "classes"):
            given = getattr(self, option)
            object.__setattr__(self, option, None if given is None else tuple(given))

    def _check_names(self) -> None:
        for option in ("features", "held", "facets"):
            names = getattr(self, option)
            if isinstance(names, str):
                raise SpecError(f"{option}={names!r} must be a list of names, such as [{names!r}].")
        if self.features is not None and (not self.features or len(set(self.features)) < len(self.features)):
            raise SpecError(f"features={list(self.features)!r} must name at least one column, and each once.")
        for player, columns in (self.players or {}).items():
            if isinstance(columns, str):
                raise SpecError(f"players must give each player a list of columns; {player!r} has {columns!r}.")

    @property
    def settings(self) -> dict[str, object]:
        """What two runs must share for one to go on with the other's work."""
        method = self.method if isinstance(self.method, str) else self.method.name
        players = {name: list(columns) for name, columns in (self.players or {}).items()}
        return {
            "explainer": method, "budget": self.budget, "target": self.target, "seed": self.seed, "players": players,
            "held": sorted(self.held), "facets": list(self.facets), "link": self.link,
            "interactions": self.interactions, "pooled": self.pooled,
        }  # fmt: skip


def _whole(value: object, least: int) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= least)


def memory_of(text: str | int) -> int:
    """A size in bytes from text such as 500MB or 2GB."""
    if _whole(text, 1):
        return int(text)
    if not isinstance(text, str):
        raise SpecError(f"memory={text!r} must be a size such as 500MB or 2GB.")
    upper = text.strip().upper()
    for unit, factor in _UNITS.items():
        if upper.endswith(unit) and upper.removesuffix(unit).strip().replace(".", "", 1).isdigit():
            return int(float(upper.removesuffix(unit)) * factor)
    raise SpecError(f"memory={text!r} must be a size such as 500MB or 2GB.")
