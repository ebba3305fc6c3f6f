"""Hostile definitions: a key of the API reaches no file, program, inner host or variable of the machine."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import evenhand
from evenhand.monitor.alerts import Reach, Sent, deliver_due, notify
from evenhand.server.security.definitions import OWN
from evenhand.server.settings import OpenId, Settings
from tests.monitor.alerts import conftest as alerts
from tests.server.conftest import LOANS, RATES, House, built
from tests.server.hostile.sending import line_of

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
    ({"windows": {"length": "99999999999999w"}}, 422, "is no length of time"),
    ({"windows": {"length": "999999999w"}}, 422, "is longer than 100 years"),
    ({"keep": "999999999w"}, 422, "is longer than 100 years"),
    ({"windows": {"since": "0001-01-01T00:00:00+14:00"}}, 422, "is beyond the years that are kept: 1970 to 9000."),
    ({"windows": {"since": "soon"}}, 422, "since 'soon' is no time"),
    ({"limits": {"data": 1e308, "bias": -1}}, 422, "greater than or equal to 0"),
    ({"schedule": "*/0 * * * *"}, 422, "is no minute"),
    ({"schedule": "*" * 100_000}, 422, ""),
    ({"name": "loans\n"}, 422, "must be letters, digits"),
    ({"alerts": [{"to": "command", "address": "/usr/bin/true -c id"}]}, 403, "Alerts may start only the programs"),
    ({"alerts": [{"to": "command", "address": "/usr/bin/../bin/true"}]}, 403, "Alerts may start only the programs"),
    ({"alerts": [{"to": "command", "address": "env:EVENHAND_PROGRAM"}]}, 403, "Alerts may start only the programs"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "status", "said"), DEFINITIONS, ids=range(len(DEFINITIONS)))
def test_definitions_reach_nothing_of_the_machine(
    tmp_path: Path, change: dict[str, Any], status: int, said: str
) -> None:
    with built(tmp_path, Settings(rates=RATES, reach=("models.example:443",), programs=("/usr/bin/true",))) as house:
        answer = house.ask("PUT", "/api/monitors/loans", key="admin", json={**LOANS, **change})
        assert (answer.status_code, said in line_of(answer)) == (status, True), answer.text


def test_links_out_of_an_allowed_folder_are_refused(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "link.json").symlink_to("/etc/passwd")
    (allowed / "good.json").write_text("{}")
    with built(tmp_path, Settings(rates=RATES, folders=(allowed,))) as house:
        for name, status in (
            ("link.json", 403), ("l*k.json", 403), ("[l]ink.json", 403), ("link.jso?", 403), ("../evenhand.db", 403),
            ("good.json", 200),
        ):  # fmt: skip
            change = {**LOANS, "baseline": str(allowed / name)}
            assert house.ask("PUT", "/api/monitors/loans", key="admin", json=change).status_code == status


SECRETS = [
    "EVENHAND_SECRET", "EVENHAND_SECRET ", " EVENHAND_SECRET", "EVENHAND_SECRET\t", "EVENHAND_SECRET\u3000", "evenhand_secret",
    "EVENHAND_OIDC_SECRET", "EVENHAND_PROVIDER", "EVENHAND_", "AWS_SECRET_ACCESS_KEY", "PATH", "", "EVENHAND_\u017fECRET",
    "EVENHAND_A,env:PATH",
]  # fmt: skip


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("option", [None, "authorization"])
def test_no_secret_of_the_server_can_be_sent_to_a_strangers_address(
    tmp_path: Path, name: str, option: str | None
) -> None:
    """Who may set monitors could otherwise read, at an address of their own, the secret that signs sessions."""
    alert: dict[str, Any] = {"to": "webhook", "address": f"env:{name}"}
    if option is not None:
        alert |= {"address": "https://mine.example", "options": {option: f"env:{name}"}}
    openid = OpenId(issuer="https://login.example", client="x", secret="env:EVENHAND_PROVIDER")  # noqa: S106
    with built(tmp_path, Settings(rates=RATES, openid=openid)) as house:
        for key, said in (("admin", "may not be read for alerts"), ("submit", "needs the scope 'admin'")):
            answer = house.ask("PUT", "/api/monitors/loans", key=key, json={**LOANS, "alerts": [alert]})
            assert (answer.status_code, said in line_of(answer)) == (403, True), answer.text
        assert house.store.monitor("loans").alerts == ()
        good = {"to": "webhook", "address": "env:EVENHAND_HOOK"}
        assert house.ask("PUT", "/api/monitors/loans", key="admin", json={**LOANS, "alerts": [good]}).status_code == 200


def test_every_variable_that_the_house_reads_is_its_own() -> None:
    """A new one must be among those that no definition may name."""
    root = Path(evenhand.__file__).parent
    places = {"server", "cli", "client", "client.py"}
    files = [file for file in root.rglob("*.py") if file.relative_to(root).parts[0] in places]
    found = {
        name
        for file in files
        for name in re.findall(r'"(?:env:)?(EVENHAND_[A-Z_]+)"', file.read_text(encoding="utf-8"))
    }
    assert {"EVENHAND_SECRET", "EVENHAND_OIDC_SECRET", "EVENHAND_KEY"} <= found
    assert found - {"EVENHAND_SLACK"} <= OWN  # an example of what a definition may name


@pytest.fixture
def receiver() -> Iterator[alerts.Receiver]:
    yield from alerts.receiver.__wrapped__()  # type: ignore[attr-defined]


INSIDE = [
    "http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:{port}/", "http://localhost:{port}/",
    "http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:a9fe:a9fe]/", "http://2130706433:{port}/",
    "http://0x7f000001:{port}/", "http://0177.0.0.1:{port}/", "http://127.1:{port}/", "http://0:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/", "http://10.0.0.1/", "http://mine.example:{port}/", "http://two.example:{port}/",
]  # fmt: skip


def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server of the attacker's: its names lead inside, once it was asked before or at once."""
    real = socket.getaddrinfo

    def answer(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        inside = {"mine.example": ["127.0.0.1"], "two.example": ["::ffff:127.0.0.1", "127.0.0.1", "169.254.169.254"]}
        if host not in inside:
            return real(host, port, *rest, **options)
        return [found for each in inside[host] for found in real(each, port, type=socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.parametrize("address", INSIDE)
def test_a_webhook_that_leads_inside_is_never_asked(
    house: House, receiver: alerts.Receiver, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """From the definition over the network to the moment of sending."""
    resolver(monkeypatch)
    address = address.format(port=receiver.url.rpartition(":")[2])
    definition = {**LOANS, "alerts": [{"to": "webhook", "address": address, "least": 1}]}
    assert house.ask("PUT", "/api/monitors/loans", key="admin", json=definition).status_code == 200
    monitor = house.store.monitor("loans")
    notify(alerts.window(0, alerts.drift()), monitor, house.store, alerts.after(0))
    sent = deliver_due(house.store, {}, alerts.after(0), reach=Reach(seconds=2.0))
    assert (sent, receiver.bodies) == (Sent(postponed=1), [])
    [delivery] = house.store.deliveries()
    assert re.match(r"The host is inside this network|The host's name cannot be looked up", str(delivery.error))


def test_a_redirect_leads_nowhere(house: House, receiver: alerts.Receiver) -> None:
    receiver.answers = [(307, {"Location": "http://169.254.169.254/latest/"})]
    definition = {**LOANS, "alerts": [{"to": "webhook", "address": receiver.url, "least": 1}]}
    assert house.ask("PUT", "/api/monitors/loans", key="admin", json=definition).status_code == 200
    notify(alerts.window(0, alerts.drift()), house.store.monitor("loans"), house.store, alerts.after(0))
    reach = Reach(hosts=frozenset({receiver.host}), seconds=2.0)
    assert deliver_due(house.store, {}, alerts.after(0), reach=reach) == Sent(given_up=1)
    [delivery] = house.store.deliveries()
    assert delivery.error == "The host answered 307, a redirect, which is not followed."
