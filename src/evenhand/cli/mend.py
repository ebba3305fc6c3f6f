"""evenhand mend: from a table to the frontier of mended models, the chosen one, and reports before and after."""

from pathlib import Path
from typing import Annotated

import typer

from evenhand.cli import options
from evenhand.cli.models import model_of, pairs_of
from evenhand.cli.terminal import FindingsFound, say, shown_progress
from evenhand.core.visible import visible


def mend(
    data: Annotated[str, typer.Argument(help="A file, folder, glob or database URL.")],
    label: Annotated[str, typer.Option(help="The column of true outcomes, or a condition: income>=50000.")],
    facet: Annotated[
        list[str], typer.Option(help="race, age@25,45 or sex=Female; repeat to cross: every combination is a group.")
    ],
    constraint: Annotated[
        list[str],
        typer.Option(help="equalized-odds:0.05, demographic-parity-ratio:0.8, …; repeat for several at once."),
    ],
    out: Annotated[Path, typer.Option(help="The folder for frontier, model and reports.")],
    positive: Annotated[list[str] | None, typer.Option(help="A favourable label value; repeat for more.")] = None,
    model: Annotated[str | None, typer.Option(help="The model to mend: a file, a URL or 'command: PROGRAM'.")] = None,
    model_option: options.ModelOptions = None,
    trust_pickle: options.TrustPickle = False,
    score: Annotated[str | None, typer.Option(help="The column of recorded scores to mend.")] = None,
    score_threshold: options.ScoreThreshold = None,
    feature: Annotated[
        list[str] | None, typer.Option(help="A column for the model; repeat. [default: all others]")
    ] = None,
    id: Annotated[str | None, typer.Option(help="The column that tells people apart.")] = None,  # noqa: A002
    methods: Annotated[str, typer.Option(help="all, or names with commas: thresholds,reweighing.")] = "all",
    auto: Annotated[bool, typer.Option("--auto", help="Take only what is credibly within the tolerance.")] = False,
    deterministic: Annotated[bool, typer.Option("--deterministic", help="Rules without chance.")] = False,
    seed: Annotated[int, typer.Option(help="The seed of everything random.")] = 0,
    level: Annotated[float, typer.Option(help="Coverage of the intervals.")] = 0.95,
    sheet: options.Sheet = None,
    table: options.Table = None,
    query: options.Query = None,
    title: options.Title = None,
) -> None:
    """Make a model treat groups more alike: every method on one split, what each gives and costs, and the chosen one.

    Exits 0, 2 where nothing is within the tolerance or the tolerance is tighter than chance, 1 on errors.
    """
    from evenhand.core.audit import Audit
    from evenhand.mending import Asked, mend
    from evenhand.mending.asked import check
    from evenhand.mending.files import check_folder, deliver
    from evenhand.sources import read

    check_folder(out)
    asked_model = model_of(model, pairs_of(model_option, "--model-option"))
    audit = Audit(
        label=label, positive=tuple(positive or ()), facets=tuple(facet), score=score, seed=seed, level=level,
        features=tuple(feature) if feature else None,
    )  # fmt: skip
    asked = Asked(
        constraints=tuple(constraint), methods=methods, auto=auto, deterministic=deterministic, identity=id,
        score_threshold=score_threshold,
    )  # fmt: skip
    check(audit, asked, model)
    with shown_progress() as progress:
        frame = read(data, sheet=sheet, table=table, query=query)
        found = mend(frame, audit, asked, model=asked_model, trust_pickle=trust_pickle, title=title, progress=progress)
        deliver(found, out)
    _print(found.frontier)
    say(f"Wrote {out}")
    if not found.frontier.kept:
        raise FindingsFound


def _print(frontier: object) -> None:
    from evenhand.core.frontier import Frontier
    from evenhand.mending.choosing import remarks
    from evenhand.renderers.frontier import lines

    assert isinstance(frontier, Frontier)  # noqa: S101
    for line in (*lines(frontier), *remarks(frontier), *frontier.refused, *frontier.notes):
        say(visible(line))
