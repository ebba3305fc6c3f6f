"""Access: every route's scope, sessions, tokens, foreign pages and headers."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evenhand.core.errors import EvenhandError, SpecError
from evenhand.server import application
from evenhand.server.security.ended import Ended
from evenhand.server.settings import Rates, Settings
from tests.server.conftest import RATES, House, built

OPEN = {
    ("GET", "/health"), ("GET", "/ready"), ("GET", "/open"), ("POST", "/api/session"), ("DELETE", "/api/session"),
    ("POST", "/api/bounties/{name}/teams"),
}  # fmt: skip
SCOPES = {
    "admin": {
        ("PUT", "/api/monitors/{name}"), ("DELETE", "/api/monitors/{name}"), ("PUT", "/api/monitors/{name}/baseline"),
        ("GET", "/api/keys"), ("POST", "/api/keys"), ("DELETE", "/api/keys/{number}"), ("GET", "/api/log"),
        ("POST", "/api/bounties/{name}/end"), ("GET", "/api/bounties/{name}/model"),
        ("GET", "/api/bounties/{name}/export"),
    },
    "hunt submit": {
        ("PUT", "/api/bounties/{name}/payloads"), ("POST", "/api/bounties/{name}/submissions"),
    },
    "hunt read submit": {
        ("GET", "/api/session"), ("GET", "/api/bounties"), ("GET", "/api/bounties/{name}"), ("GET", "/api/bounties/{name}/files/{which}"),
        ("GET", "/api/bounties/{name}/contest"), ("GET", "/api/bounties/{name}/teams"),
        ("GET", "/api/bounties/{name}/submissions"), ("GET", "/api/bounties/{name}/submissions/{number}"),
    },
    "submit": {
        ("POST", "/api/monitors/{name}/predictions"), ("POST", "/api/monitors/{name}/truth"), ("POST", "/api/reports"),
        ("POST", "/api/jobs"), ("POST", "/api/jobs/{number}/cancel"), ("POST", "/api/alerts/{number}/acknowledge"),
        ("POST", "/api/alerts/{number}/snooze"),
    },
}  # fmt: skip


def scopes_of(method: str, path: str) -> set[str]:
    if (method, path) in OPEN:
        return set()
    return set(next((scopes for scopes, routes in SCOPES.items() if (method, path) in routes), "read").split())


def routes(house: House) -> list[tuple[str, str]]:
    paths: dict[str, Any] = house.ask("GET", "/api/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def test_every_route_asks_for_its_scope_before_all_else(house: House) -> None:
    seen = routes(house)
    assert len(seen) >= 28
    for method, path in seen:
        needed = scopes_of(method, path)
        place = path.replace("{name}", "loans").replace("{number}", "999").replace("{later}", "999")
        place = place.replace("{which}", "hidden")
        if not needed:
            continue
        options: dict[str, Any] = (
            {"headers": {"Content-Type": "application/json"}, "content": b"{}"} if method != "GET" else {}
        )
        stranger = house.ask(method, place, **options)
        assert stranger.status_code == 401, (method, path, stranger.text)
        for held in ("read", "submit"):
            answer = house.ask(method, place, key=held, **options)
            assert (answer.status_code == 403) == (held not in needed), (method, path, held, answer.text)
        assert house.ask(method, place, key="admin", **options).status_code not in (401, 403), (method, path)


@pytest.mark.parametrize("key", ["evenhand_wrong-key-that-is-long", "x", "' OR 1=1 --", "\xff" * 20, "a" * 5000])
def test_wrong_keys_open_nothing(house: House, key: str) -> None:
    for headers in ({"X-API-Key": key.encode("latin-1")}, {"Authorization": b"Bearer " + key.encode("latin-1")}):
        assert house.ask("GET", "/api/monitors", headers=headers).status_code == 401


def cookie_of(answer: Any) -> str:
    header = answer.headers["set-cookie"]
    assert "HttpOnly" in header
    assert "samesite=lax" in header.lower()
    found = re.match(r"evenhand_session=([^;]+)", header)
    assert found is not None
    return f"evenhand_session={found[1]}"


def test_a_token_opens_one_session(house: House) -> None:
    token = house.app.state.services.tokens.new()
    first = house.ask("GET", f"/open?token={token}")
    assert (first.status_code, first.headers["location"]) == (303, "/")
    assert house.ask("GET", f"/open?token={token}").status_code == 401
    assert house.ask("GET", "/open?token=").status_code == 401
    who = house.ask("GET", "/api/session", headers={"Cookie": cookie_of(first)})
    assert who.json() == {"name": "local", "scopes": ["admin", "read", "submit"]}


def test_a_session_ends_with_its_key(house: House) -> None:
    begun = house.ask("POST", "/api/session", json={"key": house.keys["read"]})
    cookie = {"Cookie": cookie_of(begun)}
    assert house.ask("GET", "/api/monitors", headers=cookie).status_code == 200
    number = min(key.id for key in list(house.store.keys()) if key.name == "read")
    assert house.ask("DELETE", f"/api/keys/{number}", key="admin").status_code == 204
    assert house.ask("GET", "/api/monitors", headers=cookie).status_code == 401


@pytest.mark.parametrize("change", ["tail", "body", "empty", "other purpose", "another server"])
def test_a_forged_session_opens_nothing(house: House, tmp_path: Path, change: str) -> None:
    content = {"who": "x", "scopes": ["admin"], "key": None}
    good = house.app.state.services.sessions.signed(content)
    body, seal = good.split(".")
    with built(tmp_path / "other") as other:
        forged = {
            "tail": good[:-2] + "AA", "body": f"{body[:-4]}AAAA.{seal}", "empty": ".",
            "other purpose": house.app.state.services.sessions.signed(content, "sign-on"),
            "another server": other.app.state.services.sessions.signed(content),
        }[change]  # fmt: skip
    answers = [house.ask("GET", "/api/log", headers={"Cookie": f"evenhand_session={text}"}) for text in (good, forged)]
    assert [answer.status_code for answer in answers] == [200, 401]


def test_a_session_ends_in_time(house: House) -> None:
    sessions = house.app.state.services.sessions
    assert sessions.content(sessions.signed({"who": "x"}, seconds=60)) is not None
    assert sessions.content(sessions.signed({"who": "x"}, seconds=-1)) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://127.0.0.1"}, 202),
        ({"Sec-Fetch-Site": "same-origin"}, 202),
        ({}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "http://127.0.0.1.evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_sessions_change_things_from_our_pages_only(house: House, headers: dict[str, str], status: int) -> None:
    token = house.app.state.services.tokens.new()
    cookie = {"Cookie": cookie_of(house.ask("GET", f"/open?token={token}"))}
    wanted = {"monitor": "loans", "window": "2026-11-20"}
    assert house.ask("POST", "/api/jobs", headers={**cookie, **headers}, json=wanted).status_code == status


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]", "localhost.", "169.254.169.254"]
)
def test_other_names_are_turned_away(house: House, host: str) -> None:
    assert house.ask("GET", "/health", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8787", "localhost", "LOCALHOST:1", "[::1]:8787"])
def test_our_own_names_pass(house: House, host: str) -> None:
    assert house.ask("GET", "/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/api/monitors", "/nowhere", "/sign-in", "/"])
def test_every_answer_has_the_headers(house: House, path: str) -> None:
    headers = house.ask("GET", path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "no-store" in headers["cache-control"]
    assert "access-control-allow-origin" not in headers


def test_rates_are_limited_by_key_and_by_wrong_key(tmp_path: Path) -> None:
    slow = Settings(rates=Rates(key=0.01, address=0, refused=0.01))
    with built(tmp_path, slow) as house:
        answers = [house.ask("GET", "/api/monitors", key="read").status_code for _ in range(7)]
        assert answers == [200] * 5 + [429] * 2
        assert house.ask("GET", "/api/monitors", key="submit").status_code == 403
        wrong = [house.ask("GET", "/api/monitors", key="evenhand_wrong-key") for _ in range(7)]
        assert [answer.status_code for answer in wrong] == [401] * 5 + [429] * 2
        assert int(wrong[-1].headers["retry-after"]) >= 1


def test_rates_are_limited_by_address(tmp_path: Path) -> None:
    with built(tmp_path, Settings(rates=RATES.model_copy(update={"address": 0.01}))) as house:
        assert [house.ask("GET", "/health").status_code for _ in range(7)] == [200] * 5 + [429] * 2


def test_the_secret_is_for_its_owner_alone(house: House) -> None:
    assert (house.home / ".secret").stat().st_mode & 0o777 == 0o600


def test_pages_sign_in_with_a_key(house: House) -> None:
    door = house.ask("GET", "/sign-in")
    token = re.search(r'name="token" value="([^"]+)"', door.text)
    assert token is not None
    visit = door.headers["set-cookie"].split(";")[0]
    form = {"token": token[1], "key": house.keys["read"]}
    headers = {"Cookie": visit, "Origin": "http://127.0.0.1"}
    assert house.ask("POST", "/sign-in", data=form, headers={"Origin": "http://127.0.0.1"}).status_code == 403
    entered = house.ask("POST", "/sign-in", data=form, headers=headers)
    assert entered.status_code == 303
    home = house.ask("GET", "/", headers={"Cookie": cookie_of(entered)})
    assert home.status_code == 200


def begun(house: House, scope: str = "read", **headers: str) -> Any:
    return house.ask("POST", "/api/session", json={"key": house.keys[scope]}, headers=headers)


HERE = {"Origin": "http://127.0.0.1"}


def test_a_session_that_was_ended_opens_nothing_anywhere(house: House) -> None:
    """Its cookie may have been copied: this server, one beside it, and one started later all turn it away."""
    ended, other = ({"Cookie": cookie_of(begun(house))} for _ in range(2))
    beside = application(house.store, house.home, Settings(rates=RATES))
    neighbour = House(beside, house.store, house.home, house.keys)
    assert neighbour.ask("GET", "/api/session", headers=ended).status_code == 200
    gone = house.ask("DELETE", "/api/session", headers={**ended, **HERE})
    assert gone.status_code == 204
    assert 'evenhand_session=""' in gone.headers["set-cookie"]
    later = House(application(house.store, house.home, Settings(rates=RATES)), house.store, house.home, house.keys)
    for server in (house, neighbour, later):
        assert server.ask("GET", "/api/session", headers=ended).status_code == 401
        assert server.ask("GET", "/api/session", headers=other).status_code == 200
    assert [what for _, _, what, _ in house.store.log()].count("ended a session") == 1
    assert house.ask("DELETE", "/api/session", headers={**ended, **HERE}).status_code == 204
    assert [what for _, _, what, _ in house.store.log()].count("ended a session") == 1
    for server in (neighbour, later):
        server.app.state.services.parsers.close()


def test_a_session_is_ended_from_our_pages_only(house: House) -> None:
    cookie = {"Cookie": cookie_of(begun(house))}
    for headers in ({}, {"Origin": "http://evil.example"}):
        assert house.ask("DELETE", "/api/session", headers={**cookie, **headers}).status_code == 403
    assert house.ask("GET", "/api/session", headers=cookie).status_code == 200


def test_signing_out_of_the_pages_ends_the_session(house: House) -> None:
    cookie = cookie_of(begun(house))
    token = house.app.state.services.sessions.form_token(cookie.partition("=")[2])
    headers = {"Cookie": cookie, **HERE}
    assert house.ask("GET", "/alerts", headers=headers).status_code == 200
    left = house.ask("POST", "/sign-out", data={"token": token}, headers=headers)
    assert (left.status_code, left.headers["location"]) == (303, "/sign-in")
    assert house.ask("GET", "/api/session", headers=headers).status_code == 401


def test_what_was_ended_is_forgotten_when_it_would_have_ended(tmp_path: Path) -> None:
    ended = Ended(tmp_path)
    assert "a" not in ended
    ended.add("a", int(time.time()) - 1)
    ended.add("b", int(time.time()) + 60)
    assert "b" in ended
    assert "a" not in ended
    (tmp_path / ".ended-sessions").write_bytes(b"{")
    with pytest.raises(EvenhandError, match="is damaged; remove it, and the secret beside it"):
        assert "b" in ended


PROXIED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}


@pytest.mark.parametrize(
    ("proxies", "believed"), [((), False), (("10.0.0.1",), False), (("127.0.0.1",), True), (("127.0.0.0/8",), True)]
)
def test_what_a_proxy_says_is_believed_only_where_the_settings_name_it(
    tmp_path: Path, proxies: tuple[str, ...], believed: bool
) -> None:
    with built(tmp_path, Settings(rates=RATES, proxies=proxies)) as house:
        answer = begun(house, **PROXIED)
        assert ("secure" in answer.headers["set-cookie"].lower()) is believed
        assert house.store.log()[0][3] == ("203.0.113.9" if believed else "127.0.0.1")
        door = house.ask("GET", "/sign-in", headers=PROXIED)
        assert ("secure" in door.headers["set-cookie"].lower()) is believed


@pytest.mark.parametrize("proxy", ["*", "nginx", "10.0.0.1/99", ""])
def test_a_proxy_is_named_by_its_address(tmp_path: Path, proxy: str) -> None:
    with (
        pytest.raises(SpecError, match="is no address of a proxy; give an address or a network"),
        built(tmp_path, Settings(proxies=(proxy,))),
    ):
        pass


def test_cookies_are_for_tls_alone_where_the_settings_say_so(tmp_path: Path) -> None:
    with built(tmp_path, Settings(rates=RATES, secure=True)) as house:
        assert "; secure" in begun(house).headers["set-cookie"].lower()


def test_who_answered_an_alert_is_written_once(house: House) -> None:
    alert = house.store.raise_alert("loans", "bias", "DPPL sex=f", "Women are granted less.", datetime.now(UTC))
    before = len(house.store.log())
    house.ask("POST", f"/api/alerts/{alert.id}/acknowledge", key="submit")
    house.ask("POST", f"/api/alerts/{alert.id}/snooze", key="submit", json={"until": "2090-01-01T00:00:00Z"})
    said = [entry[1:] for entry in house.store.log()]
    assert len(said) - before == 2
    assert said[1::-1] == [
        ("key submit", "alert acknowledged", str(alert.id)), ("key submit", "alert snoozed", str(alert.id))
    ]  # fmt: skip
