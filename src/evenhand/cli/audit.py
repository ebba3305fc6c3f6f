"""evenhand audit: from a table to a report."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from evenhand.cli.terminal import FindingsFound, print_report, say, shown_progress
from evenhand.core.errors import SpecError

Format = Literal["html", "json", "markdown"]


def audit(
    data: Annotated[str, typer.Argument(help="A file, folder, glob or database URL; or an audit file (.yaml).")],
    label: Annotated[
        str | None, typer.Option(help="The column of true outcomes, or a condition: income>=50000.")
    ] = None,
    positive: Annotated[list[str] | None, typer.Option(help="A favourable label value; repeat for more.")] = None,
    facet: Annotated[
        list[str] | None, typer.Option(help="race, sex=Female, age<25 or age@25,45; repeat for more.")
    ] = None,
    predicted_label: Annotated[str | None, typer.Option(help="The column of predictions, or a condition.")] = None,
    score: Annotated[str | None, typer.Option(help="The column of scores.")] = None,
    score_threshold: Annotated[
        float | None, typer.Option(help="Scores at or above are positive. [default: 0.5]")
    ] = None,
    score_range: Annotated[tuple[float, float] | None, typer.Option(help="Lowest and highest possible score.")] = None,
    outcome: Annotated[
        str | None, typer.Option(help="binary, multiclass or regression; else read off the label.")
    ] = None,
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
    feature: Annotated[
        list[str] | None, typer.Option(help="A column for the flip test or model; repeat for more.")
    ] = None,
    level: Annotated[float | None, typer.Option(help="Coverage of the intervals. [default: 0.95]")] = None,
    correction: Annotated[str | None, typer.Option(help="benjamini-hochberg, holm or none.")] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of everything random. [default: 0]")] = None,
    model: Annotated[str | None, typer.Option(help="An ONNX or skops file, asked for predictions.")] = None,
    trust_pickle: Annotated[bool, typer.Option("--trust-pickle", help="Let a pickled model run its code.")] = False,
    predictions: Annotated[str | None, typer.Option(help="A file of recorded predictions, joined by --id.")] = None,
    id: Annotated[str | None, typer.Option(help="The column that data and predictions share.")] = None,  # noqa: A002
    sheet: Annotated[str | None, typer.Option(help="The sheet of a spreadsheet.")] = None,
    table: Annotated[str | None, typer.Option(help="The table of a database.")] = None,
    query: Annotated[str | None, typer.Option(help="The query on a database.")] = None,
    memory_limit: Annotated[str, typer.Option(help="The most memory counting may use.")] = "1GB",
    report: Annotated[Path | None, typer.Option(help="A folder for report.html and report.json.")] = None,
    against: Annotated[Path | None, typer.Option(help="An earlier report.json, to show what changed.")] = None,
    format: Annotated[list[str] | None, typer.Option(help="html, json or markdown; repeat for more.")] = None,  # noqa: A002
    title: Annotated[str | None, typer.Option(help="The title of the report.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Print every finding.")] = False,  # noqa: A002
) -> None:
    """Audit a table, with predictions from its columns, a file or a model.

    Exits 0 when no finding is past its threshold, 2 when one is, 1 on errors.
    """
    questions = _given(
        label=label, positive=positive, facets=facet, predicted_label=predicted_label, score=score,
        score_threshold=score_threshold, score_range=score_range, outcome=outcome, stratum=stratum,
        intersections=_crossings(intersect), comparison=comparison, reference=_pairs(reference, "--reference"),
        weight=weight, block=block, missing=_pairs(missing, "--missing"), thresholds=_pairs(threshold, "--threshold"),
        metrics=metric, features=feature, level=level, correction=correction, seed=seed,
    )  # fmt: skip
    places = _given(
        model=model, predictions=predictions, id=id, sheet=sheet, table=table, query=query,
        report=str(report) if report else None, title=title,
    )  # fmt: skip
    _run(_request(data, questions, places), against, format, trust_pickle, memory_limit, everything=all)


def _given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None and value != []}


def _crossings(texts: list[str] | None) -> Any:
    if not texts:
        return None
    if len(texts) == 1 and texts[0].isdigit():
        return int(texts[0])
    return [[part.strip() for part in text.replace(" * ", "×").split("×")] for text in texts]


def _pairs(texts: list[str] | None, option: str) -> dict[str, str] | None:
    if not texts:
        return None
    for text in texts:
        if "=" not in text:
            raise SpecError(f"{option} {text!r} must be NAME=VALUE.")
    return {name: value for name, _, value in (text.rpartition("=") for text in texts)}


def _request(data: str, questions: dict[str, Any], places: dict[str, Any]) -> Any:
    """The audit file given, with any options on top; or the options alone."""
    from pydantic import ValidationError

    from evenhand.core.audit_file import AuditFile, first_error

    if not data.lower().endswith((".yaml", ".yml")):
        try:
            return AuditFile.model_validate({"data": data, **questions, **places})
        except ValidationError as error:
            raise SpecError(first_error(error, AuditFile)) from None
    found = AuditFile.load(data)
    try:
        return AuditFile.model_validate(found.model_dump(exclude_unset=True) | questions | places)
    except ValidationError as error:
        raise SpecError(first_error(error, AuditFile)) from None


def _run(
    request: Any, against: Path | None, formats: list[str] | None, trust_pickle: bool, memory_limit: str, *,
    everything: bool,
) -> None:  # fmt: skip
    from evenhand.core.report import Report
    from evenhand.flow import run
    from evenhand.sources import read
    from evenhand.sources.joins import join_predictions

    earlier = Report.load(against) if against is not None else None
    wanted = _formats(formats)
    with shown_progress() as progress:
        frame = read(
            request.data, sheet=request.sheet, table=request.table, query=request.query, memory_limit=memory_limit
        )
        if request.predictions is not None:
            if request.id is None:
                raise SpecError("--predictions needs --id, the column that data and predictions share.")
            frame = join_predictions(frame, read(request.predictions), request.id)
        found = run(
            request.audit, frame, request.model, title=request.title, trust_pickle=trust_pickle, progress=progress
        )
    deliver(found, request.report, wanted, earlier, everything=everything)


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
