"""Model files: the ending says how a file is loaded, and the first bytes must agree."""

from pathlib import Path
from typing import Any

from evenhand.core.errors import MissingExtra, ModelError, UntrustedModel, suggestion
from evenhand.models.boosters import from_booster, library_of, load_booster
from evenhand.models.estimators import from_estimator
from evenhand.models.functions import from_function
from evenhand.models.loaded import LoadedModel
from evenhand.models.mended_files import NAME, load_mended
from evenhand.models.onnx import from_onnx
from evenhand.models.skops import load_skops

_PICKLES = (".pkl", ".pickle", ".joblib")
_TREES = (".ubj", ".json", ".txt")
_ENDINGS = (".onnx", ".skops", *_TREES, *_PICKLES)


def from_file(path: Path, *, trust_pickle: bool, classes: tuple[Any, ...] | None) -> LoadedModel:
    """The model in this file, or the mended model in this folder."""
    if (path / NAME).is_file():
        return load_mended(path, lambda file: from_file(file, trust_pickle=trust_pickle, classes=None))
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
