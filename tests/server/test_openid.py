"""Sign-on at a real provider of our own: code with PKCE, a signed token, roles by claim, and forgeries."""

import base64
import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Form
from joserfc import jwt
from joserfc.jwk import RSAKey

from evenhand.server.problems import Refused
from evenhand.server.security.openid import person
from evenhand.server.settings import OpenId, Settings
from tests.server.conftest import RATES, House, built

KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
STRANGER = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})


@dataclass
class Provider:
    """What the provider will say; tests change it."""

    address: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: KEY)
    challenges: dict[str, str] = field(default_factory=dict)

    def token(self) -> str:
        now = int(time.time())
        usual = {"iss": self.address, "aud": "evenhand", "sub": "u1", "exp": now + 300, "iat": now, "roles": ["editor"]}
        return jwt.encode({"alg": "RS256", "kid": "k1"}, {**usual, **self.claims}, self.key)


def application(provider: Provider) -> FastAPI:
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    def about() -> dict[str, str]:
        at = provider.address
        return {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/keys",
        }

    @app.get("/keys")
    def keys() -> dict[str, Any]:
        return {"keys": [KEY.as_dict(private=False)]}

    @app.post("/token")
    def token(code: str = Form(), code_verifier: str = Form()) -> dict[str, Any]:
        seen = base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()
        if provider.challenges.pop(code, None) != seen:
            return {"error": "invalid_grant"}
        return {"access_token": "a", "token_type": "Bearer", "id_token": provider.token()}

    return app


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    server = uvicorn.Server(uvicorn.Config(application(made), port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    made.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield made
    server.should_exit = True
    thread.join(15)


@pytest.fixture
def house(tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("EVENHAND_OIDC_SECRET", "swordfish")
    openid = OpenId(issuer=provider.address, client="evenhand")
    with built(tmp_path, Settings(rates=RATES, openid=openid)) as made:
        yield made


def signed_on(house: House, provider: Provider, *, state: str | None = None, cookie: bool = True) -> httpx.Response:
    """What a browser does: to the provider and back."""
    begun = house.ask("GET", "/sign-on")
    assert begun.status_code == 303, begun.text
    sent = {name: values[0] for name, values in parse_qs(urlsplit(begun.headers["location"]).query).items()}
    assert (sent["code_challenge_method"], sent["redirect_uri"]) == ("S256", "http://127.0.0.1/sign-on/done")
    provider.challenges["c1"] = sent["code_challenge"]
    provider.claims.setdefault("nonce", sent["nonce"])
    headers = {"Cookie": begun.headers["set-cookie"].split(";")[0]} if cookie else {}
    return house.ask("GET", "/sign-on/done", params={"state": state or sent["state"], "code": "c1"}, headers=headers)


def test_a_person_signs_on_with_the_role_of_the_claim(house: House, provider: Provider) -> None:
    provider.claims["email"] = "ada@example.org"
    answer = signed_on(house, provider)
    assert answer.status_code == 303, answer.text
    session = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("evenhand_session="))
    who = house.ask("GET", "/api/session", headers={"Cookie": session.split(";")[0]})
    assert who.json() == {"name": "ada@example.org", "scopes": ["read", "submit"]}
    assert house.store.log()[0][1:3] == ("ada@example.org", "began a session")


FORGED: list[dict[str, Any]] = [
    {"nonce": "another"}, {"iss": "https://evil.example"}, {"aud": "another"}, {"exp": 1}, {"sub": None},
]  # fmt: skip


@pytest.mark.parametrize("claims", FORGED, ids=lambda claims: next(iter(claims)))
def test_a_token_that_is_not_for_this_sign_on_opens_nothing(
    house: House, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims.update(claims)
    answer = signed_on(house, provider)
    assert (answer.status_code, answer.json()["detail"].startswith("The sign-on failed: ")) == (401, True)


def test_a_strangers_signature_opens_nothing(house: House, provider: Provider) -> None:
    provider.key = STRANGER
    assert signed_on(house, provider).status_code == 401


def test_an_answer_that_was_not_asked_for_opens_nothing(house: House, provider: Provider) -> None:
    assert signed_on(house, provider, state="another").status_code == 401
    assert signed_on(house, provider, cookie=False).status_code == 401


def test_people_without_a_role_are_turned_away(house: House, provider: Provider) -> None:
    provider.claims["roles"] = ["cleaner"]
    answer = signed_on(house, provider)
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("You have none of the roles admin, editor, viewer in the claim 'roles'")


def test_roles_are_read_from_one_text_too() -> None:
    openid = OpenId(issuer="https://x.example", client="c", claim="group", roles={"risk": ("read",)})
    assert person({"sub": "u", "group": "risk"}, openid).scopes == {"read"}
    with pytest.raises(Refused):
        person({"sub": "u", "group": {"risk": 1}}, openid)


def test_without_a_provider_there_is_no_sign_on(tmp_path: Path) -> None:
    with built(tmp_path) as house:
        assert house.ask("GET", "/sign-on").json()["detail"] == "This server has no sign-on; sign in with a key."
