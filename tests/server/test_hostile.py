"""Hostile input: nothing is let in, everything is answered in one line, and the server goes on."""

import io
import json
import os
import pickle
import signal
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc, parquet

from evenhand.server.problems import Refused
from evenhand.server.settings import Parser, Settings, Sizes
from evenhand.server.strict_json import strict_json
from tests.server.conftest import LOANS, RATES, House, Served, built, records

TO = "/api/monitors/loans/predictions"
JSON = {"Content-Type": "application/json"}
BINARY = {"Content-Type": "application/octet-stream"}
NASTY = [
    "<script>alert(1)</script>",
    "\u202egpj.exe",
    "=cmd|' /C calc'!A0",
    "'; DROP TABLE keys; --",
    "a\u200bb",
    "𝔘",
    "\u0000",
]


def line_of(answer: httpx.Response) -> str:
    detail: str = answer.json()["detail"]
    assert set(answer.json()) == {"detail"}
    assert "\n" not in detail
    assert len(detail) <= 500
    return detail


REFUSED_JSON = [
    (b'{"id": "a", "id": "b"}', 422, "The key 'id' comes twice in one object."),
    (b'{"id": NaN}', 422, "NaN is no JSON; write null where there is no value."),
    (b'{"id": -Infinity}', 422, "-Infinity is no JSON; write null where there is no value."),
    (
        b'{"id": "a", "n": 9223372036854775808}',
        422,
        "The integer 9223372036854775808… is beyond 64 bits; send it as text.",
    ),
    (b'{"id": "a", "n": ' + b"9" * 100_000 + b"}", 422, "beyond 64 bits"),
    (b"[" * 100_000, 422, "The JSON is nested deeper than 32."),
    (b'{"a":' * 40 + b"1" + b"}" * 40, 422, "The JSON is nested deeper than 32."),
    (b'{"id": "\\ud800"}', 422, "half of a surrogate pair"),
    (b'{"id": "a\xff"}', 422, "The body is not UTF-8 text."),
    (b"", 422, "The body is not JSON"),
    (b"7", 422, "Record 1 is no object of columns and values."),
    (b"[]", 422, "There are no records in it."),
    (b'{"records": [{"id": "a"}], "more": 1}', 422, "Beside 'records' there is 'more'"),
    (b'{"id": ["a"]}', 422, "'id' holds a list or object"),
    (b'{"": 1}', 422, "column name that is empty"),
    (b'[{"id": 1, "x": 1}, {"id": 2, "x": "a"}]', 422, "The values of 'x' are of different types"),
    (json.dumps({"id": "x" * 100_000}).encode(), 413, "the text in 'id' is longer than 65,536"),
    (json.dumps({"id": "x" * 10_000_000}).encode(), 413, "larger than 4,194,304 bytes"),
    (json.dumps([{"id": 1}] * 10_001).encode(), 413, "more than 10,000 at once"),
    (json.dumps({f"c{n}": 1 for n in range(2_001)}).encode(), 413, "More than 2,000 columns"),
]


@pytest.mark.parametrize(("content", "status", "said"), REFUSED_JSON, ids=range(len(REFUSED_JSON)))
def test_json_is_refused_in_one_line(house: House, content: bytes, status: int, said: str) -> None:
    answer = house.ask("POST", TO, key="submit", content=content, headers=JSON)
    assert answer.status_code == status
    assert said in line_of(answer)


def test_what_is_too_large_is_refused_before_it_is_read(house: House) -> None:
    answer = house.ask("POST", TO, key="submit", content=b"", headers={**BINARY, "Content-Length": str(1 << 40)})
    assert (answer.status_code, line_of(answer)) == (413, "The body is larger than 67,108,864 bytes; send it in parts.")
    big = json.dumps({"name": "x" * 2_000_000, "scopes": ["read"]}).encode()
    assert house.ask("POST", "/api/keys", key="admin", content=big, headers=JSON).status_code == 413


def test_a_body_without_an_end_is_cut_off(served: Served) -> None:
    """Chunked, so that no length is told beforehand."""

    def endless() -> Any:
        for _ in range(200):
            yield b" " * (1 << 20)

    with pytest.raises((httpx.HTTPError, AssertionError)) as caught, httpx.Client() as client:
        answer = client.post(
            f"{served.address}{TO}", content=endless(), headers={**JSON, "X-API-Key": served.house.keys["submit"]}
        )
        assert answer.status_code != 413, "refused"
    assert "refused" in str(caught.value) or isinstance(caught.value, httpx.WriteError | httpx.ReadError)
    assert httpx.get(f"{served.address}/health").status_code == 200


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))  # fmt: skip
def test_strict_json_reads_what_json_reads(value: Any) -> None:
    assert strict_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_strict_json_reads_or_refuses_any_bytes(content: bytes) -> None:
    try:
        found = strict_json(content)
    except Refused as error:
        assert error.status == 422
    else:
        assert found == json.loads(content)


def test_names_of_every_kind_are_kept_exactly(house: House) -> None:
    rows = [{**record, name: name} for record in records(0, 3) for name in NASTY[:-1]]
    for number, row in enumerate(rows):
        row["id"] = f"{number} {NASTY[number % 6]}"
    answer = house.ask("POST", TO, key="submit", json=rows)
    assert (answer.status_code, answer.json()["accepted"]) == (200, len(rows))
    key = house.ask("POST", "/api/keys", key="admin", json={"name": NASTY[0] + NASTY[1], "scopes": ["read"]}).json()
    page = house.ask("GET", "/settings", headers=session(house))
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "\u202e" not in page.text
    assert key["key"]["name"] == NASTY[0] + NASTY[1]


def session(house: House) -> dict[str, str]:
    signed = house.app.state.services.sessions.signed({"who": "x", "scopes": ["admin"], "key": None})
    return {"Cookie": f"evenhand_session={signed}"}


@pytest.mark.parametrize(
    "name",
    ["..", "%2e%2e", "..%2f..%2fetc", "%2fetc%2fpasswd", "a%00b", "loans%2f..", "-x", "x" * 65, "l\u00f6ans", "%ff"],
)
def test_names_that_are_paths_reach_nothing(house: House, name: str) -> None:
    for path in (f"/api/monitors/{name}/predictions", f"/api/monitors/{name}/truth"):
        assert house.ask("POST", path, key="submit", json=records(0, 1)).status_code in (404, 405, 422)
    assert house.ask("PUT", f"/api/monitors/{name}", key="admin", json={**LOANS, "name": name}).status_code in (
        404,
        405,
        422,
    )
    assert {place.name for place in house.home.iterdir()} <= {".secret", "loans"}


@pytest.mark.parametrize("number", ["0", "-1", "1e3", "99999999999999999999", "x", "1%00", "%2e%2e"])
def test_numbers_that_are_none_are_refused(house: House, number: str) -> None:
    for place in ("reports", "jobs"):
        assert house.ask("GET", f"/api/{place}/{number}", key="read").status_code in (404, 422)


DEFINITIONS: list[tuple[dict[str, Any], int, str]] = [
    ({"baseline": "/etc/passwd"}, 403, "baseline must be a file below the folders"),
    ({"baseline": "../../x.parquet"}, 403, "baseline must be"),
    ({"baseline": "postgresql://db/x"}, 403, "baseline must be"),
    ({"model": "/srv/model.pkl"}, 403, "model must be a file below the folders"),
    ({"model": "command: rm -rf /"}, 403, "model must be"),
    ({"model": "http://169.254.169.254/latest"}, 403, "The model's host is not one"),
    ({"model": "http://models.example@169.254.169.254/"}, 403, "The model's host is not one"),
    ({"model": "http://models.example\\@evil.example/"}, 403, "The model's host is not one"),
    ({"model": "http://models.example:22/"}, 403, "The model's host is not one"),
    ({"alerts": [{"to": "command", "address": "/bin/sh"}]}, 403, "Alerts may start only the programs"),
    ({"alerts": [{"to": "webhook", "address": "env:AWS_SECRET_ACCESS_KEY"}]}, 403, "may not be read for alerts"),
    ({"alerts": [{"to": "slack", "address": "https://x.example", "runbook": "javascript:alert(1)"}]}, 422, "A runbook is a link"),
    ({"name": "other"}, 422, "they must be the same"),
    ({"schedule": "never"}, 422, ""),
    ({"windows": {"length": "1 fortnight"}}, 422, "is no length of time"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "status", "said"), DEFINITIONS, ids=range(len(DEFINITIONS)))
def test_definitions_reach_nothing_of_the_machine(
    tmp_path: Path, change: dict[str, Any], status: int, said: str
) -> None:
    with built(tmp_path, Settings(rates=RATES, reach=("models.example:443",))) as house:
        answer = house.ask("PUT", "/api/monitors/loans", key="admin", json={**LOANS, **change})
        assert (answer.status_code, said in line_of(answer)) == (status, True), answer.text


def test_links_out_of_an_allowed_folder_are_refused(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "link.json").symlink_to("/etc/passwd")
    (allowed / "good.json").write_text("{}")
    with built(tmp_path, Settings(rates=RATES, folders=(allowed,))) as house:
        for name, status in (("link.json", 403), ("good.json", 200), ("../evenhand.db", 403)):
            change = {**LOANS, "baseline": str(allowed / name)}
            assert house.ask("PUT", "/api/monitors/loans", key="admin", json=change).status_code == status


def parquet_of(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table, sink, **options)
    return sink.getvalue()


def stream_of(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/evenhand-was-here",)


def test_pickles_and_archives_are_refused(house: House) -> None:
    for content, said in (
        (pickle.dumps(Evil()), "This is a pickle, which can run code when it is read"),
        (b"PK\x03\x04" + b"0" * 100, "This is a zip archive"),
        (b"\x1f\x8b" + b"0" * 100, "This is gzip"),
        (b"MZ" + b"0" * 100, "This is neither Parquet, Arrow (file or stream) or JSON Lines."),
    ):
        answer = house.ask("POST", TO, key="submit", content=content, headers=BINARY)
        assert (answer.status_code, said in line_of(answer)) == (415, True)
    assert not Path("/tmp/evenhand-was-here").exists()  # noqa: S108


def test_a_parquet_bomb_breaks_nothing(house: House) -> None:
    """A file of some kilobytes that unpacks to two gigabytes, which its footer does not tell."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), pa.array(["x" * 20_000]))
    bomb = parquet_of(pa.table({"id": text}), compression="zstd")
    assert len(bomb) < 100_000
    answer = house.ask("POST", TO, key="submit", content=bomb, headers=BINARY)
    assert answer.status_code == 413, answer.text
    line_of(answer)
    many = parquet_of(pa.table({"id": pa.nulls(3_000_000, pa.int8())}))
    answer = house.ask("POST", TO, key="submit", content=many, headers=BINARY)
    assert line_of(answer) == "The file holds 3,000,000 rows, more than 2,000,000; send it in parts."
    good = parquet_of(pa.Table.from_pylist(records(0, 10)))
    assert house.ask("POST", TO, key="submit", content=good, headers=BINARY).json()["accepted"] == 10


FILES: list[tuple[pa.Table, str]] = [
    (pa.table({"id": [["a"]]}), "is of type list"),
    (pa.table({"id": [{"a": 1}]}), "is of type struct"),
    (pa.table({"id": [b"a"]}), "is of type binary"),
    (pa.table([["a"], ["b"]], names=["id", "id"]), "The column 'id' comes twice."),
    (pa.table([["a"]], names=[""]), "A column name is empty"),
    (pa.table({"id": ["x" * 70_000]}), "A text in 'id' is longer than 65,536 bytes."),
    (pa.table({"id": pa.array([], pa.string())}), "The file holds no rows."),
]


@pytest.mark.parametrize(("table", "said"), FILES, ids=range(len(FILES)))
def test_files_are_refused_in_one_line(house: House, table: pa.Table, said: str) -> None:
    answer = house.ask("POST", TO, key="submit", content=stream_of(table), headers=BINARY)
    assert answer.status_code in (413, 422)
    assert said in line_of(answer)


def test_damaged_files_break_no_more_than_their_reader(house: House) -> None:
    import random

    whole = [parquet_of(pa.Table.from_pylist(records(0, 50))), stream_of(pa.Table.from_pylist(records(0, 50)))]
    chance = random.Random(7)  # noqa: S311
    for content in whole * 15:
        broken = bytearray(content)
        for _ in range(chance.randint(1, 30)):
            broken[chance.randrange(8, len(broken))] = chance.randrange(256)
        cut = bytes(broken[: chance.randint(16, len(broken))])
        answer = house.ask("POST", TO, key="submit", content=cut, headers=BINARY)
        assert answer.status_code in (200, 413, 415, 422), answer.text
        assert answer.status_code == 200 or line_of(answer)


def test_a_killed_reader_is_one_clear_answer(tmp_path: Path) -> None:
    """The process that reads is killed while it waits and while it works; the next file is read by a new one."""
    with built(tmp_path, Settings(rates=RATES, parser=Parser(processes=1))) as house:
        good = parquet_of(pa.Table.from_pylist(records(0, 10)))

        def send(content: bytes) -> httpx.Response:
            return house.ask("POST", TO, key="submit", content=content, headers=BINARY)

        assert send(good).status_code == 200
        (first,) = house.app.state.services.parsers.pids()
        os.kill(first, signal.SIGKILL)
        time.sleep(0.2)
        assert send(good).status_code == 200
        (second,) = house.app.state.services.parsers.pids()
        assert second != first
        os.kill(second, signal.SIGSTOP)  # it is at work, as far as anyone can tell
        threading.Timer(0.5, os.kill, (second, signal.SIGKILL)).start()
        answer = send(good)
        assert (answer.status_code, line_of(answer)) == (
            422, "The process that read the file died; nothing else was touched. Check the file.",
        )  # fmt: skip
        assert send(good).status_code == 200
        assert house.ask("GET", "/health").status_code == 200


def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    with built(tmp_path, Settings(rates=RATES, parser=Parser(processes=1, seconds=0.1))) as house:
        good = parquet_of(pa.Table.from_pylist(records(0, 10)))
        house.ask("POST", TO, key="submit", content=good, headers=BINARY)
        (process,) = house.app.state.services.parsers.pids()
        os.kill(process, signal.SIGSTOP)
        answer = house.ask("POST", TO, key="submit", content=good, headers=BINARY)
        assert (answer.status_code, line_of(answer)) == (
            413, "Reading the file took longer than 0.1 seconds; send it in smaller parts.",
        )  # fmt: skip
        assert house.app.state.services.parsers.pids() == []


def test_the_reader_sees_no_secrets(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_OIDC_SECRET", "swordfish")
    good = parquet_of(pa.Table.from_pylist(records(0, 10)))
    house.ask("POST", TO, key="submit", content=good, headers=BINARY)
    for process in house.app.state.services.parsers.pids():
        assert b"swordfish" not in Path(f"/proc/{process}/environ").read_bytes()


def test_small_limits_hold(tmp_path: Path) -> None:
    with built(tmp_path, Settings(rates=RATES, sizes=Sizes(parsed=10_000))) as house:
        content = parquet_of(pa.Table.from_pylist(records(0, 5_000)))
        answer = house.ask("POST", TO, key="submit", content=content, headers=BINARY)
        assert (answer.status_code, "larger than 10,000 bytes unpacked" in line_of(answer)) == (413, True)


REPORTS = [b"[]", b"{}", b'{"schema_version": 1}', b'{"title": "a", "title": "b"}', b"[" * 5000, b"null", b'{"a": NaN}']


@pytest.mark.parametrize("content", REPORTS, ids=range(len(REPORTS)))
def test_what_is_no_report_is_refused(house: House, content: bytes) -> None:
    answer = house.ask("POST", "/api/reports?project=a&name=b", key="submit", content=content, headers=JSON)
    assert answer.status_code == 422
    line_of(answer)


@pytest.mark.parametrize("name", ["", "a%00b", "a%0ab", "x" * 201])
def test_texts_are_one_line(house: House, name: str) -> None:
    answer = house.ask("POST", f"/api/reports?project={name}&name=b", key="submit", content=b"{}", headers=JSON)
    assert answer.status_code == 422
    line_of(answer)
