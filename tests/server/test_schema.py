"""The OpenAPI document: complete, and nothing that it allows, or forbids, ends in an error of the server."""

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from tests.server.conftest import House, records


def test_every_route_is_described(house: House) -> None:
    document: dict[str, Any] = house.ask("GET", "/api/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            assert route["summary"], (method, path)
            assert route["description"], (method, path)
            codes = route["responses"]
            assert any(code.startswith(("2", "3")) for code in codes), (method, path)
            shown = codes["422"]["content"]["application/json"]["schema"]
            assert shown == {"$ref": "#/components/schemas/Problem"}, (method, path)
            if method in ("post", "put") and path not in NO_BODY:
                assert "requestBody" in route, (method, path)
    assert "HTTPValidationError" not in document["components"]["schemas"]


NO_BODY = {"/api/alerts/{number}/acknowledge", "/api/jobs/{number}/cancel", "/api/bounties/{name}/end"}


@pytest.mark.slow
def test_no_request_ends_in_an_error_of_the_server(house: House) -> None:
    """Schemathesis makes requests of every kind from the document, within it and beside it."""
    import schemathesis
    from schemathesis import GenerationMode

    house.ask("POST", "/api/monitors/loans/predictions", key="submit", json=records(0, 20))
    schema = schemathesis.openapi.from_dict(house.ask("GET", "/api/openapi.json").json())
    asked = Counter[int]()
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            with suppress(Unsatisfiable):  # what takes nothing cannot be given anything wrong
                _try(house, operation.as_strategy(generation_mode=mode), asked)
    assert asked.total() > 500
    assert asked[200] > 50
    assert not [status for status in asked if status >= 500]


def _try(house: House, cases: Any, asked: Counter[int]) -> None:
    """Some requests of one kind."""

    @settings(
        max_examples=25, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(case=cases)
    def run(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url="http://127.0.0.1")
        body = {name: sent[name] for name in ("params", "content", "data", "json") if sent.get(name) is not None}
        if isinstance(body.get("data"), bytes | str):
            body["content"] = body.pop("data")
        kept = {name: text for name, text in (sent.get("headers") or {}).items() if name.lower() in HEADERS}
        answer = house.ask(sent["method"], sent["url"], key="admin", headers=kept, **body)
        asked[answer.status_code] += 1
        assert answer.status_code < 500, (case.operation.label, sent, answer.text)

    run()


HEADERS = ("content-type", "idempotency-key")


def test_the_document_is_the_one_that_is_written_down(house: House) -> None:
    """Nobody's paths or secrets are in it."""
    text = house.ask("GET", "/api/openapi.json").text
    assert str(Path.home()) not in text
    assert house.keys["admin"] not in text
