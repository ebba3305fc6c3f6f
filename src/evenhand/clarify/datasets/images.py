"""Images: JPEG and PNG files of a folder or an address, or those that a manifest lists; read when they are needed."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.datasets.files import CONFIG, files_of, text_of
from evenhand.clarify.storage import is_remote, local_copy
from evenhand.core.errors import DataError, MissingExtra, SpecError, UnreadableSource

_IMAGES = (".jpg", ".jpeg", ".png")
_FORMATS = ("JPEG", "PNG")


@dataclass(frozen=True)
class ImageFile:
    """One image by its name, and the path or address that it is read from."""

    name: str
    source: str

    def bytes(self) -> bytes:
        """The file as it is; raises UnreadableSource."""
        try:
            return local_copy(self.source).read_bytes()
        except OSError as error:
            raise UnreadableSource(f"The image {self.name!r} cannot be read: {error.strerror}.") from error

    def pixels(self) -> NDArray[np.uint8]:
        """Height × width × red, green and blue; raises UnreadableSource for what is no JPEG or PNG."""
        pillow, broken = _pillow()
        try:
            with pillow.open(io.BytesIO(self.bytes()), formats=_FORMATS) as image:
                return np.asarray(image.convert("RGB"), dtype=np.uint8)
        except (OSError, ValueError, SyntaxError, broken) as error:
            raise UnreadableSource(f"{self.name!r} is no whole JPEG or PNG image.") from error


def image_files(config: AnalysisConfig, data: str | Path | None) -> list[ImageFile]:
    """The images of a folder, an address, one file, or a manifest (JSON or JSON Lines with `source-ref`), in order.

    Raises UnreadableSource where there are none, DataError for a manifest that lists something else.
    """
    place = config.dataset_uri or data
    if place is None:
        raise SpecError("There are no images: give the place of a folder or manifest, or set dataset_uri.")
    files = files_of(place, "application/x-image")
    images = [path for path in files.paths if path.name.lower().endswith(_IMAGES)]
    if images:
        folder = local_copy(place) if len(images) > 1 and not is_remote(str(place)) else _parent(images)
        return [ImageFile(_name(path, folder), str(path)) for path in images]
    manifests = [path for path in files.paths if path.name != CONFIG]
    if len(manifests) != 1:
        raise UnreadableSource(f"{str(place)!r} holds no .jpg, .jpeg or .png images and no single manifest of them.")
    above = str(place).rpartition("/")[0] if is_remote(str(place)) else str(manifests[0].parent)
    return _unique([_listed(entry, above, manifests[0].name) for entry in _entries(manifests[0])])


def _parent(images: list[Path]) -> Path:
    parents = {path.parent for path in images}
    top = parents.pop()
    while not all(parent.is_relative_to(top) for parent in parents):
        top = top.parent
    return top


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def _entries(manifest: Path) -> list[Any]:
    """The references of a manifest: source-ref objects, one a line or in a list, or a prefix and names below it."""
    text = text_of(manifest)
    try:
        document = json.loads(text)
        document = document if isinstance(document, list) else [document]
    except (ValueError, RecursionError):
        document = [_line(line, manifest) for line in text.splitlines() if line.strip()]
    if document and isinstance(document[0], dict) and isinstance(document[0].get("prefix"), str):
        return [f"{document[0]['prefix']}{name}" for name in document[1:]]
    return [entry.get("source-ref") if isinstance(entry, dict) else entry for entry in document]


def _line(line: str, manifest: Path) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnreadableSource(
            f'{manifest.name!r} is neither images nor a manifest of them: lines of {{"source-ref": …}}.'
        ) from error


def _listed(reference: Any, above: str, manifest: str) -> ImageFile:
    if not isinstance(reference, str) or not reference:
        raise DataError(f"{manifest!r} has an entry without source-ref; each entry names one image there.")
    if not is_remote(reference) and not reference.startswith("file://") and not Path(reference).is_absolute():
        reference = f"{above}/{reference}"
    name = Path(urlsplit(reference).path if is_remote(reference) else reference).name
    return ImageFile(name, reference)


def _unique(images: list[ImageFile]) -> list[ImageFile]:
    """Images of one name in several folders are called by their whole reference."""
    names = [image.name for image in images]
    return [ImageFile(image.source, image.source) if names.count(image.name) > 1 else image for image in images]


def _pillow() -> tuple[Any, type[Exception]]:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtra("Reading images", "pillow", "images") from error
    return Image, Image.DecompressionBombError
