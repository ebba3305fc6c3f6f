"""Channels' shapes: nothing from the data becomes a mention, a link, markup or another header, and JSON stays JSON."""

import hashlib
import hmac
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.audit import Audit
from evenhand.core.monitor import Alert, Monitor
from evenhand.core.outcome import Drift
from evenhand.monitor.alerts import Reach
from evenhand.monitor.alerts.addresses import NotDelivered
from evenhand.monitor.alerts.channels import CHANNELS, alertmanager, command, opentelemetry, slack
from evenhand.monitor.alerts.message import Message, entry, fingerprint, message, read
from evenhand.monitor.alerts.posting import encoded
from tests.monitor.alerts.conftest import Receiver, channel, drift, window

HOSTILE = [
    "<!channel>", "<@U123>", "<https://evil.example|click>", "[click](https://evil.example)", "@everyone", "@channel",
    "https://evil.example/", "*bold* _it_ `code` ~gone~", "a\nb", "a\r\nBcc: x@evil.example", "\u202egnp.exe", "&lt;",
    ':siren: "quoted" \\ {}', "#general", "\x00\x1b[31m", "x" * 100_000,
]  # fmt: skip
MONITOR = Monitor(name="loans", audit=Audit(label="y", positive=(1,), facets=("sex",)), baseline="first 7")


def made(drifts: list[Drift], alert: Alert | None = None, state: str = "firing") -> Message:
    entries = [entry(each, state) for each in drifts]  # type: ignore[arg-type]
    return message(MONITOR, alert or channel(), window(0, *drifts), entries)


def hostile(text: str) -> Drift:
    return drift(text, facet=text, group=text, column=text, reading=f"{text} fell.")


@pytest.mark.parametrize("text", HOSTILE)
def test_every_channel_stays_in_its_shape(text: str) -> None:
    told = made([hostile(text)])
    for payload in (slack.payload(told), alertmanager.payload(told), opentelemetry.payload(told)):
        assert json.loads(encoded(payload)) == payload
        assert len(encoded(payload)) < 50_000


@given(st.text(max_size=80) | st.sampled_from(HOSTILE))
@settings(deadline=None)
def test_slack_finds_no_mention_link_or_markup(text: str) -> None:
    said = slack.payload(made([hostile(text)]))["text"].split("\n", 1)[1]
    assert not set(said) & set("<>")
    assert not re.search(r"&(?!amp;|lt;|gt;)", said)
    assert not re.search("[*_~`@\\[\\]#|!:](?!\u200b)", said)
    assert said.count("\n") == 1


def test_slack_says_what_to_do_and_how_much_more() -> None:
    told = made([drift(f"column {number}") for number in range(60)], channel(runbook="https://wiki.example/a?b=1&c=2"))
    shown = slack.payload(told)["text"].split("\n")
    assert shown[0] == "*loans:\u200b 60 drifts*"
    assert shown[-2:] == ["… and 41 more lines.", "What to do: https://wiki.example/a?b=1&amp;c=2"]


def test_alertmanager_says_what_its_receivers_read() -> None:
    told = made([drift(), drift("run", kind="failure")], channel(runbook="https://wiki.example"))
    payload = alertmanager.payload(told)
    assert {"version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels",
            "commonAnnotations", "externalURL", "alerts"} == set(payload)  # fmt: skip
    assert (payload["version"], payload["status"], payload["groupKey"]) == ("4", "firing", '{}:{monitor="loans"}')
    first, second = payload["alerts"]
    assert (first["status"], first["startsAt"], first["endsAt"]) == (
        "firing", "2026-01-01T00:00:00+00:00", "0001-01-01T00:00:00Z",
    )  # fmt: skip
    assert first["labels"]["alertname"] == "EvenhandDrift"
    assert second["labels"]["alertname"] == "EvenhandRunFailed"
    assert first["annotations"]["runbook_url"] == "https://wiki.example"


def test_an_alert_keeps_its_fingerprint_until_it_is_resolved() -> None:
    firing = alertmanager.payload(made([drift(value=0.7)]))["alerts"][0]
    ended = alertmanager.payload(made([drift(value=0.9, verdict="no drift shown")], state="recovered"))
    assert ended["status"] == ended["alerts"][0]["status"] == "resolved"
    assert ended["alerts"][0]["endsAt"] == "2026-01-02T00:00:00+00:00"
    assert firing["fingerprint"] == ended["alerts"][0]["fingerprint"]


def test_fingerprints_are_those_of_prometheus() -> None:
    """FNV-1a, 64 bits: of nothing its offset basis; of "a\\xffb\\xff" computed step by step here."""
    assert alertmanager.fingerprint({}) == "cbf29ce484222325"
    found = 0xCBF29CE484222325
    for byte in b"a\xffb\xff":
        found = ((found ^ byte) * 1099511628211) % 2**64
    assert alertmanager.fingerprint({"a": "b"}) == f"{found:016x}"


@given(st.floats(allow_nan=True, allow_infinity=True))
@settings(deadline=None)
def test_opentelemetry_writes_any_number(number: float) -> None:
    payload = json.loads(encoded(opentelemetry.payload(made([drift(value=number)], state="measured"))))
    metrics = payload["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    [value] = [metric for metric in metrics if metric["name"] == "evenhand.value"]
    [point] = value["gauge"]["dataPoints"]
    assert str(float(point["asDouble"])) == str(number)
    assert point["timeUnixNano"] == "1767312000000000000"


@given(st.floats(allow_nan=True, allow_infinity=True), st.text(max_size=30))
@settings(deadline=None)
def test_a_message_is_read_as_it_was_written(number: float, text: str) -> None:
    told = made([drift(text, value=number, baseline=-number)])
    again = read(told.model_dump_json())
    assert again.model_dump_json() == told.model_dump_json()
    assert again.key == told.key


@pytest.mark.parametrize("to", ["webhook", "slack", "alertmanager", "opentelemetry"])
def test_they_arrive(to: str, receiver: Receiver, reach: Reach) -> None:
    alert = channel(to, receiver.url + "/in?a=b")
    CHANNELS[to](made([drift()], alert), alert, reach)
    assert len(receiver.documents) == 1
    assert receiver.headers[0]["Content-Type"] == "application/json"


def test_a_webhook_is_signed_and_has_a_key(receiver: Receiver, reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING", "hush")
    alert = channel(address=receiver.url, options={"secret": "env:SIGNING"})
    told = made([drift()], alert)
    CHANNELS["webhook"](told, alert, reach)
    signature = hmac.new(b"hush", receiver.bodies[0], hashlib.sha256).hexdigest()
    assert receiver.headers[0]["X-Evenhand-Signature"] == f"sha256={signature}"
    assert receiver.headers[0]["Idempotency-Key"] == told.key
    assert read(receiver.bodies[0].decode()) == told


def test_channels_are_told_apart() -> None:
    several = [channel(), channel("slack"), channel(address="https://b.example"), channel(options={"a": "b"})]
    assert len({fingerprint(each) for each in several}) == 4


def test_a_command_gets_the_message_and_no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "hush")
    place = tmp_path / "got"
    alert = channel("command", f"/bin/sh -c 'env > {place}; cat >> {place}' $(touch {tmp_path}/pwned)")
    told = made([hostile("$(id); `id`")], alert)
    command.send(told, alert, Reach(programs=frozenset({"/bin/sh"})))
    got = place.read_text()
    assert told.model_dump_json() in got
    assert "hush" not in got
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("address", ["/bin/sh -c true", "sh -c true", "", "/usr/bin/../bin/true", "env:HOME"])
def test_programs_that_the_settings_do_not_name_are_refused(address: str) -> None:
    alert = channel("command", address)
    with pytest.raises(NotDelivered, match="settings do not allow the program"):
        command.send(made([drift()], alert), alert, Reach(programs=frozenset({"/bin/true"})))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("/bin/sh -c 'exit 3'", "ended with status 3"),
        ("/bin/sh -c 'sleep 60 & sleep 60'", r"took longer than 0\.3 s and was ended"),
        ("/bin/sh 'open", "quotes do not close"),
        ("/not/there", "cannot be started: No such file"),
    ],
)
def test_commands_that_fail(line: str, reason: str) -> None:
    alert = channel("command", line)
    with pytest.raises(NotDelivered, match=reason):
        command.send(made([drift()], alert), alert, Reach(programs=frozenset({"/bin/sh", "/not/there"}), seconds=0.3))
