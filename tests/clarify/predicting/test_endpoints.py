"""Endpoints: real servers asked as a config says, in every shape that Clarify documents for answers."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.clarify.predicting import Predictor, predictor_of
from evenhand.core.errors import EvenhandError, ModelError, SpecError
from tests.clarify.datasets.configs import config
from tests.models.http_server import Server, probability, serving

ROWS = pd.DataFrame({"a": [1.0, -2.0, 0.5], "b": [0.25, 0.5, -1.5]})
CSV, LINES, JSON = "text/csv", "application/jsonlines", "application/json"
SCORES = [probability(row) for row in ROWS.to_numpy().tolist()]


def asked(server: Server, dataset_type: str = CSV, threshold: float = 0.5, **keys: Any) -> Predictor:
    predictor = {"endpoint_name": server.url, **keys}
    return predictor_of(config(dataset_type, predictor=predictor, probability_threshold=threshold))


def answering(kind: str, text: str) -> Callable[[list[list[float | None]]], tuple[str, str]]:
    return lambda _: (kind, text)


@pytest.mark.parametrize("kind", [CSV, LINES, JSON])
def test_each_type_of_content_is_sent_and_read(kind: str) -> None:
    keys: dict[str, Any] = {} if kind == CSV else {"probability": "score" if kind == LINES else "predictions[*].score"}
    with serving() as server:
        predictor = asked(server, kind, **keys)
        found = predictor.predicted(ROWS)
        values = predictor.values(ROWS)
    assert found.scores == pytest.approx(SCORES) and values[:, 0] == pytest.approx(SCORES)
    assert found.labels.tolist() == [int(score > 0.5) for score in SCORES]
    assert server.asked[0].headers["Content-Type"] == kind == server.asked[0].headers["Accept"]


def test_csv_has_no_header_and_every_column_in_order() -> None:
    with serving() as server:
        asked(server).predicted(ROWS)
    assert server.asked[-1].body == b"1.0,0.25\n-2.0,0.5\n0.5,-1.5"


def test_templates_headers_and_types_of_the_config_are_sent() -> None:
    keys: dict[str, Any] = {
        "content_type": JSON, "accept_type": CSV, "content_template": '{"instances":$records}',
        "record_template": "$features", "custom_attributes": "trace=1", "target_model": "one.tar.gz",
    }  # fmt: skip
    with serving() as server:
        found = asked(server, "application/x-parquet", **keys).predicted(ROWS)
    request = server.asked[-1]  # one row was asked before, for what its answer looks like
    assert json.loads(request.body) == {"instances": ROWS.to_numpy().tolist()}
    sent = {name.lower(): value for name, value in request.headers.items()}
    assert sent["x-amzn-sagemaker-custom-attributes"] == "trace=1"
    assert sent["x-amzn-sagemaker-target-model"] == "one.tar.gz" and sent["accept"] == CSV
    assert found.scores == pytest.approx(SCORES)


def test_an_object_of_templates_is_that_object() -> None:
    keys: dict[str, Any] = {"content_template": {"instances": "$records"}, "record_template": "$features"}
    with serving() as server:
        asked(server, JSON, probability="predictions[*].score", **keys).predicted(ROWS)
    assert json.loads(server.asked[-1].body) == {"instances": ROWS.to_numpy().tolist()}


@pytest.mark.parametrize(
    ("kind", "text", "keys", "labels"),
    [
        (CSV, "0.6\n0.3\n0.5\n", {}, [1, 0, 0]),
        (CSV, "0.6,0.3,0.5", {}, [1, 0, 0]),
        (CSV, "0.1,0.6,0.3\n0.5,0.2,0.3\n0,0,1", {}, [1, 0, 2]),
        (CSV, "0.1,0.6,0.3\n0.5,0.2,0.3\n0,0,1", {"label_headers": ["x", "y", "z"]}, ["y", "x", "z"]),
        (CSV, "1,0.6\n0,0.9\n1,0.2", {"label": 0, "probability": 1}, [1, 0, 1]),
        (CSV, "1\n0\n1", {}, [1, 0, 1]),
        (CSV, "1\n0\n1", {"probability": 0}, [1, 0, 1]),
        (CSV, "yes\nno\nyes", {}, ["yes", "no", "yes"]),
        (CSV, "yes,0.2\nno,0.9\nyes,0.6", {}, ["yes", "no", "yes"]),
        (CSV, "\n".join(["\"['cat','dog']\",\"[0.6,0.4]\"", "\"['dog','cat']\",\"[0.6,0.4]\"", "\"['cat','dog']\",\"[0,1]\""]),
         {"label": 0, "probability": 1}, ["cat", "dog", "dog"]),
        (LINES, '{"score":0.6}\n{"score":0.5}\n{"score":0.51}', {"probability": "score"}, [1, 0, 1]),
        (LINES, '{"p":[0.1,0.9]}\n{"p":[0.8,0.2]}\n{"p":[0.4,0.6]}',
         {"probability": "p", "label_headers": ["no", "yes"]}, ["yes", "no", "yes"]),
        (LINES, '{"l":3,"p":0.9}\n{"l":4,"p":0.9}\n{"l":3,"p":0.9}', {"label": "l", "probability": "p"}, [3, 4, 3]),
        (JSON, '{"predictions":[{"l":["a","b"],"p":[0.1,0.9]},{"l":["a","b"],"p":[0.7,0.3]},{"l":["b","a"],"p":[1,0]}]}',
         {"label": "predictions[*].l", "probability": "predictions[*].p"}, ["b", "a", "b"]),
        (JSON, '{"predictions":[0.9,0.1,0.7]}', {"probability": "predictions", "label_headers": ["n", "y"]}, ["y", "n", "y"]),
        (JSON, '{"predicted_label":["y","n","y"]}', {"label": "predicted_label"}, ["y", "n", "y"]),
    ],
)  # fmt: skip
def test_every_documented_shape_of_answer(kind: str, text: str, keys: dict[str, Any], labels: list[Any]) -> None:
    def answer(rows: list[list[float | None]]) -> tuple[str, str]:
        # A model that is first asked for one row answers one.
        return kind, text if len(rows) == len(ROWS) else text.split("\n")[0].split(",0.3,0.5")[0]

    with serving(answer=answer) as server:
        found = asked(server, kind, **keys).predicted(ROWS)
    assert found.labels.tolist() == labels
    assert [type(label) for label in found.labels.tolist()] == [type(label) for label in labels]


@pytest.mark.parametrize(("threshold", "labels"), [(0.6, [0, 0, 0]), (0.59, [1, 0, 0]), (0.0, [1, 1, 0])])
def test_the_threshold_is_strict(threshold: float, labels: list[int]) -> None:
    with serving(answer=answering(CSV, "0.6\n0.3\n0.0")) as server:
        assert asked(server, threshold=threshold, probability=0).predicted(ROWS).labels.tolist() == labels


def test_all_scores_are_explained_under_their_headers() -> None:
    with serving(answer=answering(CSV, "0.1,0.9\n0.8,0.2\n0.5,0.5")) as server:
        predictor = asked(server, label_headers=["no", "yes"])
        assert predictor.values(ROWS).tolist() == [[0.1, 0.9], [0.8, 0.2], [0.5, 0.5]]
        found = predictor.predicted(ROWS)
    assert found.labels.tolist() == ["yes", "no", "no"] and found.headers == ("no", "yes")
    assert found.scores is not None and np.shape(found.scores) == (3, 2)


def test_an_address_without_path_is_asked_where_containers_answer() -> None:
    with serving() as server:
        bare = server.url.removesuffix("/invocations")
        assert predictor_of(config(), model=bare).predicted(ROWS).labels.tolist() == [1, 0, 0]
        assert predictor_of(config(predictor={"model_name": bare + "/"})).model.original.url == server.url


@pytest.mark.parametrize(
    ("kind", "text", "keys", "words"),
    [
        (CSV, "0.6\n0.3\n", {"probability": 0}, "2 lines for 3 rows"),
        (CSV, "a\nb\nc\n", {"probability": 0}, "text"),
        (CSV, "0.1,0.9\n0.8,0.2\n0.5,0.5", {"label_headers": ["a", "b", "c"]}, "label_headers names 3"),
        (JSON, '{"x":[1]}', {"probability": "predictions[*].score"}, "nothing at"),
    ],
)
def test_answers_that_do_not_fit_are_told_in_one_line(kind: str, text: str, keys: dict[str, Any], words: str) -> None:
    with serving(answer=answering(kind, text)) as server, pytest.raises(ModelError, match=words) as told:
        asked(server, kind, **keys).predicted(ROWS)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("dataset_type", "keys"),
    [
        ("application/x-parquet", {}), (CSV, {"content_type": "image/jpeg"}), (CSV, {"accept_type": "image/png"}),
        (JSON, {"content_template": "$nothing"}), (LINES, {"label": 0}), (CSV, {"custom_attributes": "a\nb"}),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(dataset_type: str, keys: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        predictor_of(config(dataset_type, predictor={"endpoint_name": "http://127.0.0.1:9/", **keys}))


def test_names_at_sagemaker_say_how_to_hand_a_model_over() -> None:
    with pytest.raises(ModelError, match="hand the model over"):
        predictor_of(config(predictor={"model_name": "credit", "instance_type": "ml.m5.large"}))
    for name in ("command: echo 1", "python:os:getcwd"):
        with pytest.raises(EvenhandError, match="hand the model over"):  # a config is no one who may run programs
            predictor_of(config(predictor={"model_name": name}))
    with pytest.raises(ModelError, match="names no model"):
        predictor_of(config())
