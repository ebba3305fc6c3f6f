"""The child of the crash tests: accepts, seals and counts until it is killed."""

import os
import random
from pathlib import Path

from evenhand.monitor.capture import Capture
from evenhand.stores import open_store
from tests.monitor.capture.traffic_model import MONITOR, batches, clock


def work(home: str, seed: int, first: int, number: int, turn: int) -> None:
    """Send batches from `first` on; what was acknowledged is written down afterwards."""
    folder = Path(home)
    store = open_store(f"sqlite:///{folder / 'store.db'}")
    draw = random.Random(turn)  # noqa: S311
    capture = Capture(folder / "loans", MONITOR, clock=clock, segment_bytes=6_000, grace=draw.choice((0, 0.5)))
    log = os.open(folder / "acknowledged", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    (folder / f"began {turn}").touch()
    if draw.random() < 0.5 and capture.counted(store):
        capture.compact()
    for place, (kind, batch) in enumerate(batches(seed, number)[first:], first):
        (capture.accept if kind == "predictions" else capture.accept_truth)(batch)
        os.write(log, f"{place}\n".encode())
        if draw.random() < 0.3:
            capture.seal()
        if draw.random() < 0.1:
            capture.cells_changed()
        if draw.random() < 0.3 and capture.counted(store):
            capture.compact()
    capture.seal()
    capture.counted(store)
    os.write(log, b"end\n")
