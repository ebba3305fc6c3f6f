"""The door to the renderers: names, lazy imports, members of other packages; and JSON, which is only a door."""

import subprocess
import sys
from pathlib import Path

import pytest

from evenhand.core.errors import SpecError
from evenhand.core.report import Report
from evenhand.renderers import ALL, render
from tests.renderers.extremes import REPORTS


@pytest.mark.parametrize("form", sorted(ALL))
@pytest.mark.parametrize("name", sorted(REPORTS))
def test_every_member_renders_every_report_with_and_without_an_earlier_one(name: str, form: str) -> None:
    report = REPORTS[name]()
    assert render(report, form)
    assert render(report, form, against=REPORTS["binary"]())


@pytest.mark.parametrize("form", sorted(ALL))
def test_rendering_twice_gives_the_same_text(form: str) -> None:
    assert render(REPORTS["binary"](), form) == render(REPORTS["binary"](), form)


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_json_reads_back_as_an_equal_report(name: str) -> None:
    report = REPORTS[name]()
    assert Report.from_json(render(report, "json")) == report


def test_html_is_what_comes_without_a_format() -> None:
    assert render(REPORTS["tiny"]()).startswith("<!doctype html>")


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(SpecError, match=r"^No format 'pdf' for a report\. There are: 'html', 'json', 'markdown'\.$"):
        render(REPORTS["tiny"](), "pdf")


def test_a_misspelt_format_is_guessed() -> None:
    with pytest.raises(SpecError, match=r"^No format 'HTLM' for a report\. Did you mean 'html'\?$"):
        render(REPORTS["tiny"](), "HTLM")


def test_nothing_heavy_is_imported_before_a_page_is_asked_for() -> None:
    code = "import sys, evenhand.renderers; sys.exit(any(name in sys.modules for name in ('jinja2', 'markupsafe')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _install(folder: Path, entry: str) -> None:
    information = folder / "loud-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[evenhand.renderers]\n{entry}\n")
    (folder / "loud_renderer.py").write_text(
        "def render(report, *, against=None):\n    return report.title.upper() + '!' * (against is not None)\n"
    )


def test_a_renderer_of_another_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, "loud = loud_renderer:render")
    monkeypatch.syspath_prepend(tmp_path)
    assert render(REPORTS["tiny"](), "loud", against=REPORTS["binary"]()) == "A VERY SMALL AUDIT!"


def test_another_package_cannot_take_the_place_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, "json = loud_renderer:render")
    monkeypatch.syspath_prepend(tmp_path)
    assert render(REPORTS["tiny"](), "json").startswith("{")
