"""Signing on at an OpenID Connect provider: authorisation code with PKCE, roles by claim."""

import hmac
import os
import secrets
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from evenhand.core.errors import EvenhandError, MissingExtra
from evenhand.server.problems import Refused, one_line
from evenhand.server.security.access import Caller
from evenhand.server.security.doors import SIGN_ON
from evenhand.server.security.opening import kept_safe, open_session
from evenhand.server.services import Services, services_of
from evenhand.server.settings import OpenId

router = APIRouter(include_in_schema=False)
_STATE = "evenhand_sign_on"
_MINUTES = 10
_SECONDS = 10.0  # for the provider to answer
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]


@router.get(SIGN_ON)
async def begin(request: Request) -> Response:
    """To the provider, with what its answer must match."""
    services, openid = _set_up(request)
    found = await _provider(openid)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    address = _authorization(openid, request, found, {"state": state, "nonce": nonce}, verifier)
    response = RedirectResponse(address, status_code=303)
    content = {"state": state, "nonce": nonce, "verifier": verifier}
    response.set_cookie(
        _STATE, services.sessions.signed(content, "sign-on", 60 * _MINUTES), max_age=60 * _MINUTES,
        **kept_safe(request, services, SIGN_ON),
    )  # fmt: skip
    return response


@router.get(f"{SIGN_ON}/done")
async def done(
    request: Request,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4_000)] = "",
) -> Response:
    """Back from the provider: check everything, and open a session."""
    services, openid = _set_up(request)
    sent = services.sessions.content(request.cookies.get(_STATE, ""), "sign-on")
    if sent is None or not code or not hmac.compare_digest(str(sent["state"]).encode(), state.encode()):
        raise Refused(401, "The sign-on was not begun in this browser, or took too long; begin again.")
    found = await _provider(openid)
    claims = await _claims(request, openid, found, code, sent)
    response = RedirectResponse("/", status_code=303)
    response.delete_cookie(_STATE, **kept_safe(request, services, SIGN_ON))
    open_session(request, response, services, person(claims, openid))
    return response


def person(claims: dict[str, Any], openid: OpenId) -> Caller:
    """Who signed on, and what their roles allow; raises Refused (403) for people without a role here."""
    told = claims.get(openid.claim, [])
    roles = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    scopes = {scope for role in roles if isinstance(role, str) for scope in openid.roles.get(role, ())}
    if not scopes:
        known = ", ".join(sorted(openid.roles))
        raise Refused(403, f"You have none of the roles {known} in the claim {openid.claim!r}; ask an administrator.")
    name = claims.get("email") or claims.get("preferred_username") or claims["sub"]
    return Caller(one_line(str(name))[:200], frozenset(scopes))


async def _claims(
    request: Request, openid: OpenId, found: dict[str, Any], code: str, sent: dict[str, Any]
) -> dict[str, Any]:
    """What the provider says of the person, once its signature and all that binds it to this sign-on hold."""
    import httpx
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": _return(request),
        "client_id": openid.client, "client_secret": _secret(openid), "code_verifier": sent["verifier"],
    }  # fmt: skip
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False) as client:
            token = (await client.post(found["token_endpoint"], data=form)).json()
            keys = (await client.get(found["jwks_uri"])).json()
        claims = jwt.decode(token["id_token"], KeySet.import_key_set(keys), algorithms=_ALGORITHMS).claims
        _expected(openid, sent).validate({**claims, "iss": str(claims.get("iss", "")).rstrip("/")})
    except (JoseError, httpx.HTTPError, KeyError, TypeError, ValueError) as error:
        raise Refused(401, f"The sign-on failed: {type(error).__name__}.") from None
    return dict(claims)


def _expected(openid: OpenId, sent: dict[str, Any]) -> Any:
    """What the claims must be: of this provider, for this server, of this sign-on, and not over."""
    from joserfc import jwt

    return jwt.JWTClaimsRegistry(
        now=int(time.time()), leeway=60, iss={"essential": True, "value": openid.issuer.rstrip("/")},
        aud={"essential": True, "value": openid.client}, exp={"essential": True},
        sub={"essential": True}, nonce={"essential": True, "value": sent["nonce"]},
    )  # fmt: skip


async def _provider(openid: OpenId) -> dict[str, Any]:
    """The addresses of the provider, of which each must be where the issuer says."""
    import httpx

    issuer = openid.issuer.rstrip("/")
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False) as client:
            answer = await client.get(f"{issuer}/.well-known/openid-configuration")
        found = answer.json() if answer.status_code == 200 else {}
    except (httpx.HTTPError, ValueError):
        found = {}
    if not isinstance(found, dict) or str(found.get("issuer", "")).rstrip("/") != issuer:
        raise Refused(401, "The sign-on provider does not answer as one; sign in with a key.")
    return found


def _authorization(
    openid: OpenId, request: Request, found: dict[str, Any], bound: dict[str, str], verifier: str
) -> str:
    """The provider's address that a browser goes to."""
    try:
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]
        from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtra("Signing on with OpenID Connect", "authlib", "oidc") from error
    address: str = prepare_grant_uri(
        found["authorization_endpoint"], openid.client, "code",
        redirect_uri=_return(request), scope="openid email profile",
        code_challenge=create_s256_code_challenge(verifier), code_challenge_method="S256", **bound,
    )  # fmt: skip
    return address


def _return(request: Request) -> str:
    """Where the provider sends a browser back to; the Host was checked at the gate."""
    return f"{request.base_url}{SIGN_ON.lstrip('/')}/done"


def _secret(openid: OpenId) -> str:
    name = openid.secret.removeprefix("env:")
    if name == openid.secret:
        return openid.secret
    if name not in os.environ:
        raise EvenhandError(f"The environment has no {name}, which the sign-on needs; set it and start again.")
    return os.environ[name]


def _set_up(request: Request) -> tuple[Services, OpenId]:
    services = services_of(request)
    if services.settings.openid is None:
        raise Refused(404, "This server has no sign-on; sign in with a key.")
    return services, services.settings.openid
