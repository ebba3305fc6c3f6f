"""Key paths: where something stands in a config, such as methods.shap.baseline[0]; and the nearest right key."""

from collections.abc import Iterable, Iterator, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.core.errors import suggestion

Step = str | int


def written(path: Iterable[Step]) -> str:
    """A path as text."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def walked(document: object, places: Sequence[Step]) -> tuple[Step, ...]:
    """The places that lead somewhere in the document; names that a validator puts between them are left out.

    The last place is kept where it names a key that an object lacks.
    """
    path: list[Step] = []
    for number, place in enumerate(places):
        keyed = isinstance(document, dict) and place in document
        listed = isinstance(document, (list, tuple)) and isinstance(place, int) and place < len(document)
        if keyed or listed:
            document = document[place]  # type: ignore[index]
        elif not (isinstance(document, dict) and number == len(places) - 1):
            continue
        path.append(place)
    return tuple(path)


def nearest(path: Sequence[Step]) -> str:
    """What an unknown key was meant to be: a right key of its object, or the object where that key is right."""
    *around, key = path
    owners = [written((*place, str(key))) for place, names in _objects(AnalysisConfig) if key in names]
    if owners:
        return f" It belongs in {' or '.join(map(repr, owners[:3]))}."
    return suggestion(str(key), keys_at(around), most=60)


def keys_at(path: Iterable[Step]) -> list[str]:
    """The right keys of the object that stands at a path, places in lists included."""
    names = [step for step in path if isinstance(step, str)]
    return next((list(keys) for place, keys in _objects(AnalysisConfig) if list(place) == names), [])


def _objects(model: type[BaseModel], place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Every object of the config: the keys that lead to it, and its own."""
    yield place, list(model.model_fields)
    for name, field in model.model_fields.items():
        for inner in _models(field.annotation):
            yield from _objects(inner, (*place, name))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType, tuple):
        for part in get_args(annotation):
            yield from _models(part)
