"""evenhand bounty as teams run it against a server: join, download, hand in, and hear how it ended."""

import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from evenhand.stores import open_store
from tests.bounty.opened import INVITATION, WRONGED, answers, open_bounty
from tests.server.launching import ENVIRONMENT, launched, new_key

pytestmark = pytest.mark.slow


def evenhand(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from evenhand.cli import main; main()", "bounty", *words]
    given = {name: text for name, text in ENVIRONMENT.items() if name not in ("EVENHAND_KEY", "EVENHAND_SERVER")}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, timeout=300, check=False,
        env={**given, "COLUMNS": "140", **environment},
    )  # fmt: skip


def test_a_team_hunts_at_a_server(tmp_path: Path) -> None:
    database, home = f"sqlite:///{tmp_path / 'watch.db'}", tmp_path / "watch-monitors"
    open_bounty(open_store(database), home)
    admin = new_key(database)
    with launched(database, admin) as server:
        at = (server.address, "loans")
        wrong = evenhand(tmp_path, "join", *at, "--team", "A", "--invitation", "guessed")
        assert wrong.returncode == 1
        assert wrong.stderr.count("\n") == 1
        joined = evenhand(tmp_path, "join", *at, "--team", "A", "--keep", "key", EVENHAND_INVITATION=INVITATION)
        assert (joined.returncode, joined.stderr) == (0, "")
        assert joined.stdout == "A is in loans. Its key is in key, for --key-file.\n"
        key = (tmp_path / "key").read_text().strip()
        assert oct((tmp_path / "key").stat().st_mode)[-3:] == "600"
        assert key not in joined.stdout
        again = evenhand(tmp_path, "join", *at, "--team", "B", "--invitation", INVITATION, "--keep", "key")
        assert "'key' is there already; name another file" in again.stderr

        key_file = ("--key-file", "key")
        got = evenhand(tmp_path, "download", *at, "--out", "files", *key_file)
        assert (got.returncode, got.stderr) == (0, "")
        assert "truth" not in parquet.read_table(tmp_path / "files/hidden.parquet").column_names
        (tmp_path / "sent.parquet").write_bytes(answers(home))
        submit = ("submit", *at, "--predictions", "sent.parquet", *key_file)
        later = evenhand(tmp_path, *submit, "--group", "region=south")
        assert later.returncode in (0, 2)  # it may be judged before it is asked about
        assert later.stderr == ""
        found = evenhand(tmp_path, *submit, "--group", WRONGED, "--wait")
        assert (found.returncode, found.stderr) == (0, "")
        assert found.stdout.startswith("✓ accepted: Proven on rows that nobody has seen")
        refused = evenhand(tmp_path, *submit, "--group", "region=south", "--wait", EVENHAND_KEY=key)
        assert refused.returncode == 2

        shown = evenhand(tmp_path, "show", *at, *key_file)
        assert "1 of 20 finds accepted" in shown.stdout, shown.stderr
        assert "For the owner" not in shown.stdout
        owners = evenhand(tmp_path, "show", *at, EVENHAND_KEY=admin)
        assert "For the owner" in owners.stdout
        listed = evenhand(tmp_path, "submissions", *at, *key_file)
        assert [line.split()[:2] for line in listed.stdout.splitlines()] == [["2", "A,"], ["1", "A,"]]
        assert "No key can be read" in evenhand(tmp_path, "show", *at, "--key-file", "nowhere").stderr
    here = evenhand(tmp_path, "replay", "loans", "--store", database)
    assert here.stdout == "2 verdicts are the same to the last bit; they make version 1.\n", here.stderr


def test_a_server_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    done = evenhand(tmp_path, "show", "http://127.0.0.1:9", "loans", EVENHAND_KEY="k")
    assert done.returncode == 1
    assert done.stderr.startswith("evenhand: The server at http://127.0.0.1:9")
    assert list(tmp_path.iterdir()) == []
