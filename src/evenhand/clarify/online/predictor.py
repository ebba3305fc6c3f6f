"""Predictor: the model as the explainer asks it — once for the records as they came, and for masked rows."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.online.features import Records
from evenhand.clarify.online.online_config import ContentType, InferenceConfig
from evenhand.clarify.online.refusals import Dropped
from evenhand.core.errors import EvenhandError, ModelError, SpecError
from evenhand.modalities.single import checked_answers
from evenhand.models import Command, Endpoint, LoadedModel, load_model

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Predicted:
    """The model's own answer as text, and each record's part of it, for EnableExplanations."""

    content_type: str
    data: str
    outputs: Sequence[Any]


class Predictor:
    """A model of one content type; `values` are the numbers that are explained, rows × outputs."""

    def __init__(self, model: LoadedModel, config: InferenceConfig) -> None:
        self._model, self._config = model, config
        self._kept: Any = None
        self.remote = isinstance(model.original, Endpoint)

    def predicted(self, records: Records, stop: threading.Event) -> Predicted:
        """The answer for the records as they came: a container gets their very text."""
        if isinstance(self._model.original, Endpoint):
            return self._forwarded(self._model.original, records, stop)
        size = self._config.max_record_count or len(records)
        parts = [range(at, min(at + size, len(records))) for at in range(0, len(records), size)]
        answers = np.concatenate([self._asked(records.table(part)) for part in parts])
        text = "\n".join(",".join(map(repr, row)) for row in answers.tolist())
        return Predicted("text/csv", text + "\n", answers.tolist())

    def values(self, rows: Any) -> Numbers:
        """The explained numbers for these rows; raises ModelError."""
        answers = self._asked(rows)
        if self.remote:
            return answers
        at, width = self._config.probability_index, answers.shape[1]
        if at is not None and width > 1:
            if at >= width:
                raise ModelError(f"ProbabilityIndex is {at} and the model {self._model.name} answers {width} columns.")
            return answers[:, [at]]
        label = self._config.label_index
        return np.delete(answers, label, axis=1) if label is not None and label < width > 1 else answers

    def _asked(self, rows: Any) -> Numbers:
        try:
            answer = self._model.evaluate(rows) if self._model.evaluate is not None else _plain(self._model.ask(rows))
        except (EvenhandError, Dropped):
            raise
        except Exception as error:  # whatever somebody's model raises
            said = (str(error).strip().splitlines() or ["no message"])[0][:200]
            raise ModelError(f"The model {self._model.name} failed: {type(error).__name__}: {said}") from error
        return checked_answers(answer, len(rows))

    def _client(self, endpoint: Endpoint) -> Any:
        if self._kept is None:
            from evenhand.models.remote.http_client import Client

            self._kept = Client(endpoint)
        return self._kept

    def _forwarded(self, endpoint: Endpoint, records: Records, stop: threading.Event) -> Predicted:
        from evenhand.models.remote.http_client import Stopped, TooLarge

        client = self._client(endpoint)
        size = self._config.max_record_count or len(records)
        texts, kinds = [], []
        for at in range(0, len(records), size):
            part = records.written[at : at + size]
            try:
                answer = client.post("\n".join(part).encode(), f"record {at + 1:,}", divisible=False, stop=stop)
            except TooLarge as error:
                raise ModelError(f"The model {endpoint.shown} finds the request too large: {error}.") from error
            except Stopped as error:
                raise Dropped from error
            texts.append(answer.body.decode("utf-8", errors="replace").rstrip("\r\n"))
            kinds.append(answer.content_type.partition(";")[0].strip().lower() or records.kind)
        data = "\n".join(texts) + "\n"
        return Predicted(kinds[0], data, _outputs(data, kinds[0], len(records), endpoint.shown))


def predictor_of(model: Any, config: InferenceConfig, kind: ContentType, timeout: float) -> Predictor:
    """The predictor of a model for requests of this content type; a URL is asked in the same type.

    Raises SpecError and ModelError.
    """
    if isinstance(model, str) and model.lower().startswith(("http://", "https://")):
        model = Endpoint(model, content_type=kind, **_places(config, kind), retries=1, concurrency=2)
        model = replace(model, timeout=timeout, max_payload=config.max_payload_mb * 2**20)
    loaded = load_model(model)
    if isinstance(loaded.original, Command):
        raise SpecError("The online explainer asks a URL, a model file or a callable; a command is for batches.")
    return Predictor(loaded, config)


def _places(config: InferenceConfig, kind: ContentType) -> dict[str, Any]:
    if kind == "text/csv":
        return {"probability": config.probability_index, "label": config.label_index, "accept": "text/csv"}
    attribute = config.features_attribute
    simple = attribute is not None and attribute.isidentifier()
    template = config.content_template or (f'{{"{attribute}":$features}}' if simple else "$features")
    where: dict[str, Any] = {"content_template": template}
    if config.probability_index is not None or config.label_index is not None:
        return where | {"probability": config.probability_index, "label": config.label_index, "accept": "text/csv"}
    return where | {"probability": config.probability_attribute, "label": config.label_attribute, "accept": kind}


def _plain(answers: Any) -> Any:
    return answers["score"] if "score" in answers else answers["label"]


def _outputs(data: str, kind: str, count: int, name: str) -> list[Any]:
    """Each record's part of an answer: a list of cells (CSV), or a JSON document."""
    import csv

    rows: list[Any]
    try:
        if kind == "text/csv":
            rows = [[_cell(cell) for cell in line] for line in csv.reader(data.splitlines()) if line]
            if len(rows) == 1 and len(rows[0]) == count > 1:
                rows = [[cell] for cell in rows[0]]  # one line with one number for each record
        else:
            rows = [json.loads(line) for line in data.splitlines() if line.strip()]
            if len(rows) == 1 and count > 1:
                rows = _listed(rows[0])
    except (ValueError, RecursionError, csv.Error):
        raise ModelError(f"The model {name} answered what is neither CSV nor JSON Lines.") from None
    if len(rows) != count:
        raise ModelError(f"The model {name} answered {len(rows):,} records for {count:,}.")
    return rows


def _listed(document: Any) -> list[Any]:
    """The one list that a document is, or holds under its one key."""
    if isinstance(document, dict) and len(document) == 1:
        document = next(iter(document.values()))
    return document if isinstance(document, list) else [document]


def _cell(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text
