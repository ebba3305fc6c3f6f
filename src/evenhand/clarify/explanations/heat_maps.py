"""Heat maps: what each segment of an image counts for as a JPEG, blue for and red against, and as raw values."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.explanations.pixels import pillow
from evenhand.core.attributions import Attributions
from evenhand.core.places import ImagePlaces
from evenhand.core.writing import write_whole
from evenhand.renderers.heat import heat_map, hottest

Pixels = NDArray[np.uint8]
_FOR, _AGAINST = np.array((33, 102, 235.0)), np.array((214, 39, 40.0))
_GREY = np.array([0.299, 0.587, 0.114])  # how bright red, green and blue look (ITU-R BT.601)
_STRENGTH = 0.75
_CAPTION = 16  # pixels above a panel
_GAP = 4


@dataclass(frozen=True, eq=False)
class Panel:
    """One heat map over the picture: its caption, a value for each segment, and a box to draw (left, top, …)."""

    caption: str
    values: NDArray[np.float64]
    box: tuple[float, float, float, float] | None


def write_panels(path: Path, places: ImagePlaces, panels: Sequence[Panel]) -> None:
    """Write the picture and one heat map a panel beside each other; all panels share one scale."""
    heats = [heat_map(places, panel.values) for panel in panels]
    limit = max(map(hottest, heats)) if any(heat.any() for heat in heats) else 1.0
    drawn = [_captioned(places.picture, "")] if len(panels) > 1 else []
    for panel, heat in zip(panels, heats, strict=True):
        covered = tinted(places.picture, heat / limit)
        drawn.append(_captioned(covered if panel.box is None else _boxed(covered, panel.box), panel.caption))
    gap = np.full((drawn[0].shape[0], _GAP, 3), 255, np.uint8)
    row = [part for each in drawn for part in (gap, each)][1:]
    kept = io.BytesIO()
    pillow("Writing heat maps").fromarray(np.concatenate(row, axis=1)).save(kept, format="JPEG", quality=92)
    write_whole(path, kept.getvalue())


def write_values(path: Path, segments: NDArray[np.int32], found: Attributions) -> None:
    """Write segments (height × width) and values, errors (segments × outputs), offset and predictions as .npz."""
    kept = io.BytesIO()
    np.savez_compressed(
        kept, segments=segments, values=found.values[0], errors=found.errors[0], offset=found.base[0],
        predictions=found.full[0],
    )  # fmt: skip
    write_whole(path, kept.getvalue())


def tinted(picture: Pixels, shares: NDArray[np.float64]) -> Pixels:
    """The picture in grey under blue for shares up to 1 and red for those down to −1, the stronger the larger."""
    # The square root keeps small attributions visible.
    covered = _STRENGTH * np.sqrt(np.clip(np.abs(shares), 0, 1))[:, :, None]
    grey = np.repeat((picture @ _GREY)[:, :, None], 3, axis=2)
    colour = np.where(shares[:, :, None] > 0, _FOR, _AGAINST)
    mixed: Pixels = np.rint((1 - covered) * grey + covered * colour).astype(np.uint8)
    return mixed


def _boxed(picture: Pixels, box: tuple[float, float, float, float]) -> Pixels:
    """The picture with the box's edges; boxes within 0–1 are shares of the sides, others pixels."""
    height, width = picture.shape[:2]
    shares = max(abs(side) for side in box) <= 1.5
    left, top, right, bottom = np.array(box) * ((width, height, width, height) if shares else 1)
    columns = np.clip([left, right - 1], 0, width - 1).astype(int)
    rows = np.clip([top, bottom - 1], 0, height - 1).astype(int)
    drawn = picture.copy()
    drawn[rows, columns.min() : columns.max() + 1] = (255, 255, 0)
    drawn[rows.min() : rows.max() + 1, columns] = (255, 255, 0)
    return drawn


def _captioned(picture: Pixels, caption: str) -> Pixels:
    strip = pillow("Writing heat maps").new("RGB", (picture.shape[1], _CAPTION), "white")
    drawing: Any = import_module("PIL.ImageDraw").Draw(strip)
    # The small built-in font has ASCII alone.
    drawing.text((2, 2), caption.encode("ascii", "replace").decode()[:60], fill="black")
    return np.concatenate([np.asarray(strip), picture])
