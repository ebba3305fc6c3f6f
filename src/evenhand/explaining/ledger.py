"""Ledger: where the attributions of a job are written, chunk by chunk; it is the result and the checkpoint in one.

Arrays are files from the beginning where a folder is given or memory would not hold them; a chunk that is marked as
done needs not be done again. The folder bears another name until everything is written.
"""

import json
import mmap
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.arrays import FACTS, Stored, decoded, fill
from evenhand.core.attributions import Attributions
from evenhand.core.errors import EvenhandError, SpecError

JOB, STATE = "job.json", "state.json"


@dataclass(frozen=True)
class Shape:
    """How large the result is: rows, players, outputs, rows a chunk, facets, and whether pairs are kept."""

    rows: int
    players: int
    outputs: int
    chunk: int
    facets: tuple[str, ...]
    interactions: bool

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return -(-self.rows // self.chunk)

    def arrays(self) -> dict[str, tuple[tuple[int, ...], type]]:
        """The shape and type of every array."""
        wide = (self.rows, self.players, self.outputs)
        found: dict[str, tuple[tuple[int, ...], type]] = {
            "attributions": (wide, np.float64),
            "errors": (wide, np.float64),
            "base": ((self.rows, self.outputs), np.float64),
            "predictions": ((self.rows, self.outputs), np.float64),
            "evaluations": ((self.rows,), np.int64),
            "shared": ((self.chunks, self.players, self.outputs), np.float64),
            "done": ((self.chunks,), np.uint64),
        }
        found |= {f"groups {place}": ((self.rows,), np.int32) for place in range(len(self.facets))}
        if self.interactions:
            found["interactions"] = ((self.rows, self.players, self.players, self.outputs), np.float64)
        return found

    @property
    def bytes(self) -> int:
        """How much all arrays need."""
        return sum(int(np.prod(shape)) * np.dtype(kind).itemsize for shape, kind in self.arrays().values())


class Ledger:
    """The arrays of one job; attribute `arrays` gives them by name."""

    def __init__(
        self, shape: Shape, folder: Path | None, job: Mapping[str, Any], memory: int, *, resume: bool = True
    ) -> None:
        self.shape = shape
        self._final = folder
        self._folder = self._place(folder, memory)
        self.arrays: dict[str, NDArray[Any]] = {}
        self.levels: list[dict[Any, int]] = [{} for _ in shape.facets]
        wanted = json.loads(json.dumps({**job, "shape": [shape.rows, shape.players, shape.outputs, shape.chunk]}))
        kept = self._kept(wanted) if resume else False
        if self._folder is not None and not kept:
            self._begin(wanted)
        for name, (size, kind) in shape.arrays().items():
            self.arrays[name] = self._opened(name, size, kind, kept)

    @property
    def done(self) -> int:
        """How many chunks are written."""
        return int((self.arrays["done"] > 0).sum())

    @staticmethod
    def remembered(folder: Path | None) -> dict[str, Any]:
        """What an unfinished job for this folder remembered, or nothing."""
        path = None if folder is None else unfinished(folder) / STATE
        if path is None or not path.exists():
            return {}
        return dict(json.loads(path.read_text(encoding="utf-8")))

    def remember(self, state: Mapping[str, Any]) -> None:
        """Keep small facts for a later run that resumes this job."""
        if self._folder is not None:
            path = self._folder / STATE
            made = path.with_suffix(".new")
            made.write_text(json.dumps(state))
            made.replace(path)

    def is_done(self, chunk: int, fingerprint: int) -> bool:
        """Whether a chunk is written; raises SpecError where its rows were other rows then."""
        mark = int(self.arrays["done"][chunk])
        if mark and mark != _mark(fingerprint):
            raise SpecError(
                f"The data changed since {str(self._folder)!r} was begun; remove that folder to begin again."
            )
        return mark > 0

    def write_groups(self, start: int, groups: Sequence[NDArray[Any]]) -> None:
        """Write the groups of some rows, from this one on; also of chunks that are done, whose levels are learned."""
        for place, values in enumerate(groups):
            self.arrays[f"groups {place}"][start : start + len(values)] = self._coded(place, values)

    def groups(self) -> dict[str, NDArray[np.object_]]:
        """Each row's group of each facet."""
        return {
            facet: decoded(self.arrays[f"groups {place}"], list(self.levels[place]))
            for place, facet in enumerate(self.shape.facets)
        }

    def write(self, chunk: int, found: Attributions, fingerprint: int) -> None:
        """Write one chunk, and mark it as done when everything of it is in its place."""
        start = chunk * self.shape.chunk
        rows = slice(start, start + len(found.values))
        self.arrays["attributions"][rows] = found.values
        self.arrays["errors"][rows] = found.errors
        self.arrays["base"][rows] = found.base
        self.arrays["predictions"][rows] = found.full
        self.arrays["evaluations"][rows] = found.evaluations
        self.arrays["shared"][chunk] = found.shared
        if found.interactions is not None and self.shape.interactions:
            self.arrays["interactions"][rows] = found.interactions
        self.arrays["done"][chunk] = _mark(fingerprint)

    def release(self) -> None:
        """Let go of the pages of large arrays; what is in them is in the files."""
        for array in self.arrays.values():
            mapped = getattr(array, "_mmap", None)
            if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
                mapped.flush()
                mapped.madvise(mmap.MADV_DONTNEED)

    def finish(self, stored: Stored) -> Path | None:
        """Write what else belongs to the result and give the folder its name; None where nothing was asked for."""
        if self._folder is None or self._final is None:
            return None
        for name in ("shared", "done", *(f"groups {place}" for place in range(len(self.shape.facets)))):
            (self._folder / f"{name}.npy").unlink()
        for name in (JOB, STATE):
            (self._folder / name).unlink(missing_ok=True)
        fill(self._folder, stored)
        if self._final.exists():
            check_explanation(self._final)
            shutil.rmtree(self._final)
        self._folder.rename(self._final)
        return self._final

    def _place(self, folder: Path | None, memory: int) -> Path | None:
        if folder is None:
            if self.shape.bytes <= memory:
                return None
            made = Path(tempfile.mkdtemp(prefix="evenhand-"))
            weakref.finalize(self, shutil.rmtree, made, ignore_errors=True)
            return made
        return unfinished(folder)

    def _kept(self, wanted: Mapping[str, Any]) -> bool:
        """Whether the folder holds the beginning of this very job."""
        if self._folder is None or self._final is None or not (self._folder / JOB).exists():
            return False
        try:
            found = json.loads((self._folder / JOB).read_text())
        except (OSError, ValueError):
            return False
        if found != wanted:
            different = [key for key in wanted if found.get(key) != wanted[key]]
            raise SpecError(
                f"{str(self._folder)!r} holds an unfinished explanation with other settings ({', '.join(different)});"
                " remove it, or choose another folder."
            )
        return all((self._folder / f"{name}.npy").exists() for name in self.shape.arrays())

    def _begin(self, wanted: Mapping[str, Any]) -> None:
        assert self._folder is not None  # noqa: S101 - called with a folder only
        try:
            if self._final is not None and self._folder.exists():
                shutil.rmtree(self._folder)
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / JOB).write_text(json.dumps(wanted))
        except OSError as error:
            raise EvenhandError(f"Cannot write {str(self._folder)!r}: {error.strerror}.") from None

    def _opened(self, name: str, size: tuple[int, ...], kind: type, kept: bool) -> NDArray[Any]:
        if self._folder is None:
            return np.zeros(size, kind)
        path = self._folder / f"{name}.npy"
        if kept:
            return np.asanyarray(np.load(path, mmap_mode="r+"))
        return np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=size)

    def _coded(self, place: int, values: NDArray[Any]) -> NDArray[np.int32]:
        levels = self.levels[place]
        return np.array([levels.setdefault(value, len(levels)) for value in values.tolist()], np.int32)


def check_folder(folder: Path | None) -> None:
    """Raise EvenhandError where a result for this folder would have to remove what is not an explanation."""
    if folder is None:
        return
    check_explanation(folder)
    begun = unfinished(folder)
    if begun.exists() and not (begun / JOB).exists():
        raise EvenhandError(f"{str(begun)!r} is there already and is no beginning of ours; move it away.")


def check_explanation(folder: Path) -> None:
    """Raise EvenhandError where something else than an explanation is there."""
    if folder.exists() and not (folder / FACTS).exists():
        raise EvenhandError(f"{str(folder)!r} is there already and is no explanation; choose another folder.")


def unfinished(folder: Path) -> Path:
    """Where a result for this folder is until it is whole."""
    return folder.with_name(f"{folder.name}.unfinished")


def _mark(fingerprint: int) -> int:
    return fingerprint | 1
