"""Posts: bodies of any type sent to one endpoint, several at once, and what came back in their order."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from evenhand.clarify.config.analysis_config import PredictorConfig
from evenhand.core.errors import ModelError, SpecError
from evenhand.models.remote.endpoint import Endpoint
from evenhand.models.remote.http_client import Answer, Client, TooLarge

CONCURRENCY = 4


@dataclass(frozen=True)
class Place:
    """Where bodies are sent, as what, and what is to come back."""

    url: str
    content_type: str
    accept: str
    headers: Mapping[str, str]
    concurrency: int = CONCURRENCY


class Posts:
    """Sends bodies to one place; raises ModelError where the server fails for good."""

    def __init__(self, place: Place) -> None:
        headers = {"Content-Type": place.content_type, "Accept": place.accept, **place.headers}
        # The endpoint knows the types of tables; the headers say what is really sent.
        self._endpoint = Endpoint(
            place.url, content_type="application/json", headers=headers, concurrency=place.concurrency
        )
        self._client = Client(self._endpoint)
        self.shown = self._endpoint.shown

    def __call__(self, bodies: Sequence[bytes]) -> list[Answer]:
        """The answers, in the order of the bodies."""
        stop = threading.Event()
        if len(bodies) == 1:
            return [self._one(bodies[0], 0, stop)]
        pool = ThreadPoolExecutor(max(1, min(self._endpoint.concurrency, len(bodies))), "evenhand-http")
        try:
            sent = [pool.submit(self._one, body, place, stop) for place, body in enumerate(bodies)]
            wait(sent, return_when=FIRST_EXCEPTION)
            failed = [each for each in sent if each.done() and each.exception() is not None]
            if failed:
                failed[0].result()
            return [each.result() for each in sent]
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def _one(self, body: bytes, place: int, stop: threading.Event) -> Answer:
        where = f"request {place + 1:,}"
        try:
            return self._client.post(body, where, divisible=False, stop=stop)
        except TooLarge as error:
            raise ModelError(f"The model {self.shown} takes no request of {len(body):,} bytes: {error}") from error


def address_of(predictor: PredictorConfig | None, given: Any) -> str:
    """The URL of the model: the one given, else the predictor's endpoint or model; raises SpecError without one."""
    named = (predictor.endpoint_name, predictor.model_name) if predictor is not None else ()
    for address in (given, *named):
        if isinstance(address, str) and address.startswith(("http://", "https://")):
            return address
    raise SpecError(
        "No model is given that can be asked; hand over a callable, or put the URL of a running model into"
        " predictor.endpoint_name."
    )


def headers_of(predictor: PredictorConfig) -> dict[str, str]:
    """The headers that tell an endpoint which of its models is asked, and what the caller wants it to know."""
    named = {
        "X-Amzn-SageMaker-Custom-Attributes": predictor.custom_attributes,
        "X-Amzn-SageMaker-Target-Model": predictor.target_model,
    }
    return {name: value for name, value in named.items() if value is not None}
