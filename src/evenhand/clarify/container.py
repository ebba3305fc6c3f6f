"""The container's layout: where a SageMaker processing job puts config and data, and expects results and messages."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from evenhand.clarify.config.reading import FILE_NAME
from evenhand.core.errors import EvenhandError, SpecError
from evenhand.core.visible import visible
from evenhand.core.writing import write_whole

COMPLETED = "Completed: SageMaker XAI Analyzer ran successfully"
STOPPED = "Signal 15 received, cleaning up"
ROOT_VARIABLE, ROOT = "EVENHAND_CLARIFY_ROOT", "/opt/ml"
# What SageMaker keeps of a message.
LONGEST = 1024


@dataclass(frozen=True)
class Layout:
    """The places below a root, which is /opt/ml in a container."""

    root: Path

    @property
    def data(self) -> Path:
        """The folder of the dataset."""
        return self.root / "processing" / "input" / "data"

    @property
    def output(self) -> Path:
        """The folder of the results."""
        return self.root / "processing" / "output"

    @property
    def message(self) -> Path:
        """The file whose text becomes the job's ExitMessage."""
        return self.root / "output" / "message"

    def config(self) -> Path:
        """The config: analysis_config.json, or the only JSON file there. Raises SpecError where there is none."""
        folder = self.root / "processing" / "input" / "config"
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
        others = sorted(folder.glob("*.json"))
        if len(others) == 1:
            return others[0]
        raise SpecError(f"There is no {FILE_NAME} in {str(folder)!r}; put it there, or name it with --config.")

    def has_data(self) -> bool:
        """Whether the dataset was given as an input."""
        return self.data.is_dir() and next(self.data.iterdir(), None) is not None

    def leave(self, message: str) -> None:
        """Write a message, one line; a place that cannot be written to is no reason to fail."""
        with suppress(EvenhandError):
            write_whole(self.message, visible(message)[:LONGEST])


def layout() -> Layout:
    """The layout below /opt/ml, or below the folder that EVENHAND_CLARIFY_ROOT names."""
    return Layout(Path(os.environ.get(ROOT_VARIABLE) or ROOT))


@contextmanager
def cleaned_up() -> Iterator[None]:
    """While this is open, SIGTERM says so, lets everything clean up behind itself, and exits 1."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can be told of signals
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        # print is not safe here: the signal may come in the midst of another one.
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{STOPPED}\n".encode())
        raise SystemExit(1)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
