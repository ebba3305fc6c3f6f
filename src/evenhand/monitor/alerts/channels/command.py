"""A program on this machine: arguments as they are written, the message on its standard input, no shell."""

import os
import shlex
import signal
import subprocess
from contextlib import suppress

from evenhand.core.monitor import Alert
from evenhand.core.visible import visible
from evenhand.monitor.alerts.addresses import NotDelivered, Reach, opened
from evenhand.monitor.alerts.message import Message

# Nothing else of the server's environment, which may hold secrets, reaches the program.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


def send(told: Message, channel: Alert, reach: Reach) -> None:
    """Run the program and wait for its exit status 0; raises NotDelivered."""
    try:
        arguments = shlex.split(opened(channel.address, reach))
    except ValueError:
        raise NotDelivered("The command's quotes do not close.", again=False) from None
    if not arguments or arguments[0] not in reach.programs:
        shown = visible(arguments[0])[:200] if arguments and not channel.address.startswith("env:") else ""
        raise NotDelivered(f"The server's settings do not allow the program {shown!r}.")
    _run(arguments, told.model_dump_json().encode(), reach)


def _run(arguments: list[str], payload: bytes, reach: Reach) -> None:
    try:
        started = subprocess.Popen(  # noqa: S603 - a list without a shell; the program is one that the settings name
            arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=ENVIRONMENT, cwd="/", start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise NotDelivered(
            f"The program cannot be started: {getattr(error, 'strerror', None) or 'bad name'}."
        ) from None
    try:
        started.communicate(payload, timeout=reach.seconds)
    except subprocess.TimeoutExpired:
        raise NotDelivered(f"The program took longer than {reach.seconds:g} s and was ended.") from None
    finally:
        _end(started)
    if started.returncode != 0:
        raise NotDelivered(f"The program ended with status {started.returncode}.")


def _end(started: subprocess.Popen[bytes]) -> None:
    """End the program and what it started; its session is its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    if started.stdin is not None:
        with suppress(OSError):
            started.stdin.close()
