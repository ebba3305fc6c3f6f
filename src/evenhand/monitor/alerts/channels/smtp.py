"""E-mail: plain text over SMTP with STARTTLS, by the standard library."""

import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.policy import SMTP

from evenhand.core.monitor import Alert
from evenhand.core.visible import visible
from evenhand.monitor.alerts.addresses import NotDelivered, Reach, connected, opened, secret
from evenhand.monitor.alerts.message import Message, lines
from evenhand.monitor.alerts.posting import limited

MOST_RECIPIENTS = 20


class _Guarded(smtplib.SMTP):
    """SMTP over a connection that was checked already."""

    def __init__(self, made: socket.socket, host: str, port: int) -> None:
        super().__init__(local_hostname="evenhand")
        self._made = made
        self._host = host
        code, _ = self.connect(host, port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, b"")

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002
        return self._made


def letter(told: Message, sender: str, recipients: list[str]) -> EmailMessage:
    """The mail, whose headers hold one line each whatever the data says."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = visible(told.title)[:200]
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Message-ID"] = f"<{told.key}@evenhand.invalid>"
    mail["Date"] = told.ended
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join(visible(line) for line in lines(told)), cte="base64")
    return mail


def send(told: Message, channel: Alert, reach: Reach) -> None:
    """Mail it through the option `server`, from the option `from`; raises NotDelivered.

    The connection is encrypted; the option `tls: none` is taken only for servers that the settings allow.
    """
    host, port = _server(channel, reach)
    sender, recipients = _mailbox(opened(channel.options.get("from", ""), reach)), _recipients(channel, reach)
    user = opened(channel.options["user"], reach) if "user" in channel.options else None
    password = secret(channel.options, "password", reach)
    plain = channel.options.get("tls") == "none"
    if plain and not reach.allows(host, port):
        raise NotDelivered("Option 'tls: none' is only for mail servers that the settings allow.")
    if plain and user is not None:
        raise NotDelivered("A password is not sent without encryption; leave out 'tls: none'.", again=False)
    made = connected(host, port, reach)
    with limited(made, reach.seconds) as ran_out:
        try:
            with _Guarded(made, host, port) as connection:
                if not plain:
                    connection.starttls(context=ssl.create_default_context())
                if user is not None:
                    connection.login(user, password or "")
                connection.send_message(letter(told, sender, recipients), sender, recipients)
        except (smtplib.SMTPException, OSError) as error:
            raise _refused(error, late=ran_out()) from None
        finally:
            made.close()


def _server(channel: Alert, reach: Reach) -> tuple[str, int]:
    host, _, port = opened(channel.options.get("server", ""), reach).rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) < 65536:
        raise NotDelivered("Option 'server' must be a host and a port, such as mail.example.org:587.", again=False)
    return host.strip("[]"), int(port)


def _recipients(channel: Alert, reach: Reach) -> list[str]:
    found = [_mailbox(each) for each in opened(channel.address, reach).removeprefix("mailto:").split(",")]
    if len(found) > MOST_RECIPIENTS:
        raise NotDelivered(f"{len(found)} recipients; at most {MOST_RECIPIENTS}: use a list address.", again=False)
    return found


def _mailbox(text: str) -> str:
    """A bare address; anything that could begin another header or command is refused."""
    text = text.strip()
    name, _, domain = text.rpartition("@")
    if not name or not domain or not (text.isascii() and text.isprintable()) or set(text) & set(' <>,;:\\"()'):
        raise NotDelivered("E-mail addresses must look like name@example.org.", again=False)
    return text


def _refused(error: Exception, *, late: bool) -> NotDelivered:
    """What the server said is left out: only its code is kept."""
    if late:
        return NotDelivered("The mail server took too long.")
    if isinstance(error, ssl.SSLCertVerificationError):
        return NotDelivered("The mail server's certificate is not valid for it.")
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return NotDelivered("The mail server does not accept the user and password.", again=False)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return NotDelivered("The mail server offers no STARTTLS.", again=False)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = {code for code, _ in error.recipients.values()}
        return NotDelivered(f"The mail server refuses all recipients ({min(codes)}).", again=min(codes) < 500)
    if isinstance(error, smtplib.SMTPResponseException):
        return NotDelivered(f"The mail server answered {error.smtp_code}.", again=error.smtp_code < 500)
    return NotDelivered("The conversation with the mail server broke off.")
