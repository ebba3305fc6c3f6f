"""Progress: how far the counting of a folder is, written down so that a process that dies goes on where it was."""

import dataclasses
import json
import uuid
from collections.abc import Mapping
from typing import Any

from evenhand.core.errors import SpecError, UnreadableSource
from evenhand.core.monitor import Monitor
from evenhand.monitor.capture.durable import write_durable
from evenhand.monitor.capture.folder import Folder


@dataclasses.dataclass(frozen=True)
class Progress:
    """Segments up to `through` are counted; those up to `target` are being counted, or were when the process died.

    What is counted under the name of a part is thereby the same whenever it is tried again.
    """

    identity: str
    asked: str
    through: int = 0
    target: int = 0
    settled: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    @property
    def part(self) -> str:
        """The name under which a store knows what is being counted."""
        return f"{self.identity} {self.through + 1}-{self.target}"


def progress_of(folder: Folder, monitor: Monitor) -> Progress:
    """How far counting is; raises SpecError where it was begun for another audit or other cells of time."""
    step = (monitor.windows.every or monitor.windows.length).total_seconds()
    asked = json.dumps([monitor.audit.model_dump(mode="json"), step], sort_keys=True)
    try:
        found = Progress(**json.loads(folder.progress.read_bytes()))
    except FileNotFoundError:
        return keep(folder, Progress(uuid.uuid4().hex[:12], asked))
    except (ValueError, TypeError):
        place = str(folder.progress)
        raise UnreadableSource(f"{place!r} is not what was written there; take it from a backup.") from None
    if found.asked != asked:
        raise SpecError(
            f"What monitor {monitor.name!r} has counted was for another audit or other windows; their tallies do not "
            "add up. Give the changed monitor another name."
        )
    return found


def keep(folder: Folder, progress: Progress) -> Progress:
    """Write the progress durably."""
    write_durable(folder.progress, json.dumps(dataclasses.asdict(progress)).encode())
    return progress
