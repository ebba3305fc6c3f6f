"""Models: a callable, an estimator or a file becomes something that can be asked for predictions."""

from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from evenhand.core.errors import ModelError
from evenhand.models.estimators import from_estimator
from evenhand.models.files import from_file
from evenhand.models.functions import from_function
from evenhand.models.loaded import LoadedModel

__all__ = ["LoadedModel", "load_model"]


def load_model(model: Any, *, trust_pickle: bool = False, classes: Sequence[Any] | None = None) -> LoadedModel:
    """Make a model ready to be asked: a callable, a scikit-learn estimator, or a path to .onnx, .skops or a pickle.

    A pickle runs code of its author when it is loaded, so it is refused unless `trust_pickle` says that you trust it.
    `classes` names the columns of probabilities, for models that do not say.
    """
    if isinstance(model, LoadedModel):
        return model
    known = tuple(classes) if classes is not None else None
    if isinstance(model, (str, Path)):
        return from_file(Path(model).expanduser(), trust_pickle=trust_pickle, classes=known)
    for entry in sorted(entry_points(group="evenhand.models"), key=lambda entry: entry.name):
        if (loaded := entry.load()(model)) is not None:
            return loaded  # type: ignore[no-any-return]
    if hasattr(model, "predict"):
        return from_estimator(model, classes=known)
    if callable(model):
        return from_function(model, classes=known)
    raise ModelError(
        f"A {type(model).__name__} is no model; give a function of rows, an estimator with predict,"
        " or a path to .onnx, .skops or .pkl."
    )
