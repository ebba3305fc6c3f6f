"""Refusals: a request that is not answered, with its HTTP status and one line that says why."""


class Refusal(Exception):
    """Why a request is refused; `retry_after` is seconds, where trying again may help."""

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class Dropped(Exception):
    """Nobody waits for this work any more."""
