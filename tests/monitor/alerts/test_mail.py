"""E-mail through a real SMTP server with STARTTLS on loopback; names become no headers and codes no secrets."""

import smtplib
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import Message as Mail
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.monitor import Alert
from evenhand.monitor.alerts import Reach
from evenhand.monitor.alerts.addresses import NotDelivered
from evenhand.monitor.alerts.channels import smtp
from tests.monitor.alerts.conftest import channel, drift
from tests.monitor.alerts.test_channels import HOSTILE, hostile, made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mailbox:
    """What a server got, and how it answers."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.answer = "250 OK"
        self.users: list[Any] = []

    async def handle_DATA(  # noqa: N802 - the name that the server calls
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=default)))
        return self.answer


class Hosted(Controller):
    """A mail server that speaks TLS where a context is given."""

    secured: ssl.SSLContext | None = None

    def factory(self) -> SMTP:
        def let_in(_server: Any, _session: Any, _envelope: Any, _how: Any, data: Any) -> AuthResult:
            self.handler.users.append(data)
            return AuthResult(success=data.password == b"hush", handled=False)

        return SMTP(
            self.handler,
            tls_context=self.secured,
            authenticator=let_in,
            require_starttls=self.secured is not None,
        )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("certificate")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@pytest.fixture
def hosted(certificate: tuple[Path, Path]) -> Iterator[Callable[[bool], tuple[Mailbox, int]]]:
    running: list[Hosted] = []

    def start(secured: bool) -> tuple[Mailbox, int]:
        mailbox = Mailbox()
        server = Hosted(mailbox, hostname="127.0.0.1", port=free_port())
        if secured:
            server.secured = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            server.secured.load_cert_chain(*certificate)
        server.start()
        running.append(server)
        return mailbox, int(server.port)

    yield start
    for server in running:
        server.stop()


def mailing(port: int, **options: str) -> Alert:
    told = {"server": f"127.0.0.1:{port}", "from": "evenhand@example.org", **options}
    return channel("smtp", "ada@example.org, bob@example.org", options=told, runbook="https://wiki.example")


INSIDE = Reach(hosts=frozenset({"127.0.0.1"}), seconds=5.0)
Start = Callable[[bool], tuple[Mailbox, int]]


def test_a_mail_arrives_encrypted(
    hosted: Start, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox, port = hosted(True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    monkeypatch.setenv("MAIL_PASSWORD", "hush")
    alert = mailing(port, user="evenhand", password="env:MAIL_PASSWORD")  # noqa: S106 - a name
    smtp.send(made([drift()], alert), alert, INSIDE)
    [(recipients, mail)] = mailbox.mails
    assert recipients == ["ada@example.org", "bob@example.org"]
    assert (mail["Subject"], mail["From"]) == ("loans: 1 drift", "evenhand@example.org")
    assert "DI sex=Female fell." in mail.get_content()
    assert "What to do: https://wiki.example" in mail.get_content()
    assert [data.login for data in mailbox.users] == [b"evenhand"]


def test_a_wrong_password_is_said_and_not_shown(
    hosted: Start, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox, port = hosted(True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    monkeypatch.setenv("MAIL_PASSWORD", "hunter2")
    alert = mailing(port, user="evenhand", password="env:MAIL_PASSWORD")  # noqa: S106 - a name
    with pytest.raises(NotDelivered, match=r"^The mail server does not accept the user and password\.$"):
        smtp.send(made([drift()], alert), alert, INSIDE)
    assert mailbox.mails == []


def test_a_certificate_nobody_vouches_for_is_refused(hosted: Start) -> None:
    mailbox, port = hosted(True)
    alert = mailing(port)
    with pytest.raises(NotDelivered, match="certificate is not valid"):
        smtp.send(made([drift()], alert), alert, INSIDE)
    assert mailbox.mails == []


def test_a_server_without_encryption_is_refused_unless_told(hosted: Start) -> None:
    mailbox, port = hosted(False)
    with pytest.raises(NotDelivered, match="offers no STARTTLS"):
        smtp.send(made([drift()]), mailing(port), INSIDE)
    smtp.send(made([drift()]), mailing(port, tls="none"), INSIDE)
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize(("answer", "again"), [("451 try later, hush", True), ("554 spam, hush", False)])
def test_the_servers_words_are_not_kept(hosted: Start, answer: str, again: bool) -> None:
    mailbox, port = hosted(False)
    mailbox.answer = answer
    with pytest.raises(NotDelivered, match=rf"^The mail server answered {answer[:3]}\.$") as refused:
        smtp.send(made([drift()]), mailing(port, tls="none"), INSIDE)
    assert refused.value.again is again


@pytest.mark.parametrize("server", ["127.0.0.1:25", "localhost:25", "169.254.169.254:25", "2130706433:25"])
def test_servers_inside_are_refused(server: str) -> None:
    alert = mailing(25, server=server)
    with pytest.raises(NotDelivered, match="inside this network"):
        smtp.send(made([drift()], alert), alert, Reach())


def test_plain_text_only_where_the_settings_allow_the_server() -> None:
    alert = mailing(25, server="mail.example.org:25", tls="none")
    with pytest.raises(NotDelivered, match="only for mail servers that the settings allow"):
        smtp.send(made([drift()], alert), alert, Reach())
    with pytest.raises(NotDelivered, match="not sent without encryption"):
        smtp.send(made([drift()]), mailing(25, tls="none", user="evenhand"), INSIDE)


@pytest.mark.parametrize("address", ["", "ada", "a@b\r\nBcc: c@d", "Ada <a@b>", "a@b>", 'a"@b', "a@", "\u202ea@b"])
def test_addresses_that_could_be_more_are_refused(address: str) -> None:
    alert = channel("smtp", address, options={"server": "127.0.0.1:25", "from": "e@example.org"})
    with pytest.raises(NotDelivered, match=r"must look like name@example\.org"):
        smtp.send(made([drift()]), alert, INSIDE)


@pytest.mark.parametrize("server", ["", "mail", "mail:", "mail:0", "mail:99999", "mail:²", ":25"])
def test_servers_that_are_none(server: str) -> None:
    with pytest.raises(NotDelivered, match="must be a host and a port"):
        smtp.send(made([drift()]), mailing(25, server=server), INSIDE)


def parsed(text: str) -> Mail:
    letter = smtp.letter(made([hostile(text)]), "e@example.org", ["ada@example.org"])
    return message_from_bytes(letter.as_bytes(), policy=default)


@given(st.text(max_size=60) | st.sampled_from(HOSTILE))
@settings(deadline=None)
def test_names_become_no_headers(text: str) -> None:
    mail = parsed(text)
    assert set(mail.keys()) == {
        "Subject", "From", "To", "Message-ID", "Date", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding",
        "MIME-Version",
    }  # fmt: skip
    assert not mail.defects
    assert isinstance(mail.get_payload(decode=True), bytes)


def test_the_guard_uses_what_the_standard_library_calls() -> None:
    """`_get_socket` is how smtplib connects; where it ever is not, mail would go around the guard."""
    assert "_get_socket" in smtplib.SMTP.connect.__code__.co_names
