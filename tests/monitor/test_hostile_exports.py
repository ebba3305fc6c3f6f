"""Exports of strangers: no link is followed, no name becomes a path, nothing is unpickled, and all or nothing is kept."""

import io
import json
import os
import pickle
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evenhand.cli.moving import export_to, import_from
from evenhand.core.errors import EvenhandError
from evenhand.core.store import Store
from evenhand.core.window import Window
from evenhand.monitor.capture import Capture
from evenhand.monitor.running import run_window
from evenhand.stores import open_store
from tests.monitor.story import day, predictions, watched
from tests.monitor.test_hostile import NASTY, hostile


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        yield opened


@pytest.fixture
def exported(tmp_path: Path, store: Store) -> Path:
    """An export of one monitor with records and a window."""
    monitor, home = watched(alerts=()), tmp_path / "home"
    store.put_monitor(monitor)
    with closing(Capture(home / "loans", monitor)) as capture:
        capture.accept(predictions(0))
    run_window(monitor, Window(day(0), day(1)), store, home)
    export_to(tmp_path / "export", store, home)
    return tmp_path / "export"


def taken(exported: Path) -> str:
    """Import into a new store and home beside it; gives what refused it, of which nothing is left."""
    place = exported.parent / "there"
    place.mkdir(exist_ok=True)
    before = sorted(exported.parent.rglob("*"))
    with open_store(f"sqlite:///{place / 'store.db'}") as other:
        with pytest.raises(EvenhandError) as refused:
            import_from(exported, other, place / "home")
        assert (other.monitors(), other.log()) == ([], [])
    made = set(exported.parent.rglob("*")) - set(before)
    assert {path.name for path in made} <= {"store.db", "store.db-wal", "store.db-shm"}
    return str(refused.value)


def test_links_in_an_export_are_not_followed(exported: Path, tmp_path: Path) -> None:
    """Else the journal of a monitor would be written to wherever a stranger's link leads."""
    target, records = tmp_path / "authorized_keys", exported / "monitors" / "loans"
    target.write_text("mine")
    for link, leads in (
        (records / "journal" / "link", target), (records / "deep", tmp_path), (exported / "monitors" / "more", tmp_path),
    ):  # fmt: skip
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(leads)
        assert "is a link or no plain file; an export holds files and folders." in taken(exported)
        link.unlink()
    os.mkfifo(records / "pipe")
    assert "is a link or no plain file" in taken(exported)
    (records / "pipe").unlink()
    moved = exported.with_name("elsewhere")
    (exported / "monitors").rename(moved)
    (exported / "monitors").symlink_to(moved)
    assert "is a link or no plain file" in taken(exported)
    assert target.read_text() == "mine"


@pytest.mark.parametrize("name", ["..evil", ".secret", "-x", "a b", "\u202eevil", "x" * 65, "a\nb", "=1"])
def test_folders_of_an_export_are_names_of_monitors(exported: Path, name: str) -> None:
    shutil.copytree(exported / "monitors" / "loans", exported / "monitors" / name)
    assert "is no name of a monitor; it is not imported" in taken(exported)


@pytest.mark.parametrize("name", ["../../evil", "/etc/cron.d", "..", ".secret", "a\0b", "loans/../..", "%2e%2e", ""])
def test_names_of_monitors_in_an_export_are_no_paths(exported: Path, name: str) -> None:
    """They would be folders: of records when captured, and of copies when exported again."""
    lines = [json.loads(line) for line in (exported / "store.jsonl").read_text().splitlines()]
    for kind, content in lines:
        content.update({each: name for each in ("monitor", *(["name"] * (kind == "monitors"))) if each in content})
    (exported / "store.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert "which is no name" in taken(exported)


class Evil:
    """What is unpickled to a file that should not be there."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.place),)


def test_pickles_in_an_export_are_not_unpickled(exported: Path, tmp_path: Path) -> None:
    """Every file of the records becomes a pickle, on its own and within the frame of NumPy; all are then read."""
    monitor, place = watched(alerts=()), tmp_path / "unpickled"
    frame = io.BytesIO()
    np.save(frame, np.array([Evil(place)], object), allow_pickle=True)
    for content in (pickle.dumps(Evil(place)), frame.getvalue()):
        for file in sorted((exported / "monitors" / "loans").rglob("*")):
            home = Path(tempfile.mkdtemp(dir=tmp_path))
            if file.is_dir():
                continue
            shutil.copytree(exported / "monitors" / "loans", home / "loans")
            (home / "loans" / file.relative_to(exported / "monitors" / "loans")).write_bytes(content)
            with open_store(f"sqlite:///{home / 'store.db'}") as other, suppress(EvenhandError, ValueError):
                other.put_monitor(monitor)
                with closing(Capture(home / "loans", monitor)) as capture:
                    capture.accept(predictions(1))
                run_window(monitor, Window(day(0), day(1)), other, home)
            assert not place.exists(), file
    with pytest.raises(FileNotFoundError):
        place.rmdir()
    pickle.loads(frame.getvalue()[128:])  # noqa: S301 - the attack itself works
    assert place.is_dir()


@pytest.mark.parametrize(
    "line",
    ["[" * 50_000, '["keys", {}]', "null", '["monitors"]', '["monitors", {"name": "x", "version": 1e999}]', "\x00",
     '["jobs", {"payload": ' + "[" * 50_000, json.dumps(["definitions", {"definition": "[" * 50_000}]),
     json.dumps(["sqlite_master", {"sql": "DROP TABLE evenhand_keys"}])],
    ids=range(9),
)  # fmt: skip
def test_lines_of_an_export_that_make_no_sense(exported: Path, line: str) -> None:
    with (exported / "store.jsonl").open("a") as file:
        file.write(line + "\n")
    assert "\n" not in taken(exported)


def test_what_is_exported_is_no_spreadsheet_and_comes_back_exactly(tmp_path: Path, store: Store) -> None:
    """Formulas in names stay text because no file is one that spreadsheets open: JSON and Parquet alone."""
    monitor, home = watched(alerts=(), baseline="first 1"), tmp_path / "home"
    store.put_monitor(monitor)
    with closing(Capture(home / "loans", monitor)) as capture:
        capture.accept(hostile(0, 450, NASTY, day(0)))
    outcome = run_window(monitor, Window(day(0), day(1)), store, home)
    export_to(tmp_path / "export", store, home)
    files = [path for path in (tmp_path / "export").rglob("*") if path.is_file()]
    assert {".jsonl", ".parquet"} <= {path.suffix for path in files}
    assert not {".csv", ".tsv", ".txt", ".xls", ".xlsx", ".ods", ".html"} & {path.suffix for path in files}
    with open_store(f"sqlite:///{tmp_path / 'other.db'}") as other:
        import_from(tmp_path / "export", other, tmp_path / "there")
        assert other.outcomes("loans")[0].report == store.outcomes("loans")[0].report
        with closing(Capture(tmp_path / "there" / "loans", monitor)) as capture:
            frame = capture.frame(Window(day(0), day(1)), labelled=False)
            assert frame is not None
            [rows] = frame.batches(["sex"], 1_000)
    assert set(rows["sex"].to_list()) == set(NASTY)
    assert outcome.rows == 450
