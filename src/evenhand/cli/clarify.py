"""evenhand clarify: run an analysis_config.json, check one, and print its JSON Schema."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from evenhand.cli.terminal import say, shown_progress
from evenhand.core.errors import EvenhandError, ModelError, SpecError
from evenhand.core.visible import visible

if TYPE_CHECKING:
    from evenhand.clarify.config.analysis_config import AnalysisConfig
    from evenhand.clarify.container import Layout

app = typer.Typer(
    help="Run SageMaker Clarify's analysis_config.json anywhere.", no_args_is_help=True, rich_markup_mode=None
)

Model = Annotated[
    str | None,
    typer.Option(help="Instead of the predictor's: a file, a URL, 'command: PROGRAM' or python:module:function."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse what the SageMaker SDK refuses.")]
Data = Annotated[str | None, typer.Option(help="The dataset: a file, a folder or s3://bucket/prefix.")]


@app.command("run")
def run(
    config: Annotated[
        str | None, typer.Option(help="analysis_config.json; left out, the places of a container are used.")
    ] = None,
    data: Data = None,
    output: Annotated[str | None, typer.Option(help="The folder for results, or s3://bucket/prefix.")] = None,
    model: Model = None,
    arithmetic: Annotated[
        Literal["correct", "compat"], typer.Option(help="compat gives the numbers of smclarify 0.5, faults included.")
    ] = "correct",
    strict: Strict = False,
    resume: Annotated[bool, typer.Option(help="Go on with an interrupted run.")] = True,
    memory: Annotated[str, typer.Option(help="The most memory to use.")] = "1GB",
    threads: Annotated[int | None, typer.Option(min=1, help="The most threads to use.")] = None,
) -> None:
    """Compute what a config asks for and write analysis.json, the report and the explanations."""
    from evenhand.clarify.container import COMPLETED, cleaned_up, layout

    manner = {"arithmetic": arithmetic, "resume": resume, "memory": memory, "threads": threads}
    with cleaned_up():
        if config is not None:
            if output is None:
                raise SpecError("--config needs --output, the folder for the results.")
            _processed(config, data, output, model=model, strict=strict, **manner)
        else:
            _in_container(layout(), data, output, model=model, strict=strict, **manner)
    say(COMPLETED)


@app.command("validate")
def validate(
    config: Annotated[str, typer.Argument(help="analysis_config.json, a folder that holds it, or s3://bucket/key.")],
    data: Data = None,
    strict: Strict = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read the first rows and ask the model once.")] = False,
    model: Model = None,
) -> None:
    """Check a config: its keys, and with --dry-run also its data and its model."""
    from evenhand.clarify.config.reading import read_config

    read, warnings = read_config(config, strict=strict, has_model=model is not None)
    _warn(warnings)
    count = f", with {len(warnings)} warning{'s' if len(warnings) > 1 else ''}" if warnings else ""
    say(visible(f"{config} is valid{count}."))
    if dry_run:
        _dry_run(read, data, _model(model))


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of analysis_config.json."""
    from evenhand.clarify.config.published_schema import published_schema

    say(json.dumps(published_schema(), indent=2))


def _in_container(places: "Layout", data: str | None, output: str | None, **manner: Any) -> None:
    """A run in the places of a processing job, whose end is told in its message file."""
    from evenhand.clarify.container import COMPLETED

    try:
        given = data or (str(places.data) if places.has_data() else None)
        _processed(str(places.config()), given, output or str(places.output), **manner)
    except EvenhandError as error:
        places.leave(str(error))
        raise
    except Exception as error:
        places.leave(f"{type(error).__name__}: {error}")
        raise
    places.leave(COMPLETED)


def _processed(config: str, data: str | None, output: str, *, model: str | None, strict: bool, **manner: Any) -> None:
    from evenhand.clarify.config.reading import read_config
    from evenhand.clarify.processing import process

    read, warnings = read_config(config, strict=strict, has_model=model is not None)
    _warn(warnings)
    asked, begun = _model(model), time.time()
    with shown_progress() as progress:
        found = process(read, data, output, model=asked, warnings=warnings, progress=progress, **manner)
    _say_polarity(read)
    # The analysis repeats the warnings among its notes.
    for note in found.notes:
        if note not in warnings:
            say(visible(note))
    _say_written(output, begun)


def _say_polarity(config: "AnalysisConfig") -> None:
    from evenhand.clarify.document import POLARITY

    if config.methods.pre_training_bias is not None or config.methods.post_training_bias is not None:
        say(POLARITY)


def _say_written(output: str, begun: float) -> None:
    """The files of this run; those that stood there before are not its work."""
    if "://" in output:
        say(visible(f"Wrote {output}"))
        return
    for path in sorted(Path(output).rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(output).parts)
        # File systems keep times more coarsely than clocks.
        if path.is_file() and not hidden and path.stat().st_mtime > begun - 2:
            say(visible(f"Wrote {path}"))


def _warn(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        say(visible(f"warning: {warning}"))


def _dry_run(config: "AnalysisConfig", data: str | None, model: Any) -> None:
    from evenhand.clarify.dry_run import dry_run

    found = dry_run(config, data, model=model)
    if found.rows:
        say(
            visible(f"Read {found.rows} rows; the model is sent {len(found.features)} of {len(found.columns)} columns.")
        )
    if found.predictions is not None:
        shown = ", ".join(map(str, found.predictions[:5]))
        say(visible(f"The model answered: {shown}{', …' if len(found.predictions) > 5 else ''}"))
    for note in found.notes:
        say(visible(note))
    say(f"The dry run took {found.seconds:.1f} seconds.")


def _model(text: str | None) -> Any:
    """A model as the command line names it; python:module:function is imported, from the working folder too."""
    if text is None or not text.startswith("python:"):
        return text
    import importlib
    import sys

    _, _, named = text.partition(":")
    module, _, function = named.rpartition(":")
    if not module or not function:
        raise SpecError(f"--model {text!r} must be python:module:function.")
    sys.path.insert(0, str(Path.cwd()))
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ModelError(f"Cannot load the model {text!r}: {error}.") from None
    finally:
        sys.path.remove(str(Path.cwd()))
