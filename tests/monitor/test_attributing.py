"""Attributions of windows: the baseline is explained once, and a model that leans on another input drifts."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from evenhand.core.outcome import Outcome
from evenhand.core.window import Window
from evenhand.monitor.capture import Capture
from evenhand.monitor.running import run_window
from evenhand.stores import open_store
from tests.monitor.story import day, predictions, watched

onnx = pytest.importorskip("onnx")


def model_file(path: Path, weights: tuple[float, float]) -> str:
    """A model of income and age: the sigmoid of their weighted sum."""
    from onnx import TensorProto, helper, numpy_helper

    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in ("income", "age")]
    scaled = np.array([[weights[0] / 10_000], [weights[1] / 20]], np.float32)
    nodes = [
        helper.make_node("Concat", ["income", "age"], ["both"], axis=1),
        helper.make_node("MatMul", ["both", "weights"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes, "loans", inputs, [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(scaled, "weights")],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(made.SerializeToString())
    return str(path)


@pytest.mark.slow
def test_a_model_that_leans_on_another_input_drifts(tmp_path: Path) -> None:
    model = model_file(tmp_path / "model.onnx", (0.2, 0.05))
    store, home = open_store(f"sqlite:///{tmp_path / 'evenhand.db'}"), tmp_path / "monitors"
    monitor = watched(baseline="first 2", model=model, explained_rows=200)
    store.put_monitor(monitor)
    capture = Capture(home / "loans", monitor)
    capture.accept(predictions(0, 5))
    capture.close()

    def look(number: int) -> Outcome:
        window = Window(day(number), day(number + 1))
        return run_window(monitor, window, store, home, now=day(number + 1) + timedelta(hours=2))

    found = [look(number) for number in range(4)]
    assert found[0].report is not None
    assert found[0].report.reasons is not None, "a report says what drives the predictions"
    assert [drift.kind for drift in found[1].drifts] == [], "the baseline's own windows are compared with nothing"
    kinds = {drift.metric: drift.verdict for drift in found[3].drifts if drift.kind == "attributions"}
    assert kinds["total variation"] == "no drift shown"
    assert len(list((home / "loans" / "baseline").glob("explanation-*"))) == 1
    model_file(tmp_path / "model.onnx", (0.02, 0.5))
    late = [look(number) for number in (4, 5)]
    verdicts = {drift.metric: drift.verdict for drift in late[-1].drifts if drift.kind == "attributions"}
    assert verdicts["total variation"] == "drift"
