"""write_pages: the report of a run as HTML, as a notebook and as PDF, each whole or not at all."""

import re
from pathlib import Path

from evenhand.clarify.analysis import Analysis
from evenhand.clarify.config.analysis_config import ReportConfig
from evenhand.clarify.pages.notebook import notebook
from evenhand.clarify.pages.page import page
from evenhand.clarify.pages.paper import print_page
from evenhand.core.errors import SpecError
from evenhand.core.writing import write_whole

_NAME = re.compile(r"[^/\\\x00-\x1f]{1,200}")


def write_pages(analysis: Analysis, folder: Path, *, pdf: bool = True) -> tuple[list[Path], list[str]]:
    """Write `<name>.html`, `<name>.ipynb` and `<name>.pdf` to a folder; the files, and notes on what could not be made.

    The notebook reads the `analysis.json` beside it. Raises SpecError where `methods.report.name` is no file name, and
    EvenhandError where the folder cannot be written to; without Chromium there is a note and no PDF.
    """
    asked = analysis.config.methods.report or ReportConfig()
    name = _checked(asked.name)
    html, book, sheets = (folder / f"{name}.{ending}" for ending in ("html", "ipynb", "pdf"))
    write_whole(html, page(analysis, title=asked.title))
    write_whole(book, notebook(analysis, title=asked.title))
    if not pdf:
        return [html, book], []
    note = print_page(html, sheets)
    return ([html, book], [note]) if note else ([html, book, sheets], [])


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name) or name.strip(". ") == "":
        raise SpecError(f"methods.report.name {name!r} is no file name: give a name without folders, such as report.")
    return name
