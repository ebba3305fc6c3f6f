"""Payloads: files that teams send for submissions, streamed to the disk within limits, each team in its own folder.

A file that a submission names is linked among those of the bounty, under its SHA-256; one that none names is removed
after a day, or when too many newer ones came.
"""

import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool

from evenhand.server.problems import Refused
from evenhand.server.security.gate import too_large
from evenhand.server.settings import Hunting

SENT = "sent"
TOO_LARGE = "this bounty takes no larger files"
_PART = ".part"
_ABANDONED = 300.0  # seconds after which what arrives no more is removed


@dataclass(frozen=True)
class Payloads:
    """The files that one team sent to one bounty and that submissions may name."""

    folder: Path
    team: str
    limits: Hunting

    @property
    def _mine(self) -> Path:
        return self.folder / SENT / self.team  # a team's name is no path (`core.bounty.NAME`)

    async def keep(self, content: AsyncIterator[bytes], most: int) -> tuple[str, int]:
        """Write a body to the disk; its SHA-256 and size. Raises Refused (413, 422, 429)."""
        part = await run_in_threadpool(self._begun)
        digest, size = hashlib.sha256(), 0
        try:
            with part.open("wb") as file:
                async for block in content:
                    size += len(block)
                    if size > most:
                        raise too_large(most, TOO_LARGE)
                    digest.update(block)
                    await run_in_threadpool(file.write, block)
                await run_in_threadpool(_flush, file)
            if not size:
                raise Refused(422, "The file is empty; send predictions or a model.")
            await run_in_threadpool(os.replace, part, self._mine / digest.hexdigest())
        finally:
            part.unlink(missing_ok=True)
        return digest.hexdigest(), size

    def handed_over(self, payload: str, files: Path) -> Path:
        """The file among those of the bounty; raises Refused (404) where this team did not send it."""
        sent, kept = self._mine / payload, files / payload
        try:
            os.link(sent, kept)
        except FileExistsError:
            # Another team's of the same content serves as well, once this team has shown that it has it.
            if not sent.is_file():
                raise _unknown(payload, self.team) from None
        except FileNotFoundError:
            raise _unknown(payload, self.team) from None
        return kept

    def tidy(self, newest: int) -> None:
        """Remove what is older than a day, what never arrived, and all that no submission names but the newest."""
        now, loose = time.time(), []
        for file in self._files():
            with suppress(FileNotFoundError):
                facts = file.stat()
                age, part = now - facts.st_mtime, file.name.endswith(_PART)
                if age > (_ABANDONED if part else 3_600 * self.limits.hours):
                    file.unlink()
                elif not part and facts.st_nlink == 1:
                    loose.append((facts.st_mtime, file))
        for _, file in sorted(loose, reverse=True)[newest:]:
            file.unlink(missing_ok=True)

    def _begun(self) -> Path:
        self._mine.mkdir(parents=True, exist_ok=True)
        self.tidy(self.limits.files - 1)
        if sum(file.name.endswith(_PART) for file in self._files()) >= self.limits.at_once:
            raise Refused(429, f"{self.limits.at_once} files of your team are arriving; wait for them.", _SOON)
        part = self._mine / f".{secrets.token_hex(8)}{_PART}"
        part.touch(mode=0o600)
        return part

    def _files(self) -> list[Path]:
        return list(self._mine.iterdir()) if self._mine.is_dir() else []


_SOON = {"Retry-After": "5"}


def sweep(folder: Path, files: Path, named: set[str], limits: Hunting) -> None:
    """Remove files of a day ago that belong to no submission: `named` are those that do."""
    sent = folder / SENT
    for team in list(sent.iterdir()) if sent.is_dir() else []:
        Payloads(folder, team.name, limits).tidy(limits.files)
    for file in list(files.iterdir()) if files.is_dir() else []:
        with suppress(FileNotFoundError):
            if file.name not in named and time.time() - file.stat().st_ctime > 3_600 * limits.hours:
                file.unlink()


def _unknown(payload: str, team: str) -> Refused:
    return Refused(404, f"The team {team!r} sent no file {payload[:12]}… here; send it first, it is kept for a day.")


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
