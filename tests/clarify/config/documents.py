"""Configs to test with: the samples, and changes to them."""

import copy
import json
from pathlib import Path
from typing import Any

SAMPLES = {
    path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "samples").glob("*.json"))
}
Path_ = tuple[str | int, ...]


def changed(name: str, path: str, value: Any) -> dict[str, Any]:
    """A sample with another value at a path such as facet.0.value_or_threshold."""
    document: dict[str, Any] = copy.deepcopy(SAMPLES[name])
    *around, last = (int(step) if step.isdigit() else step for step in path.split("."))
    place: Any = document
    for step in around:
        place = place[step]
    place[last] = value
    return document


def without(name: str, path: str) -> dict[str, Any]:
    """A sample without the key at a path."""
    document: dict[str, Any] = copy.deepcopy(SAMPLES[name])
    *around, last = path.split(".")
    place: Any = document
    for step in around:
        place = place[int(step) if step.isdigit() else step]
    del place[last]
    return document


def places(document: Any, path: Path_ = ()) -> list[Path_]:
    """Every place in a document below the top, but for those within a baseline."""
    if path and path[-1] == "baseline":
        return [path]
    items = document.items() if isinstance(document, dict) else enumerate(document)
    inner = [
        place
        for key, value in items
        for place in (places(value, (*path, key)) if isinstance(value, dict | list) else [(*path, key)])
    ]
    return [path, *inner] if path else inner
