"""evenhand monitor: watch a model in production — definitions, records, truth, and runs of windows."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evenhand.cli import monitor_demo, monitor_new, monitor_show
from evenhand.cli.places import Place, StoreUrl, place_of
from evenhand.cli.terminal import FindingsFound, complain, say, shown_progress
from evenhand.core.errors import EvenhandError, SpecError

if TYPE_CHECKING:
    from evenhand.cli.outcomes import Printer
    from evenhand.core.monitor import Monitor
    from evenhand.core.outcome import Outcome
    from evenhand.core.store import Store
    from evenhand.core.window import Window
    from evenhand.flow import Progress
    from evenhand.monitor.running import Say

app = typer.Typer(
    help="Watch a model in production: what came in, what is known of the truth, and what drifted.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("demo")(monitor_demo.demo)
app.command("new")(monitor_new.new)
Name = Annotated[str, typer.Argument(help="The name of a monitor.")]
Files = Annotated[
    list[str],
    typer.Argument(
        help="Files, folders or globs of Parquet, JSON Lines or CSV; or prefixes such as s3://bucket/loans/."
    ),
]
Form = Annotated[
    str | None,
    typer.Option(help="sagemaker: JSON Lines of SageMaker's data capture or ground truth. [default: records]"),
]
Columns = Annotated[
    str | None, typer.Option(help="For sagemaker, what the cells of a request in CSV are called: age,income,sex.")
]
Answers = Annotated[
    str | None,
    typer.Option(
        help="For sagemaker, what the cells of an answer are called; - leaves one out. [default: the audit's]"
    ),
]
Text = Annotated[str | None, typer.Option(help="For sagemaker, columns that stay text though they look like numbers.")]
Folder = Annotated[Path, typer.Argument(help="The folder of the export.")]


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(help="A definition (.yaml or .json).")], store_url: StoreUrl = None
) -> None:
    """Keep the definition of a monitor; one of the same name is replaced."""
    from evenhand.core.monitor import Monitor
    from evenhand.monitor.cron import Cron

    monitor = _placed(Monitor.load(file), file.absolute().parent)
    if monitor.schedule is not None:
        Cron.parse(monitor.schedule)
    place_of(store_url).store().put_monitor(monitor)
    say(f"Added {monitor.name}.")


@app.command("list")
def list_(store_url: StoreUrl = None) -> None:
    """Name the monitors, and what their latest window showed."""
    from evenhand.cli.outcomes import line_of

    store = place_of(store_url).store()
    for name in store.monitors():
        outcomes = store.outcomes(name, most=1)
        say(f"{name}: {line_of(outcomes[-1]) if outcomes else 'no window was looked at yet'}")
    if not store.monitors():
        say("There are no monitors yet: `evenhand monitor new` writes a definition, `evenhand monitor add` keeps it.")


app.command("show")(monitor_show.show)


@app.command("run")
def run(
    name: Name,
    window: Annotated[
        str | None, typer.Option(help="A window by its beginning, such as 2026-11-20, or BEGIN/END.")
    ] = None,
    due: Annotated[bool, typer.Option("--due", help="Every window that is due. [default]")] = False,
    last: Annotated[int | None, typer.Option(help="The last windows that are over.")] = None,
    store_url: StoreUrl = None,
) -> None:
    """Look at windows: exit 0 when nothing drifted, 2 when something did, 1 on errors."""
    from evenhand.cli.outcomes import History, Printer
    from evenhand.monitor.running import run_window

    if sum((window is not None, due, last is not None)) > 1:
        raise SpecError("Give one of --window, --due and --last.")
    place = place_of(store_url)
    store = place.store()
    monitor = store.monitor(name)
    printer = Printer(History.of(store, name))
    failed, began = False, datetime.now(UTC).isoformat(timespec="seconds")
    for each in _chosen(monitor, store, place, window, last):
        try:
            outcome = _just_found(printer, store, each, began)
            if outcome is None:
                with shown_progress() as progress:
                    outcome = run_window(monitor, each, store, place.home, say=_said(progress))
        except EvenhandError as error:
            # The other windows go on; the last good outcome of this one stays.
            complain(f"{name}, {each}: {error}")
            failed = True
            continue
        printer.window(outcome)
    printer.end(monitor)
    _tell(monitor, store, place)
    if failed:
        raise typer.Exit(1)
    if any(outcome.status == "drift" for outcome in printer.seen):
        raise FindingsFound


@app.command("capture")
def capture(
    name: Name,
    files: Files,
    form: Form = None,
    columns: Columns = None,
    answers: Answers = None,
    text: Text = None,
    store_url: StoreUrl = None,
) -> None:
    """Keep prediction records from files; those whose id is known already count once."""
    from evenhand.cli.taking import Layout, kept

    place = place_of(store_url)
    layout = Layout(form=form, columns=columns, answers=answers, text=text)
    say(kept(place.store().monitor(name), place.home, files, layout))


@app.command("truth")
def truth(name: Name, files: Files, form: Form = None, store_url: StoreUrl = None) -> None:
    """Keep labels from files; they are joined to their predictions by id, whichever comes first."""
    from evenhand.cli.taking import Layout, kept

    place = place_of(store_url)
    say(kept(place.store().monitor(name), place.home, files, Layout(truth=True, form=form)))


@app.command("export")
def export(folder: Folder, store_url: StoreUrl = None) -> None:
    """Write everything but keys into a folder: what the store keeps, and the records."""
    from evenhand.cli.moving import export_to

    place = place_of(store_url)
    say(export_to(folder, place.store(), place.home))


@app.command("import")
def import_(folder: Folder, store_url: StoreUrl = None) -> None:
    """Keep what an export wrote."""
    from evenhand.cli.moving import import_from

    place = place_of(store_url)
    say(import_from(folder, place.store(), place.home))


def _just_found(printer: "Printer", store: "Store", window: "Window", began: str) -> "Outcome | None":
    """What the run of an earlier window found in this one, which its late records or labels changed."""
    if not printer.seen:
        return None
    outcome = store.outcome(printer.seen[0].monitor, window.start, window.end)
    return outcome if outcome is not None and outcome.created >= began else None


def _placed(monitor: "Monitor", folder: Path) -> "Monitor":
    """The definition with the files beside it by their whole paths, so that it can be run from anywhere."""
    names = {"baseline": monitor.baseline, "model": monitor.model}
    found = {name: str((folder / text).resolve()) for name, text in names.items() if text and (folder / text).exists()}
    return monitor.model_copy(update=found)


def _chosen(monitor: "Monitor", store: "Store", place: Place, window: str | None, last: int | None) -> "list[Window]":
    from evenhand.monitor.schedule import due_windows, latest_windows, window_of

    if window is not None:
        return [window_of(window, monitor.windows)]
    if last is not None:
        return latest_windows(monitor.windows, last)
    found = due_windows(monitor, store, place.home)
    if not found:
        say("No window is due.")
    return found


def _tell(monitor: "Monitor", store: "Store", place: Place) -> None:
    """Send what is due; what does not arrive is tried again by the server or the next run."""
    from evenhand.cli.operating import tell

    tell(monitor, store, place)


def _said(progress: "Progress | None") -> "Say | None":
    """The progress of a run, as the terminal's bar takes it."""
    if progress is None:
        return None
    return lambda stage, share: progress(stage, round(100 * share), 100)
