"""evenhand discover: from a table to the groups nobody asked about."""

import csv
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.cli import options
from evenhand.cli.models import model_of
from evenhand.cli.terminal import FindingsFound, print_discovery, say, shown_progress
from evenhand.core.errors import SpecError

_OUTCOMES = ("error", "false_positives", "false_negatives", "selection", "label_rate", "regression_error")
_ROLES = ("label", "positive", "predicted_label", "score", "score_threshold", "block")
_PLACES = ("sheet", "table", "query", "engine", "model")


def discover(
    data: Annotated[str, typer.Argument(help="A file, folder, glob or database URL.")],
    label: options.Label = None,
    positive: Annotated[list[str] | None, typer.Option(help="A favourable label value; repeat for more.")] = None,
    predicted_label: Annotated[str | None, typer.Option(help="The column of predictions, or a condition.")] = None,
    score: Annotated[str | None, typer.Option(help="The column of scores.")] = None,
    score_threshold: options.ScoreThreshold = None,
    error: Annotated[bool, typer.Option("--error", help="Look where decisions are wrong.")] = False,
    false_positives: Annotated[
        bool, typer.Option("--false-positives", help="Look where negatives are selected.")
    ] = False,
    false_negatives: Annotated[
        bool, typer.Option("--false-negatives", help="Look where positives are missed.")
    ] = False,
    selection: Annotated[bool, typer.Option("--selection", help="Look where predictions are positive.")] = False,
    label_rate: Annotated[bool, typer.Option("--label-rate", help="Look where labels are positive.")] = False,
    regression_error: Annotated[
        bool, typer.Option("--regression-error", help="Look where numbers are far off.")
    ] = False,
    column: Annotated[str | None, typer.Option(help="Look where this number is high, such as word errors.")] = None,
    less: Annotated[bool, typer.Option("--less", help="Look where it happens less.")] = False,
    either: Annotated[bool, typer.Option("--either", help="Look where it happens more or less.")] = False,
    columns: Annotated[
        list[str] | None, typer.Option(help="Columns that groups are made of: race,sex. [default: all others]")
    ] = None,
    by: Annotated[str, typer.Option(help="Searches: lattice, scan, tree, linear; several with commas.")] = "lattice",
    depth: Annotated[int, typer.Option(help="The most conditions of a group.")] = 3,
    support: Annotated[float, typer.Option(help="The least share of the rows that a group has.")] = 0.01,
    honest: Annotated[str, typer.Option(help="halves or permutations: what decides after the search.")] = "halves",
    most: Annotated[int, typer.Option(help="The most groups to report.")] = 20,
    block: Annotated[str | None, typer.Option(help="The column of dependent rows, such as a person.")] = None,
    level: Annotated[float | None, typer.Option(help="Coverage of the intervals. [default: 0.95]")] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of everything random. [default: 0]")] = None,
    model: options.Model = None,
    model_option: options.ModelOptions = None,
    feature: options.Feature = None,
    trust_pickle: options.TrustPickle = False,
    sheet: options.Sheet = None,
    table: options.Table = None,
    query: options.Query = None,
    engine: options.Engine = None,
    memory_limit: Annotated[str, typer.Option(help="The most memory counting may use.")] = options.MEMORY,
    out: Annotated[Path | None, typer.Option(help="A folder for discovered.html and discovered.json.")] = None,
    title: options.Title = None,
) -> None:
    """Find groups nobody asked about: where something happens more often than for everyone else.

    Exits 0 when no group is found, 2 when one is, 1 on errors.
    """
    given = locals()
    question = _question(given)
    with shown_progress() as progress:
        found = _found(given, question, progress)
    command = " ".join(map(shlex.quote, _next(given, found)))
    heading = title or f"Groups in {Path(data).name}"
    print_discovery(found, heading, command)
    if out is not None:
        _deliver(found, out, heading, command)
    if found.subgroups:
        raise FindingsFound


def _question(given: dict[str, Any]) -> Any:
    from evenhand.core.subgroup import Question

    asked = [name for name in _OUTCOMES if given[name]] + ["column"] * (given["column"] is not None)
    known = ", ".join("--" + name.replace("_", "-") for name in _OUTCOMES)
    if len(asked) != 1:
        raise SpecError(f"Say one thing to look for: {known} or --column NAME.")
    if given["less"] and given["either"]:
        raise SpecError("--less and --either exclude each other; give one of them.")
    direction = "less" if given["less"] else "either" if given["either"] else "more"
    outcome = {"label_rate": "label"}.get(asked[0], asked[0].replace("_", " "))
    return Question(outcome=outcome, direction=direction, column=given["column"])


def _found(given: dict[str, Any], question: Any, progress: Any) -> Any:
    from evenhand.discovering import discover as discovered
    from evenhand.sources import read

    fields = {name: given[name] for name in (*_ROLES, "level", "seed") if given[name] is not None}
    if given["feature"]:
        fields["features"] = given["feature"]
    frame = read(
        given["data"], sheet=given["sheet"], table=given["table"], query=given["query"], engine=given["engine"],
        memory_limit=given["memory_limit"],
    )  # fmt: skip
    if progress is not None:
        progress("searching", 0, 1)
    return discovered(
        frame, fields, question, model=model_of(given["model"], dict(_pairs(given["model_option"]))),
        columns=tuple(_names(given["columns"])), by=tuple(_names([given["by"]])), depth=given["depth"],  # type: ignore[arg-type]
        support=given["support"], honest=given["honest"], most=given["most"], trust_pickle=given["trust_pickle"],
    )  # fmt: skip


def _names(texts: list[str] | None) -> list[str]:
    """Names between commas; quotes keep a comma inside a name."""
    return [name.strip() for row in csv.reader(texts or [], skipinitialspace=True) for name in row if name.strip()]


def _pairs(texts: list[str] | None) -> list[tuple[str, str]]:
    for text in texts or []:
        if "=" not in text:
            raise SpecError(f"--model-option {text!r} must be NAME=VALUE.")
    return [(name, value) for name, _, value in (text.partition("=") for text in texts or [])]


def _next(given: dict[str, Any], found: Any) -> list[str]:
    """The audit of what was found, as a command."""
    words = ["evenhand", "audit", given["data"]]
    asked = {name: given[name] for name in (*_ROLES, *_PLACES, "model_option", "feature")}
    question = found.question
    if question.outcome == "column" and not any(given[name] for name in ("label", "predicted_label", "score")):
        asked |= {"label": question.column, "outcome": "regression"}
    elif question.outcome == "regression error":
        asked["outcome"] = "regression"
    for name, value in asked.items():
        for each in value if isinstance(value, list) else [value]:
            if each is not None:
                words += [f"--{name.replace('_', '-')}", str(each)]
    words += ["--trust-pickle"] * bool(given["trust_pickle"])
    for each in found.subgroups:
        words += ["--facet", each.group]
    return words


def _deliver(found: Any, folder: Path, title: str, command: str) -> None:
    from evenhand.core.writing import write_whole
    from evenhand.renderers.discovered import render_discovery

    pages = {
        "discovered.json": found.model_dump_json(indent=1) + "\n",
        "discovered.html": render_discovery(found, title=title, command=command),
    }
    for name, text in pages.items():
        write_whole(folder / name, text)
        say(f"Wrote {folder / name}")
