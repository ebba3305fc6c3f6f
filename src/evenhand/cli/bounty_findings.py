"""evenhand bounty facets and audit: what was found becomes what is watched, and what a report says."""

from pathlib import Path
from typing import Annotated

import typer

from evenhand.cli import options
from evenhand.cli.bounty_places import Home, StoreUrl, kept
from evenhand.cli.terminal import say
from evenhand.core.visible import visible

Name = Annotated[str, typer.Argument(help="The name of a bounty of this machine.")]


def facets(
    name: Name,
    monitor: Annotated[
        str | None, typer.Option(help="A monitor of this machine that watches them from now on.")
    ] = None,
    home: Home = None,
    store_url: StoreUrl = None,
) -> None:
    """Name the accepted groups, one a line, as --facet takes them; or have a monitor watch them."""
    from evenhand.bounty.afterwards.findings import facets_of, watching

    store = kept(name, store_url, home).known().store
    found = facets_of(store, name)
    if monitor is None:
        for facet in found:
            say(visible(facet))
        return
    before = store.monitor(monitor)
    after = watching(before, found)
    new = [facet for facet in after.audit.facets if facet not in before.audit.facets]
    if new:
        store.put_monitor(after)
    say(visible(f"{monitor} watches {', '.join(new) or 'all of them already'}."))


def audit(
    name: Name,
    data: Annotated[str, typer.Argument(help="A table with the truth: a file, folder, glob or database URL.")],
    model: options.Model = None,
    predicted_label: Annotated[str | None, typer.Option(help="The column of predictions, or a condition.")] = None,
    positive: Annotated[list[str] | None, typer.Option(help="A favourable label value; repeat for more.")] = None,
    report: Annotated[Path | None, typer.Option(help="A folder for report.html and report.json.")] = None,
    title: options.Title = None,
    all: Annotated[bool, typer.Option("--all", help="Print every finding.")] = False,  # noqa: A002
    trust_pickle: options.TrustPickle = False,
    home: Home = None,
    store_url: StoreUrl = None,
) -> None:
    """Audit a model by the accepted groups, and those of the rules, on rows that no hunter had.

    Exits 0 when no finding is past its threshold, 2 when one is, 1 on errors.
    """
    from evenhand.bounty.afterwards.findings import audit_of, facets_of, report_of_finds
    from evenhand.cli.audit import deliver
    from evenhand.models import load_model
    from evenhand.sources import read

    place = kept(name, store_url, home).known()
    bounty = place.store.bounty(name)
    asked = audit_of(
        bounty, facets_of(place.store, name), predicted_label=predicted_label, positive=tuple(positive or ())
    )
    opened = load_model(model, trust_pickle=trust_pickle) if model is not None else None
    found = report_of_finds(place.store, name, asked, read(data), opened, title=title)
    deliver(found, str(report) if report is not None else None, ["html", "json"], None, everything=all)
