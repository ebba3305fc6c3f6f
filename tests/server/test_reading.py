"""Reading requests: JSON is read as strictly however fast, and journals and definitions are opened once."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.core.json_text import _surely_flat
from evenhand.core.monitor import Monitor
from evenhand.server.captures import Captures
from evenhand.server.problems import Refused
from evenhand.server.strict_json import strict_json
from tests.server.conftest import LOANS, House, records

TO = "/api/monitors/loans/predictions"
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text('[]{}"\\ aé\u2028', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('[{"\\', max_size=4), inner, max_size=4),
    max_leaves=20,
)


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(VALUES, st.integers(0, 5), st.booleans())
def test_json_is_refused_where_it_is_deeper_than_allowed_and_only_there(value: Any, most: int, escaped: bool) -> None:
    content = json.dumps(value, ensure_ascii=escaped).encode()
    if depth(value) <= most:
        assert strict_json(content, depth=most) == value
    else:
        with pytest.raises(Refused, match=f"nested deeper than {most}"):
            strict_json(content, depth=most)


@given(st.text('[]{}",:\\', max_size=40))
def test_what_no_parser_reads_is_refused(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(Refused, match=r"is not JSON|nested deeper|comes twice"):
            strict_json(text.encode())
    else:
        assert strict_json(text.encode()) == expected or "comes twice" in text


@given(st.binary(max_size=20), st.integers(33, 200))
def test_nothing_before_or_after_hides_what_is_deep(other: bytes, levels: int) -> None:
    """A parser that recurses must never see so many levels, whatever stands around them outside of a text."""
    assert not _surely_flat(b"[" * levels + other.replace(b'"', b"") + b"]" * levels, 32)


@pytest.mark.parametrize("content", [b"[" * 200_000, b'{"a":' * 200_000, b'["\\\\",' + b"[" * 200_000 + b"]" * 200_000])
def test_what_would_overflow_a_parser_is_refused(content: bytes) -> None:
    with pytest.raises(Refused, match="nested deeper than 32"):
        strict_json(content)


def test_a_journal_is_opened_once_by_threads_that_come_together(tmp_path: Path) -> None:
    captures, monitor = Captures(tmp_path), Monitor.model_validate(LOANS)
    start, seen = threading.Barrier(8), []

    def send(number: int) -> None:
        start.wait()
        seen.append(captures.accept(monitor, records(number * 50, 50)).accepted)
        seen.append(captures.accept(monitor, records(0, 400)).accepted)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(captures._open) == 1
    # Batches that came at the same moment may both count a record as new; it is kept once all the same.
    assert sum(seen) >= 400
    assert captures.accept(monitor, records(0, 400)).accepted == 0


def test_a_definition_that_was_changed_here_holds_at_once(house: House) -> None:
    assert house.ask("POST", TO, key="submit", json=records(0, 1)).status_code == 200
    changed = {**LOANS, "audit": {**LOANS["audit"], "facets": ["region"]}}
    assert house.ask("PUT", "/api/monitors/loans", key="admin", json=changed).status_code == 200
    lacking = house.ask("POST", TO, key="submit", json=records(1, 1))
    assert (lacking.status_code, "region" in lacking.json()["detail"]) == (422, True)
    assert house.ask("DELETE", "/api/monitors/loans", key="admin").status_code == 204
    assert house.ask("POST", TO, key="submit", json=records(2, 1)).status_code == 404


def test_a_definition_that_was_changed_elsewhere_holds_soon(house: House) -> None:
    assert house.ask("POST", TO, key="submit", json=records(0, 1)).status_code == 200
    house.store.remove_monitor("loans")
    threading.Event().wait(1.1)
    assert house.ask("POST", TO, key="submit", json=records(2, 1)).status_code == 404


def test_a_key_that_was_revoked_here_is_turned_away_at_once(house: House) -> None:
    assert house.ask("POST", TO, key="submit", json=records(0, 1)).status_code == 200
    keys = house.store.keys()
    (number,) = [key.id for key in keys if key.name == "submit"]
    assert house.ask("DELETE", f"/api/keys/{number}", key="admin").status_code == 204
    assert house.ask("POST", TO, key="submit", json=records(1, 1)).status_code == 401
