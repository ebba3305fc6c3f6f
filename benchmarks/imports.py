"""Times what a user waits for before anything is measured: importing evenhand, its help, and one small audit.

    python benchmarks/imports.py

CPU seconds (user and system) of whole processes, the interpreter's own start included; the best of ten.
"""

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
COMMAND = str(Path(sys.executable).with_name("evenhand"))


def cpu_seconds(command: list[str], times: int = 10) -> float:
    """The CPU seconds of a command that succeeds: the best of so many."""
    found = []
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def main() -> None:
    """Time each, print it beside its limit, and write it down."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.csv"
        rows = "".join(f"{'ab'[i % 2]},{i % 3 % 2},{i % 5 % 2}\n" for i in range(1000))
        table.write_text(f"group,label,predicted\n{rows}")
        code = (
            "import evenhand as eh; "
            "audit = eh.Audit(label='label', positive=[1], predicted_label='predicted', facets=['group']); "
            f"eh.run(audit, {str(table)!r})"
        )
        timed = {
            "python -c pass": (cpu_seconds([sys.executable, "-c", "pass"]), None),
            "import evenhand": (cpu_seconds([sys.executable, "-c", "import evenhand"]), 0.3),
            "evenhand --help": (cpu_seconds([COMMAND, "--help"]), 0.5),
            "an audit of 1,000 rows, from the start of Python": (cpu_seconds([sys.executable, "-c", code], 5), None),
        }
    for name, (seconds, limit) in timed.items():
        verdict = "" if limit is None else f"  (limit {limit} s: {'met' if seconds <= limit else 'missed'})"
        print(f"{name:<50} {seconds:.2f} CPU s{verdict}")
    RESULTS.mkdir(exist_ok=True)
    kept = {name: {"cpu_s": seconds, "limit_s": limit} for name, (seconds, limit) in timed.items()}
    (RESULTS / "imports.json").write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
