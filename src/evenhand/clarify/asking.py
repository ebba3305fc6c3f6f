"""Asking: the config's predictor settings as an Endpoint or a Command."""

import json
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from evenhand.clarify.config.analysis_config import AnalysisConfig, PredictorConfig
from evenhand.core.errors import SpecError
from evenhand.models import Command, Endpoint
from evenhand.models.remote.command import parsed_command
from evenhand.models.remote.payloads import ContentType

_PATH = "/invocations"  # where containers made for SageMaker answer
_TYPES = ("text/csv", "application/jsonlines", "application/json")


def is_url(text: str) -> bool:
    """Whether this is the address of a server."""
    return text.lower().startswith(("http://", "https://"))


def endpoint_of(config: AnalysisConfig, asked: PredictorConfig, url: str) -> Endpoint:
    """The server at this URL, asked as the config's predictor says; raises SpecError where that makes no sense."""
    kind = content_type(config, asked)
    csv = kind == "text/csv"
    headers = {}
    if asked.custom_attributes is not None:
        headers["X-Amzn-SageMaker-Custom-Attributes"] = asked.custom_attributes
    if asked.target_model is not None:
        headers["X-Amzn-SageMaker-Target-Model"] = asked.target_model
    return Endpoint(
        _with_path(url), content_type=kind, accept=_accept(asked, kind),
        content_template=None if csv else _template(asked.content_template),
        record_template=None if csv else asked.record_template, probability=asked.probability, label=asked.label,
        classes=tuple(asked.label_headers) if asked.label_headers else None, headers=headers,
    )  # fmt: skip


def command_of(config: AnalysisConfig, asked: PredictorConfig, text: str) -> Command:
    """The program in `command: PROGRAM`, asked as the config's predictor says."""
    kind = content_type(config, asked) if config.dataset_type != "application/x-parquet" else asked.content_type
    classes = tuple(asked.label_headers) if asked.label_headers else None
    program = replace(parsed_command(text), probability=asked.probability, label=asked.label, classes=classes)
    if kind in ("application/jsonlines", "application/json"):
        return replace(program, format="jsonlines", record_template=_line(asked))
    return program


def content_type(config: AnalysisConfig, asked: PredictorConfig) -> ContentType:
    """The type that rows are sent in: the config's, or that of the dataset; raises SpecError where neither will do."""
    kind = asked.content_type or config.dataset_type
    if kind == "application/sagemakercapturejson":
        kind = "text/csv"
    if kind not in _TYPES:
        given = f"predictor.content_type {kind!r}" if asked.content_type else f"the dataset_type {kind!r}"
        raise SpecError(
            f"Models are not asked in {given}; set predictor.content_type to text/csv, application/jsonlines or"
            " application/json."
        )
    return cast(ContentType, kind)


def _accept(asked: PredictorConfig, kind: ContentType) -> ContentType:
    accept = asked.accept_type or kind
    if accept not in _TYPES:
        raise SpecError(f"predictor.accept_type {accept!r} is none of {', '.join(_TYPES)}.")
    return cast(ContentType, accept)


def _with_path(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=_PATH)) if parts.path in ("", "/") else url


def _template(template: str | dict[str, str] | None) -> str | None:
    """The template as text; an object of templates is the text of that object."""
    if not isinstance(template, dict):
        return template
    return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in template.items()) + "}"


def _line(asked: PredictorConfig) -> str | None:
    """How one row is written on a line: the record's template, or a content template that holds values itself."""
    template: Any = _template(asked.content_template)
    if asked.record_template is not None:
        return asked.record_template
    return template if template is not None and "$record" not in template else None
