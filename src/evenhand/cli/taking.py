"""Taking in: records and labels from files here, from object prefixes, and from SageMaker's captured traffic."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.core.errors import EvenhandError, MissingExtra, SpecError, UnreadableSource

if TYPE_CHECKING:
    from evenhand.core.monitor import Monitor
    from evenhand.monitor.capture import Receipt, Traffic

_FORMS = ("records", "sagemaker")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How files are to be read, as the command line says it."""

    truth: bool = False
    form: str | None = None
    columns: str | None = None
    answers: str | None = None
    text: str | None = None

    @property
    def sagemaker(self) -> bool:
        """Whether files hold captured traffic or ground truth; raises SpecError for options that make no sense."""
        if self.form not in (None, *_FORMS):
            raise SpecError(f"--form {self.form} is unknown; it is one of {', '.join(_FORMS)}.")
        if self.form == "sagemaker":
            return True
        for name in ("columns", "answers", "text"):
            if getattr(self, name) is not None:
                raise SpecError(f"--{name} belongs to --form sagemaker; records name their columns themselves.")
        return False


def kept(monitor: "Monitor", home: Path, files: Sequence[str], layout: Layout) -> str:
    """Keep the rows of files and prefixes; says how many were new. Raises EvenhandError.

    Files of prefixes, and captured traffic, are remembered: those that did not change are not read again.
    """
    from evenhand.cli.records import take

    told = []
    stayed = [] if layout.sagemaker else [file for file in files if "://" not in file]
    if stayed:
        told.append(take(monitor, home, stayed, truth=layout.truth))
    rest = [file for file in files if file not in stayed]
    if rest:
        told.append(_remembered(monitor, home, rest, layout))
    return "\n".join(told)


def _remembered(monitor: "Monitor", home: Path, locations: Sequence[str], layout: Layout) -> str:
    from evenhand.monitor.capture import Capture, take_in

    accepted = duplicates = 0
    with closing(Capture(home / monitor.name, monitor)) as capture:
        for location in locations:
            receipt = _taken(partial(take_in, capture, location, **_manner(monitor, layout)), location)
            accepted, duplicates = accepted + receipt.accepted, duplicates + receipt.duplicates
    known = f"; {duplicates:,} were there before" if duplicates else ""
    return f"Kept {accepted:,} {'labels' if layout.truth else 'records'} of {monitor.name}{known}."


def _manner(monitor: "Monitor", layout: Layout) -> dict[str, Any]:
    """How `take_in` is to read."""
    if not layout.sagemaker:
        return {"form": "truth" if layout.truth else "records"}
    return {"form": "ground truth" if layout.truth else "traffic", "traffic": _traffic(monitor, layout)}


def _taken(take_in: "Callable[[], Receipt]", location: str) -> "Receipt":
    """What was taken in; what a remote store's own library complains of becomes one line."""
    try:
        return take_in()
    except EvenhandError:
        raise
    except ImportError as error:
        raise MissingExtra(f"Reading {location.partition('://')[0]}://", error.name or "s3fs", "s3") from None
    except Exception as error:  # each store's library has errors of its own
        if "://" not in location:
            raise
        raise UnreadableSource(f"Cannot read {location!r}: {str(error).partition(chr(10))[0]}.") from None


def _traffic(monitor: "Monitor", layout: Layout) -> "Traffic":
    """The names of cells: those given, or for answers the audit's prediction and score."""
    from evenhand.monitor.capture import Traffic

    audit = monitor.audit
    answers = _names(layout.answers) or tuple(name for name in (audit.predicted_label, audit.score) if name)
    return Traffic(
        columns=_names(layout.columns),
        answers=tuple(None if name == "-" else name for name in answers),
        id=monitor.id,
        time=monitor.time,
        text=_names(layout.text),
    )


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",")) if text else ()
