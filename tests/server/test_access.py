"""Access: every route's scope, sessions, tokens, foreign pages and headers."""

import re
from pathlib import Path
from typing import Any

import pytest

from evenhand.server.settings import Rates, Settings
from tests.server.conftest import RATES, House, built

OPEN = {("GET", "/health"), ("GET", "/ready"), ("GET", "/open"), ("POST", "/api/session"), ("DELETE", "/api/session")}
SCOPES = {
    "admin": {
        ("PUT", "/api/monitors/{name}"), ("DELETE", "/api/monitors/{name}"), ("PUT", "/api/monitors/{name}/baseline"),
        ("GET", "/api/keys"), ("POST", "/api/keys"), ("DELETE", "/api/keys/{number}"), ("GET", "/api/log"),
    },
    "submit": {
        ("POST", "/api/monitors/{name}/predictions"), ("POST", "/api/monitors/{name}/truth"), ("POST", "/api/reports"),
        ("POST", "/api/jobs"), ("POST", "/api/jobs/{number}/cancel"), ("POST", "/api/alerts/{number}/acknowledge"),
        ("POST", "/api/alerts/{number}/snooze"),
    },
}  # fmt: skip


def scope_of(method: str, path: str) -> str | None:
    if (method, path) in OPEN:
        return None
    return next((scope for scope, routes in SCOPES.items() if (method, path) in routes), "read")


def routes(house: House) -> list[tuple[str, str]]:
    paths: dict[str, Any] = house.ask("GET", "/api/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def test_every_route_asks_for_its_scope_before_all_else(house: House) -> None:
    seen = routes(house)
    assert len(seen) >= 28
    for method, path in seen:
        needed = scope_of(method, path)
        place = path.replace("{name}", "loans").replace("{number}", "999").replace("{later}", "999")
        if needed is None:
            continue
        options: dict[str, Any] = (
            {"headers": {"Content-Type": "application/json"}, "content": b"{}"} if method != "GET" else {}
        )
        stranger = house.ask(method, place, **options)
        assert stranger.status_code == 401, (method, path, stranger.text)
        for held in ("read", "submit"):
            answer = house.ask(method, place, key=held, **options)
            assert (answer.status_code == 403) == (held != needed), (method, path, held, answer.text)
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
