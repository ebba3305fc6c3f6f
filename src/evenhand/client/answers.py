"""Answers: requests to a server, tried again where that is safe, and what it says to them."""

import random
import time
from collections.abc import Mapping
from typing import Any

from evenhand.core.errors import DataError, EvenhandError, MissingExtra

_LATER = (429, 502, 503, 504)  # not taken, or not known here whether it was
_NOT_TAKEN = (429, 503)
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 30.0


class Refusal(EvenhandError):
    """The server turned a request away; `status` is that of HTTP."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Answers:
    """One server over connections that are kept open; redirects are not followed, so that the key stays with it."""

    def __init__(self, address: str, key: str | None, *, timeout: float, retries: int, transport: Any) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtra("The client", "httpx", "client") from error
        self._retries = retries
        headers = {"X-API-Key": key} if key is not None else {}
        self._http = httpx.Client(
            base_url=address, headers=headers, timeout=timeout, transport=transport, follow_redirects=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def json(self, method: str, path: str, **options: Any) -> Any:
        """The value of an answer; None where it has none. Raises as `answer` does."""
        found = self.answer(method, path, **options)
        try:
            return found.json() if found.content else None
        except ValueError:
            raise DataError(
                f"What answers at {self._http.base_url} is no server of evenhand; check the address."
            ) from None

    def answer(self, method: str, path: str, *, repeatable: bool = True, **options: Any) -> Any:
        """The answer to a request; raises Refusal, or DataError where there is none.

        Unless it is `repeatable`, it is sent again only where the server cannot have taken it.
        """
        for attempt in range(self._retries + 1):
            answer, error = self._tried(method, path, options)
            again = self._again(answer, error, repeatable)
            if not again or attempt == self._retries:
                break
            time.sleep(_pause(attempt, answer.headers if answer is not None else {}))
        if answer is None:
            raise DataError(f"The server at {self._http.base_url} does not answer: {error or type(error).__name__}.")
        if answer.is_success:
            return answer
        raise Refusal(answer.status_code, _detail(answer))

    def _tried(self, method: str, path: str, options: Mapping[str, Any]) -> tuple[Any, Exception | None]:
        import httpx

        try:
            return self._http.request(method, path, **options), None
        except httpx.HTTPError as error:
            return None, error
        except ValueError:
            raise DataError("There are values that JSON cannot hold, such as NaN; write None.") from None

    def _again(self, answer: Any, error: Exception | None, repeatable: bool) -> bool:
        import httpx

        if answer is not None:
            return answer.status_code in (_LATER if repeatable else _NOT_TAKEN)
        return repeatable or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)


def _pause(attempt: int, headers: Mapping[str, str]) -> float:
    """As long as the server asks for, or longer each time, and never the same for all clients."""
    asked = headers.get("retry-after", "")
    wait = float(asked) if asked.isdecimal() and len(asked) < 6 else _FIRST_WAIT * 2**attempt
    return min(wait, _LONGEST_WAIT) * random.uniform(1.0, 1.3)  # noqa: S311 - no secret


def _detail(answer: Any) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The server answered {answer.status_code} {answer.reason_phrase}, and no more."
