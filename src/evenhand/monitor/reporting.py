"""Reporting: the report on a window from its two tallies — of all rows, and of those whose label is known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evenhand.core.errors import DataError
from evenhand.core.finding import Finding
from evenhand.core.monitor import Monitor
from evenhand.core.report import MetricNote, MissingValues, Profile, Report
from evenhand.core.summary import overall, summary
from evenhand.core.tally import Tally
from evenhand.flow import About, report_of


@dataclass(frozen=True)
class Counts:
    """What is known of a window: all its rows, and those with a label."""

    all: Tally | None
    labelled: Tally | None

    @property
    def rows(self) -> int:
        """The rows of the window."""
        return max(self.all.rows if self.all else 0, self.with_label)

    @property
    def with_label(self) -> int:
        """The rows whose label is known."""
        return self.labelled.rows if self.labelled else 0

    def enough(self, monitor: Monitor) -> bool:
        """Whether so much of the truth is known that metrics of labels can be shown."""
        return monitor.audit.label is None or (self.rows > 0 and self.with_label >= monitor.truth.least * self.rows)


def window_report(counts: Counts, monitor: Monitor, about: About, title: str) -> tuple[Report | None, tuple[str, ...]]:
    """The report on a window, and what could not be said.

    Metrics of predictions come from all rows; metrics of labels from the rows that have one, once there are enough.
    """
    notes: list[str] = []
    whole = _attempt(counts.all, about, title, notes)
    known = _attempt(counts.labelled, about, title, notes) if counts.enough(monitor) else None
    if whole is None or known is None:
        found = whole or known
        return (None if found is None else found.model_copy(update={"audit": monitor.audit})), tuple(notes)
    return _merged(whole, known, monitor), tuple(notes)


def _attempt(tally: Tally | None, about: About, title: str, notes: list[str]) -> Report | None:
    if tally is None or not tally.rows:
        return None
    try:
        return report_of(tally, about, title=title)
    except DataError as error:
        notes.append(str(error))
        return None


def _merged(whole: Report, known: Report, monitor: Monitor) -> Report:
    """One report: what both say is taken from all rows."""
    there = {key(finding) for finding in whole.findings}
    findings = (*whole.findings, *(finding for finding in known.findings if key(finding) not in there))
    return known.model_copy(
        update={
            "audit": monitor.audit,
            "findings": findings,
            "verdict": overall(findings),
            "summary": summary(findings, monitor.audit),
            "profiles": tuple(_profiles(whole, known)),
            "metrics": tuple(_notes((*whole.metrics, *known.metrics))),
            "missing": tuple(_missing(whole, known)),
            "notes": tuple(dict.fromkeys((*whole.notes, *known.notes))),
            "provenance": whole.provenance.model_copy(
                update={"seconds": round(whole.provenance.seconds + known.provenance.seconds, 3)}
            ),
        }
    )


def key(finding: Finding) -> tuple[str, str, str, str, str | None]:
    """What a finding is about, the same in every window."""
    return finding.metric, finding.facet, finding.group, finding.against, finding.label_class


def _profiles(whole: Report, known: Report) -> Iterator[Profile]:
    labelled = {(profile.facet, profile.group): profile for profile in known.profiles}
    for profile in whole.profiles:
        other = labelled.get((profile.facet, profile.group))
        if other is None:
            yield profile
            continue
        rates = {rate.name: rate for rate in (*other.rates, *profile.rates)}
        taken = {name: getattr(other, name) for name in ("labels", "confusion", "scores_positive", "errors")}
        yield profile.model_copy(update={**taken, "rates": tuple(rates.values())})


def _notes(notes: Sequence[MetricNote]) -> Iterator[MetricNote]:
    yield from {note.code: note for note in notes}.values()


def _missing(whole: Report, known: Report) -> Iterator[MissingValues]:
    yield from {(found.column, found.role): found for found in (*known.missing, *whole.missing)}.values()
