"""Shipping: every kind of model answers in another process what it answers here."""

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import skops.io
import xgboost
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline

from evenhand.core import travel
from evenhand.core.errors import ModelError
from evenhand.models import Command, Endpoint, LoadedModel, load_model
from evenhand.models.shipping import Shipment, pack
from tests.models.http_server import serving

NUMBERS = pd.DataFrame(np.random.default_rng(3).normal(size=(200, 3)).astype(np.float32), columns=["a", "b", "c"])
POSITIVE = (NUMBERS["a"] > 0).astype(int)
BASE = "import sys\nfor line in sys.stdin:\n    print(float(line.split(',')[0]) / 8, flush=True)"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


def asked(shipment: Shipment, rows: Any) -> tuple[int, tuple[Any, ...], Any, Any]:
    model = shipment.unpack()
    assert shipment.unpack() is model
    return os.getpid(), (model.name, model.features, model.classes), model.predict(rows), model.values(rows)


def agrees(model: LoadedModel, rows: Any, pool: ProcessPoolExecutor) -> Shipment:
    here, numbers = model.predict(rows), model.values(rows)
    shipment = pack(model)
    process, described, there, values = pool.submit(asked, shipment, rows).result()
    assert process != os.getpid()
    assert described == (model.name, model.features, model.classes)
    assert set(there) == set(here)
    assert all(there[kind].tolist() == here[kind].tolist() for kind in here)
    assert values.tolist() == numbers.tolist()
    return shipment


def written_onnx(pipeline: Pipeline, folder: Path) -> Path:
    shapes = [("hours", FloatTensorType([None, 1])), ("trade", StringTensorType([None, 1]))]
    file = folder / "hire.onnx"
    file.write_bytes(convert_sklearn(pipeline, initial_types=shapes).SerializeToString())
    return file


def boosters() -> dict[str, Any]:
    table = xgboost.DMatrix(NUMBERS, POSITIVE)
    learnt = {"objective": "binary:logistic", "nthread": 1}
    quiet = {"verbose": -1, "num_threads": 1, "num_leaves": 7}
    return {
        "xgboost": xgboost.train(learnt, table, 4),
        "lightgbm": lightgbm.train(quiet | {"objective": "binary"}, lightgbm.Dataset(NUMBERS, POSITIVE), 4),
    }


@pytest.mark.parametrize("name", ["xgboost", "lightgbm"])
def test_boosters(name: str, elsewhere: ProcessPoolExecutor) -> None:
    agrees(load_model(boosters()[name], classes=["no", "yes"]), NUMBERS, elsewhere)


def test_estimators_and_functions(people: pd.DataFrame, pipeline: Pipeline, elsewhere: ProcessPoolExecutor) -> None:
    agrees(load_model(pipeline), people, elsewhere)
    regressor = HistGradientBoostingRegressor(max_iter=5).fit(NUMBERS, NUMBERS["a"])
    agrees(load_model(regressor), NUMBERS, elsewhere)
    shift = 0.25
    agrees(load_model(lambda rows: rows["hours"] / 100 + shift), people, elsewhere)
    agrees(load_model(lambda rows: np.where(rows["hours"] > 40, 1, 2)), people, elsewhere)


def test_files(people: pd.DataFrame, pipeline: Pipeline, tmp_path: Path, elsewhere: ProcessPoolExecutor) -> None:
    """Read here and travelling as objects: the file may be gone, and nothing is trusted a second time."""
    skops.io.dump(pipeline, tmp_path / "hire.skops")
    joblib.dump(pipeline, tmp_path / "hire.pkl")
    boosters()["lightgbm"].save_model(tmp_path / "m.txt")
    boosters()["xgboost"].save_model(tmp_path / "m.ubj")
    for name, rows in (("hire.skops", people), ("hire.pkl", people), ("m.txt", NUMBERS), ("m.ubj", NUMBERS)):
        model = load_model(tmp_path / name, trust_pickle=name.endswith(".pkl"))
        (tmp_path / name).unlink()
        agrees(model, rows, elsewhere)


def test_onnx_travels_as_the_bytes_of_its_file(
    people: pd.DataFrame, pipeline: Pipeline, tmp_path: Path, elsewhere: ProcessPoolExecutor
) -> None:
    file = written_onnx(pipeline, tmp_path)
    model = load_model(file)
    content = file.read_bytes()
    file.unlink()
    assert content in agrees(model, people, elsewhere).content


@pytest.mark.parametrize("keep_running", [False, True])
def test_commands_travel_as_their_settings(keep_running: bool, elsewhere: ProcessPoolExecutor) -> None:
    command = Command([sys.executable, "-c", BASE], header=False, keep_running=keep_running)
    agrees(load_model(command, classes=["no", "yes"]), NUMBERS, elsewhere)


def test_endpoints_travel_as_their_settings(elsewhere: ProcessPoolExecutor) -> None:
    with serving() as server:
        model = load_model(Endpoint(server.url, headers={"X-Key": "a secret"}), classes=["no", "yes"])
        shipment = agrees(model, NUMBERS, elsewhere)
    assert "secret" not in repr(shipment)


def test_what_the_first_answer_settled_travels(elsewhere: ProcessPoolExecutor) -> None:
    """Numbers that leave 0…1 in the first rows are values everywhere, though later rows alone look like scores."""
    model = load_model(lambda rows: rows["a"].to_numpy() * 2)
    later = NUMBERS[NUMBERS["a"].between(0, 0.5)]
    assert set(model.predict(NUMBERS)) == {"label"}
    agrees(model, later, elsewhere)
    assert set(load_model(lambda rows: rows["a"].to_numpy() * 2).predict(later)) == {"score"}
    remote = load_model(Command([sys.executable, "-c", BASE.replace("/ 8", "* 2")], header=False))
    assert set(remote.predict(NUMBERS)) == {"label"}
    agrees(remote, later, elsewhere)


def test_a_process_rebuilds_a_model_once_and_keeps_the_last_few() -> None:
    shipments = [pack(LoadedModel(f"model {place}", dict)) for place in range(6)]
    first = shipments[0].unpack()
    assert all(pickle.loads(pickle.dumps(shipments[0])).unpack() is first for _ in range(3))  # noqa: S301
    for shipment in shipments[1:]:
        assert shipment.unpack().name == shipment.name
    again = shipments[0].unpack()
    assert again is not first
    assert again.name == "model 0"


def test_models_that_cannot_travel_say_so() -> None:
    lock = threading.Lock()
    with pytest.raises(
        ModelError,
        match=r"^The model guarded cannot be sent to other processes: TypeError: cannot pickle '_thread.lock' object;"
        r" give a model without open files, locks or connections, or its file, such as \.onnx or \.skops\.$",
    ):
        pack(LoadedModel("guarded", lambda rows: {"score": rows[not lock.locked() :]}))


def test_models_whose_module_is_missing_elsewhere_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: ProcessPoolExecutor
) -> None:
    elsewhere.submit(os.getpid).result()  # started before the path below is known, so it does not have it
    (tmp_path / "only_here.py").write_text("def halves(rows):\n    return rows['a'] / 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    from only_here import halves  # type: ignore[import-not-found]

    with pytest.raises(
        ModelError,
        match=r"^The model halves cannot be rebuilt in a worker: ModuleNotFoundError: No module named 'only_here';"
        r" install there the same packages as here, and put modules of your own where workers find them\.$",
    ):
        elsewhere.submit(asked, pack(load_model(halves)), NUMBERS).result()


@pytest.mark.parametrize("package", ["cloudpickle", "pyspark"])
def test_either_pickler_serves(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each alone, as where only that one is installed; read in a fresh process."""
    monkeypatch.setattr(travel, "_PICKLERS", {package: travel._PICKLERS[package]})
    add: Callable[[int], int] = lambda value: value + 40  # noqa: E731
    code = "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read())(2))"
    told = subprocess.run([sys.executable, "-W", "ignore", "-c", code], input=travel.packed(add), capture_output=True)
    assert told.stdout.strip() == b"42", told.stderr


def test_without_a_pickler_lambdas_are_refused_and_functions_of_modules_travel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(travel, "_PICKLERS", {})
    with pytest.raises(ModelError, match=r"install cloudpickle for functions that are in no module \(pip install clou"):
        pack(load_model(lambda rows: rows))
    assert pack(load_model(len)).unpack().original is len
