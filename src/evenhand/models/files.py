"""Model files: the ending says how a file is loaded, and the first bytes must agree."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from evenhand.core.errors import MissingExtra, ModelError, SpecError, UntrustedModel, suggestion
from evenhand.core.values import Value, normalised
from evenhand.models.boosters import from_booster, library_of, load_booster
from evenhand.models.estimators import from_estimator
from evenhand.models.functions import from_function
from evenhand.models.listed import load_listed
from evenhand.models.loaded import LoadedModel
from evenhand.models.mended_files import MOST_BYTES, NAME, load_mended
from evenhand.models.onnx import from_onnx
from evenhand.models.skops import load_skops

_PICKLES = (".pkl", ".pickle", ".joblib")
_TREES = (".ubj", ".json", ".txt")
_ENDINGS = (".onnx", ".skops", *_TREES, *_PICKLES)


def from_file(path: Path, *, trust_pickle: bool, classes: tuple[Any, ...] | None) -> LoadedModel:
    """The model in this file, or the mended model or decision list in this folder."""
    if (path / NAME).is_file():
        return from_folder(path, trust_pickle=trust_pickle)
    if not path.is_file():
        beside = [file.name for file in path.parent.iterdir() if file.is_file()] if path.parent.is_dir() else []
        near = [name for name in sorted(beside) if name.lower().endswith(_ENDINGS)]
        raise ModelError(f"No model file {str(path)!r}.{suggestion(path.name, near)}")
    ending = path.suffix.lower()
    if ending not in _ENDINGS:
        raise ModelError(f"{path.name!r} is no model file that evenhand loads; it loads {', '.join(_ENDINGS)}.")
    if ending in _PICKLES or _is_pickle(path):
        if not trust_pickle:
            raise _refused(path)
        return _from_object(_unpickled(path), path, classes)
    if ending == ".onnx":
        return from_onnx(path, classes)
    if ending in _TREES:
        return load_booster(path, classes)
    return _from_object(load_skops(path), path, classes)


def from_folder(folder: Path, *, version: int | None = None, trust_pickle: bool = False) -> LoadedModel:
    """The mended model or the decision list in this folder, which may be asked for an older version.

    Raises ModelError, and SpecError for a version that there is not.
    """
    if _kind(folder / NAME) == "decision list":
        return load_listed(folder, from_leaf, version=version)
    if version is not None:
        raise SpecError(f"{str(folder)!r} holds no decision list, and other models have no versions; leave it out.")
    return load_mended(folder, partial(from_file, trust_pickle=trust_pickle, classes=None))


def from_leaf(path: Path, classes: Sequence[Value]) -> LoadedModel:
    """The model in a file that answers with these classes, as a leaf of a decision list or as one that may become it.

    Boosters know their classes by number only; where those numbers are none of the classes, they are places of them.
    """
    numbered = {str(place) for place in range(len(classes))} == {str(normalised(each)) for each in classes}
    named = path.suffix.lower() in _TREES and not numbered
    return from_file(path, trust_pickle=False, classes=(tuple(classes) or None) if named else None)


def _kind(path: Path) -> str:
    """The kind that a folder's model says it is; a mended model where it does not say."""
    try:
        held = json.loads(path.read_bytes()) if path.stat().st_size <= MOST_BYTES else {}
    except (OSError, ValueError, RecursionError):
        return "mended"
    kind = held.get("kind", "mended") if isinstance(held, dict) else "mended"
    if kind not in ("mended", "decision list"):
        raise ModelError(f"{str(path)!r} is of the kind {str(kind)[:80]!r}; it is 'mended' or 'decision list'.")
    return str(kind)


def _from_object(model: Any, path: Path, classes: tuple[Any, ...] | None) -> LoadedModel:
    if library_of(model) is not None:
        return from_booster(model, name=path.name, classes=classes)
    if hasattr(model, "predict"):
        return from_estimator(model, name=path.name, classes=classes)
    if callable(model):
        return from_function(model, name=path.name, classes=classes)
    raise ModelError(f"{path.name} holds a {type(model).__name__}, which is no model: it has no predict.")


def _is_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(2)
    return len(start) == 2 and start[0] == 0x80 and 2 <= start[1] <= 5


def _refused(path: Path) -> UntrustedModel:
    return UntrustedModel(
        f"{path.name} is a pickle, and loading it runs whatever code its author put in; if you made it yourself or"
        " trust who did, pass trust_pickle=True (--trust-pickle); else ask for the model as .onnx or .skops."
    )


def _unpickled(path: Path) -> Any:
    try:
        import joblib
    except ImportError as error:
        raise MissingExtra("Loading a pickled model", "joblib", "sklearn") from error
    try:
        return joblib.load(path)
    except Exception as error:
        told = str(error).strip().splitlines() or ["no message"]
        raise ModelError(f"{path.name} cannot be unpickled: {type(error).__name__}: {told[0]}") from error
