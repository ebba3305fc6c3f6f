"""Arrays: named arrays with facts beside them in one folder, written whole or not at all and read as memory maps."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import EvenhandError, UnreadableSource

FACTS = "explanation.json"
VERSION = 1


class Stored(NamedTuple):
    """Arrays by name, facts that JSON can hold, and folders of other files by the name they have beside the arrays."""

    arrays: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any]
    folders: Mapping[str, Path] = {}


def write_arrays(folder: str | Path, stored: Stored) -> None:
    """Write to a folder that is not there yet; a reader sees all of it or nothing.

    Raises EvenhandError where the folder is there already or its place cannot be written to.
    """
    folder = Path(folder)
    if folder.exists():
        raise EvenhandError(f"{str(folder)!r} is there already; remove it, or choose another folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            fill(made, stored)
            made.chmod(0o755)
            made.rename(folder)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    except OSError as error:
        raise EvenhandError(f"Cannot write {str(folder)!r}: {error.strerror}.") from None


def fill(folder: Path, stored: Stored) -> None:
    """Write everything into a folder; arrays and folders that already are there stay as they are."""
    levels: dict[str, list[Any]] = {}
    for name, array in stored.arrays.items():
        path = folder / f"{name}.npy"
        if array.dtype.kind == "O":
            codes, levels[name] = coded(array)
            np.save(path, codes)
        elif not (isinstance(array, np.memmap) and path.exists()):
            np.save(path, array)
    for name, source in stored.folders.items():
        if not (folder / name).exists():
            shutil.copytree(source, folder / name)
    facts = {"version": VERSION, "arrays": list(stored.arrays), "levels": levels, **stored.facts}
    (folder / FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")


def read_arrays(folder: str | Path) -> Stored:
    """Read what `write_arrays` wrote; raises UnreadableSource."""
    folder = Path(folder)
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        arrays = {}
        for name in facts["arrays"]:
            loaded = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            arrays[name] = decoded(loaded, facts["levels"][name]) if name in facts["levels"] else loaded
    except OSError as error:
        raise UnreadableSource(f"Cannot read the explanation {str(folder)!r}: {error.strerror or error}.") from None
    except (ValueError, KeyError, TypeError, EOFError, IndexError) as error:
        raise UnreadableSource(f"{str(folder)!r} is not an explanation of evenhand: {error}.") from None
    return Stored(arrays, facts)


def coded(array: NDArray[Any]) -> tuple[NDArray[np.int32], list[Any]]:
    """An array of objects as places in the list of its different values, which JSON can hold."""
    places: dict[Any, int] = {}
    codes = [places.setdefault(_plain(value), len(places)) for value in array.tolist()]
    return np.array(codes, np.int32), list(places)


def decoded(codes: NDArray[np.int32], levels: list[Any]) -> NDArray[np.object_]:
    """The array of objects that was coded."""
    found = np.empty(len(levels), object)
    found[:] = levels
    return np.asarray(found[np.asarray(codes)], object)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    return value if isinstance(value, float) and value == value else (None if value != value else str(value))
