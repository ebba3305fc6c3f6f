"""evenhand audit: from a table to a report."""

from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.cli import options
from evenhand.cli.models import model_of
from evenhand.cli.terminal import FindingsFound, print_report, say, shown_progress
from evenhand.core.errors import SpecError, UnreadableSource

# What options are called that may be repeated or are pairs, and what an audit file calls them.
_FIELDS = {
    "facet": "facets",
    "metric": "metrics",
    "feature": "features",
    "threshold": "thresholds",
    "intersect": "intersections",
    "model_option": "model_options",
}
_PAIRS = ("reference", "missing", "threshold", "model_option")
# How to run and show the audit, which an audit file says nothing of.
_MANNER = ("data", "trust_pickle", "memory_limit", "parts", "forget", "against", "format", "all")


def audit(
    data: Annotated[str, typer.Argument(help="A file, folder, glob or database URL; or an audit file (.yaml).")],
    label: options.Label = None,
    positive: Annotated[list[str] | None, typer.Option(help="A favourable label value; repeat for more.")] = None,
    facet: options.Facets = None,
    predicted_label: Annotated[str | None, typer.Option(help="The column of predictions, or a condition.")] = None,
    score: Annotated[str | None, typer.Option(help="The column of scores.")] = None,
    score_threshold: options.ScoreThreshold = None,
    score_range: Annotated[tuple[float, float] | None, typer.Option(help="Lowest and highest possible score.")] = None,
    outcome: options.Outcome = None,
    stratum: Annotated[str | None, typer.Option(help="The column within which conditional metrics compare.")] = None,
    intersect: Annotated[
        list[str] | None, typer.Option(help="Facets to cross: 'sex × race'; or a depth, such as 2.")
    ] = None,
    comparison: Annotated[str | None, typer.Option(help="one-vs-rest, one-vs-reference or all-pairs.")] = None,
    reference: Annotated[list[str] | None, typer.Option(help="The reference value of a facet: race=White.")] = None,
    weight: Annotated[str | None, typer.Option(help="The column of row weights.")] = None,
    block: Annotated[str | None, typer.Option(help="The column of dependent rows, such as a person.")] = None,
    missing: Annotated[list[str] | None, typer.Option(help="COLUMN=drop, COLUMN=error or COLUMN='own group'.")] = None,
    threshold: Annotated[list[str] | None, typer.Option(help="CODE=VALUE: what is acceptable, such as DI=0.8.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Only these metrics, by code; repeat for more.")] = None,
    feature: options.Feature = None,
    level: Annotated[float | None, typer.Option(help="Coverage of the intervals. [default: 0.95]")] = None,
    correction: Annotated[str | None, typer.Option(help="benjamini-hochberg, holm or none.")] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of everything random. [default: 0]")] = None,
    model: options.Model = None,
    model_option: options.ModelOptions = None,
    explain: Annotated[bool | None, typer.Option("--explain", help="Add what drives the model's predictions.")] = None,
    baseline: options.Baseline = None,
    explained_rows: Annotated[int | None, typer.Option(help="For --explain, how many rows. [default: 1000]")] = None,
    trust_pickle: options.TrustPickle = False,
    predictions: Annotated[str | None, typer.Option(help="A file of recorded predictions, joined by --id.")] = None,
    id: Annotated[str | None, typer.Option(help="The column that data and predictions share.")] = None,  # noqa: A002
    sheet: options.Sheet = None,
    table: options.Table = None,
    query: options.Query = None,
    engine: options.Engine = None,
    parts: options.Parts = None,
    forget: options.Forget = False,
    memory_limit: Annotated[str, typer.Option(help="The most memory counting may use.")] = options.MEMORY,
    report: Annotated[Path | None, typer.Option(help="A folder for report.html and report.json.")] = None,
    against: options.Against = None,
    format: Annotated[list[str] | None, typer.Option(help="html, json or markdown; repeat for more.")] = None,  # noqa: A002
    title: options.Title = None,
    all: Annotated[bool, typer.Option("--all", help="Print every finding.")] = False,  # noqa: A002
) -> None:
    """Audit a table, with predictions from its columns, a file or a model.

    Exits 0 when no finding is past its threshold, 2 when one is, 1 on errors.
    """
    request = _request(data, _asked(locals()))
    earlier = _earlier(against) if against is not None else None
    wanted = _formats(format)
    _check_parts(request, parts, memory_limit, forget=forget)
    if parts is not None:
        found = _of_parts(request, parts, trust_pickle=trust_pickle, forget=forget)
    else:
        found = _run(request, trust_pickle, memory_limit)
    deliver(found, request.report, wanted, earlier, everything=all)


def _asked(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, as an audit file writes them."""
    asked = {}
    for option, value in options.items():
        if option in _MANNER or value is None or value == []:
            continue
        if option in _PAIRS:
            value = _pairs(value, f"--{option.replace('_', '-')}")
        elif option == "intersect":
            value = _crossings(value)
        asked[_FIELDS.get(option, option)] = str(value) if option == "report" else value
    return asked


def _crossings(texts: list[str]) -> Any:
    if len(texts) == 1 and texts[0].isdigit():
        return int(texts[0])
    return [[part.strip() for part in text.replace(" * ", "×").split("×")] for text in texts]


def _pairs(texts: list[str], option: str) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise SpecError(f"{option} {text!r} must be NAME=VALUE.")
    return {name: value for name, _, value in (text.rpartition("=") for text in texts)}


def _request(data: str, asked: dict[str, Any]) -> Any:
    """The audit file given, with any options on top; or the options alone."""
    from pydantic import ValidationError

    from evenhand.core.audit_file import AuditFile, first_error

    if not data.lower().endswith((".yaml", ".yml")):
        try:
            return AuditFile.model_validate({"data": data, **asked})
        except ValidationError as error:
            raise SpecError(first_error(error, AuditFile)) from None
    found = AuditFile.load(data)
    if (found.model or "").startswith("command:") and "model" not in asked:
        raise SpecError(
            f"{data} names a program as its model, which would run it; if you trust it, say so with"
            f" --model {found.model!r}."
        )
    if "://" in (found.engine or "") and "engine" not in asked:
        raise SpecError(
            f"{data} names a cluster, which would be sent the data and the model; if you trust it, say so with"
            f" --engine {found.engine}."
        )
    try:
        return AuditFile.model_validate(found.model_dump(exclude_unset=True) | asked)
    except ValidationError as error:
        raise SpecError(first_error(error, AuditFile)) from None


def _run(request: Any, trust_pickle: bool, memory_limit: str) -> Any:
    from evenhand.flow import run
    from evenhand.sources import read
    from evenhand.sources.joins import join_predictions

    with shown_progress() as progress:
        frame = read(
            request.data, sheet=request.sheet, table=request.table, query=request.query, engine=request.engine,
            memory_limit=memory_limit,
        )  # fmt: skip
        if request.predictions is not None:
            if request.id is None:
                raise SpecError("--predictions needs --id, the column that data and predictions share.")
            frame = join_predictions(frame, read(request.predictions), request.id)
        model = model_of(request.model, request.model_options)
        return run(
            request.audit, frame, model, title=request.title, trust_pickle=trust_pickle,
            explain=_explained(request), progress=progress,
        )  # fmt: skip


def _check_parts(request: Any, parts: Path | None, memory_limit: str, *, forget: bool) -> None:
    """Raise SpecError for what does not go together with --parts."""
    if parts is None:
        if forget:
            raise SpecError("--forget is about the files of --parts; give that folder too.")
        return
    for name in ("explain", "predictions", "sheet", "table", "query"):
        if getattr(request, name):
            raise SpecError(f"--parts counts files one by one and keeps no rows; leave out {name}.")
    if memory_limit != options.MEMORY:
        raise SpecError("--parts counts files one by one, within 1GB; leave out --memory-limit.")


def _of_parts(request: Any, folder: Path, *, trust_pickle: bool, forget: bool) -> Any:
    """Count the files that are new, say which, and report on all that were ever counted."""
    from evenhand.parts import Parts, count_files

    kept = Parts(folder, request.audit)
    model = model_of(request.model, request.model_options)
    with shown_progress() as progress:
        counted = count_files(
            kept, request.data, engine=request.engine, model=model, trust_pickle=trust_pickle, forget=forget,
            progress=progress,
        )  # fmt: skip
    new, changed = len(counted.new), len(counted.changed)
    say(f"Counted {new:,} new and {changed:,} changed files; parts in all: {len(kept.names):,}.")
    title = request.title or f"Audit of {Path(request.data).name}"
    return kept.report(title=title, source=request.data, notes=counted.notes)


def _explained(request: Any) -> Any:
    """What to explain, if anything."""
    if not request.explain:
        return False
    from evenhand.explaining import Request
    from evenhand.flow import EXPLAINED_ROWS

    return Request(
        baseline=request.baseline, rows=request.explained_rows or EXPLAINED_ROWS, seed=request.seed,
        features=request.features,
    )  # fmt: skip


def _earlier(path: Path) -> Any:
    """The report of an earlier audit, from its JSON or from inside its page."""
    from evenhand.core.report import Report
    from evenhand.renderers.embedded import report_in

    if path.suffix.lower() not in (".html", ".htm"):
        return Report.load(path)
    try:
        return report_in(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise UnreadableSource(f"Cannot read the report {str(path)!r}.") from None


def _formats(formats: list[str] | None) -> list[str]:
    from evenhand.renderers import doors

    known, wanted = sorted(doors()), formats or ["html", "json"]
    for name in wanted:
        if name not in known:
            raise SpecError(f"No format {', '.join(known)}.")
    return wanted


ENDINGS = {"html": "html", "json": "json", "markdown": "md"}


def deliver(report: Any, folder: str | None, formats: list[str], earlier: Any, *, everything: bool) -> None:
    """Print the report, write its files, and say by FindingsFound that something is past its threshold."""
    from evenhand.core.writing import write_whole
    from evenhand.renderers import render

    print_report(report, everything=everything)
    if folder is not None:
        for name in formats:
            path = Path(folder) / f"report.{ENDINGS.get(name, name)}"
            write_whole(path, render(report, name, against=earlier))
            say(f"Wrote {path}")
    if report.verdict == "past":
        raise FindingsFound
