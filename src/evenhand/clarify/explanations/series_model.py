"""Series model: masked copies of a series sent to an endpoint by Clarify's templates, and the forecasts it answers."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.config.analysis_config import PredictorConfig
from evenhand.clarify.explanations.journal import plain
from evenhand.clarify.explanations.posts import Place, Posts, address_of, headers_of
from evenhand.clarify.explanations.series_data import Item
from evenhand.core.errors import ModelError, SpecError
from evenhand.modalities.series import SeriesBatch
from evenhand.models.remote.answer_places import searched
from evenhand.models.remote.telling import told

Ask = Callable[[SeriesBatch], Any]
_TOKEN = re.compile(r"\$(start_time|target_time_series|related_time_series|static_covariates)\b")
_CONTENT = re.compile(r"\$records?\b")
_RECORD = '{"start":$start_time,"target":$target_time_series}'
_LINES = "application/jsonlines"
RECORDS = 128  # in one request


def asking_of(model: Any, predictor: PredictorConfig | None) -> Callable[[Item], Ask]:
    """How a model is asked about an item: a callable takes a SeriesBatch, an endpoint what the templates make of it.

    Raises SpecError where there is neither, or the templates make no JSON.
    """
    if callable(model):
        return lambda _: model
    if predictor is None:
        raise SpecError("The predictor is missing; give its templates and time_series_predictor_config.")
    endpoint = _Endpoint(predictor, address_of(predictor, model))
    return lambda item: lambda batch: endpoint.forecasts(item, batch)


class _Endpoint:
    """An endpoint with its templates."""

    def __init__(self, predictor: PredictorConfig, url: str) -> None:
        if predictor.time_series_predictor_config is None:
            raise SpecError("predictor.time_series_predictor_config is missing; say where the forecast stands.")
        content_type = predictor.content_type or "application/json"
        if content_type not in ("application/json", _LINES):
            raise SpecError(f"content_type {content_type!r} cannot hold series; choose application/json.")
        if isinstance(predictor.content_template, dict):
            raise SpecError("content_template is one text for time series, such as '{\"instances\": $records}'.")
        self._forecast = predictor.time_series_predictor_config.forecast
        self._writing = Writing(
            predictor.content_template or '{"instances":$records}', predictor.record_template or _RECORD,
            content_type == _LINES,
        )  # fmt: skip
        accept = predictor.accept_type or content_type
        self._posts = Posts(Place(url, content_type, accept, headers_of(predictor)))

    def forecasts(self, item: Item, batch: SeriesBatch) -> NDArray[np.float64]:
        """m × steps forecast."""
        records = [self._writing.record(item, batch, place) for place in range(len(batch))]
        size = 1 if self._writing.single else RECORDS
        groups = [records[start : start + size] for start in range(0, len(records), size)]
        answers = self._posts([self._writing.body(group) for group in groups])
        return np.concatenate(
            [self._read(answer.body, len(group)) for answer, group in zip(answers, groups, strict=True)]
        )

    def _read(self, body: bytes, count: int) -> NDArray[np.float64]:
        text = body.decode("utf-8-sig", errors="replace")
        try:
            found = [searched(self._forecast, document) for document in _documents(text)]
            array = np.asarray(found[0] if len(found) == 1 else found, np.float64)
        except (TypeError, ValueError, RecursionError) as error:
            raise ModelError(f"The model {self._posts.shown} answered no forecasts at {self._forecast!r}: "
                             f"it begins {told(text)!r}.") from error  # fmt: skip
        array = array.reshape(1, -1) if count == 1 and array.ndim in (1, 2) else array
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2 or len(array) != count or not array.shape[1] or not np.isfinite(array).all():
            raise ModelError(
                f"The model {self._posts.shown} answered forecasts of shape {array.shape} at {self._forecast!r} for"
                f" {count} series; give one list of numbers for each."
            )
        return array


@dataclass(frozen=True)
class Writing:
    """How series become requests: $record alone in a request, or $records together; lines hold one record each."""

    content: str
    record_template: str
    lines: bool = False

    def __post_init__(self) -> None:
        if len(_CONTENT.findall(self.content)) != 1:
            raise SpecError(f"content_template {self.content!r} must hold $records or $record once.")
        if "$target_time_series" not in self.record_template:
            raise SpecError(f"record_template {self.record_template!r} must hold $target_time_series.")
        for option, template in (("record_template", _TOKEN.sub("0", self.record_template)),
                                 ("content_template", _CONTENT.sub("0", self.content))):  # fmt: skip
            try:
                json.loads(template)
            except ValueError as error:
                raise SpecError(f"{option} makes no JSON: write placeholders without quotes around them.") from error

    @property
    def single(self) -> bool:
        """Whether a request holds one record."""
        return not self.lines and "$records" not in self.content

    def record(self, item: Item, batch: SeriesBatch, place: int) -> str:
        """One masked copy as JSON; a related series is a list of its steps."""
        related = [] if batch.related is None else batch.related[place].T.tolist()
        values = {
            "start_time": item.times[0],
            "target_time_series": _nulled(batch.target[place].tolist()),
            "related_time_series": [_nulled(each) for each in related],
            "static_covariates": [values[place] for values in batch.static.values()],
        }
        written = {name: json.dumps(value, default=plain) for name, value in values.items()}
        return _TOKEN.sub(lambda found: written[found[1]], self.record_template)

    def body(self, records: Sequence[str]) -> bytes:
        """One request."""
        if self.lines:
            return "\n".join(self._filled(record) for record in records).encode()
        return self._filled(records[0] if self.single else f"[{','.join(records)}]").encode()

    def _filled(self, text: str) -> str:
        return _CONTENT.sub(lambda found: f"[{text}]" if self.lines and found[0] == "$records" else text, self.content)


def _nulled(values: list[float]) -> list[float | None]:
    return [None if value != value else value for value in values]


def _documents(text: str) -> list[Any]:
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
