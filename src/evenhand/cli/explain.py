"""evenhand explain: what each prediction of a model owes to its inputs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.cli import options
from evenhand.cli.models import model_of
from evenhand.cli.terminal import print_reasons, say, shown_progress
from evenhand.core.errors import SpecError


def explain(
    data: Annotated[str, typer.Argument(help="A file, folder, glob or database URL.")],
    model: Annotated[str, typer.Option(help="A model file, a URL or 'command: PROGRAM'.")],
    baseline: options.Baseline = None,
    rows: Annotated[int | None, typer.Option(help="Explain a random sample of this many rows. [default: all]")] = None,
    facet: options.Facets = None,
    feature: Annotated[
        list[str] | None, typer.Option(help="A column the model takes; repeat for more. [default: all it names]")
    ] = None,
    player: Annotated[
        list[str] | None, typer.Option(help="Columns that count as one input: address=zip,state; repeat for more.")
    ] = None,
    explainer: Annotated[str, typer.Option(help="auto, exact, regression, permutation, owen, tree or proxy.")] = "auto",
    budget: Annotated[str, typer.Option(help="Evaluations a row, or auto: until the target is met.")] = "auto",
    target: Annotated[
        float, typer.Option(help="The largest standard error, as a share of the range of a row's attributions.")
    ] = 0.02,
    link: Annotated[str, typer.Option(help="identity, or logit to explain log odds.")] = "identity",
    interactions: Annotated[bool, typer.Option("--interactions", help="Also how strongly pairs act together.")] = False,
    curves: Annotated[int, typer.Option(help="How many features get curves.")] = 6,
    seed: Annotated[int, typer.Option(help="The seed of everything random.")] = 0,
    class_: Annotated[
        list[str] | None, typer.Option("--class", help="What the model's probabilities are of, in order; repeat.")
    ] = None,
    model_option: options.ModelOptions = None,
    trust_pickle: options.TrustPickle = False,
    sheet: options.Sheet = None,
    table: options.Table = None,
    query: options.Query = None,
    engine: options.Engine = None,
    memory: Annotated[str, typer.Option(help="The most memory the job may hold.")] = "1GB",
    threads: Annotated[int | None, typer.Option(help="Threads the model may use. [default: as it likes]")] = None,
    out: Annotated[
        Path | None, typer.Option(help="A folder for the result; adds to the report that is there already.")
    ] = None,
    title: options.Title = None,
) -> None:
    """Explain a model's predictions: Shapley values with standard errors, whatever the model.

    An interrupted run with --out goes on where it stopped. Exits 0, or 1 on errors.
    """
    from evenhand.explaining import Request, explained_reasons
    from evenhand.explaining.request import memory_of
    from evenhand.sources import read

    request = Request(
        baseline=baseline, features=tuple(feature) if feature else None, rows=rows,
        classes=tuple(class_) if class_ else None, trust_pickle=trust_pickle, method=explainer,  # type: ignore[arg-type]
        budget=_budget(budget), target=target, seed=seed, players=_players(player), facets=tuple(facet or ()),
        link=link, interactions=interactions, memory=memory_of(memory), threads=threads,  # type: ignore[arg-type]
        out=None if out is None else out / "explanation",
    )  # fmt: skip
    asked = model_of(model, dict(_pair(text, "--model-option") for text in model_option or ()))
    with shown_progress() as progress:
        frame = read(data, sheet=sheet, table=table, query=query, engine=engine, memory_limit=memory)
        _, reasons = explained_reasons(asked, frame, request, curves=curves, progress=progress)
    print_reasons(reasons)
    if out is not None:
        _deliver(reasons, out, title or f"What drives the predictions for {Path(data).name}")


def _budget(text: str) -> Any:
    if text == "auto" or text.isdigit():
        return text if text == "auto" else int(text)
    raise SpecError(f"--budget {text!r} must be a number of evaluations, or auto.")


def _players(texts: list[str] | None) -> dict[str, tuple[str, ...]] | None:
    if not texts:
        return None
    pairs = dict(_pair(text, "--player") for text in texts)
    return {name: tuple(column.strip() for column in columns.split(",")) for name, columns in pairs.items()}


def _pair(text: str, option: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise SpecError(f"{option} {text!r} must be NAME=VALUE.")
    return name.strip(), value


def _deliver(reasons: Any, folder: Path, title: str) -> None:
    """Add to the audit's report in this folder, or write a page of its own."""
    from evenhand.core.report import Report
    from evenhand.core.writing import write_whole
    from evenhand.renderers import render
    from evenhand.renderers.html import render_reasons

    say(f"Wrote {folder / 'explanation'}")
    if (folder / "report.json").exists():
        report = Report.load(folder / "report.json").model_copy(update={"reasons": reasons})
        pages = {"report.json": report.to_json(), "report.html": render(report, "html")}
    else:
        pages = {
            "reasons.json": reasons.model_dump_json(indent=1) + "\n",
            "reasons.html": render_reasons(reasons, title=title),
        }
    for name, text in pages.items():
        write_whole(folder / name, text)
        say(f"Wrote {folder / name}")
