"""Listed files: a delivered list whose leaves are files of models answers what the judge merged, to the last bit."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import evenhand as eh
from evenhand.bounty.afterwards.delivering import deliver
from evenhand.bounty.judging.running import Running, claim_of
from evenhand.bounty.judging.taking import Sent, taken
from evenhand.bounty.proving.holdout import BOARD, CHECK, REPAIR
from evenhand.bounty.submissions.answering import answers_of
from evenhand.bounty.submissions.claims import Claim
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.group import Group
from evenhand.models.decision_list import ToVersion
from tests.bounty.hunted import Hunt, hunt_in, planted

Array = NDArray[Any]
FEATURES = ("age", "noise", "truth")
LOSSES = ("zero-one", "log", "squared:4")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


def xgboosted(path: Path, rows: pd.DataFrame, target: Array, loss: str) -> None:
    xgboost = pytest.importorskip("xgboost")
    objective = "reg:squarederror" if loss.startswith("squared") else "binary:logistic"
    options = {"objective": objective, "nthread": 1, "max_depth": 4}
    xgboost.train(options, xgboost.DMatrix(rows, target), 12).save_model(path)


def lightgbm_text(path: Path, rows: pd.DataFrame, target: Array, loss: str) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    objective = "regression" if loss.startswith("squared") else "binary"
    options = {"objective": objective, "verbose": -1, "num_threads": 1, "num_leaves": 15}
    lightgbm.train(options, lightgbm.Dataset(rows, target), 20).save_model(path)


def onnx_tree(path: Path, rows: pd.DataFrame, target: Array, loss: str) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn import tree

    numbers = loss.startswith("squared")
    kind = tree.DecisionTreeRegressor if numbers else tree.DecisionTreeClassifier
    answer = target.astype(float) if numbers else np.array(["c0", "c1"], object)[target]
    model = kind(max_depth=6, random_state=0).fit(rows.to_numpy(), answer)
    options = {} if numbers else {"options": {"zipmap": False}}
    given = skl2onnx.common.data_types.FloatTensorType([None, len(FEATURES)])
    made = skl2onnx.convert_sklearn(model, initial_types=[("rows", given)], **options)
    note = made.metadata_props.add()
    note.key, note.value = "features", '["age", "noise", "truth"]'
    path.write_bytes(made.SerializeToString())


def send(hunt: Hunt, group: str, file: Path) -> None:
    """Hand in a model, and judge it at once."""
    submission = taken(hunt.store, hunt.folder, hunt.bounty, Sent("A", "model", Group.parse(group), file, file.name))
    claim = claim_of(hunt.bounty, hunt.holdout, submission, hunt.folder, hunt.sandbox)
    assert isinstance(claim, Claim), claim.told
    verdict = hunt.judge.judged(submission, claim)
    assert verdict.state == "accepted", verdict.told
    assert hunt.store.end_submission(hunt.bounty.name, verdict)


def recorded(hunt: Hunt) -> dict[str, Array]:
    """The columns in which the base model's answers lie."""
    base = hunt.holdout.base
    if hunt.bounty.loss.of_labels:
        return {"said": np.array(hunt.bounty.classes, object)[base]}
    if hunt.bounty.loss.of_numbers:
        return {"said": base}
    return {f"p_{each}": base[:, place] for place, each in enumerate(hunt.bounty.classes)}


@pytest.mark.parametrize("loss", [*LOSSES[:1], *(pytest.param(each, marks=pytest.mark.slow) for each in LOSSES[1:])])
def test_a_delivered_list_of_files_answers_what_was_merged(tmp_path: Path, sandbox: Sandbox, loss: str) -> None:
    hunt = hunt_in(tmp_path, sandbox, replace(planted(loss, checker="paired-z"), features=FEATURES))
    hunt.store.join(hunt.bounty.name, "A", None)
    rows = pd.DataFrame({name: np.asarray(hunt.holdout.columns[name]) for name in FEATURES})
    truth, young = rows["truth"].to_numpy(), rows["age"].to_numpy() < 20
    xgboosted(tmp_path / "a.ubj", rows, truth, loss)
    onnx_tree(tmp_path / "b.onnx", rows, np.where(young, 1 - truth, truth), loss)
    lightgbm_text(tmp_path / "c.txt", rows, truth, loss)
    send(hunt, "age<20", tmp_path / "a.ubj")
    send(hunt, "age<30", tmp_path / "b.onnx")
    send(hunt, "age>=25", tmp_path / "c.txt")
    nodes = hunt.judge.list.list.nodes
    assert any(isinstance(node, ToVersion) for node in nodes)
    given = rows.assign(id=hunt.holdout.ids, **recorded(hunt))
    again = Running(hunt.store, hunt.folder, sandbox).judge
    for version in range(len(nodes) + 1):
        place = tmp_path / f"model-{version}"
        deliver(hunt.folder, hunt.store, place, sandbox=sandbox, version=version)
        model = eh.load_model(place)
        for part in (CHECK, REPAIR, BOARD):
            held = hunt.judge._parts[part]
            stored = held.versions.answers[version]
            assert again._parts[part].versions.answers[version].tobytes() == stored.tobytes()
            mixed = np.random.default_rng(version).permutation(len(stored))
            for chosen in (mixed, mixed[:3], mixed[:1]):
                told = answers_of(model, given.iloc[held.rows[chosen]], hunt.bounty.loss, hunt.bounty.classes)
                assert told.tobytes() == stored[chosen].astype(told.dtype).tobytes()
