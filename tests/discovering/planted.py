"""Tables with a group that is treated worse, or with none."""

from typing import Any

import numpy as np

from evenhand.core.items import Items
from evenhand.discovering.levels import coded

AUDIT = {"label": "label", "predicted_label": "prediction", "positive": [1]}
GROUP = 'color="2" & taste="4" & age<50'


def columns(rows: int, generator: np.random.Generator, letters: int = 3) -> dict[str, np.ndarray]:
    """Columns that have nothing to do with each other."""
    found = {f"letter{place}": generator.integers(0, 5, rows).astype(str) for place in range(letters)}
    found |= {name: generator.integers(0, 5, rows).astype(str) for name in ("color", "taste")}
    return found | {"age": generator.integers(18, 80, rows)}


def in_group(table: dict[str, np.ndarray]) -> np.ndarray:
    """Which rows are in the planted group: one in fifty."""
    return np.asarray((table["color"] == "2") & (table["taste"] == "4") & (table["age"] < 50))


def table(rows: int, seed: int, gap: float = 0.15, base: float = 0.2) -> dict[str, Any]:
    """Decisions of which a share `base` is wrong, and by `gap` more in the planted group."""
    generator = np.random.default_rng(seed)
    found = columns(rows, generator)
    wrong = generator.random(rows) < base + gap * in_group(found)
    label = generator.random(rows) < 0.4
    return found | {"label": label.astype(int), "prediction": np.where(wrong, ~label, label).astype(int)}


def items(table: dict[str, Any], kinds: dict[str, Any] | None = None) -> Items:
    """The columns of groups, as a search sees them."""
    kinds = kinds or {"age": "number"}
    names = [name for name in table if name not in ("label", "prediction")]
    found = tuple(coded(name, np.asarray(table[name]), kinds.get(name, "text")) for name in names)
    return Items(found, len(table[names[0]]))
