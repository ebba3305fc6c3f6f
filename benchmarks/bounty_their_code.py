"""Runs the code of two public bounty implementations on what bounty_peers.py plays; in an environment of its own.

    uv venv --python 3.11 benchmarks/.environments/bounties
    uv pip install --python benchmarks/.environments/bounties "pandas==1.5.3" "numpy<1.25" "scikit-learn==1.3.*" dill
    benchmarks/.environments/bounties/bin/python benchmarks/bounty_their_code.py AMAZON TEMPLATE

AMAZON is a checkout of amazon-science/bias-bounties (measured: `model.py` as of 32414a6, which predicts in batches with
`DataFrame.append`, gone in pandas 2; `updater.py` and `verifier.py` as of 97a8d9d, which hand it whole tables),
TEMPLATE one of Declancharrison/Bias-Bounties-Template (aadca3c: `installation/pdl.py`). None of their code is in this
repository: it is imported from these folders, so look at what you check out before you run it. Nothing of evenhand is
imported. bounty_peers.py reads benchmarks/results/bounty_their_code.json, which this writes, and compares.

Both ask for training rows, on which they only keep statistics. They get the hold-out itself for them ("full"), or 40
rows ("lean", the kindest to them). Of useless submissions the accepted ones are prepended to amazon's list without
repairs, as in bounty_peers.py, or ("repaired", a minute a run) merged by their `iterative_update`. The template is
asked to tolerate 1e-4 of weight times loss (it wants more than 0): violations are counted as in bounty_peers.py, and
again where they are larger than that; "MAE" is a control, a loss whose least is the best.
"""

import argparse
import importlib
import json
import sys
import warnings
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import bounty_pairs as played
import numpy as np
import pandas as pd

RESULT = Path(__file__).resolve().parent / "results" / "bounty_their_code.json"
LEAN, TOLERATED = 40, 1e-4
MODULES = ("model", "updater", "verifier")


def from_folder(folder: Path, *names: str) -> list[Any]:
    """Import modules by their bare names, as they import each other."""
    missing = [name for name in names if not (folder / f"{name}.py").is_file()]
    if missing:
        raise SystemExit(f"{folder} has no {missing[0]}.py; give the folder of a checkout.")
    sys.path.append(str(folder))
    return [importlib.import_module(name) for name in names]


def everyone(frame: Any) -> Any:
    return np.ones(len(frame), dtype=bool)


def amazon_begun(amazon: list[Any], base: Any, groups: list[played.Member], train: Any, test: Any) -> Any:
    """Their list before the first submission, as their run_demo_updates.py begins it; groups are told beforehand."""
    model, updater, _ = amazon
    listed = model.PointerDecisionList(base, groups)
    listed.train_errors[0] = updater.measure_all_group_errors(listed, groups, *train)
    listed.test_errors[0] = updater.measure_all_group_errors(listed, groups, *test)
    return listed


def amazon_merges(amazon: list[Any], given: played.Contest, rows: int) -> Any:
    """Their list after `iterative_update` of every pair, with repairs."""
    train, test = (given.frame[:rows], given.labels[:rows]), (given.frame, given.labels)
    groups = [everyone, *(pair.group for pair in given.pairs)]
    listed = amazon_begun(amazon, given.base.predict, groups, train, test)
    for pair in given.pairs:
        amazon[1].iterative_update(listed, pair.model.predict, pair.group, *train, *test, "", groups, [], vis=False)
    return listed


def template_merges(template: Any, given: played.Contest, train: int, loss: str) -> Any:
    """The template's list after `update` of every pair."""
    tables = given.frame[:train], given.labels[:train], given.frame, given.labels
    listed = template.PointerDecisionList(given.base, *tables, TOLERATED, 1, loss_fn_name=loss)
    for pair in given.pairs:
        listed.update(pair.group, pair.model.predict, *tables)
    return listed


def speed(amazon: list[Any], template: Any, times: int) -> dict[str, Any]:
    """CPU seconds of three submissions merged with repairs on 1,500 rows; what each has accepted and repaired."""
    given = played.merged()
    told: dict[str, Any] = {"rows": len(given.frame), "submissions": len(given.pairs), "times": times}
    for name, train in (("lean", LEAN), ("full", len(given.frame))):
        told[f"amazon, {name}"] = played.seconds(partial(amazon_merges, amazon, given, train), times)
        told[f"template, {name}"] = played.seconds(partial(template_merges, template, given, train, "MAE"), times)
    listed, other = amazon_merges(amazon, given, LEAN), template_merges(template, given, LEAN, "MAE")
    told["amazon, nodes"] = _nodes(listed)
    told["amazon, loss"] = float((listed.predict(given.frame) != given.labels).mean())
    told["template, accepted"], told["template, repairs"] = other.updates, other.total_repairs
    told["template, loss"] = float((other.val_predictions != given.labels).mean())
    return told


def _nodes(listed: Any) -> int:
    node, count = listed.head, 0
    while node is not None:
        node, count = node.right_child, count + 1
    return count


def falsely(amazon: list[Any], rows: int, seed: int) -> int:
    """How many of 300 useless submissions `verifier.verify` accepts."""
    model, _, verifier = amazon
    told = played.coins(rows, seed)
    frame = pd.DataFrame({"cell": told.cells})
    listed, taken = model.PointerDecisionList(lambda rows: np.zeros(len(rows), int)), 0
    for chosen, answer in told.submissions:
        pair = _cells(chosen), _constant(answer)
        if verifier.verify(listed, frame, told.labels, pair[1], pair[0]):
            listed.prepend(model.PointerDecisionListNode(predicate=pair[0], leaf=pair[1]))
            taken += 1
    return taken


def falsely_repaired(amazon: list[Any], rows: int, seed: int) -> int:
    """The same, with every accepted one merged and repaired; a rejected one is noted as run_demo_updates.py does."""
    told = played.coins(rows, seed)
    test = pd.DataFrame({"cell": told.cells}), told.labels
    groups = [everyone, *(_cells(chosen) for chosen, _ in told.submissions)]
    listed, taken = amazon_begun(amazon, lambda rows: np.zeros(len(rows), int), groups, test, test), 0
    for group, (_, answer) in zip(groups[1:], told.submissions, strict=True):
        leaf = _constant(answer)
        if amazon[2].verify(listed, *test, leaf, group):
            amazon[1].iterative_update(listed, leaf, group, *test, *test, "", groups, [], vis=False)
            taken += 1
        else:
            listed.num_rounds += 1
            listed.track_rejects.append(0)
    return taken


def _cells(chosen: Any) -> played.Member:
    return lambda frame: frame["cell"].isin(chosen).to_numpy()


def _constant(answer: int) -> played.Member:
    return lambda frame: np.full(len(frame), answer)


def monotony(template: Any, loss: str) -> dict[str, int]:
    """How often accepted groups are served worse than by an earlier version, in contests of seven submissions."""
    told = {"accepted": 0, "repairs": 0, "violations": 0, "larger than tolerated": 0}
    for seed in played.CONTESTS:
        given = played.contest(seed)
        tables = given.frame, given.labels, given.frame, given.labels
        listed = template.PointerDecisionList(given.base, *tables, TOLERATED, 1, loss_fn_name=loss)
        best: dict[int, float] = {}
        masks: list[Any] = []
        for pair in given.pairs:
            if listed.update(pair.group, pair.model.predict, *tables):
                masks.append(pair.group(given.frame))
            for place, mask in enumerate(masks):
                value = float((listed.val_predictions[mask] == given.labels[mask]).mean())
                lost = best.get(place, 0.0) - value
                told["violations"] += int(lost > 1e-12)
                told["larger than tolerated"] += int(mask.mean() * lost > TOLERATED)
                best[place] = max(value, best.get(place, 0.0))
        told["accepted"] += listed.updates
        told["repairs"] += listed.total_repairs
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("amazon", type=Path, help="A checkout of amazon-science/bias-bounties.")
    parser.add_argument("template", type=Path, help="A checkout of Declancharrison/Bias-Bounties-Template.")
    parser.add_argument("--runs", type=int, default=5, help="Runs of 300 useless submissions for each size.")
    parser.add_argument("--repaired", type=int, default=1, help="Runs of them with repairs for each size.")
    parser.add_argument("--times", type=int, default=10, help="How often three submissions are merged.")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")  # DataFrame.append and chained assignment, thousands of times
    amazon = from_folder(asked.amazon, *MODULES)
    (template,) = from_folder(asked.template / "installation", "pdl")
    told = {
        "played": played.digest(),
        "versions": {name: version(name) for name in ("numpy", "pandas", "scikit-learn")},
        "speed": speed(amazon, template, asked.times),
        "monotony": {"contests": len(played.CONTESTS), "submissions": 7,
                     **{f"template, {loss}": monotony(template, loss) for loss in ("ACC", "MAE")}},
        "false acceptances of 300": [
            _falsely(amazon, rows, asked.runs, asked.repaired) for rows in played.SIZES
        ],
    }  # fmt: skip
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=1))


def _falsely(amazon: list[Any], rows: int, runs: int, repaired: int) -> dict[str, Any]:
    each = [falsely(amazon, rows, seed) for seed in range(runs)]
    mended = [falsely_repaired(amazon, rows, seed) for seed in range(repaired)]
    print(f"{rows} rows: {each}, repaired {mended}", flush=True)
    return {"rows": rows, "each": each, "mean": float(np.mean(each)), "each, repaired": mended}


if __name__ == "__main__":
    main()
