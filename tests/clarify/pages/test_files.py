"""The files of a report: whole, valid, executable, and printed where there is a browser."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evenhand.clarify.analysis import Analysis
from evenhand.clarify.pages import write_pages
from evenhand.clarify.pages.notebook import notebook
from evenhand.clarify.pages.paper import VARIABLE, print_page
from evenhand.core.errors import SpecError
from tests.clarify.pages import analyses
from tests.renderers.extremes import HOSTILE

CASES: dict[str, Callable[[], Analysis]] = {
    **analyses.ALL,
    "hostile": lambda: analyses.hostile("</script>```<b>\u202e=cmd|x"),
    "braces": lambda: analyses.hostile(HOSTILE[6]),
}


def outputs(book: Any) -> list[Any]:
    return [output["data"] for cell in book["cells"] for output in cell.get("outputs", [])]


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_notebook_is_valid_and_hides_nothing(name: str) -> None:
    nbformat = pytest.importorskip("nbformat")
    analysis = CASES[name]()
    text = notebook(analysis, title="A title")
    nbformat.validate(nbformat.reads(text, as_version=4))
    book = json.loads(text)
    assert "\u202e" not in text and "hunter2" not in json.dumps(book["cells"][-1])
    assert all("<b>\u202e" not in data["text/html"] and "</script>" not in data["text/html"] for data in outputs(book))
    assert Counter(cell["id"] for cell in book["cells"]).most_common(1)[0][1] == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["everyday", "hostile", "empty"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_notebook_executes_to_the_outputs_stored_in_it(name: str, tmp_path: Path) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    analysis = CASES[name]()
    (tmp_path / "analysis.json").write_text(json.dumps(analysis.document), "utf-8")
    stored = nbformat.reads(notebook(analysis, title="A title"), as_version=4)
    before = [dict(data) for data in outputs(stored)]
    client = nbclient.NotebookClient(stored, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    assert [dict(data) for data in outputs(stored)] == before
    assert len(before) == 9


def test_files_have_the_name_and_title_of_the_config(tmp_path: Path) -> None:
    analysis = analyses.everyday()
    config = analyses.config([], name="model report", title="Our <title>")
    files, notes = write_pages(Analysis(config, analysis.document, 3), tmp_path, pdf=False)
    assert [file.name for file in files] == ["model report.html", "model report.ipynb"] and notes == []
    assert '<h1 dir="auto">Our &lt;title&gt;</h1>' in files[0].read_text("utf-8")
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(file.name for file in files)


@pytest.mark.parametrize("name", ["../report", "a/b", "..", "", "a\x00b", "a\\b"])
def test_a_name_never_leaves_the_folder(name: str, tmp_path: Path) -> None:
    analysis = Analysis(analyses.config([], name=name), {}, 0)
    with pytest.raises(SpecError, match="is no file name"):
        write_pages(analysis, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_a_browser_a_note_tells_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    files, (note,) = write_pages(analyses.empty(), tmp_path)
    assert [file.suffix for file in files] == [".html", ".ipynb"]
    assert "apt-get install chromium" in note and VARIABLE in note


@pytest.mark.parametrize(
    ("script", "reason"), [("sleep 60", "more than 0.3 seconds"), ("exit 3", "code 3"), ("exit 0", "without a PDF")]
)
def test_a_browser_that_fails_is_ended_and_told(
    script: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform == "win32":
        pytest.skip("needs a shell")
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\n{script}\n")
    browser.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(browser))
    note = print_page(tmp_path / "report.html", tmp_path / "report.pdf", seconds=0.3 if "sleep" in script else 30)
    assert note is not None and reason in note
    assert not (tmp_path / "report.pdf").exists()


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_is_printed(tmp_path: Path) -> None:
    files, notes = write_pages(analyses.everyday(), tmp_path)
    if notes and "needs Chromium" in notes[0]:
        pytest.skip(notes[0])
    assert notes == [] and files[2].read_bytes().startswith(b"%PDF-")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["report.html", "report.ipynb", "report.pdf"]
