"""Findings: the accepted groups of a bounty as facets of an audit or a monitor, and as findings of a report."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from evenhand.core.audit import Audit
from evenhand.core.bounty import Bounty
from evenhand.core.errors import SpecError
from evenhand.core.facet import Facet
from evenhand.core.monitor import Monitor
from evenhand.core.report import Report
from evenhand.core.store import Store
from evenhand.flow import run

Asked = TypeVar("Asked", bound=Audit)
_AT_ONCE = 1000


def facets_of(store: Store, name: str) -> tuple[str, ...]:
    """The accepted groups as texts of facets, each once, in the order of their acceptance; raises DataError.

    They are what `evenhand audit --facet` takes and what the `facets` of an audit file or a monitor hold.
    """
    store.bounty(name)
    found: dict[str, None] = {}
    at = 0
    while handed := store.handed_in(name, states=("accepted",), after=at, most=_AT_ONCE):
        found |= {str(Facet.parse(each.submission.group)): None for each in handed}
        at = handed[-1].submission.number
    return tuple(found)


def with_facets(audit: Asked, facets: Iterable[str]) -> Asked:
    """An audit, or an audit file, that also asks about these groups; its own facets come first."""
    kept = dict.fromkeys((*audit.facets, *(str(Facet.parse(text)) for text in facets)))
    return audit.model_copy(update={"facets": tuple(kept)})


def watching(monitor: Monitor, facets: Iterable[str]) -> Monitor:
    """A monitor that also watches these groups."""
    return monitor.model_copy(update={"audit": with_facets(monitor.audit, facets)})


def audit_of(bounty: Bounty, facets: Sequence[str], *, predicted_label: str | None = None, positive: Any = ()) -> Audit:
    """An audit of the bounty's label by these groups and those of its rules; raises SpecError where there are none."""
    asked = dict.fromkeys((*bounty.facets, *facets))
    if not asked:
        raise SpecError("Nothing was accepted yet, and the rules name no groups; there is nothing to audit by.")
    return Audit(label=bounty.label, predicted_label=predicted_label, positive=positive, facets=tuple(asked))


def report_of_finds(
    store: Store, name: str, audit: Audit, frame: Any, model: Any = None, *, title: str | None = None
) -> Report:
    """The report of an audit on the owner's table in which the accepted groups are facets, beside the audit's own.

    The metrics, intervals and corrections for many questions are the audit's: a find is a question like any other, and
    on rows that hunters did not have its answer owes nothing to the hunt. Raises EvenhandError.
    """
    facets = facets_of(store, name)
    report = run(with_facets(audit, facets), frame, model, title=title)
    count = f"{len(facets)} group{'' if len(facets) == 1 else 's'}"
    note = f"{count} of the bounty {name} among the facets: the model was proven to serve them worse than it could."
    return report.model_copy(update={"notes": (*report.notes, note)} if facets else {})
