"""Hostile hunters over a real server: each thing that they try is refused by name, and the server goes on."""

import hashlib
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyarrow import parquet

from evenhand.bounty.judging.running import folder_of
from evenhand.client import Client, Refusal, join
from evenhand.server.payloads import Payloads, sweep
from evenhand.server.settings import Hunting
from tests.bounty.opened import INVITATION, WRONGED, as_parquet
from tests.server.conftest import Served, behind_a_socket
from tests.server.hostile.sending import Evil, line_of
from tests.server.hunters import LOANS, Hunt, hunting

LIMITS = {"bytes": 200_000, "seconds": 20.0}


@pytest.fixture
def hunt(tmp_path: Path) -> Iterator[Hunt]:
    with hunting(tmp_path, limits=LIMITS) as made:
        yield made


@pytest.fixture
def served(hunt: Hunt) -> Iterator[Served]:
    with behind_a_socket(hunt.house) as found:
        yield found


def kept(hunt: Hunt) -> int:
    """Bytes of everything that teams left in the folder of the bounty."""
    folder = folder_of(hunt.house.home, "loans")
    return sum(
        file.stat().st_size for part in ("sent", "files") for file in (folder / part).rglob("*") if file.is_file()
    )


@contextmanager
def claiming(hunt: Hunt, served: Served, length: int) -> Iterator[socket.socket]:
    """A connection on which an upload of so many bytes was begun."""
    host, port = served.address.removeprefix("http://").split(":")
    head = f"PUT {LOANS}/payloads HTTP/1.1\r\nHost: {host}\r\nX-API-Key: {hunt.teams['A']}\r\nContent-Length: {length}"
    with socket.create_connection((host, int(port)), timeout=60) as line:
        line.sendall(f"{head}\r\n\r\n".encode())
        yield line


def test_ten_gigabytes_are_refused_whatever_the_length_claims(hunt: Hunt, served: Served) -> None:
    address, key = f"{served.address}{LOANS}/payloads", {"X-API-Key": hunt.teams["A"]}
    with claiming(hunt, served, 10 * 2**30) as line:
        assert b" 413 " in line.recv(65_536).partition(b"\r\n")[0]
    little = httpx.put(address, headers={**key, "Content-Length": "300000"}, content=iter([b"x" * 300_000]))
    assert line_of(little) == "The body is larger than 200,000 bytes; this bounty takes no larger files."
    sent = [0]

    def endless() -> Iterator[bytes]:
        for _ in range(10 * 2**10):
            sent[0] += 2**20
            yield b"\0" * 2**20

    try:
        answer = httpx.put(address, headers=key, content=endless(), timeout=60)
    except (httpx.WriteError, httpx.ReadError):  # the server hung up, which is as well
        pass
    else:
        assert (answer.status_code, "larger than 200,000 bytes" in line_of(answer)) == (413, True)
    assert sent[0] < 100 * 2**20
    assert kept(hunt) == 0
    assert httpx.get(f"{served.address}/health").status_code == 200


def test_a_length_that_lies_small_gets_no_more_in(hunt: Hunt, served: Served) -> None:
    with claiming(hunt, served, 5) as line:
        line.sendall(b"12345" + b"x" * 100_000)
        assert b" 201 " in line.recv(65_536).partition(b"\r\n")[0]
    assert kept(hunt) == 5


def test_an_upload_that_breaks_off_leaves_nothing(hunt: Hunt, served: Served) -> None:
    with claiming(hunt, served, 5000) as line:
        line.sendall(b"x" * 1000)
        time.sleep(0.3)
    ends = time.monotonic() + 20
    while list((folder_of(hunt.house.home, "loans") / "sent").rglob("*.part")) and time.monotonic() < ends:
        time.sleep(0.1)
    assert kept(hunt) == 0


GROUPS: list[tuple[Any, str]] = [
    ("salary>5", "No group may use the column 'salary'"),
    ("truth=yes", "No group may use the column 'truth'"),
    ({"column": "age", "op": "<", "value": "old"}, "group: "),
    ({"or": [{"column": "age", "op": "==", "value": place} for place in range(65)]}, "more than 64 comparisons"),
    ({"column": "age", "op": "in", "value": list(range(1001))}, "1,000"),
    (" | ".join(f"age={place}" for place in range(3000)), "group: "),
    ("age<" + "9" * 70_000, "The group is larger than 65,536 bytes"),
    ("(" * 500 + "age<3" + ")" * 500, "nested deeper"),
    ({"column": "age", "op": "; rm -rf /", "value": 1}, "group: "),
    ({"python": "__import__('os').system('id')"}, "group: "),
    ("", "group: "),
]


def test_hostile_groups_are_refused_in_one_line(hunt: Hunt) -> None:
    payload = hunt.send(b"x")
    for group, said in GROUPS:
        answer = hunt.ask("POST", "/submissions", team="A", json={"group": group, "payload": payload})
        assert (answer.status_code, said in line_of(answer)) == (422, True), answer.text
    assert hunt.house.store.handed_in("loans") == []


def test_deep_or_doubled_json_is_refused(hunt: Hunt) -> None:
    for body in (
        '{"group":' + '{"not":' * 100 + "1" + "}" * 101,
        '{"group": "age<3", "group": "age<4"}',
        '{"group": NaN}',
    ):
        answer = hunt.ask(
            "POST", "/submissions", team="A", content=body.encode(), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422
        line_of(answer)


def hidden(hunt: Hunt) -> tuple[list[str], list[str]]:
    table = parquet.read_table(folder_of(hunt.house.home, "loans") / "hidden.parquet")
    ids: list[str] = table["id"].to_pylist()
    return ids, ["yes"] * len(ids)


def contents(hunt: Hunt) -> list[tuple[bytes, str]]:
    import pickle

    ids, labels = hidden(hunt)
    return [
        (as_parquet({"id": [*ids, "of-nobody"], "prediction": [*labels, "yes"]}), "give each id once"),
        (as_parquet({"id": [*ids[:-1], "of-nobody"], "prediction": labels}), "of-nobody"),
        (as_parquet({"id": [*ids[:-1], ids[0]], "prediction": labels}), "come twice"),
        (as_parquet({"id": ids[:5], "prediction": labels[:5]}), "have no prediction"),
        (as_parquet({"id": ids, "prediction": [float("nan")] * len(ids)}), ""),
        (as_parquet({"id": ids, "prediction": [None] * len(ids)}), ""),
        (as_parquet({"id": ids, "truth": labels}), "prediction"),
        (pickle.dumps(Evil()), "pickle"),
        (b"PAR1" + os.urandom(500) + b"PAR1", ""),
        (os.urandom(1000), ""),
    ]


def test_hostile_files_end_refused_or_failed_with_a_line_and_cost_nothing(hunt: Hunt) -> None:
    sent = contents(hunt)
    for content, _ in sent:
        assert hunt.hand_in(content=content).status_code == 202
    hunt.judge()
    told = hunt.ask("GET", "/submissions", key="admin").json()
    for (_, said), each in zip(sent, told, strict=True):
        assert each["state"] in ("refused", "failed")
        assert said in each["told"], each
        assert "\n" not in each["told"]
        assert each["verdict"]["scored"] is False
    assert hunt.hand_in().status_code == 202
    hunt.judge()
    assert hunt.shown(len(sent) + 1)["state"] == "accepted"
    assert not Path("/tmp/evenhand-was-here").exists()  # noqa: S108


def test_files_of_others_and_of_nobody_cannot_be_named(hunt: Hunt) -> None:
    better = hunt.better()
    payload = hunt.send(better, "A")
    for named in (payload, hashlib.sha256(b"guess").hexdigest()):
        answer = hunt.ask("POST", "/submissions", team="B", json={"group": WRONGED, "payload": named})
        assert (answer.status_code, f"The team 'B' sent no file {named[:12]}" in line_of(answer)) == (404, True)
    assert hunt.hand_in().status_code == 202
    # Taken up by A, it is still not B's.
    answer = hunt.ask("POST", "/submissions", team="B", json={"group": WRONGED, "payload": payload})
    assert answer.status_code == 404
    assert hunt.send(better, "B") == payload
    assert hunt.ask("POST", "/submissions", team="B", json={"group": WRONGED, "payload": payload}).status_code == 202
    for named in ("../../holdout.npz", "x" * 64, payload.upper(), payload + "\n", ""):
        wanted = {"group": WRONGED, "payload": named}
        assert hunt.ask("POST", "/submissions", team="A", json=wanted).status_code == 422


def test_kinds_that_the_bounty_does_not_take_are_refused(hunt: Hunt) -> None:
    assert line_of(hunt.hand_in(kind="code")) == "This bounty takes no code; it takes predictions, model."
    assert "is no model that is asked" in line_of(hunt.hand_in(kind="model", name="model.pkl"))
    assert hunt.hand_in(kind="labels").status_code == 422
    assert hunt.hand_in(name="a\nb").status_code == 422


def test_a_team_may_leave_only_so_much_and_strangers_nothing(hunt: Hunt) -> None:
    assert hunt.ask("PUT", "/payloads", content=b"x").status_code == 401
    assert hunt.ask("PUT", "/payloads", key="hunt", content=b"x").status_code == 403
    assert hunt.ask("PUT", "/payloads", key="read", content=b"x").status_code == 403
    assert (
        line_of(hunt.ask("PUT", "/payloads", team="A", content=b""))
        == "The file is empty; send predictions or a model."
    )
    for number in range(25):
        hunt.send(f"file {number}".encode())
    mine = folder_of(hunt.house.home, "loans") / "sent" / "A"
    assert len(list(mine.iterdir())) == Hunting().files


def test_files_that_nothing_names_are_removed_after_a_day(hunt: Hunt) -> None:
    folder = folder_of(hunt.house.home, "loans")
    loose = hunt.send(b"loose")
    used = hunt.hand_in().json()["payload"]
    sweep(folder, folder / "files", {used}, Hunting())
    assert {file.name for file in (folder / "sent" / "A").iterdir()} == {loose, used}
    (folder / "files" / "orphan").write_bytes(b"a server that died")
    sweep(folder, folder / "files", {used}, Hunting(hours=1e-9))
    assert list((folder / "sent" / "A").iterdir()) == []
    assert [file.name for file in (folder / "files").iterdir()] == [used]
    answer = hunt.ask("POST", "/submissions", team="A", json={"group": "age<30", "payload": loose})
    assert answer.status_code == 404
    assert Payloads(folder, "A", Hunting()).folder == folder


def test_the_client_hunts(hunt: Hunt, served: Served, tmp_path: Path) -> None:
    """Every verb of bounties, with retries that are safe."""
    key = join(served.address, "loans", "C", invitation=INVITATION)
    with Client(served.address, key=key) as hunter, Client(served.address, key=hunt.house.keys["admin"]) as owner:
        assert hunter.bounties() == ["loans"]
        assert hunter.bounty("loans")["rules"]["label"] == "truth"
        files = hunter.download("loans", tmp_path / "got")
        assert [file.name for file in files] == ["public.parquet", "hidden.parquet"]
        first = hunter.submit("loans", WRONGED, predictions=hunt.better())
        assert (first["number"], first["state"]) == (1, "waiting")
        hunt.judge()
        again = hunter.submit("loans", WRONGED, predictions=hunt.better(), wait=True)
        assert (again["number"], again["state"]) == (1, "accepted")
        assert [each["number"] for each in hunter.submissions("loans", states=("accepted",))] == [1]
        assert [each["team"] for each in hunter.teams("loans")] == ["A", "B", "C"]
        ids, labels = hidden(hunt)
        second = hunter.submit("loans", "age<30", predictions={"id": ids, "prediction": labels})
        assert second["number"] == 2
        assert [find["team"] for find in hunter.contest("loans")["finds"]] == ["C"]
        with pytest.raises(Refusal, match=r"needs the scope 'admin'; yours is: hunt\.$"):
            hunter.end("loans")
        with pytest.raises(Refusal, match=r"^There is no submission 9 of the team 'C' in 'loans'\.$"):
            hunter.submission("loans", 9)
        assert owner.model("loans", tmp_path / "model.zip").stat().st_size > 0
        assert owner.export("loans")[0]["kind"] == "bounty"
        assert owner.end("loans")["over"].startswith("The bounty 'loans' has ended")
