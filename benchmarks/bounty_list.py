"""Times decision lists of bounties: many merged submissions, and beside the row-by-row way of the public code.

    python benchmarks/bounty_list.py                     100,000 rows, 200 merged; writes results/bounty_list.json
    python benchmarks/bounty_list.py --rows N --merged N --accepted 0     without the judge

`judge` is a whole bounty (see bounty_judged.py). In the others submissions are made up: declarative groups that
overlap, random answers, and pointers to random versions.
CPU seconds are those of the process. `kept` is
merging on a quarter of the rows; `recorded` predicts from tables of answers for known ids, `models` from a LightGBM
file a leaf, `models alone` asks each of the same files for the same number of rows and does nothing else.

The row-by-row way is that of amazon-science/bias-bounties, written again here from its description, without its code:
a list of nodes walked by recursion for each row (`frame.apply(predict, axis=1)`), a leaf called with one row, and after
each update every group's error measured by predicting all of the group again, and again after every repair.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from bounty_judged import judged_at_size

from evenhand import load_model
from evenhand.bounty.proving.versions import Versions
from evenhand.core.group import Group
from evenhand.core.loss import Loss
from evenhand.models.decision_list import DecisionList, ToLeaf, ToVersion
from evenhand.models.leaf_tables import answers_table
from evenhand.models.listed import Leaf, Listed, save_listed
from evenhand.models.membership import Members

RESULT = Path(__file__).resolve().parent / "results" / "bounty_list.json"
POINTING = 0.45  # pointers for each update, as many as were seen where 200 submissions were merged
FEATURES = ("age", "income", "hours")
Pair = tuple[str, Any]


def people(count: int, seed: int = 0) -> pd.DataFrame:
    numbers = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "person": [f"p{place}" for place in range(count)],
            "age": numbers.integers(18, 90, count),
            "income": np.where(numbers.random(count) < 0.05, np.nan, numbers.lognormal(10, 1, count)),
            "hours": numbers.integers(0, 80, count),
            "sex": numbers.choice(["f", "m"], count),
            "city": numbers.choice([f"c{place}" for place in range(20)], count),
            "guess": numbers.integers(0, 2, count),
        }
    )


def group(numbers: np.random.Generator) -> str:
    low, span = numbers.integers(18, 80), numbers.integers(3, 40)
    cities = ",".join(f"c{place}" for place in numbers.choice(20, 4, replace=False))
    forms = (f"{low}<=age<{low + span}", f"sex=f & age>={low}", f"city={cities}", f"hours<{span} | income is missing")
    return str(numbers.choice(forms))


def merged(rows: pd.DataFrame, wanted: int) -> tuple[Versions, list[Pair]]:
    """Versions with as many merged submissions, and the group and answers of each for all rows."""
    numbers, here = np.random.default_rng(1), np.arange(0, len(rows), 4)
    truth = numbers.integers(0, 2, len(rows))
    versions = Versions(Loss(), truth[here], rows["guess"].to_numpy()[here])
    members, found = Members(rows), []
    for place in range(wanted):
        text = group(numbers)
        answers = np.where(numbers.random(len(rows)) < 0.5 + 0.4 * place / wanted, truth, 1 - truth)
        versions.update(members.mask(Group.parse(text))[here], answers[here])
        found.append((text, answers))
        if numbers.random() < POINTING:
            node = ToVersion(
                group=int(numbers.integers(len(found))), version=int(numbers.integers(versions.list.version))
            )
            versions.replay(node)
    return versions, found


def spent(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    made = work()
    return round(time.process_time() - start, 4), made


def listed(found: DecisionList, texts: list[str], leaves: list[Leaf]) -> Listed:
    return Listed(
        name="made", list=found, groups=tuple(texts), leaves=tuple(leaves), classes=(0, 1), identity="person",
        features=FEATURES,
    )  # fmt: skip


def recorded(folder: Path, rows: pd.DataFrame, versions: Versions, found: list[Pair]) -> dict[str, float]:
    files, members, ids = {}, Members(rows), rows["person"].to_numpy()
    for place, (text, answers) in enumerate(found):
        mask = members.mask(Group.parse(text))
        files[f"{place}.parquet"] = answers_table(ids[mask].tolist(), answers[mask])
    leaves = [Leaf(columns=("guess",)), *(Leaf(table=name) for name in files)]
    save_listed(folder, listed(versions.list, [text for text, _ in found], leaves), files)
    loading, model = spent(lambda: load_model(folder))
    predicting, answers = spent(lambda: model.predict(rows)["label"])
    assert (answers[::4] == versions.newest).all(), "the saved list answers otherwise than the sample's versions"
    return {"load": loading, "predict": predicting}


def boosters(folder: Path, rows: pd.DataFrame, count: int) -> dict[str, Path]:
    numbers, made = np.random.default_rng(2), {}
    settings = {"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": 8}
    for place in range(count):
        sample = rows.sample(500, random_state=place)
        data = lightgbm.Dataset(sample[list(FEATURES)], numbers.integers(0, 2, 500))
        made[f"{place}.txt"] = folder / f"{place}.txt"
        lightgbm.train(settings, data, 5).save_model(made[f"{place}.txt"])
    return made


def models(folder: Path, rows: pd.DataFrame, versions: Versions, texts: list[str]) -> dict[str, float]:
    folder.mkdir()
    files = boosters(folder, rows, len(texts) + 1)
    save_listed(folder / "model", listed(versions.list, texts, [Leaf(file=name) for name in files]), files)
    loading, model = spent(lambda: load_model(folder / "model"))
    predicting, _ = spent(lambda: model.predict(rows))
    members = Members(rows)
    masks = [members.mask(Group.parse(text)) for text in texts]
    within = [lambda here, mask=mask: mask[here] for mask in masks]
    of = versions.list.leaves(within, len(rows))
    single = [load_model(path) for path in files.values()]
    parts = [(each, rows[list(FEATURES)][of == place]) for place, each in enumerate(single) if (of == place).any()]
    alone, _ = spent(lambda: [each.predict(part) for each, part in parts])
    return {"load": loading, "predict": predicting, "models alone": alone, "leaves in use": len(parts)}


class RowByRow:
    """A list of nodes as the public code has it, asked one row after the other."""

    def __init__(self, base: Any) -> None:
        self.nodes: list[tuple[Callable[[Any], bool], Any]] = [(lambda _: True, base)]

    def of_row(self, row: Any, place: int) -> float:
        inside, leaf = self.nodes[place]
        if inside(row):
            return float(leaf.predict(row[list(FEATURES)].to_frame().T.astype(float))[0] >= 0.5)
        return self.of_row(row, place - 1)

    def predict(self, frame: pd.DataFrame) -> Any:
        return frame.apply(lambda row: self.of_row(row, len(self.nodes) - 1), axis=1).to_numpy()

    def update(self, inside: Callable[[Any], bool], leaf: Any, frame: pd.DataFrame, truth: Any) -> list[float]:
        self.nodes.append((inside, leaf))
        masks = [frame.apply(each, axis=1).to_numpy(bool) for each, _ in self.nodes]
        return [float((self.predict(frame[mask]) != truth[mask]).mean()) for mask in masks]


def against_rows(folder: Path, count: int = 1500) -> dict[str, float]:
    """Three submissions on few rows, merged and predicted both ways."""
    rows, texts = people(count, 3), ["age<40", "sex=f", "hours<20"]
    truth = np.random.default_rng(4).integers(0, 2, count)
    folder.mkdir()
    files = boosters(folder, rows, 4)
    leaves = [lightgbm.Booster(model_file=path) for path in files.values()]
    inside = [lambda row: row["age"] < 40, lambda row: row["sex"] == "f", lambda row: row["hours"] < 20]

    def theirs() -> Any:
        slow = RowByRow(leaves[0])
        for each, leaf in zip(inside, leaves[1:], strict=True):
            slow.update(each, leaf, rows, truth)
        return slow.predict(rows)

    def ours() -> Any:
        answers = [(leaf.predict(rows[list(FEATURES)]) >= 0.5).astype(int) for leaf in leaves]
        members, versions = Members(rows), Versions(Loss(), truth, answers[0])
        for text, each in zip(texts, answers[1:], strict=True):
            versions.update(members.mask(Group.parse(text)), each)
        return versions.newest

    found = DecisionList(nodes=tuple(ToLeaf(group=place, leaf=place + 1) for place in range(3)))
    save_listed(folder / "model", listed(found, texts, [Leaf(file=name) for name in files]), files)
    model = load_model(folder / "model")
    slow, expected = spent(theirs)
    quick, answers = spent(ours)
    predicting, told = spent(lambda: model.predict(rows)["label"])
    assert (answers == expected).all() and (told == expected).all(), "the two ways disagree"
    return {"row by row": slow, "here": quick, "here, predicting": predicting, "times": round(slow / quick)}


def environment() -> dict[str, Any]:
    packages = ("numpy", "pandas", "pyarrow", "lightgbm")
    return {
        "cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1), **{name: version(name) for name in packages},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--merged", type=int, default=200)
    parser.add_argument("--accepted", type=int, default=200, help="submissions that the judge accepts")
    options = parser.parse_args()
    rows = people(options.rows)
    keeping, (versions, found) = spent(lambda: merged(rows, options.merged))
    pointers = versions.list.version - len(found)
    result: dict[str, Any] = {"rows": options.rows, "merged": len(found), "pointers": pointers, "kept": keeping}
    with tempfile.TemporaryDirectory() as place:
        result["recorded"] = recorded(Path(place) / "recorded", rows, versions, found)
        result["models"] = models(Path(place) / "models", rows, versions, [text for text, _ in found])
        result["against rows"] = against_rows(Path(place) / "rows")
    if options.accepted:
        result["judge"] = judged_at_size(rows, options.accepted, group)
    result["environment"] = environment()
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
