"""Predicting: the model that a config or a person names, and its predicted labels and scores."""

import sys
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.analysis import Predictions
from evenhand.clarify.asking import command_of, endpoint_of, is_url
from evenhand.clarify.config.analysis_config import AnalysisConfig, PredictorConfig
from evenhand.clarify.outcomes import from_numbers, from_scores
from evenhand.core.errors import EvenhandError, ModelError, SpecError
from evenhand.models import Command, Endpoint, LoadedModel, load_model
from evenhand.models.answers import as_array

if TYPE_CHECKING:
    import pandas as pd

_PYTHON = "python:"
_COMMAND = "command:"
_ENDINGS = (".onnx", ".skops", ".ubj", ".json", ".txt", ".pkl", ".pickle", ".joblib")


@dataclass(frozen=True)
class Predictor:
    """A model, the names of its scores, and the score strictly above which a prediction is positive.

    `labelled` says that its answers hold predicted labels at a place of their own; None: to be found out by asking.
    """

    model: LoadedModel
    label_headers: tuple[Any, ...] | None = None
    threshold: float = 0.5
    labelled: bool | None = False
    scores: bool = False

    def predicted(self, rows: "pd.DataFrame") -> Predictions:
        """One predicted label a row, and the scores where the model gives them.

        Raises ModelError where the model fails, or its answers do not fit the rows or the names of labels.
        """
        if len(rows) and self._has_labels(rows):
            return self._with_labels(rows)
        answer = self._answer(rows)
        return from_numbers(answer, self._names(answer), self.threshold, self.model.name, scores=self.scores)

    def values(self, rows: "pd.DataFrame") -> NDArray[np.float64]:
        """All scores, rows × outputs, as `label_headers` names them; what an explanation is about.

        Raises ModelError where the model fails, or answers text.
        """
        answer = self._answer(rows)
        try:
            numbers = answer.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"The model {self.model.name} answers text, which cannot be explained. Could not convert string to"
                " float. Say with predictor.probability where the scores stand."
            ) from error
        return numbers[:, None] if numbers.ndim == 1 else numbers

    def _answer(self, rows: "pd.DataFrame") -> NDArray[Any]:
        array = as_array(_evaluated(self.model, rows), self.model.name)
        if len(array) != len(rows):
            raise ModelError(
                f"The model {self.model.name} answered {len(array):,} rows for {len(rows):,}; it must answer each once."
            )
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise ModelError(f"The model {self.model.name} answered NaN for some rows; it must answer every row.")
        return array

    def _with_labels(self, rows: "pd.DataFrame") -> Predictions:
        answers = self.model.predict(rows)
        scores = answers.get("score")
        if "label" in answers:
            return Predictions(answers["label"], scores, self.label_headers)
        return from_scores(answers["score"], self.label_headers, self.threshold)

    def _has_labels(self, rows: "pd.DataFrame") -> bool:
        """Whether labels are among the answers; one row is asked where nothing says so."""
        if self.labelled is not None:
            return self.labelled
        try:
            label = self.model.predict(rows.iloc[:1]).get("label")
        except ModelError:
            return False
        return label is not None and label.dtype.kind in "Ob"

    def _names(self, answer: NDArray[Any]) -> tuple[Any, ...] | None:
        if self.label_headers is not None or self.model.classes is None:
            return self.label_headers
        fits = len(self.model.classes) == (answer.shape[1] if answer.ndim == 2 else 2)
        return self.model.classes if fits else None


def _evaluated(model: LoadedModel, rows: "pd.DataFrame") -> Any:
    """What the model itself answers, neither made labels of nor joined to one number."""
    if model.evaluate is None:
        answers = model.predict(rows)
        return answers["score"] if "score" in answers else answers["label"]
    try:
        return model.evaluate(rows)
    except EvenhandError:
        raise
    except Exception as error:
        told = str(error).strip().splitlines() or ["no message"]
        raise ModelError(
            f"The model {model.name} failed on a batch of {len(rows):,} rows: {type(error).__name__}: {told[0]}"
        ) from error


def predictor_of(config: AnalysisConfig, *, model: Any = None) -> Predictor:
    """The model that is handed over, or else the one of the config's predictor.

    `model` is a callable, an estimator, a file, a URL, `command: PROGRAM`, `python:module:function` (whose module is
    imported) or anything else that `load_model` takes. Raises ModelError where there is none that can be asked,
    SpecError for settings that make no sense.
    """
    asked = config.predictor or PredictorConfig()
    headers = tuple(asked.label_headers) if asked.label_headers else None
    source = _handed(config, asked, model) if model is not None else _configured(config, asked)
    loaded = load_model(source, classes=headers if isinstance(source, Endpoint | Command) else None)
    if headers is not None and not isinstance(source, Endpoint | Command):
        loaded = replace(loaded, classes=_classes(loaded, headers))
    places = source if isinstance(source, Endpoint | Command) else None
    labelled: bool | None = False
    if places is not None:
        found = None if places.probability is None and headers is None else False
        labelled = True if places.label is not None else found
    scores = places is not None and places.probability is not None
    return Predictor(loaded, headers, config.probability_threshold, labelled, scores)


def _classes(loaded: LoadedModel, headers: tuple[Any, ...]) -> tuple[Any, ...]:
    """Names for what the model answers; its own classes keep their order, which the headers must share."""
    return headers if loaded.classes is None or len(headers) == len(loaded.classes) else loaded.classes


def _handed(config: AnalysisConfig, asked: PredictorConfig, model: Any) -> Any:
    if isinstance(model, str) and model.startswith(_PYTHON):
        return _imported(model)
    if isinstance(model, str) and model.startswith(_COMMAND):
        return command_of(config, asked, model)
    if isinstance(model, str) and is_url(model):
        return endpoint_of(config, asked, model)
    return model


def _configured(config: AnalysisConfig, asked: PredictorConfig) -> Any:
    name = asked.endpoint_name or asked.model_name
    if name is None:
        raise ModelError(
            "The config's predictor names no model; hand one over (--model), or set endpoint_name to a URL or a file."
        )
    if is_url(name):
        return endpoint_of(config, asked, name)
    if name.lower().endswith(_ENDINGS) or Path(name).is_file():
        return Path(name)
    key = "endpoint_name" if asked.endpoint_name else "model_name"
    raise ModelError(
        f"predictor.{key} {name!r} is the name of a model at SageMaker, which is not here; hand the model over:"
        " --model with a file (.onnx, .skops, …), a URL, 'command: PROGRAM' or python:module:function."
    )


def _imported(text: str) -> Any:
    """The function that a person named; the folder they are in is searched too, as by `python -m`."""
    module, _, function = text.removeprefix(_PYTHON).strip().partition(":")
    if not module or not function:
        raise SpecError(f"{text!r} names no function; write python:module:function.")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        found = import_module(module)
        for part in function.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise ModelError(
            f"The function of {text!r} cannot be imported: {error}; write python:module:function."
        ) from error
    finally:
        sys.path.remove(here)
    return found
