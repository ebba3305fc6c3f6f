"""Problems: every error of the API is a status and one line `detail`."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from evenhand.core.errors import EvenhandError, MissingExtra
from evenhand.core.visible import visible

MOST = 500  # characters of a detail


class Problem(BaseModel):
    """What was wrong, what is allowed, what to do."""

    detail: str = Field(description="One line.", examples=["No monitor 'loan'. Did you mean 'loans'?"])


class Refused(Exception):
    """A request that is turned away."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


_MEANINGS = {
    400: "The request is malformed.",
    401: "No valid key or session came with it.",
    403: "The key or session does not allow this.",
    404: "There is no such thing.",
    408: "The body took too long to arrive.",
    409: "It does not fit the present state.",
    413: "Too much was sent.",
    415: "A content type that is not read here.",
    422: "The content makes no sense.",
    429: "Too many requests; wait as Retry-After says.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error responses of a route, for OpenAPI: those of every route, and these."""
    every = {400, 401, 403, 408, 413, 422, 429, *statuses}
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in sorted(every)}


def one_line(text: str) -> str:
    """A message as one line, with characters that hide or reorder text shown as escapes."""
    line = visible(" ".join(text[: 8 * MOST].split()))
    return line if len(line) <= MOST else line[: MOST - 1] + "…"


def answer(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response for a problem."""
    return JSONResponse({"detail": one_line(detail)}, status_code=status, headers=dict(headers or {}))


def install(app: FastAPI) -> None:
    """Have every exception of the house answered in this shape."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(EvenhandError, _evenhand)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)  # noqa: S101 - registered for it
    return answer(error.status, error.detail, error.headers)


async def _evenhand(_: Request, error: Exception) -> JSONResponse:
    return answer(501 if isinstance(error, MissingExtra) else 422, str(error))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError | ValidationError)  # noqa: S101 - registered for these
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "the body"
    return answer(422, f"{place}: {first['msg']}.")


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return answer(error.status_code, str(error.detail), error.headers)
