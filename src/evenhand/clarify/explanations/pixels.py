"""Pixels: images as bytes of JPEG, PNG or NumPy files, and back; needs Pillow for the first two."""

import io
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import DataError, MissingExtra

Pixels = NDArray[np.uint8]
_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG"}


def encoded(pixels: Pixels, content_type: str) -> bytes:
    """An image of height × width × 3 as a file of this type: image/jpeg, image/png or application/x-npy."""
    kept = io.BytesIO()
    if content_type == "application/x-npy":
        np.save(kept, pixels, allow_pickle=False)
    else:
        options = {"quality": 95, "subsampling": 0} if content_type == "image/jpeg" else {}
        pillow("Writing images").fromarray(pixels).save(kept, format=_FORMATS[content_type], **options)
    return kept.getvalue()


def decoded(file: bytes, name: str) -> Pixels:
    """The image in a file, height × width × 3; raises DataError where it is none."""
    image = pillow("Reading images")
    try:
        with image.open(io.BytesIO(file), formats=[*_FORMATS.values()]) as opened:
            return np.asarray(opened.convert("RGB"))
    except (OSError, ValueError, image.DecompressionBombError) as error:
        raise DataError(f"{name!r} is no image that can be read; give JPEG or PNG.") from error


def resized(pixels: Pixels, shape: tuple[int, ...]) -> Pixels:
    """The image stretched to this height and width."""
    if pixels.shape[:2] == tuple(shape):
        return pixels
    return np.asarray(pillow("Resizing images").fromarray(pixels).resize((shape[1], shape[0])))


def pillow(what: str) -> Any:
    """The module Image of Pillow; raises MissingExtra without it."""
    try:
        return import_module("PIL.Image")
    except ImportError as error:
        raise MissingExtra(what, "pillow", "images") from error
