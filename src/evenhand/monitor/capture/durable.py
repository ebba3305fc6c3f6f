"""Durable: files that are on the disk when the call returns, and locks that end with their process."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evenhand.core.errors import EvenhandError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def sync_folder(folder: Path) -> None:
    """Make what was created, renamed or removed in a folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def made(folder: Path) -> Path:
    """The folder, created durably where it was not there; raises EvenhandError."""
    if not folder.is_dir():
        with told(folder):
            made(folder.parent)
            folder.mkdir(exist_ok=True)
            sync_folder(folder.parent)
    return folder


def write_durable(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and return when it is on the disk; raises EvenhandError."""
    with written_durably(path) as beside:
        beside.write_bytes(content)


@contextmanager
def written_durably(path: Path) -> Iterator[Path]:
    """Where to write a file, which has its name once it is whole and on the disk; raises EvenhandError."""
    beside = path.with_name(f".{path.name}.new")
    with told(path):
        try:
            yield beside
            descriptor = os.open(beside, os.O_RDWR)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        beside.replace(path)
        sync_folder(path.parent)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Within it, a write that fails is told in one line; what was kept before is whole."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise EvenhandError(
                f"No space is left for {str(path)!r}; what was accepted before is safe. Free some space and try again."
            ) from error
        raise EvenhandError(f"Cannot write {str(path)!r}: {error.strerror}.") from error


def not_accepted(folder: Path, error: OSError) -> EvenhandError:
    """Why a batch was not taken in, and what to do."""
    if error.errno in FULL:
        return EvenhandError(
            f"Nothing was accepted: no space is left for {str(folder)!r}. Free some space and send it again."
        )
    return EvenhandError(f"Nothing was accepted: cannot write {str(folder)!r}: {error.strerror}.")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that all threads and processes share; the system frees it when its holder dies."""
    with told(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
