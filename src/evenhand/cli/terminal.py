"""The terminal: tables, progress and errors as people read them there."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from evenhand.core.visible import visible

if TYPE_CHECKING:
    from evenhand.core.finding import Finding
    from evenhand.core.reasons import Reasons
    from evenhand.core.report import Report
    from evenhand.core.subgroup import Discovery
    from evenhand.flow import Progress

MARKS = {
    "past": ("✗ past threshold", "red"),
    "within": ("✓ within", "green"),
    "cannot tell": ("? cannot tell", "yellow"),
    "too little data": ("? too little data", "yellow"),
    "not judged": ("· not judged", "dim"),
    "undefined": ("– not defined", "dim"),
}
HEADLINES = {
    "past": "Groups are treated differently, past the threshold.",
    "within": "No finding past its threshold.",
    "cannot tell": "Cannot tell: the data does not decide every question.",
    "not judged": "Measured, not judged: no threshold applies.",
}


class FindingsFound(Exception):
    """Some finding is past its threshold."""


def complain(message: str) -> None:
    """One line on the error stream."""
    print(f"evenhand: {visible(message)}", file=sys.stderr)  # noqa: T201


def say(message: str) -> None:
    """One line on the output stream."""
    print(message)  # noqa: T201


@contextmanager
def shown_progress() -> Iterator["Progress | None"]:
    """A progress bar on the error stream of a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeRemainingColumn(compact=True))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)

        def progress(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total if total > 1 else None)

        yield progress


def print_report(report: "Report", *, everything: bool = False) -> None:
    """The verdict, the summary, and facet by facet what is past its threshold or cannot be told."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(visible(report.title), style="bold"))
    mark, colour = MARKS[report.verdict]
    console.print(Text(f"{mark[0]} {HEADLINES[report.verdict]}", style=f"bold {colour}"))
    for sentence in report.summary:
        console.print(Padding(Text(visible(sentence)), (0, 0, 0, 2)))
    shown = [finding for finding in report.findings if everything or _matters(finding)]
    for facet in dict.fromkeys(finding.facet for finding in shown):
        console.print()
        console.print(Text(visible(facet), style="bold"))
        console.print(_table([finding for finding in shown if finding.facet == facet]))
    if report.reasons is not None:
        console.print()
        print_reasons(report.reasons)
    console.print()
    for line in _footnotes(report, len(report.findings) - len(shown)):
        console.print(Text(visible(line), style="dim"))


def print_reasons(reasons: "Reasons") -> None:
    """What drives the predictions: the summary, and a bar for each of the most important inputs."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from evenhand.renderers.reasons import drivers, marks

    console = Console(highlight=False)
    of = f" of {reasons.outputs[0]}" if len(reasons.outputs) > 1 else ""
    console.print(Text(visible(f"What drives the predictions{of}"), style="bold"))
    for sentence in reasons.summary:
        console.print(Padding(Text(visible(sentence)), (0, 0, 0, 2)))
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    table.add_column("input", overflow="fold", ratio=1)
    table.add_column("", no_wrap=True)
    table.add_column("mean |attribution|", justify="right", no_wrap=True)
    table.add_column("interval", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    shown = drivers(reasons, 8)
    largest = max((item.mean for item, _ in shown), default=0.0) or 1.0
    for item, share in shown:
        noted = "".join(f" [{mark}]" for mark in marks(reasons, item.player))
        interval = f"{item.interval.low:.3g} to {item.interval.high:.3g}" if item.interval else ""
        bar = "━" * max(1, round(10 * item.mean / largest)) if item.mean > 0 else ""
        name = Text(visible(item.player)).append(visible(noted), style="dim")
        table.add_row(name, Text(bar, style="cyan"), f"{item.mean:.3g}", interval, f"{share:.1%}")
    console.print(table)


def print_discovery(found: "Discovery", title: str, command: str) -> None:
    """What a search for groups found: a table, a sentence for each group, and what to go on with."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    from evenhand.renderers.discovered import headline, searched, unseen

    console = Console(highlight=False)
    console.print(Text(visible(title), style="bold"))
    mark, colour = ("✗", "red") if found.subgroups else ("✓", "green")
    console.print(Text(visible(f"{mark} {headline(found)}"), style=f"bold {colour}"))
    if found.subgroups:
        console.print()
        console.print(_groups_table(found))
        console.print()
    for each in found.subgroups:
        console.print(Padding(Text(visible(each.reading)), (0, 0, 0, 2)))
    console.print()
    for line in (searched(found), unseen(found), *found.notes):
        console.print(Text(visible(line), style="dim"))
    if found.subgroups:
        console.print()
        console.print(Text("Go on with:", style="bold"))
        # One line, however wide the terminal is, so that it can be copied.
        console.print(Text(visible(command)), soft_wrap=True)


def _groups_table(found: "Discovery") -> object:
    from rich.table import Table
    from rich.text import Text

    from evenhand.renderers.discovered import ends, gap, is_rate, written

    rate = is_rate(found.question)
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    table.add_column("group", overflow="fold", ratio=1)
    for name in ("rows", "here", "elsewhere", "points" if rate else "gap"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("interval", no_wrap=True)
    for each in found.subgroups:
        here, elsewhere = (written(value, rate=rate) for value in (each.value, each.elsewhere))
        table.add_row(
            Text(visible(each.group), style="bold"), f"{each.rows:,}", here, elsewhere,
            Text(gap(each, rate=rate), style="red"), ends(each, rate=rate),
        )  # fmt: skip
    return table


def _footnotes(report: "Report", hidden: int) -> Iterator[str]:
    within = sum(finding.verdict == "within" for finding in report.findings)
    if hidden:
        yield f"Not shown: {hidden:,} values, {within:,} of them within their threshold; --all prints them."
    for missing in report.missing:
        yield f"{missing.column}: no value in {missing.rows:,} rows ({missing.policy})."
    yield from report.notes


def _matters(finding: "Finding") -> bool:
    """Whether a finding is past its threshold, untold, or a largest gap that chance does not explain."""
    told = finding.verdict in ("within", "not judged", "undefined")
    return not told or (finding.metric.startswith("GAP") and bool(finding.differs))


def _unseen(finding: "Finding") -> str:
    """Why too little data cannot tell: the smallest gap that would have been seen."""
    if finding.minimum_detectable is None:
        return "too little data"
    unit = " times" if finding.parity == 1 else ""
    return f"too little data: only a gap of {finding.minimum_detectable:.2g}{unit} would have been seen"


def _table(findings: list["Finding"]) -> object:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    table.add_column("")
    table.add_column("metric", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("interval", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("group", overflow="fold", ratio=1)
    for finding in sorted(findings, key=lambda finding: list(MARKS).index(finding.verdict)):
        mark, colour = MARKS[finding.verdict]
        interval = f"{finding.interval.low:.3g} to {finding.interval.high:.3g}" if finding.interval else ""
        against = "" if finding.against == "the rest" else f" against {finding.against}"
        label_class = "" if finding.label_class is None else f" (class {finding.label_class})"
        note = f" — {_unseen(finding)}" if finding.verdict == "too little data" else ""
        table.add_row(
            Text(mark[0], style=colour), Text(finding.metric, style=colour),
            "" if finding.value is None else f"{finding.value:.3g}", interval, f"{finding.rows:,}",
            Text(visible(f"{finding.group}{against}{label_class}{note}")),
        )  # fmt: skip
    return table
