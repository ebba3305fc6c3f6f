"""A small real bounty: a hold-out whose base model is wrong about some people, its folder, and its place in a store."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from evenhand.bounty.judging.running import folder_of
from evenhand.bounty.proving.holdout import HIDDEN
from evenhand.bounty.proving.opening import Opening, opened_in
from evenhand.core.bounty import Bounty
from evenhand.core.store import Store

INVITATION = "a-secret-of-the-owner"
# The base model answers "no" for all of them, and most of the truth is "yes".
WRONGED = "region=north & age<30"


def people(rows: int = 3000, seed: int = 0) -> dict[str, Any]:
    """Rows with features, truth, and what the base model answers."""
    numbers = np.random.default_rng(seed)
    age = numbers.integers(18, 70, rows)
    region = numbers.choice(["north", "south", "west"], rows)
    code = numbers.choice(["1", "2", "x"], rows)
    wronged = (region == "north") & (age < 30)
    truth = np.where(wronged | (age > 50), "yes", "no")
    noise = numbers.random(rows) < 0.1
    truth = np.where(noise, np.where(truth == "yes", "no", "yes"), truth)
    base = np.where(age > 50, "yes", "no")
    ids = np.array([f"p{place:05d}" for place in range(rows)])
    return {"id": ids, "age": age, "region": region, "code": code, "truth": truth, "base": base}


def open_bounty(store: Store, home: Path, name: str = "loans", *, rows: int = 3000, **rules: Any) -> Bounty:
    """Make the folder of a bounty and keep its rules, with an invitation."""
    opening = Opening(
        name=name, data=people(rows), label="truth", predicted=("base",), public=_public(), identity="id",
        features=("age", "region", "code"), rules={"delta": 0.05, "budget": 1000, "seed": 7, **rules},
    )  # fmt: skip
    bounty = opened_in(folder_of(home, name), opening).bounty
    store.open_bounty(bounty, invitation=INVITATION)
    return bounty


def _public() -> dict[str, Any]:
    found = people(200, seed=1)
    return {name: found[name] for name in ("age", "region", "code", "truth")}


def answers(home: Path, name: str = "loans", *, better: bool = True, seed: int = 0) -> bytes:
    """Predictions for every hidden id as Parquet: right for those that the base model wrongs, or the toss of a coin."""
    hidden = parquet.read_table(folder_of(home, name) / HIDDEN)
    ids, age = hidden["id"].to_pylist(), hidden["age"].to_numpy()
    if better:
        region = np.array(hidden["region"].to_pylist())
        given = np.where(((region == "north") & (age < 30)) | (age > 50), "yes", "no")
    else:
        given = np.random.default_rng(seed).choice(["yes", "no"], len(ids))
    return as_parquet({"id": ids, "prediction": given})


def as_parquet(columns: dict[str, Any]) -> bytes:
    """Columns as the bytes of a Parquet file."""
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(columns), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content
