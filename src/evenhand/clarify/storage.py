"""Storage: data and results at an address such as s3://bucket/prefix, copied here whole and back."""

import atexit
import os
import re
import shutil
import tempfile
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from evenhand.core.errors import DataError, EvenhandError, MissingExtra, UnreadableSource

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# What readers wait for, written when all else is there.
_LAST = "analysis.json"


def is_remote(uri: str) -> bool:
    """Whether this is an address elsewhere, such as s3://bucket/prefix, and no path of this machine."""
    return bool(_ADDRESS.match(uri)) and not uri.lower().startswith("file://")


def local_copy(uri: str | Path) -> Path:
    """A file or folder on this machine with what stands at the address; paths and file:// are given back as they are.

    Copies lie in a temporary folder that goes when the program ends. Raises UnreadableSource where nothing is there or
    it cannot be read, MissingExtra without the package that knows this kind of address.
    """
    text = str(uri)
    if text.lower().startswith("file://"):
        return Path(unquote(urlsplit(text).path))
    if not is_remote(text):
        return Path(uri).expanduser()
    system, place = _opened(text)
    folder = Path(tempfile.mkdtemp(prefix="evenhand-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        return _fetched(system, place.rstrip("/"), folder, text)
    except EvenhandError:
        raise
    except Exception as error:  # each kind of storage has exceptions of its own
        raise UnreadableSource(f"Cannot read {text!r}: {_told(error)}") from error


def deliver(folder: Path, uri: str) -> None:
    """Copy all files of a folder to an address or another folder, analysis.json last.

    Raises EvenhandError where the address cannot be written to, MissingExtra without the package that knows its kind.
    """
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: (path.name == _LAST, path))
    system, place = _opened(uri if is_remote(uri) else f"file://{local_copy(uri).absolute().as_posix()}")
    try:
        for path in files:
            target = f"{place.rstrip('/')}/{path.relative_to(folder).as_posix()}"
            if not is_remote(uri):
                Path(target).parent.mkdir(parents=True, exist_ok=True)
            system.put_file(str(path), target)
    except Exception as error:
        raise EvenhandError(f"Cannot write to {uri!r}: {_told(error)}") from error


def _fetched(system: Any, place: str, folder: Path, uri: str) -> Path:
    if not uri.endswith("/") and system.isfile(place):
        copy = folder / _inside(PurePosixPath(urlsplit(place).path or place).name or "data", uri)
        system.get_file(place, str(copy))
        return copy
    names = [name for name in system.find(place) if not name.endswith("/")]
    if not names:
        raise UnreadableSource(f"There is nothing at {uri!r}; give the address of a file, or of a folder with files.")
    for name in names:
        copy = folder / _inside(name.removeprefix(place).lstrip("/"), uri)
        copy.parent.mkdir(parents=True, exist_ok=True)
        system.get_file(name, str(copy))
    return folder


def _inside(name: str, uri: str) -> PurePosixPath:
    """A name below the folder; keys of a bucket may hold any text, even one that leads out of it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise DataError(f"{uri!r} holds the key {name!r}, which is no name of a file; rename it.")
    return path


def _opened(uri: str) -> tuple[Any, str]:
    """The file system of this address and the place in it."""
    scheme = urlsplit(uri).scheme.lower()
    try:
        fsspec = import_module("fsspec")  # which has no types
        if scheme in ("s3", "s3a"):
            import_module("s3fs")
    except ImportError as error:
        raise MissingExtra(f"Reading and writing {scheme}:// addresses", "s3fs", "s3") from error
    options = {"use_listings_cache": False, **_s3_options()} if scheme in ("s3", "s3a") else {}
    try:
        system, place = fsspec.core.url_to_fs(uri, **options)
    except ImportError as error:
        raise EvenhandError(f"Addresses of the kind {scheme}:// need another package: {_told(error)}") from error
    except ValueError as error:
        raise EvenhandError(f"{uri!r} is no address that can be read: {_told(error)}") from error
    return system, str(place)


def _s3_options() -> dict[str, Any]:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return {"client_kwargs": {"endpoint_url": endpoint}} if endpoint else {}


def _told(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else f"{type(error).__name__}."
