"""Paper: a page printed to PDF by headless Chromium."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from evenhand.core.errors import EvenhandError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
VARIABLE = "EVENHAND_CHROMIUM"
SECONDS = 120.0
_ARGUMENTS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--disable-dev-shm-usage",  # containers have little of it
    "--no-pdf-header-footer",
)


def print_page(html: Path, pdf: Path, *, seconds: float = SECONDS) -> str | None:
    """Print a page, which may load nothing, to PDF; a note that says why and what to do where that fails.

    Raises EvenhandError where the PDF cannot be put in its place.
    """
    browser = find_browser()
    if browser is None:
        return (
            f"{pdf.name} was not written: printing needs Chromium or Chrome. Install it (apt-get install chromium, "
            f"or google-chrome) or set {VARIABLE} to its path, and run again; {html.name} holds the same."
        )
    with tempfile.TemporaryDirectory(prefix="evenhand-print-", ignore_cleanup_errors=True) as folder:
        printed = Path(folder) / "printed.pdf"
        problem = _run(_command(browser, html, printed, Path(folder)), seconds)
        if problem is None and _is_pdf(printed):
            _deliver(printed, pdf)
            return None
    reason = problem or "it ended without a PDF"
    return f"{pdf.name} was not written: {Path(browser).name} could not print: {reason}. {html.name} holds the same."


def find_browser() -> str | None:
    """The browser named by EVENHAND_CHROMIUM, or the first that is found on PATH."""
    named = os.environ.get(VARIABLE)
    return shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)


def _command(browser: str, html: Path, printed: Path, folder: Path) -> list[str]:
    # Chromium refuses to run as root inside its sandbox; the page runs no script and may load nothing.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return [
        browser, *_ARGUMENTS, *(["--no-sandbox"] if root else []), f"--user-data-dir={folder / 'profile'}",
        f"--print-to-pdf={printed}", html.resolve().as_uri(),
    ]  # fmt: skip


def _run(command: list[str], seconds: float) -> str | None:
    """Run it in a group of its own, so that its children end with it; what went wrong."""
    try:
        process = subprocess.Popen(  # noqa: S603 - our own arguments and no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        return str(error.strerror)
    try:
        code = process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"it took more than {seconds:g} seconds"
    finally:
        _end(process)
    return f"it ended with code {code}" if code else None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and its children, if any are left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()


def _is_pdf(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(5) == b"%PDF-"
    except OSError:
        return False


def _deliver(printed: Path, pdf: Path) -> None:
    """Move it to its place whole, also where that is another file system."""
    beside = pdf.with_name(f".{pdf.name}.{os.getpid()}")
    try:
        shutil.copyfile(printed, beside)
        beside.replace(pdf)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise EvenhandError(f"Cannot write {str(pdf)!r}: {error.strerror}.") from None
