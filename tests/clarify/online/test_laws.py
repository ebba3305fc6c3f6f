"""Laws of the explainer's answers, whatever the records: additivity, and one number that is its own record."""

import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.clarify.online import OnlineConfig
from evenhand.clarify.online.explainer import Explainer
from evenhand.clarify.online.job import Job
from evenhand.clarify.online.memory_shares import Shares
from evenhand.clarify.online.refusals import Refusal

numbers = st.floats(-1e3, 1e3).map(lambda value: round(value, 3)) | st.integers(-100, 100)


def model(rows: Any) -> Any:
    values = rows.to_numpy(float)
    return np.column_stack([np.tanh(values.sum(axis=1) / 99), values[:, 0] * values[:, -1], np.sin(values[:, 1])])


def explainer(width: int, rows: list[list[float]]) -> Explainer:
    baseline = "\n".join(",".join(map(repr, row[:width])) for row in rows)
    document = {"ShapConfig": {"ShapBaselineConfig": {"ShapBaseline": baseline}}}
    return Explainer(OnlineConfig.of(document), model, Shares(512 * 10**6, 1), 60)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 14), st.data())
def test_values_add_up_and_csv_equals_json_lines(width: int, data: st.DataObject) -> None:
    row = st.lists(numbers, min_size=width, max_size=width)
    baseline, records = (data.draw(st.lists(row, min_size=1, max_size=3)) for _ in range(2))
    asked = explainer(width, baseline)
    csv = "\n".join(",".join(map(repr, record)) for record in records)
    answer = json.loads(asked.answer(csv.encode(), "text/csv", None, Job.within(60)))
    lines = "\n".join(map(json.dumps, records))
    assert json.loads(asked.answer(lines.encode(), "application/jsonlines", None, Job.within(60))) == answer
    scores = [[float(cell) for cell in line.split(",")] for line in answer["predictions"]["data"].split()]
    found = answer["explanations"]
    for record, base, score in zip(found["kernel_shap"], found["expected_value"], scores, strict=True):
        values = np.array([feature["attributions"][0]["attribution"] for feature in record])
        np.testing.assert_allclose(values.sum(axis=0) + base, score, rtol=1e-9, atol=1e-8)


ASKED = explainer(3, [[0.0, 0.0, 0.0]])


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=60) | st.text(max_size=60).map(str.encode),
    st.sampled_from(["text/csv", "application/jsonlines"]),
)
def test_any_bytes_are_explained_or_refused(body: bytes, kind: Any) -> None:
    try:
        answer = json.loads(ASKED.answer(body, kind, None, Job.within(60)))
    except Refusal as refusal:
        assert refusal.status in (400, 424)
        assert "\n" not in str(refusal)
    else:
        assert answer["version"] == "1.0"


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1, max_size=70))
def test_any_header_is_understood_or_refused(header: str) -> None:
    try:
        ASKED.answer(b"1,2,3", "text/csv", header, Job.within(60))
    except Refusal as refusal:
        assert refusal.status == 400
