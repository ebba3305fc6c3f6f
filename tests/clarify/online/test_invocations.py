"""POST /invocations: response shapes, filters, additivity, texts, and refusals — over a real server."""

import json
import math
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from evenhand.clarify.online import OnlineConfig, explainer_app
from evenhand.core.errors import DataError, SpecError, UnreadableSource
from tests.clarify.online.serving import container, explained, serving

WEIGHTS = np.array([0.5, -1.0, 2.0])
HEADER = "x-amzn-sagemaker-enable-explanations"


def sigmoid(rows: Any) -> Any:
    numbers = rows.to_numpy(float)
    return 1 / (1 + np.exp(-(numbers @ WEIGHTS + numbers[:, 0] * numbers[:, 1])))


def config(baseline: str = "0,0,0", inference: dict[str, Any] | None = None, **shap: Any) -> OnlineConfig:
    given = {"ShapBaselineConfig": {"ShapBaseline": baseline}, **shap}
    return OnlineConfig.of({"InferenceConfig": inference or {}, "ShapConfig": given})


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    named = {"FeatureHeaders": ["a", "b", "c"], "LabelHeaders": ["approved"]}
    with serving(explainer_app(config("0,0,0\n1,2,3", named), sigmoid)) as found:
        yield found


def values_of(record: list[Any]) -> Any:
    """Features × outputs."""
    return np.array([feature["attributions"][0]["attribution"] for feature in record])


def shapley(row: Any, baseline: Any, worth: Any) -> list[float]:
    """Shapley values by their definition."""
    count = len(row)
    found = []
    for player in range(count):
        others = [other for other in range(count) if other != player]
        total = 0.0
        for size in range(count):
            for chosen in combinations(others, size):
                share = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
                without, having = baseline.copy(), baseline.copy()
                without[:, list(chosen)] = row[list(chosen)]
                having[:, [*chosen, player]] = row[[*chosen, player]]
                total += share * (worth(having) - worth(without))
        found.append(total)
    return found


def test_response_shape_and_definition(client: httpx.Client) -> None:
    assert client.get("/ping").status_code == 200
    answer = explained(client, "1,2,0.5\n2,-1,1\n")
    assert list(answer) == ["version", "predictions", "label_headers", "explanations"]
    assert (answer["version"], answer["label_headers"]) == ("1.0", ["approved"])
    assert answer["predictions"]["content_type"] == "text/csv"
    scores = [float(line) for line in answer["predictions"]["data"].split()]
    kernel, expected = answer["explanations"]["kernel_shap"], answer["explanations"]["expected_value"]
    assert [list(feature) for feature in kernel[0]] == [["feature_header", "feature_type", "attributions"]] * 3
    baseline = np.array([[0.0, 0, 0], [1, 2, 3]])

    def worth(rows: Any) -> float:
        return float(np.mean(1 / (1 + np.exp(-(rows @ WEIGHTS + rows[:, 0] * rows[:, 1])))))

    for row, record, base, score in zip([[1, 2, 0.5], [2, -1, 1]], kernel, expected, scores, strict=True):
        np.testing.assert_allclose(values_of(record)[:, 0], shapley(np.array(row), baseline, worth), atol=1e-12)
        assert values_of(record).sum() + base[0] == pytest.approx(score, abs=1e-12)


def test_filters_and_header(client: httpx.Client) -> None:
    body = "1,2,0.5\n-3,1,-2\n"
    answer = explained(client, body, **{HEADER: "[0]>`0.8`"})
    assert [record is None for record in answer["explanations"]["kernel_shap"]] == [False, True]
    assert [value is None for value in answer["explanations"]["expected_value"]] == [False, True]
    assert explained(client, body, **{HEADER: "`false`"})["explanations"] == {}
    assert explained(client, body, **{HEADER: "[0]>`2`"})["explanations"] == {}
    assert None not in explained(client, body, **{HEADER: "`true`"})["explanations"]["kernel_shap"]


def test_header_overrides_config() -> None:
    quiet = OnlineConfig.of(
        {"EnableExplanations": "`false`", "ShapConfig": {"ShapBaselineConfig": {"ShapBaseline": "0,0,0"}}}
    )
    with serving(explainer_app(quiet, sigmoid)) as found:
        assert explained(found, "1,1,1")["explanations"] == {}
        assert explained(found, "1,1,1", **{HEADER: "`true`"})["explanations"]["kernel_shap"][0] is not None


def test_classes_and_log_odds() -> None:
    def three(rows: Any) -> Any:
        odds = np.exp(rows.to_numpy(float) @ np.array([[1.0, 0, 2], [0, 1, 1], [1, 1, 0]]))
        return odds / odds.sum(axis=1, keepdims=True)

    with serving(explainer_app(config(UseLogit=True, Seed=5), three)) as found:
        answer = explained(found, "1,0.5,-1")
    scores = np.array([float(cell) for cell in answer["predictions"]["data"].split(",")])
    kernel, base = answer["explanations"]["kernel_shap"][0], answer["explanations"]["expected_value"][0]
    np.testing.assert_allclose(values_of(kernel).sum(axis=0) + base, np.log(scores / (1 - scores)), atol=1e-9)


def test_budget_and_seed_with_twenty_features() -> None:
    asked = []

    def model(rows: Any) -> Any:
        asked.append(len(rows))
        numbers = rows.to_numpy(float)
        return np.tanh(numbers.sum(axis=1) / 9) + numbers[:, 0] * numbers[:, 19]

    body = ",".join(str(place / 7 + 0.1) for place in range(20))
    with serving(explainer_app(config(",".join("0" * 20)), model)) as found:
        first, second = explained(found, body), explained(found, body)
    assert first == second
    assert sum(asked) == 2 * (1 + 1 + 1 + 2088)  # the request, baseline, record, and 2M + 2048
    kernel = first["explanations"]["kernel_shap"][0]
    total = values_of(kernel).sum() + first["explanations"]["expected_value"][0][0]
    assert total == pytest.approx(float(first["predictions"]["data"]), abs=1e-9)


def test_most_records_for_the_model() -> None:
    asked = []

    def model(rows: Any) -> Any:
        asked.append(len(rows))
        return sigmoid(rows)

    with serving(explainer_app(config(inference={"MaxRecordCount": 2}), model)) as found:
        explained(found, "1,2,3\n4,5,6\n7,8,9")
    assert max(asked) == 2


def review(rows: Any) -> Any:
    texts = zip(rows["age"], rows["city"], rows["text"], strict=True)
    return np.array([0.1 + 0.2 * ("good" in t) * (c == "Bern") - 0.1 * t.count("bad") + 0.01 * a for a, c, t in texts])


@pytest.mark.parametrize(("absent", "granularity"), [("", "token"), ("[MASK]", "token"), ("", "sentence")])
def test_texts(absent: str, granularity: str) -> None:
    inference = {
        "FeatureHeaders": ["age", "city", "text"], "FeatureTypes": ["numerical", "categorical", "text"],
        "FeaturesAttribute": "features",
    }  # fmt: skip
    baseline = {"MimeType": "application/jsonlines", "ShapBaseline": json.dumps({"features": [30, "Basel", absent]})}
    given = {"ShapBaselineConfig": baseline, "TextConfig": {"Language": "en", "Granularity": granularity}}
    both = OnlineConfig.of({"InferenceConfig": inference, "ShapConfig": given})
    text = "A good day – not bad. A bad night!"
    body = "\n".join(json.dumps({"features": [age, "Bern", words]}) for age, words in [(41, text), (50, "  ")])
    with serving(explainer_app(both, review)) as found:
        answer = explained(found, body, "application/jsonlines")
    kernel, expected = answer["explanations"]["kernel_shap"], answer["explanations"]["expected_value"]
    scores = [float(line) for line in answer["predictions"]["data"].split()]
    for record, base, score in zip(kernel, expected, scores, strict=True):
        parts = [part["attribution"][0] for feature in record for part in feature["attributions"]]
        assert sum(parts) + base[0] == pytest.approx(score, abs=1e-9)
    assert [feature["feature_type"] for feature in kernel[0]] == ["numerical", "categorical", "text"]
    units = [part["description"] for part in kernel[0][2]["attributions"]]
    assert len(units) == (2 if granularity == "sentence" else 11)
    assert all(text[unit["start_idx"] :].startswith(unit["partial_text"]) for unit in units)
    assert kernel[1][2]["attributions"] == []
    assert kernel[0][0]["attributions"][0]["attribution"][0] == pytest.approx(0.11)


def test_container_gets_the_very_text_and_its_answer_comes_back() -> None:
    bodies = []

    def answer(body: str, kind: str) -> tuple[int, str, str]:
        bodies.append((body, kind))
        rows = np.array([[float(cell) for cell in line.split(",")] for line in body.split("\n")])
        return 200, "text/csv; charset=utf-8", "".join(f"yes,{float(row @ WEIGHTS)!r}\n" for row in rows)

    with container(answer) as url:
        app = explainer_app(config(inference={"LabelIndex": 0, "ProbabilityIndex": 1}), url)
        with serving(app) as found:
            reply = explained(found, "1.50,2,3\n0,0,1", **{HEADER: "[1]>`3`"})
    assert bodies[0] == ("1.50,2,3\n0,0,1", "text/csv")
    assert reply["predictions"] == {"content_type": "text/csv", "data": "yes,4.75\nyes,2.0\n"}
    first, second = reply["explanations"]["kernel_shap"]
    np.testing.assert_allclose(values_of(first)[:, 0], [0.75, -2, 6], atol=1e-12)
    assert second is None


def test_container_of_json_lines() -> None:
    def answer(body: str, kind: str) -> tuple[int, str, str]:
        assert kind == "application/jsonlines"
        rows = [json.loads(line)["x"]["values"] for line in body.split("\n")]
        return 200, kind, "\n".join(json.dumps({"score": float(np.array(row) @ WEIGHTS)}) for row in rows)

    inference = {
        "FeaturesAttribute": "x.values", "ContentTemplate": '{"x":{"values":$features}}', "ProbabilityAttribute": "score",
    }  # fmt: skip
    baseline = {"MimeType": "application/jsonlines", "ShapBaseline": '{"x":{"values":[0,0,0]}}'}
    both = OnlineConfig.of({"InferenceConfig": inference, "ShapConfig": {"ShapBaselineConfig": baseline}})
    with container(answer) as url, serving(explainer_app(both, url)) as found:
        body = '{"x":{"values":[1,1,1]}}\n{"x":{"values":[0,1,0]}}'
        reply = explained(found, body, "application/jsonlines", **{HEADER: "score>`0`"})
    assert reply["predictions"]["content_type"] == "application/jsonlines"
    first, second = reply["explanations"]["kernel_shap"]
    np.testing.assert_allclose(values_of(first)[:, 0], WEIGHTS, atol=1e-12)
    assert second is None


@pytest.mark.parametrize(
    ("body", "kind", "status", "said"),
    [
        ("", "text/csv", 400, "no records"),
        ("1,2", "text/csv", 400, "record 1, has 2 values; there are 3 features"),
        ("1,2,3\n1,2,3,4", "text/csv", 400, "record 2, has 4 values"),
        ("1,nan,3", "text/csv", 400, "feature 'b', is 'nan'"),
        ("1,inf,3", "text/csv", 400, "no finite number"),
        ("1,1e999,3", "text/csv", 400, "no finite number"),
        ("1,x,3", "text/csv", 400, "Could not convert string to float"),
        ('1,"x,3', "text/csv", 400, "no CSV in line 1"),
        ("1,2,3" + "9" * 200_000, "text/csv", 400, "field larger than field limit"),
        ("1," * 200_000, "text/csv", 400, "more than 100,000 values"),
        ("1,\0,3", "text/csv", 400, "NUL"),
        ("[" * 50_000, "application/jsonlines", 400, "nested too deeply"),
        ("[1,NaN,3]", "application/jsonlines", 400, "NaN"),
        ("[1,2,{}]", "application/jsonlines", 400, "Could not convert string to float"),
        ("[1,2," + "9" * 5000 + "]", "application/jsonlines", 400, "no JSON"),
        ('{"a":1}', "application/jsonlines", 400, "FeaturesAttribute"),
        ("1,2,3\n" * 400_000, "text/csv", 413, "lines"),
        ("1,2,3", "application/json", 415, "text/csv"),
        ("a" * 5_000_000, "text/csv", 400, "at most 4,194,304 are read"),
        ("1,\xff,3".encode("latin-1"), "text/csv", 400, "not UTF-8"),
        ("9" * 7_000_000, "text/csv", 413, "MaxPayloadInMB"),
    ],
)
def test_hostile_bodies(client: httpx.Client, body: str | bytes, kind: str, status: int, said: str) -> None:
    refused(client.post("/invocations", content=body, headers={"content-type": kind}), status, said)


def refused(reply: httpx.Response, status: int, said: str) -> None:
    assert reply.status_code == status
    assert said in reply.json()["message"]
    assert reply.text.count("\n") == 1
    assert "Traceback" not in reply.text


@pytest.mark.parametrize("expression", ["((((", "[0", "a" * 65, "[" * 64, "sum(@)"])
def test_hostile_headers(client: httpx.Client, expression: str) -> None:
    reply = client.post("/invocations", content="1,2,3", headers={"content-type": "text/csv", HEADER: expression})
    if expression == "sum(@)":
        assert reply.status_code == 200  # a sum of numbers is a value, and true
    else:
        refused(reply, 400, "EnableExplanations")


def test_a_failing_model() -> None:
    def model(_: Any) -> Any:
        raise RuntimeError("out of order\nwith a trace")

    with serving(explainer_app(config(), model)) as found:
        refused(found.post("/invocations", content="1,2,3"), 424, "RuntimeError: out of order")
    refusing = container(lambda _body, _kind: (400, "text/plain", "bad shape"))
    with refusing as url, serving(explainer_app(config(), url)) as found:
        refused(found.post("/invocations", content="1,2,3"), 424, "bad shape")


def test_missing_values_and_missing_methods(client: httpx.Client) -> None:
    assert client.get("/invocations").status_code == 405
    assert client.post("/elsewhere").status_code == 404

    def filled(rows: Any) -> Any:
        return rows.fillna(0.5).to_numpy(float) @ WEIGHTS

    with serving(explainer_app(config(), filled)) as found:
        kernel = explained(found, "1,,3")["explanations"]["kernel_shap"][0]
    np.testing.assert_allclose(values_of(kernel)[:, 0], [0.5, -0.5, 6.0], atol=1e-12)


def test_what_does_not_fit_together() -> None:
    with pytest.raises(SpecError, match="FeatureHeaders has 2 entries and the SHAP baseline 3 columns"):
        explainer_app(config(inference={"FeatureHeaders": ["a", "b"]}), sigmoid)
    with pytest.raises(SpecError, match="FeatureTypes has 1"):
        explainer_app(config(inference={"FeatureTypes": ["numerical"]}), sigmoid)
    with pytest.raises(DataError, match="record 2, has 2 values"):
        explainer_app(config("0,0,0\n1,1"), sigmoid)
    with pytest.raises(SpecError, match="more than the memory setting"):
        explainer_app(config(",".join("0" * 40), NumberOfSamples=10**9), sigmoid)
    with pytest.raises(SpecError, match="too little"):
        explainer_app(config(), sigmoid, memory="10MB")
    with pytest.raises(SpecError, match="queue"):
        explainer_app(config(), sigmoid, queue=-1)


def test_baseline_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "baseline.csv"
    path.write_text("0,0,0\n")
    given = {"ShapBaselineConfig": {"ShapBaselineUri": str(path)}}
    with serving(explainer_app(OnlineConfig.of({"ShapConfig": given}), sigmoid)) as found:
        assert explained(found, "1,2,3")["explanations"]["expected_value"] == [[0.5]]
    for wrong in (tmp_path, tmp_path / "missing.csv"):
        given = {"ShapBaselineConfig": {"ShapBaselineUri": str(wrong)}}
        with pytest.raises(UnreadableSource):
            explainer_app(OnlineConfig.of({"ShapConfig": given}), sigmoid)
