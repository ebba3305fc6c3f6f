"""Explainer: the body of one request becomes the bytes of its answer."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evenhand.clarify.online.features import Records, features_of
from evenhand.clarify.online.job import Job
from evenhand.clarify.online.memory_shares import Shares
from evenhand.clarify.online.online_config import ContentType, OnlineConfig
from evenhand.clarify.online.predictor import Predicted, Predictor, predictor_of
from evenhand.clarify.online.refusals import Refusal
from evenhand.clarify.online.shapley import Explained, Part, Shapley
from evenhand.core.errors import DataError, ModelError, SpecError
from evenhand.models import load_model
from evenhand.models.remote.answer_places import compiled, searched

_LONGEST = 64


class Explainer:
    """The config, the model and the baseline, ready; raises EvenhandError where they do not fit together."""

    def __init__(self, config: OnlineConfig, model: Any, shares: Shares, timeout: float) -> None:
        remote = isinstance(model, str) and model.lower().startswith(("http://", "https://"))
        self._model = model if remote else load_model(model)
        self._config, self._timeout, self._shares = config, timeout, shares
        self._predictors: dict[ContentType, Predictor] = {}
        self._predictor(config.shap.baseline.mime_type)
        self._features = features_of(config, None if remote else self._model.features)
        self._shapley = Shapley(config, self._features, shares)

    def answer(self, body: bytes, kind: ContentType, enable: str | None, job: Job) -> bytes:
        """The response to a request; `enable` is what its header says.

        Raises Refusal with the status that fits, and Dropped where nobody waits any more.
        """
        expression = _checked(enable) if enable is not None else self._config.enable
        self._shares.check_lines(body)
        try:
            records = self._features.records(body, kind)
            predictor = self._predictor(kind)
        except (DataError, SpecError) as error:
            raise Refusal(400, str(error)) from error
        try:
            return self._answered(records, predictor, expression, job)
        except (ModelError, DataError) as error:  # DataError: log odds of a score that is 0 or 1
            raise Refusal(424, str(error)) from error
        except SpecError as error:
            raise Refusal(400, str(error)) from error

    def _answered(self, records: Records, predictor: Predictor, expression: str | None, job: Job) -> bytes:
        job.check()
        self._shares.check_records(len(records), 1, 1)
        predicted = predictor.predicted(records, job.stop)
        chosen = [place for place, output in enumerate(predicted.outputs) if _wanted(expression, output)]
        found: dict[int, Explained] = {}
        if chosen:
            first = predicted.outputs[0]
            width = len(first) if isinstance(first, list | dict) else 1
            found = self._shapley.explained(records, chosen, predictor.values, max(1, width), job)
        return "".join(self._written(predicted, found, len(records))).encode()

    def _predictor(self, kind: ContentType) -> Predictor:
        if kind not in self._predictors:
            self._predictors[kind] = predictor_of(self._model, self._config.inference, kind, self._timeout)
        return self._predictors[kind]

    def _written(self, predicted: Predicted, found: Mapping[int, Explained], count: int) -> Iterator[str]:
        """The response, record by record, so that it is never held as objects."""
        head: dict[str, Any] = {
            "version": "1.0",
            "predictions": {"content_type": predicted.content_type, "data": predicted.data},
        }
        if self._config.inference.label_headers is not None:
            head["label_headers"] = list(self._config.inference.label_headers)
        yield json.dumps(head)[:-1]
        if not found:
            yield ', "explanations": {}}'
            return
        yield ', "explanations": {"kernel_shap": ['
        yield from _separated([self._record(found[at]) if at in found else "null" for at in range(count)])
        yield '], "expected_value": ['
        expected = [json.dumps(found[at].expected, allow_nan=False) if at in found else "null" for at in range(count)]
        yield from _separated(expected)
        yield "]}}"

    def _record(self, explained: Explained) -> str:
        names = self._config.inference.feature_headers
        features = []
        for place, parts in enumerate(explained.parts):
            named = {"feature_header": names[place]} if names is not None else {}
            kind = {"feature_type": self._features.types[place]}
            features.append({**named, **kind, "attributions": [_part(part) for part in parts]})
        return json.dumps(features, allow_nan=False)


def _part(part: Part) -> dict[str, Any]:
    if part.start is None:
        return {"attribution": part.attribution}
    description = {"partial_text": part.text, "start_idx": part.start}
    return {"attribution": part.attribution, "description": description}


def _separated(texts: Sequence[str]) -> Iterator[str]:
    for place, text in enumerate(texts):
        yield f", {text}" if place else text


def _checked(enable: str) -> str:
    """The header's expression; raises Refusal where it is none."""
    if not 1 <= len(enable) <= _LONGEST:
        raise Refusal(400, f"EnableExplanations is an expression of 1 to {_LONGEST} characters.")
    try:
        compiled(enable)
    except (SpecError, RecursionError):
        raise Refusal(400, f"EnableExplanations {enable!r} is no JMESPath expression, such as '[0]>`0.8`'.") from None
    return enable


def _wanted(expression: str | None, output: Any) -> bool:
    """Whether a record is explained: what the expression finds is true, as JMESPath has it."""
    if expression is None:
        return True
    try:
        found = searched(expression, output)
    except TypeError:  # text compared with a number has no order, so it is null
        return False
    except (ValueError, RecursionError):
        raise Refusal(400, f"EnableExplanations {expression!r} does not fit the model's output.") from None
    return found is not None and found is not False and found not in ("", [], {})
