"""A month of a monitor made by hand: bias that drifts at its end, data, attributions, and labels that come late."""

import math
from datetime import UTC, datetime, timedelta
from random import Random

from evenhand.core.audit import Audit
from evenhand.core.finding import Interval
from evenhand.core.monitor import Alert, Monitor, Windows
from evenhand.core.outcome import Drift, Outcome
from evenhand.core.store import AlertState, StoredAlert
from tests.renderers.extremes import hostile
from tests.renderers.reports import binary
from tests.server.pages.memory import Memory

FIRST = datetime(2026, 10, 22, tzinfo=UTC)
DAYS = 30
BINARY = binary()


def monitor(name: str = "loans") -> Monitor:
    return Monitor(
        name=name,
        audit=Audit(label="approved", score="score", facets=("sex", "race")),
        baseline="baseline/report.json",
        windows=Windows(length="1d"),
        schedule="15 2 * * *",
        alerts=(
            Alert(to="slack", address="https://hooks.example.org/T0/B0/secret", runbook="https://example.org/runbook"),
            Alert(to="smtp", address="env:EVENHAND_MAIL", about=("bias", "performance"), after=3, least=500),
        ),
    )


def _bias(random: Random, day: int, group: str, rows: int, drifting: bool) -> Drift:
    known = day < DAYS - 4
    value = 0.05 + random.gauss(0, 0.01) + (0.02 * max(day - 20, 0) if drifting else 0)
    drifted = drifting and day > 22
    half = 0.03 if known else 0.05
    facet = group.split("=")[0]
    return Drift(
        kind="bias", about=f"{group} against the rest", metric="Difference in positive predictions", facet=facet,
        group=group, value=value, baseline=0.05, rows=rows, estimated=not known,
        interval=Interval(low=value - half, high=value + half, level=0.95, method="Newcombe"),
        baseline_interval=Interval(low=0.03, high=0.07, level=0.95, method="Newcombe"),
        distance=abs(value) - 0.05, limit=0.0, evidence=math.exp(2 * (day - 20)) if drifted else 1.2,
        verdict="drift" if drifted else "no drift shown",
        reading=f"{group} is selected {value:.1%} less often than the rest; in the baseline it was 5.0%"
        + (", and the intervals are apart." if drifted else ": no farther from parity than chance explains."),
    )  # fmt: skip


def _recall(random: Random, day: int, rows: int) -> Drift:
    if day >= DAYS - 4:
        return Drift(
            kind="performance", about="sex=Female", metric="Recall", facet="sex", group="sex=Female", rows=rows,
            verdict="waiting for labels", reading="Recall waits: the truth is known for too few rows.",
        )  # fmt: skip
    value = 0.62 + random.gauss(0, 0.02)
    return Drift(
        kind="performance", about="sex=Female", metric="Recall", facet="sex", group="sex=Female", value=value,
        baseline=0.63, interval=Interval(low=value - 0.05, high=value + 0.05, level=0.95, method="Wilson"), rows=rows,
        verdict="no drift shown", reading=f"Recall of sex=Female is {value:.1%}, 63.0% in the baseline.",
    )  # fmt: skip


def _data(random: Random, day: int, column: str, rows: int) -> Drift:
    distance = abs(random.gauss(0.03, 0.01)) + (0.1 if column == "income" and day == 12 else 0)
    return Drift(
        kind="data", about=column, metric="Jensen-Shannon distance (base 2)", column=column, distance=distance,
        limit=0.1, rows=rows, verdict="drift" if distance > 0.1 else "no drift shown",
        reading=f"{column} is distributed {'otherwise than' if distance > 0.1 else 'as'} in the baseline.",
    )  # fmt: skip


def outcome(day: int, name: str = "loans") -> Outcome:
    random, start = Random(day), FIRST + timedelta(days=day)  # noqa: S311 - not for secrets
    rows = 1200 + 40 * day
    empty = day == 7
    drifts = () if empty else (
        _bias(random, day, "sex=Female", rows, drifting=True),
        _bias(random, day, "race=Black", rows // 5, drifting=False),
        _recall(random, day, rows),
        *(_data(random, day, column, rows) for column in ("age", "income", "hours")),
    )  # fmt: skip
    drifted = any(drift.verdict == "drift" for drift in drifts)
    return Outcome(
        monitor=name, start=start.isoformat(), end=(start + timedelta(days=1)).isoformat(), rows=0 if empty else rows,
        labelled=0 if empty else int(rows * max(0.0, min(0.97, (DAYS - 1 - day) / 6))),
        status="no data" if empty else "drift" if drifted else "fine", drifts=drifts,
        report=None if empty else BINARY, notes=("No record came in.",) if empty else (),
        created=(start + timedelta(days=1, hours=2, minutes=15)).isoformat(), seconds=0 if empty else 0.42,
    )  # fmt: skip


def a_month() -> Memory:
    """A store with something on every page."""
    memory = Memory()
    for name in ("loans", "hiring", "quiet"):
        memory.put_monitor(monitor(name) if name == "loans" else monitor(name).model_copy(update={"alerts": ()}))
    for day in range(DAYS):
        memory.put_outcome(outcome(day))
        if day < 20:
            memory.put_outcome(outcome(day, "hiring"))
    for project, name in (("credit", "loans at launch"), ("credit", "loans at launch"), ("people", "hiring")):
        memory.put_report(project, name, BINARY)
    states: tuple[AlertState, ...] = ("recovered", "snoozed", "acknowledged", "open")
    for place, state in enumerate(states):
        at = FIRST + timedelta(days=12 + place * 4)
        told = "sex=Female is selected 14.1% less often than the rest; in the baseline it was 5.0%."
        memory.raised.append(
            StoredAlert(
                place + 1,
                "loans",
                "bias" if place else "data",
                "sex=Female against the rest" if place else "income",
                state,
                at,
                at + timedelta(days=place),
                place + 1,
                told,
                snoozed_until=at + timedelta(days=30) if state == "snoozed" else None,
                told=at if place else None,
            )
        )
    memory.add_job("run window", {"monitor": "loans"}, state="done", progress=1.0)
    memory.add_job("run window", {"monitor": "hiring"}, state="failed", error="The model does not answer: 503.")
    memory.add_job("run window", {"monitor": "loans"}, state="running", progress=0.4, stage="explaining rows")
    memory.add_job("retention", {}, state="waiting")
    memory.add_key("collector of the branch offices", ("submit",), None)
    memory.note("ann", "acknowledged alert", "3")
    memory.note("ann", "made key", "eh_12ab collector")
    return memory


def hostile_month(text: str) -> Memory:
    """Every text that can come from outside is the given one."""
    memory = a_month()
    memory.found.clear()
    for day in range(DAYS - 8, DAYS):
        found = outcome(day)
        drifts = tuple(
            drift.model_copy(
                update={"about": text, "metric": f"{text}{place}", "reading": text, "facet": text, "group": text}
            )
            for place, drift in enumerate(found.drifts)
        )
        memory.put_outcome(found.model_copy(update={"drifts": drifts, "notes": (text,), "report": hostile(text)}))
    memory.kept.clear()
    for title in (text, "earlier"):
        memory.put_report(text, text, hostile(title))
    at = FIRST
    memory.raised = [StoredAlert(1, "loans", text, text, "open", at, at, 1, text)]
    memory.add_job(text, {"monitor": text}, state="running", progress=0.5, stage=text)
    memory.add_job(text, {"monitor": [text]}, state="failed", error=text)
    memory.add_key(text, ("read",), None)
    memory.note(text, text, text)
    evil = Alert(to="webhook", address=text, runbook=text)
    memory.put_monitor(monitor().model_copy(update={"alerts": (evil,), "baseline": text, "schedule": text}))
    return memory
