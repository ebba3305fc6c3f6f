"""Where messages may go: addresses and secrets from the environment, and connections that never reach inside."""

import ipaddress
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from evenhand.core.errors import EvenhandError, MissingExtra
from evenhand.core.visible import visible

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")
# Versions of Python differ in what they call global; 168.63.129.16 is a cloud's metadata at a public address.
_NEVER = tuple(
    ipaddress.ip_network(each)
    for each in ("192.0.0.0/24", "100.64.0.0/10", "192.88.99.0/24", "168.63.129.16/32", "fec0::/10", "64:ff9b:1::/48")
)
_SCHEMES = {"http": 80, "https": 443}
MOST_PLACES = 3  # of a name with many addresses


class NotDelivered(EvenhandError):
    """A message that did not arrive: why, without any secret, and whether trying again makes sense."""

    def __init__(self, reason: str, *, again: bool = True, after: float | None = None) -> None:
        super().__init__(reason)
        self.again = again
        self.after = after


@dataclass(frozen=True)
class Reach:
    """What the settings of a server let its channels do; by default only public addresses, and no program.

    `hosts` ("alerts.internal" or "127.0.0.1:9093") are reached although they are inside; `programs` are those a command
    may start, as full paths; `variables` are the names that `env:` may read, None for all.
    """

    hosts: frozenset[str] = frozenset()
    programs: frozenset[str] = frozenset()
    variables: frozenset[str] | None = None
    seconds: float = 10.0

    def allows(self, host: str, port: int) -> bool:
        """Whether the settings name this host, with this port or with any."""
        plain = host.casefold().rstrip(".")
        known = {each.casefold() for each in self.hosts}
        return bool({plain, f"{plain}:{port}", f"[{plain}]:{port}"} & known)


def opened(text: str, reach: Reach, environment: Mapping[str, str] | None = None) -> str:
    """The text, or what the environment holds for `env:NAME`; raises NotDelivered naming the variable."""
    if not text.startswith("env:"):
        return text
    name = text.removeprefix("env:").strip()
    if reach.variables is not None and name not in reach.variables:
        raise NotDelivered(f"The settings do not let alerts read the variable {visible(name)!r}.")
    found = (os.environ if environment is None else environment).get(name, "")
    if not found:
        raise NotDelivered(f"The environment variable {visible(name)!r} is not set where messages are sent.")
    return found


def secret(options: Mapping[str, str], name: str, reach: Reach) -> str | None:
    """An option that must not stand in the definition in clear; raises NotDelivered."""
    text = options.get(name)
    if text is None:
        return None
    if not text.startswith("env:"):
        raise NotDelivered(f"Option {name!r} must be env:NAME, so that the secret is not stored.", again=False)
    return opened(text, reach)


def url(text: str) -> SplitResult:
    """The parts of an http(s) URL; raises NotDelivered without repeating it."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise NotDelivered("The address is no URL.", again=False) from None
    if parts.scheme not in _SCHEMES or not parts.hostname or port == 0:
        raise NotDelivered("The address must be a URL that begins with http:// or https://.", again=False)
    if parts.username is not None or parts.password is not None:
        raise NotDelivered("The address must not hold a password; use the option authorization: env:NAME.", again=False)
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise NotDelivered("The address must be ASCII without spaces; write other characters as %XX.", again=False)
    return parts


def port_of(parts: SplitResult) -> int:
    """The port of a URL."""
    return parts.port or _SCHEMES[parts.scheme]


def is_public(address: str) -> bool:
    """Whether an IP address is outside: not private, loopback, link-local, metadata, nor these wrapped in IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(_outside(each) for each in _wrapped(found))


def _wrapped(
    found: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The address, or the IPv4 addresses that it stands for."""
    if isinstance(found, ipaddress.IPv4Address):
        return [found]
    if found.ipv4_mapped is not None:
        return [found.ipv4_mapped]
    if found in _NAT64 or (found in _COMPATIBLE and int(found) > 1):
        return [ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)]
    if found.sixtofour is not None:
        return [found, found.sixtofour]
    return [found, *(found.teredo or ())]


def _outside(found: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if any(found in network for network in _NEVER):
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def connected(host: str, port: int, reach: Reach) -> socket.socket:
    """A connection to a host, whose peer is checked by its IP address once connected; raises NotDelivered.

    Names are looked up once and the peer itself is asked, so that no second answer of a name server (rebinding) and no
    way of writing an address (decimal, octal, mapped) leads inside.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotDelivered("The host's name cannot be looked up.") from None
    allowed = reach.allows(host, port)
    public = [each for each in found if allowed or is_public(str(each[4][0]))]
    if not public:
        raise _inside()
    reason = "nobody answers"
    for family, kind, protocol, _, place in public[:MOST_PLACES]:
        try:
            return _checked(socket.socket(family, kind, protocol), place, reach, allowed=allowed)
        except OSError as error:
            reason = error.strerror or "no answer in time"
    raise NotDelivered(f"Cannot connect: {reason}.")


def _checked(made: socket.socket, place: tuple[object, ...], reach: Reach, *, allowed: bool) -> socket.socket:
    try:
        made.settimeout(reach.seconds / 4)
        made.connect(place)
        if not (allowed or is_public(str(made.getpeername()[0]))):
            raise _inside()
    except BaseException:
        made.close()
        raise
    made.settimeout(reach.seconds)
    return made


def _inside() -> NotDelivered:
    return NotDelivered(
        "The host is inside this network (private, loopback, link-local or metadata address); "
        "the server's settings can allow it."
    )


def missing(what: str, package: str, extra: str) -> NotDelivered:
    """A channel whose optional package is not installed."""
    return NotDelivered(str(MissingExtra(what, package, extra)))
