"""evenhand demo: the embedded demo, which needs no file and no network."""

from pathlib import Path
from typing import Annotated

import typer

from evenhand.cli.audit import deliver
from evenhand.cli.terminal import FindingsFound, shown_progress


def demo(
    report: Annotated[Path | None, typer.Option(help="A folder for report.html and report.json.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Print every finding.")] = False,  # noqa: A002
) -> None:
    """Audit synthetic loan decisions with a planted bias, and compare the findings with the truth. Exits 0."""
    from evenhand.demo import demo as made

    with shown_progress() as progress:
        found = made(progress)
    try:
        deliver(found, str(report) if report else None, ["html", "json"], None, everything=all)
    except FindingsFound:
        return  # The bias is planted; finding it is success.
