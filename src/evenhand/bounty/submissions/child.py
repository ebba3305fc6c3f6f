"""Child: the process that meets strangers' files — it forks one process for each, walled in, which may die of it.

One errand a line of JSON on stdin, one answer a line on stdout; started by `sandbox.py` without an environment.
"""

import json
import os
import select
import signal
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from evenhand.bounty.submissions.walls import raised

_MOST_SAID = 65_536
# What models of each ending need; loaded once, before the first of them is handled, rather than in each child.
_PACKAGES = {
    ".onnx": ("onnxruntime",), ".skops": ("skops.io", "sklearn.ensemble"), ".ubj": ("xgboost",), ".json": ("xgboost",),
    ".txt": ("lightgbm",),
}  # fmt: skip
ANSWERS = "answers"


def main() -> None:
    """Answer errands until stdin ends."""
    import pyarrow.compute
    import pyarrow.csv
    import pyarrow.parquet

    import evenhand.bounty.submissions.tables
    import evenhand.models  # noqa: F401 - as above

    with suppress(ImportError):
        import pandas  # noqa: F401 - pyarrow would load it in every child
    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    for line in sys.stdin:
        print(json.dumps(answered(json.loads(line))), flush=True)  # noqa: T201


def answered(errand: dict[str, Any]) -> dict[str, Any]:
    """What a child of its own makes of an errand: done, refused or failed, and what is told of it."""
    _load_packages(errand)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _in_child(errand, writing)
    os.close(writing)
    try:
        said = _heard(reading, time.monotonic() + errand["seconds"])
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if said is None:
        return _failed(f"It took longer than {errand['seconds']:g} seconds.")
    try:
        found = json.loads(said)
        return {
            "state": str(found["state"]),
            "told": str(found["told"]),
            "walls": [str(each) for each in found["walls"]],
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        return _failed(_death(status))


def _load_packages(errand: dict[str, Any]) -> None:
    """Load what every child for such a file would load; where that is not installed, the child says so."""
    for name in _PACKAGES.get(Path(errand["file"]).suffix, ()) if errand["task"] == "model" else ():
        with suppress(ImportError):
            import_module(name)


def _failed(told: str) -> dict[str, Any]:
    return {"state": "failed", "told": told, "walls": []}


def _death(status: int) -> str:
    ended = os.waitstatus_to_exitcode(status)
    if ended == -signal.SIGXCPU:
        return "It took more time of the processor than a submission may take."
    return f"It broke the process that handled it ({ended}); nothing else was touched."


def _heard(pipe: int, ends: float) -> bytes | None:
    """All that the child says before it closes the pipe; None where time ran out."""
    found = b""
    while len(found) <= _MOST_SAID:
        ready, _, _ = select.select([pipe], [], [], max(0.0, ends - time.monotonic()))
        if not ready:
            return None
        part = os.read(pipe, _MOST_SAID)
        if not part:
            break
        found += part
    return found


def _in_child(errand: dict[str, Any], pipe: int) -> None:
    """Do the errand behind walls, say how it went, and be gone."""
    said: dict[str, Any] = {"state": "done", "told": "", "walls": []}
    try:
        said["walls"] = _walled(errand, pipe)
        _do(errand, said["walls"])
    except BaseException as error:
        said["state"], said["told"] = _of_error(error, errand["task"])
    try:
        os.write(pipe, json.dumps(said).encode())
    except BaseException:
        os._exit(1)
    os._exit(0)


def _walled(errand: dict[str, Any], pipe: int) -> list[str]:
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(3, pipe)
    os.closerange(pipe + 1, 4096)
    folder = Path(errand["folder"])
    os.chdir(folder)
    os.environ.update({"HOME": str(folder), "TMPDIR": str(folder)})
    return list(raised(folder / ANSWERS, memory=errand["memory"], seconds=errand["seconds"], written=errand["written"]))


def _of_error(error: BaseException, task: str) -> tuple[str, str]:
    from evenhand.core.errors import DataError, EvenhandError

    if _of_memory(error):
        return "failed", "It needs more memory than a submission may take."
    first = (str(error).strip().splitlines() or ["no message"])[0]
    if isinstance(error, DataError):
        return "refused", first
    if isinstance(error, EvenhandError):
        return "failed", first
    if task == "predictions":
        return "refused", f"The file cannot be read: {first}"
    return "failed", f"{type(error).__name__}: {first}"


def _of_memory(error: BaseException | None) -> bool:
    """Whether memory ran out, however libraries and models wrap that."""
    while error is not None:
        if isinstance(error, MemoryError) or "bad_alloc" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _do(errand: dict[str, Any], walls: list[str]) -> None:
    import numpy as np

    from evenhand.core.errors import ModelError
    from evenhand.core.loss import Loss

    loss, classes = Loss.model_validate(errand["loss"]), tuple(errand["classes"])
    file, task = Path(errand["file"]), errand["task"]
    if task == "predictions":
        from evenhand.bounty.submissions.tables import predictions

        ids, mask = np.load("ids.npy", allow_pickle=False), np.load("mask.npy", allow_pickle=False)
        found = predictions(file, errand["identity"], loss, classes, ids, mask)
    elif task == "model":
        from evenhand.bounty.submissions.answering import answers_of
        from evenhand.models.files import from_leaf

        # As a decision list loads its leaves: what is proven here is what it will answer.
        found = answers_of(from_leaf(file, classes), _rows(), loss, classes)
    elif task == "code":
        if len(walls) < 2:
            raise ModelError(
                "The kernel of this server cannot wall code in, so none is run; send a model or predictions."
            )
        found = _of_code(file, loss, classes)
    else:
        return
    np.ascontiguousarray(found, "<f8").tofile(ANSWERS)


def _rows() -> Any:
    from pyarrow import parquet

    table = parquet.read_table("features.parquet", use_threads=False)
    try:
        return table.to_pandas()
    except ImportError:
        return table


def _of_code(file: Path, loss: Any, classes: tuple[Any, ...]) -> Any:
    """What `predict(rows)` of a Python file answers."""
    from evenhand.bounty.submissions.answering import answers_of
    from evenhand.core.errors import ModelError
    from evenhand.models import load_model

    space: dict[str, Any] = {"__name__": "submission", "__file__": file.name}
    exec(compile(file.read_bytes(), file.name, "exec", dont_inherit=True), space)  # noqa: S102 - what the walls are for
    if not callable(space.get("predict")):
        raise ModelError("The file defines no predict(rows).")
    return answers_of(load_model(space["predict"], classes=classes or None), _rows(), loss, classes)
