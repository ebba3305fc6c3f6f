"""read_config: an analysis_config.json as an AnalysisConfig, with warnings where Clarify would have refused it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, ValidationError

from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.config.checks import Rejection, shown
from evenhand.clarify.config.doubts import doubts
from evenhand.clarify.config.key_paths import Step, nearest, walked, written
from evenhand.clarify.config.rules import broken_rules
from evenhand.clarify.config.strict import rejections
from evenhand.core.errors import SpecError

NOT_JSON = "Unable to load analysis configuration as JSON."
NOT_VALID = "Analysis configuration schema validation error."
FILE_NAME = "analysis_config.json"


def read_config(
    source: str | Path | Mapping[str, Any], *, strict: bool = False, has_model: bool = False
) -> tuple[AnalysisConfig, tuple[str, ...]]:
    """Read a config from a file, a folder that holds one, an address such as s3://bucket/key, or an object.

    Everything is read that Clarify's documents or its validator accept; the warnings say, key by key, where the two
    disagree. `strict` refuses what the SageMaker SDK refuses. `has_model` says that a model is handed over, so that
    the predictor need not name one. Raises SpecError with the key, the reason and the nearest right key.
    """
    document, repeated = ({**source}, ()) if isinstance(source, Mapping) else _loaded(source)
    refused = rejections(document)
    for rejection in refused:
        if strict or rejection.unknown:
            _refuse(str(rejection))
    config = _validated(_readable(document))
    for fault in broken_rules(config, has_model=has_model):
        _refuse(fault)
    return config, tuple(_warnings(config, refused, repeated))


def _refuse(fault: str) -> NoReturn:
    raise SpecError(f"{NOT_VALID} {fault}")


def _warnings(config: AnalysisConfig, refused: tuple[Rejection, ...], repeated: tuple[str, ...]) -> Iterator[str]:
    for key in repeated:
        yield f"{key}: this key is written more than once in one object; the last one counts."
    for rejection in refused:
        value = _value(config, rejection.path)
        read = f"It is read as {shown(value)}." if value is not None else "It is read as if it were not there."
        yield f"{written(rejection.path)}: the SageMaker SDK refuses this: {rejection.reason} {read}"
    yield from doubts(config)


def _value(config: AnalysisConfig, path: tuple[Step, ...]) -> object:
    """What was read for a place in the document."""
    found: Any = config
    for step in path:
        if isinstance(found, BaseModel):
            found = getattr(found, str(step), None)
        elif isinstance(found, (list, tuple)) and isinstance(step, int) and step < len(found):
            found = found[step]
        elif isinstance(found, dict):
            found = found.get(step)
    return found.model_dump() if isinstance(found, BaseModel) else found


def _loaded(source: str | Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The object that a file holds, and the keys written more than once in it."""
    text = _text(source)
    repeated: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        repeated.extend(name for name in dict.fromkeys(names) if names.count(name) > 1)
        return dict(pairs)

    try:
        document = json.loads(text, object_pairs_hook=once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise SpecError(f"{NOT_JSON} {_name(source)}: {reason}.") from None
    if not isinstance(document, dict):
        raise SpecError(f"{NOT_JSON} {_name(source)} holds {shown(document)}, not an object of keys.")
    return document, tuple(repeated)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _text(source: str | Path) -> str:
    path = _path(source)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SpecError(f"{NOT_JSON} Cannot read {str(source)!r}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SpecError(f"{NOT_JSON} {_name(source)} is not UTF-8 text.") from None


def _path(source: str | Path) -> Path:
    if isinstance(source, str) and "://" in source:
        from evenhand.clarify.storage import local_copy

        source = local_copy(source)
    path = Path(source)
    return path / FILE_NAME if path.is_dir() else path


def _name(source: str | Path) -> str:
    return repr(Path(source).name)


def _readable(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as evenhand reads it: null is absence, images are classified unless said, image/jpg is jpeg."""
    read = _without_nulls(document)
    predictor, methods = read.get("predictor"), read.get("methods")
    if isinstance(predictor, dict):
        for key in ("content_type", "accept_type"):
            if str(predictor.get(key)).lower() == "image/jpg":
                predictor[key] = "image/jpeg"
    shap = methods.get("shap") if isinstance(methods, dict) else None
    if isinstance(shap, dict) and isinstance(shap.get("image_config"), dict):
        shap["image_config"].setdefault("model_type", "IMAGE_CLASSIFICATION")
    return read


def _without_nulls(document: Mapping[str, Any]) -> dict[str, Any]:
    """Objects without keys that hold null; lists and baselines stay as they are but for the objects in them."""
    return {
        name: value if name == "baseline" else _inside(value) for name, value in document.items() if value is not None
    }


def _inside(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _without_nulls(value)
    return [_inside(item) for item in value] if isinstance(value, (list, tuple)) else value


def _validated(document: dict[str, Any]) -> AnalysisConfig:
    try:
        return AnalysisConfig.model_validate(document)
    except ValidationError as error:
        _refuse(_fault(error, document))


def _fault(error: ValidationError, document: dict[str, Any]) -> str:
    """The first thing that is wrong, in one line."""
    first = error.errors()[0]
    path = walked(document, first["loc"])
    if first["type"] == "missing":
        return f"{written(path)}: this key is needed."
    if first["type"] == "extra_forbidden":
        return f"{written(path)}: unknown key {path[-1]!r}.{nearest(path)}"
    return f"{written(path)}: {first['msg']}, and it is {shown(first['input'])}."
