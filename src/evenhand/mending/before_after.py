"""Before and after: two reports on the judging rows, of the decisions as they were and as they are mended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.audit import Audit
from evenhand.core.constraint import Constraint
from evenhand.core.report import Report
from evenhand.flow import run
from evenhand.mending.people import People, Roles

Array = NDArray[Any]

_CODES = {
    "demographic-parity": ("DPPL",),
    "equal-opportunity": ("RD",),
    "equalized-odds": ("RD", "FPRD"),
    "predictive-equality": ("FPRD",),
}
LABEL, DECISION = "label", "decision"
# With more groups each is compared with all others together, or there would be too many pairs to read.
MOST_PAIRED = 4


@dataclass(frozen=True, eq=False)
class Judged:
    """The judging rows with the decisions on them."""

    people: People
    roles: Roles
    before: Array
    after: Array | None  # none where nothing was chosen


def reports(
    audit: Audit, judged: Judged, constraints: Sequence[Constraint], title: str | None
) -> tuple[Report, Report | None]:
    """The report on the decisions before, and the one after."""
    name = title or "Decisions"
    before = _report(audit, judged, judged.before, constraints, f"{name}, before mending")
    if judged.after is None:
        return before, None
    return before, _report(audit, judged, judged.after, constraints, f"{name}, mended")


def _report(audit: Audit, judged: Judged, decisions: Array, constraints: Sequence[Constraint], title: str) -> Report:
    people = judged.people
    facets = {name: people.columns[name] for each in judged.roles.facets for name in each.columns}
    table = facets | {_free(LABEL, facets): people.labels, _free(DECISION, facets): np.asarray(decisions)}
    crossed = (tuple(audit.facets),) if len(audit.facets) > 1 else ()
    asked = Audit(
        label=_free(LABEL, facets), positive=(1,), predicted_label=_free(DECISION, facets), facets=audit.facets,
        intersections=crossed, level=audit.level, seed=audit.seed, thresholds=_thresholds(constraints), features=(),
        comparison="all-pairs" if len(people.names) <= MOST_PAIRED else "one-vs-rest",
    )  # fmt: skip
    found = run(asked, table, title=title)
    source = {"source": "the judging rows, which neither fitting nor choosing has seen"}
    return found.model_copy(update={"provenance": found.provenance.model_copy(update=source)})


def _thresholds(constraints: Sequence[Constraint]) -> dict[str, float]:
    found: dict[str, float] = {}
    for constraint in constraints:
        if constraint.form == "difference":
            found |= dict.fromkeys(_CODES[constraint.name], constraint.bound)
        elif constraint.form == "ratio" and constraint.name == "demographic-parity":
            found["DI"] = constraint.bound
    return {code: bound for code, bound in found.items() if bound > 0}


def _free(name: str, taken: Sequence[str] | dict[str, Array]) -> str:
    return name if name not in taken else _free(f"{name} ", taken)
