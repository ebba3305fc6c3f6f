"""Model files: ONNX in its several shapes, skops, and pickles that are refused unless trusted."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import pandas as pd
import pytest
import skops.io
from onnx import TensorProto, helper
from skl2onnx import convert_sklearn, to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline

from evenhand.core.errors import ModelError, UntrustedModel
from evenhand.models import load_model

SHAPES = [("hours", FloatTensorType([None, 1])), ("trade", StringTensorType([None, 1]))]


def _agrees(loaded: Any, people: pd.DataFrame, pipeline: Pipeline) -> None:
    answers, given = loaded.predict(people), people[["hours", "trade"]]
    assert answers["label"].tolist() == pipeline.predict(given).tolist()
    assert np.allclose(answers["score"], pipeline.predict_proba(given)[:, 1], atol=1e-5)


@pytest.mark.parametrize("zipmap", [True, False])
def test_onnx_with_an_input_for_each_column(
    people: pd.DataFrame, pipeline: Pipeline, tmp_path: Path, zipmap: bool
) -> None:
    model = convert_sklearn(pipeline, initial_types=SHAPES, options={id(pipeline): {"zipmap": zipmap}})
    file = tmp_path / "hire.onnx"
    file.write_bytes(model.SerializeToString())
    loaded = load_model(str(file))
    assert (loaded.name, loaded.features) == ("hire.onnx", ("hours", "trade"))
    _agrees(loaded, people, pipeline)
    with pytest.raises(ModelError, match=r"hire\.onnx needs the column 'trade', which the rows lack"):
        loaded.predict(people[["hours"]])
    with pytest.raises(ModelError, match=r"hire\.onnx needs numbers in the column 'hours', which holds text"):
        loaded.predict(people.assign(hours="many"))


def _matrix_model(people: pd.DataFrame, file: Path, metadata: dict[str, str] | None = None) -> LogisticRegression:
    numbers = np.column_stack([people["hours"], people["hours"] ** 2 / 50]).astype(np.float32)
    learnt = LogisticRegression(max_iter=2000).fit(numbers, people["hired"] == "yes")
    model = to_onnx(learnt, numbers[:1], options={"zipmap": False})
    if metadata:
        helper.set_model_props(model, metadata)
    onnx.save(model, str(file))
    return learnt


def test_onnx_with_one_matrix(people: pd.DataFrame, tmp_path: Path) -> None:
    learnt = _matrix_model(people, tmp_path / "matrix.onnx")
    rows = pd.DataFrame({"hours": people["hours"], "square": people["hours"] ** 2 / 50})
    loaded = load_model(tmp_path / "matrix.onnx")
    assert loaded.features is None
    answers = loaded.predict(rows)
    assert np.allclose(answers["score"], learnt.predict_proba(rows.to_numpy(np.float32))[:, 1], atol=1e-5)
    with pytest.raises(ModelError, match=r"takes 2 columns and is given 3: hours, square, more; name those it learnt"):
        loaded.predict(rows.assign(more=1))


def test_onnx_metadata_names_features_and_classes(people: pd.DataFrame, tmp_path: Path) -> None:
    _matrix_model(people, tmp_path / "named.onnx", {"features": '["square", "hours"]', "classes": '["no", "yes"]'})
    loaded = load_model(tmp_path / "named.onnx")
    assert (loaded.features, loaded.classes) == (("square", "hours"), ("no", "yes"))
    rows = pd.DataFrame({"hours": people["hours"], "more": 1, "square": people["hours"] ** 2 / 50})
    assert loaded.predict(rows).keys() == {"label", "score"}


def test_onnx_regressor_and_odd_inputs(people: pd.DataFrame, tmp_path: Path) -> None:
    learnt = LinearRegression().fit(people[["hours"]].to_numpy(np.float32), people["hours"] * 3)
    onnx.save(to_onnx(learnt, people[["hours"]].to_numpy(np.float32)[:1]), str(tmp_path / "value.onnx"))
    assert load_model(tmp_path / "value.onnx").features == ("X",)
    answers = load_model(tmp_path / "value.onnx").predict(people[["hours"]].set_axis(["X"], axis=1))
    assert np.allclose(answers["label"], people["hours"] * 3, atol=1e-3)


def test_onnx_whole_numbers_cannot_be_missing(tmp_path: Path) -> None:
    node = helper.make_node("Identity", ["age"], ["label"])
    tensors = [helper.make_tensor_value_info(name, TensorProto.INT64, [None]) for name in ("age", "label")]
    graph = helper.make_graph([node], "same", tensors[:1], tensors[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(tmp_path / "same.onnx"))
    loaded = load_model(tmp_path / "same.onnx")
    assert loaded.predict(pd.DataFrame({"age": [3, 2**60 + 1]}))["label"].tolist() == [3, 2**60 + 1]
    with pytest.raises(ModelError, match="needs whole numbers in the column 'age', which has missing values"):
        loaded.predict(pd.DataFrame({"age": [3, None]}))


def test_a_broken_onnx_file(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"\x08\x07nonsense")
    with pytest.raises(ModelError, match=r"broken\.onnx is not a whole ONNX file that onnxruntime can run"):
        load_model(tmp_path / "broken.onnx")


def test_skops(people: pd.DataFrame, pipeline: Pipeline, tmp_path: Path) -> None:
    skops.io.dump(pipeline, tmp_path / "hire.skops")
    loaded = load_model(tmp_path / "hire.skops")
    assert (loaded.name, loaded.classes) == ("hire.skops", ("no", "yes"))
    _agrees(loaded, people, pipeline)


class Homemade(BaseEstimator):  # type: ignore[misc]
    def predict(self, rows: Any) -> Any:
        return np.zeros(len(rows))


def test_skops_with_types_of_ones_own_is_refused(tmp_path: Path) -> None:
    skops.io.dump(Homemade(), tmp_path / "own.skops")
    with pytest.raises(UntrustedModel, match=r"own\.skops needs types that are not known to be harmless: .*Homemade;"):
        load_model(tmp_path / "own.skops")


def test_a_broken_skops_file(tmp_path: Path) -> None:
    (tmp_path / "broken.skops").write_text("hello")
    with pytest.raises(ModelError, match=r"broken\.skops is not a whole skops file; write it again"):
        load_model(tmp_path / "broken.skops")


class Trap:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["m.pkl", "m.pickle", "m.joblib", "m.onnx", "m.skops"])
def test_pickles_are_refused_whatever_their_name(tmp_path: Path, name: str) -> None:
    mark = tmp_path / "mark"
    (tmp_path / name).write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(UntrustedModel, match=r"is a pickle, and loading it runs whatever code .* trust_pickle=True"):
        load_model(tmp_path / name)
    assert not mark.exists()


def test_old_and_compressed_pickles_are_not_run_either(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    joblib.dump(Trap(mark), tmp_path / "packed.skops", compress=3)
    (tmp_path / "old.onnx").write_bytes(pickle.dumps(Trap(mark), protocol=0))
    for name in ("packed.skops", "old.onnx"):
        with pytest.raises(ModelError):
            load_model(tmp_path / name)
    assert not mark.exists()


def test_trusted_pickles_are_loaded(people: pd.DataFrame, pipeline: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "hire.pkl").write_bytes(pickle.dumps(pipeline))
    joblib.dump(pipeline, tmp_path / "hire.joblib", compress=3)
    for name in ("hire.pkl", "hire.joblib"):
        loaded = load_model(tmp_path / name, trust_pickle=True)
        assert loaded.name == name
        _agrees(loaded, people, pipeline)
    (tmp_path / "list.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(ModelError, match=r"list\.pkl holds a list, which is no model: it has no predict\."):
        load_model(tmp_path / "list.pkl", trust_pickle=True)
    (tmp_path / "broken.pkl").write_bytes(b"\x80\x05junk")
    with pytest.raises(ModelError, match=r"broken\.pkl cannot be unpickled: "):
        load_model(tmp_path / "broken.pkl", trust_pickle=True)


def test_files_that_are_not_there_or_unknown(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").touch()
    with pytest.raises(ModelError, match=r"No model file '.*modell\.onnx'\. Did you mean 'model\.onnx'\?"):
        load_model(tmp_path / "modell.onnx")
    (tmp_path / "model.h5").touch()
    with pytest.raises(ModelError, match=r"'model\.h5' is no model file that evenhand loads; it loads \.onnx, \.skops"):
        load_model(tmp_path / "model.h5")


def test_a_pickle_without_joblib_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"a": 1}))
    code = (
        "import sys\nsys.modules['joblib'] = None\n"
        "from evenhand.core.errors import MissingExtra\nfrom evenhand.models import load_model\n"
        "try:\n    load_model(sys.argv[1], trust_pickle=True)\nexcept MissingExtra as error:\n    print(error)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "model.pkl")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Loading a pickled model needs the package 'joblib': pip install 'evenhand[sklearn]'"
