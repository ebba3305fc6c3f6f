"""evenhand monitor show: the latest windows of a monitor and its alerts, or one window in full."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evenhand.cli.places import StoreUrl, place_of
from evenhand.cli.terminal import say
from evenhand.core.errors import SpecError

if TYPE_CHECKING:
    from evenhand.core.monitor import Monitor
    from evenhand.core.outcome import Outcome
    from evenhand.core.store import Store


def show(
    name: Annotated[str, typer.Argument(help="The name of a monitor.")],
    last: Annotated[int, typer.Option(min=1, help="How many windows to show.")] = 10,
    window: Annotated[str | None, typer.Option(help="One window in whole sentences, by its beginning.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="With --window, a folder for report.html and report.json.")
    ] = None,
    store_url: StoreUrl = None,
) -> None:
    """Show the latest windows of a monitor and the alerts that are open; or one window in full."""
    from evenhand.cli.outcomes import print_everything, print_monitor

    store = place_of(store_url).store()
    monitor = store.monitor(name)
    if window is None:
        if report is not None:
            raise SpecError("--report needs --window, such as --window 2026-11-20.")
        print_monitor(monitor, store, last)
        return
    outcome = _looked_at(monitor, store, window)
    print_everything(outcome)
    if report is not None:
        _write_report(outcome, report)


def _looked_at(monitor: "Monitor", store: "Store", window: str) -> "Outcome":
    """What was found in a window; raises SpecError where it was not looked at."""
    from evenhand.monitor.schedule import window_of

    wanted = window_of(window, monitor.windows)
    outcome = store.outcome(monitor.name, wanted.start, wanted.end)
    if outcome is None:
        raise SpecError(
            f"The window {wanted} of {monitor.name} was not looked at yet; do so with"
            f" `evenhand monitor run {monitor.name} --window {window}`."
        )
    return outcome


def _write_report(outcome: "Outcome", folder: Path) -> None:
    from evenhand.core.writing import write_whole
    from evenhand.renderers import render

    if outcome.report is None:
        raise SpecError("This window has no report: no record of it came in, or too few to say anything.")
    for name in ("html", "json"):
        write_whole(folder / f"report.{name}", render(outcome.report, name))
        say(f"Wrote {folder / f'report.{name}'}")
