"""Times an explanation of 30,000 rows × 20 columns that is killed on the way and goes on.

    python benchmarks/clarify_thirty_thousand.py [rows]

The setting of a job that hung SageMaker Clarify (amazon-sagemaker-examples issue 2724): KernelSHAP with its default
number of coalitions, 2,088 a row. The model is XGBoost (100 trees of depth 4) behind a function, so that nobody can
read its trees. Run it in evenhand's environment.
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
RUN = """
import sys, time
import numpy as np, xgboost
from evenhand.clarify.processing import process
from evenhand.clarify.config.reading import read_config

folder = sys.argv[1]
booster = xgboost.Booster(model_file=folder + "/model.ubj")
booster.set_param({"nthread": 2})

def model(rows):
    return booster.inplace_predict(rows.to_numpy())

keys = {
    "dataset_type": "text/csv", "label": "y",
    "methods": {"shap": {"num_clusters": 1, "save_local_shap_values": True, "seed": 1}},
    "predictor": {"model_name": "m", "instance_type": "x", "initial_instance_count": 1},
}
process(read_config(keys, has_model=True)[0], folder + "/data.csv", sys.argv[2], model=model,
        progress=lambda stage, done, total: print(stage, done, total, flush=True))
"""


def prepared(folder: Path, rows: int) -> None:
    import xgboost

    draws = np.random.default_rng(0)
    table = draws.normal(size=(rows, 20)).round(3)
    truth = table[:, 0] * table[:, 1] + table[:, 2] - table[:, 3] ** 2 + draws.normal(size=rows)
    settings = {"max_depth": 4, "objective": "binary:logistic", "nthread": 2}
    booster = xgboost.train(settings, xgboost.DMatrix(table, (truth > 0).astype(int)), 100)
    booster.save_model(folder / "model.ubj")
    frame = pd.DataFrame(table, columns=[f"x{place}" for place in range(20)])
    frame.insert(0, "y", (truth > 0).astype(int))
    frame.to_csv(folder / "data.csv", index=False)


def started(folder: Path, output: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", RUN, str(folder), str(output)], stdout=subprocess.PIPE, text=True)


def killed(process: subprocess.Popen[str], share: float) -> int:
    """Kill the run after this share of the rows; says how many were explained."""
    for line in process.stdout or ():
        stage, done, total = line.rsplit(maxsplit=2)
        if stage == "explaining" and int(done) >= share * int(total) > 0:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return int(done)
    raise SystemExit("The run ended before it could be killed.")


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepared(folder, rows)
        begun = time.monotonic()
        done = killed(started(folder, folder / "out"), 0.3)
        until_killed = time.monotonic() - begun
        begun = time.monotonic()
        again = started(folder, folder / "out")
        first = next(int(line.split()[-2]) for line in again.stdout or () if line.startswith("explaining"))
        again.communicate()
        rest = time.monotonic() - begun
        lines = sum(1 for _ in (folder / "out" / "explanations_shap" / "out.csv").open()) - 1
        found = {
            "rows": rows, "killed after rows": done, "seconds until killed": round(until_killed, 1),
            "went on from row": first, "seconds to the end": round(rest, 1), "rows written": lines,
            "exit": again.returncode,
        }  # fmt: skip
    print(json.dumps(found))
    (HERE / "results" / "clarify_thirty_thousand.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
