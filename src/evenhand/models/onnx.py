"""ONNX files: models as data, run by onnxruntime; inputs are columns by name, or one matrix of all columns."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import MissingExtra, ModelError, suggestion
from evenhand.models.answers import as_array, as_labels, from_probabilities, within_one
from evenhand.models.loaded import LoadedModel

_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


@dataclass(frozen=True)
class _Tensor:
    """What goes in or comes out, by its name, ONNX's word for its type, and its shape."""

    name: str
    type: str
    shape: tuple[Any, ...]


class _Session:
    """A session of onnxruntime over the bytes of a file; a session does not pickle, so those travel instead."""

    def __init__(self, content: bytes, name: str) -> None:
        self._content, self._name = content, name
        self._session = _opened(content, name)
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        self.inputs = _tensors(self._session.get_inputs())
        self.outputs = _tensors(self._session.get_outputs())

    def run(self, feed: Mapping[str, Any]) -> list[Any]:
        """Every output for this input."""
        return list(self._session.run(None, feed))

    def __reduce__(self) -> tuple[Any, ...]:
        return _Session, (self._content, self._name)


def _opened(content: bytes, name: str) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtra("Running an ONNX file", "onnxruntime", "onnx") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no class
        raise ModelError(f"{name} is not a whole ONNX file that onnxruntime can run; export it again.") from error


def _tensors(described: Sequence[Any]) -> tuple[_Tensor, ...]:
    return tuple(_Tensor(each.name, each.type, tuple(each.shape)) for each in described)


def from_onnx(path: Path, classes: tuple[Any, ...] | None) -> LoadedModel:
    """The model in this file; its metadata may name `features` and `classes` as JSON lists."""
    session = _Session(path.read_bytes(), path.name)
    metadata, inputs = session.metadata, session.inputs
    wide = len(inputs) == 1 and len(inputs[0].shape) == 2 and inputs[0].shape[1] != 1
    features = _listed(metadata, "features") or (None if wide else tuple(each.name for each in inputs))
    known = classes or _listed(metadata, "classes")

    def fed(rows: Any) -> dict[str, Any]:
        if isinstance(rows, np.ndarray):
            return {inputs[0].name: rows.astype(_TYPES.get(inputs[0].type, np.float32), copy=False)}
        table = nw.from_native(rows, eager_only=True)
        chosen = tuple(table.columns) if features is None else features
        return _matrix(table, chosen, inputs[0], path.name) if wide else _columns(table, inputs, path.name)

    def ask(rows: Any) -> dict[str, NDArray[Any]]:
        return _answers(session.run(fed(rows)), session.outputs, known, path.name)

    def evaluate(rows: Any) -> Any:
        return _numbers(session.run(fed(rows)), session.outputs, path.name)

    return LoadedModel(path.name, ask, features, known, evaluate, path)


def _numbers(outputs: Sequence[Any], described: Sequence[Any], name: str) -> Any:
    """Probabilities where there are any, or else the first output."""
    for output in outputs:
        if isinstance(output, list) and output and isinstance(output[0], dict):
            return np.array([list(row.values()) for row in output])
    named = [
        output
        for output, each in zip(outputs, described, strict=True)
        if "label" not in each.name.lower() and as_array(output, name).dtype.kind == "f"
    ]
    return named[0] if named else outputs[0]


def _listed(metadata: Mapping[str, str], key: str) -> tuple[Any, ...] | None:
    try:
        found = json.loads(metadata.get(key, "null"))
    except ValueError:
        return None
    return tuple(found) if isinstance(found, list) and found else None


def _matrix(table: nw.DataFrame[Any], features: Sequence[str], tensor: Any, name: str) -> dict[str, Any]:
    wanted = tensor.shape[1]
    if isinstance(wanted, int) and wanted != len(features):
        raise ModelError(
            f"The model {name} takes {wanted} columns and is given {len(features)}: {', '.join(features)};"
            " name those it learnt from with features."
        )
    columns = [_column(table, feature, tensor.type, name) for feature in features]
    return {tensor.name: np.column_stack(columns)}


def _columns(table: nw.DataFrame[Any], inputs: Sequence[Any], name: str) -> dict[str, Any]:
    feed = {}
    for tensor in inputs:
        column = _column(table, tensor.name, tensor.type, name)
        feed[tensor.name] = column.reshape(-1, 1) if len(tensor.shape) == 2 else column
    return feed


def _column(table: nw.DataFrame[Any], feature: str, kind: str, name: str) -> NDArray[Any]:
    if feature not in table.columns:
        raise ModelError(
            f"The model {name} needs the column {feature!r}, which the rows lack.{suggestion(feature, table.columns)}"
        )
    if kind not in _TYPES:
        raise ModelError(f"The model {name} takes {kind} for {feature!r}, which evenhand cannot give.")
    values = table[feature].to_numpy()
    if kind == "tensor(string)":
        # ONNX knows no missing text; exporters write it as empty.
        return np.array(["" if value is None or value != value else str(value) for value in values], dtype=object)
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ModelError(f"The model {name} needs numbers in the column {feature!r}, which holds text.") from error
    if _TYPES[kind] in (np.int64, np.int32, np.bool_) and np.isnan(numbers).any():
        raise ModelError(f"The model {name} needs whole numbers in the column {feature!r}, which has missing values.")
    return (values if values.dtype.kind in "iub" else numbers).astype(_TYPES[kind])


def _answers(
    outputs: Sequence[Any], described: Sequence[Any], classes: tuple[Any, ...] | None, name: str
) -> dict[str, NDArray[Any]]:
    """Labels, and probabilities as a matrix or as one dictionary a row."""
    answers: dict[str, NDArray[Any]] = {}
    labelled = any("label" in each.name.lower() for each in described)
    for output, description in zip(outputs, described, strict=True):
        if isinstance(output, list) and output and isinstance(output[0], dict):
            answers = _from_dictionaries(output, name) | answers
            continue
        array = as_array(output, name)
        if array.ndim == 2 and array.shape[1] > 2 and classes is None and labelled:
            continue  # columns without names beside labels with names
        if array.ndim == 2:
            answers = from_probabilities(array, classes, name) | answers
        elif within_one(array) and "label" not in description.name.lower():
            answers.setdefault("score", array)
        else:
            answers["label"] = as_labels(array)
    return answers


def _from_dictionaries(rows: Sequence[Mapping[Any, float]], name: str) -> dict[str, NDArray[Any]]:
    classes = tuple(rows[0])
    return from_probabilities(np.array([[row[each] for each in classes] for row in rows]), classes, name)
