"""Where messages may go: the corpus of addresses that lead inside is refused, in every way of writing them."""

import socket
import threading
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.monitor.alerts.addresses import NotDelivered, Reach, connected, is_public, opened, secret, url
from evenhand.monitor.alerts.posting import post
from tests.monitor.alerts.conftest import Receiver, channel

INSIDE = [
    "127.0.0.1", "127.8.9.1", "0.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "169.254.170.2", "100.64.0.1", "100.100.100.200", "198.18.0.1", "192.0.0.192", "168.63.129.16", "fec0::1", "192.0.2.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1",
    "not an address",
]  # fmt: skip
# Ways to write an inner address that reach a resolver as they are.
WRITTEN = [
    "127.0.0.1", "localhost", "LOCALHOST", "localhost.", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0",
    "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "169.254.169.254",
    "2852039166", "0xa9fea9fe", "[::ffff:a9fe:a9fe]", "10.0.0.1", "192.168.0.1", "[fe80::1]", "[fd00:ec2::254]",
]  # fmt: skip
UNFIT = [
    "", "file:///etc/passwd", "ftp://example.org/", "gopher://127.0.0.1:70/_", "javascript:alert(1)", "//example.org/",
    "example.org", "http://", "http:///path", "https://user:word@example.org/", "https://example.org@127.0.0.1/",
    "http://127.0.0.1\\@example.org/", "http://example.org:99999/", "http://example.org:0/", "http://[::1",
    "http://exa mple.org/", "http://example.org/\r\nX-Injected: 1", "http://example.org/\t", "http://ⓛocalhost/",
    "HTTP\x00://example.org",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "2002:808:808::"])
def test_addresses_outside_are_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
@settings(deadline=None)
def test_wrapping_an_address_changes_nothing(address: Any) -> None:
    assert is_public(f"::ffff:{address}") == is_public(str(address))
    assert is_public(f"64:ff9b::{int(address) >> 16:x}:{int(address) & 0xFFFF:x}") == is_public(str(address))


@pytest.mark.parametrize("host", WRITTEN)
def test_no_way_of_writing_leads_inside(host: str, receiver: Receiver) -> None:
    port = receiver.url.rpartition(":")[2]
    with pytest.raises(NotDelivered, match=r"inside this network|cannot be looked up") as refused:
        post(channel(address=f"http://{host}:{port}/"), {}, Reach(seconds=2.0))
    assert receiver.bodies == []
    assert host.strip("[]") not in str(refused.value)


@pytest.mark.parametrize("text", UNFIT)
def test_what_is_no_web_address_is_refused(text: str) -> None:
    with pytest.raises(NotDelivered, match="address") as refused:
        url(text)
    assert not refused.value.again
    assert "word" not in str(refused.value).replace("password", "")


def test_a_name_that_changes_its_address_after_it_was_looked_up(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer is public, the peer is not: as a rebinding name server or a translating router would do it."""
    port = int(receiver.url.rpartition(":")[2])
    inside = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", lambda made, _: inside(made, ("127.0.0.1", port)))
    with pytest.raises(NotDelivered, match="inside this network"):
        connected("93.184.216.34", port, Reach())
    assert receiver.bodies == []


def test_the_settings_allow_a_host_with_its_port(receiver: Receiver) -> None:
    port = int(receiver.url.rpartition(":")[2])
    for allowed in ("127.0.0.1", f"127.0.0.1:{port}"):
        connected("127.0.0.1", port, Reach(hosts=frozenset({allowed}))).close()
    with pytest.raises(NotDelivered, match="inside this network"):
        connected("127.0.0.1", port, Reach(hosts=frozenset({"127.0.0.1:1", "localhost"})))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver: Receiver, reach: Reach, status: int) -> None:
    receiver.answers = [(status, {"Location": receiver.url + "/elsewhere"})]
    with pytest.raises(NotDelivered, match=f"answered {status}, a redirect, which is not followed"):
        post(channel(address=receiver.url), {}, reach)
    assert len(receiver.bodies) == 1


def test_what_the_host_answers_is_not_shown(receiver: Receiver, reach: Reach) -> None:
    receiver.answers = [(500, {"X-Secret": "hush"})]
    with pytest.raises(NotDelivered) as refused:
        post(channel(address=receiver.url), {}, reach)
    assert str(refused.value) == "The host answered 500."


def test_a_host_that_trickles_is_left_after_the_time_limit() -> None:
    def trickle(server: socket.socket) -> None:
        made, _ = server.accept()
        with made, suppress(OSError):
            made.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            for _ in range(200):
                made.sendall(b"x")
                time.sleep(0.02)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=trickle, args=(server,))
        thread.start()
        reach = Reach(hosts=frozenset({"127.0.0.1"}), seconds=0.5)
        began = time.monotonic()
        with pytest.raises(NotDelivered, match=r"The host took too long\."):
            post(channel(address=f"http://127.0.0.1:{server.getsockname()[1]}/"), {}, reach)
        assert time.monotonic() - began < 3
        thread.join()


def test_a_message_that_is_too_long_is_not_sent(receiver: Receiver, reach: Reach) -> None:
    with pytest.raises(NotDelivered, match="at most 1000000 are sent"):
        post(channel(address=receiver.url), {"text": "x" * 1_000_001}, reach)
    assert receiver.bodies == []


def test_secrets_are_read_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    with pytest.raises(NotDelivered, match=r"'HOOK' is not set where messages are sent"):
        opened("env:HOOK", Reach())
    monkeypatch.setenv("HOOK", "https://example.org")
    assert opened("env:HOOK", Reach()) == "https://example.org"
    with pytest.raises(NotDelivered, match="do not let alerts read the variable 'HOOK'"):
        opened("env:HOOK", Reach(variables=frozenset({"OTHER"})))


def test_secrets_in_clear_are_refused_and_not_repeated() -> None:
    with pytest.raises(NotDelivered, match=r"Option 'password' must be env:NAME") as refused:
        secret({"password": "hunter2"}, "password", Reach())
    assert "hunter2" not in str(refused.value)
