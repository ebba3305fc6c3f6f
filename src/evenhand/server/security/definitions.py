"""Definitions: what a monitor that comes over the network may ask of this machine."""

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from evenhand.core.monitor import Alert, Monitor
from evenhand.monitor.cron import Cron
from evenhand.server.problems import Refused
from evenhand.server.settings import Settings

PREFIX = "EVENHAND_"
# What the house reads for itself: with the first, anybody could sign sessions.
OWN = frozenset(
    f"{PREFIX}{name}" for name in ("SECRET", "OIDC_SECRET", "KEY", "HOME", "SERVER", "SETTINGS", "INVITATION")
)
_FIRST = re.compile(r"first [0-9]{1,4}")
_VARIABLE = re.compile(rf"{PREFIX}[A-Z0-9_]{{1,80}}")
_PATTERN = re.compile(r"[*?\[]")
_WEB = ("http://", "https://")


def check_definition(monitor: Monitor, settings: Settings, home: Path) -> None:
    """Refuse paths outside of the folders allowed, programs, and secrets that are not meant for monitors."""
    if _FIRST.fullmatch(monitor.baseline) is None:
        _check_path("baseline", monitor.baseline, [*settings.folders, home / monitor.name / "baseline"])
    if monitor.model is not None and monitor.model.startswith(_WEB):
        _check_host(monitor.model, settings)
    elif monitor.model is not None:
        _check_path("model", monitor.model, settings.folders)
    if monitor.schedule is not None:
        Cron.parse(monitor.schedule)
    for alert in monitor.alerts:
        _check_alert(alert, settings)


def _check_path(what: str, text: str, folders: Iterable[Path]) -> None:
    """A path below one of the folders once links are followed; anything else is refused with the same words."""
    refusal = Refused(
        403, f"{what} must be a file below the folders that the server's settings allow; put it there, or set the"
        " monitor on that machine by `evenhand monitor add`.",
    )  # fmt: skip
    if "\0" in text or "://" in text or text.startswith("command:") or not Path(text).is_absolute():
        raise refusal
    try:
        place = Path(text).resolve()
        there = place.exists()
    except (OSError, RuntimeError, ValueError):
        raise refusal from None
    if _PATTERN.search(text) and not there:
        raise refusal  # what a pattern finds later may be a link to anywhere
    if not any(place.is_relative_to(folder.resolve()) for folder in folders):
        raise refusal


def _check_host(url: str, settings: Settings) -> None:
    """A model is asked by this machine, which reaches more than who sends the definition: hosts are named first."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        host, port = "", 0
    if _ambiguous(url) or not {host, f"{host}:{port}"} & {each.lower() for each in settings.reach}:
        raise Refused(403, "The model's host is not one that the server's settings name in reach; have it added there.")


def _ambiguous(url: str) -> bool:
    """Whether a URL holds what different readers of URLs take for different hosts."""
    return any(mark in url for mark in "@\\") or not (url.isascii() and url.isprintable()) or " " in url


def _check_alert(alert: Alert, settings: Settings) -> None:
    if alert.to == "command" and alert.address not in settings.programs:
        raise Refused(403, "Alerts may start only the programs that the server's settings name in programs.")
    if alert.runbook is not None and not alert.runbook.startswith(_WEB):
        raise Refused(422, "A runbook is a link that begins with https:// or http://.")
    for text in (alert.address, *alert.options.values()):
        name = text.removeprefix("env:")
        if name != text and (_VARIABLE.fullmatch(name) is None or name in _own(settings)):
            raise Refused(403, f"env:{name[:60]} may not be read for alerts; name the variable {PREFIX}….")


def _own(settings: Settings) -> frozenset[str]:
    """The variables that hold what is the server's alone."""
    return OWN if settings.openid is None else OWN | {settings.openid.secret.removeprefix("env:").strip()}
