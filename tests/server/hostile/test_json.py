"""Hostile JSON: too large, too deep, ambiguous or slow to read — refused in one line, before anybody waits for it."""

import gzip
import json
import time
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.server.problems import Refused
from evenhand.server.strict_json import strict_json
from tests.server.conftest import House, Served
from tests.server.hostile.sending import BINARY, JSON, TO, line_of

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
    (b'{"id": "a", "n": 1e999}', 422, "The number 1e999… is larger than any that is kept; send it as text."),
    (b'{"id": "a", "n": -1e' + b"9" * 100_000 + b"}", 422, "is larger than any that is kept"),
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


REPORTS = [b"[]", b"{}", b'{"schema_version": 1}', b'{"title": "a", "title": "b"}', b"[" * 5000, b"null", b'{"a": NaN}']


@pytest.mark.parametrize("content", REPORTS, ids=range(len(REPORTS)))
def test_what_is_no_report_is_refused(house: House, content: bytes) -> None:
    answer = house.ask("POST", "/api/reports?project=a&name=b", key="submit", content=content, headers=JSON)
    assert answer.status_code == 422
    line_of(answer)


# Each was quadratic in its length once, or would be for a reader that backtracks, counts again or recurses.
SLOW = {
    "a string of quotes that never ends": b'["' + b'\\"' * 400_000,
    "a string of backslashes that never ends": b'["' + b"\\" * 800_000,
    "quotes and brackets": b'"[' * 400_000,
    "the last of many keys comes twice": b"{%s}" % b",".join(b'"%d":0' % (n // 2 * 2 if n == 69_999 else n) for n in range(70_000)),
    "brackets without an end": b"[" * 900_000,
    "brackets in turn": b"[]" * 450_000,
    "digits": b"[0.%s]" % (b"1" * 900_000),
    "hidden characters in a name": json.dumps({"\u200d" * 140_000: 1}).encode(),
    "a name of many characters": json.dumps({"n" * 900_000: 1}).encode(),
}  # fmt: skip


@pytest.mark.parametrize("content", SLOW.values(), ids=SLOW)
def test_no_text_takes_long_to_refuse(house: House, content: bytes) -> None:
    """Anybody may send these: sessions begin without a key, and the body is read before it is asked for."""
    began = time.process_time()
    answer = house.ask("POST", "/api/session", content=content, headers=JSON)
    taken = time.process_time() - began
    assert answer.status_code == 422
    line_of(answer)
    assert taken < 5


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inner), default=0) if isinstance(value, dict | list) else 0


PIECES = ["[", "]", "{", "}", '"', "\\", '"a":', ",", "1", "[" * 20, "]" * 20, '{"a":' * 20, "}" * 20]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_no_trick_with_quotes_hides_how_deep_it_is(text: str) -> None:
    """What is read is as deep as may be, and what is refused is refused by us, never by an overflow."""
    for content in (text, f'["{text}",{"[" * 10_000}'):
        try:
            found = strict_json(content.encode())
        except Refused as error:
            assert error.status == 422
        else:
            assert depth(found) <= 32


def test_nothing_is_unpacked_on_the_way(house: House) -> None:
    """A body that says it is compressed is what it is: bytes that are no JSON, and a file of a kind not read."""
    bomb = gzip.compress(b" " * 200_000_000, compresslevel=9)
    assert len(bomb) < 200_000
    for kind, status in ((JSON, 422), (BINARY, 415)):
        answer = house.ask("POST", TO, key="submit", content=bomb, headers={**kind, "Content-Encoding": "gzip"})
        assert answer.status_code == status
        line_of(answer)
