"""Times the tally on a PostgreSQL server of its own against the GROUP BY that one would write by hand.

    python benchmarks/warehouse.py [--rows 3000000] [--repeats 3]      writes benchmarks/results/warehouse.json

Three ways ask for the same cells (group, label, prediction, 1,024 bins of the score, with a sum): hand-written SQL sent
by psycopg, a database URL (SQLAlchemy), and an Ibis table. A whole audit is timed beside them. The table is warm, the
server has its default settings (but no fsync), and the best of the repeats is kept. Needs initdb and pg_ctl.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULT = Path(__file__).resolve().parent / "results" / "warehouse.json"
TABLE = """
    CREATE TABLE people AS SELECT
        (ARRAY['a', 'b', 'c', 'd', 'e'])[1 + floor(random() * 5)::int] AS sex,
        (random() < 0.4)::int AS label, (random() < 0.5)::int AS predicted,
        floor(random() * 20)::int AS stratum, random() AS score
    FROM generate_series(1, {rows})
"""
# What a careful person writes for the same cells: missing, too low and too high scores have bins of their own.
BY_HAND = """
    SELECT sex, label = 1 AS label, predicted = 1 AS predicted,
        CASE WHEN score < 0 THEN -1 WHEN score > 1 THEN 1024 WHEN score * 1024 >= 1023 THEN 1023
             ELSE floor(score * 1024)::bigint END AS bin,
        count(*), sum(score)
    FROM people GROUP BY 1, 2, 3, 4
"""


def binaries() -> Path:
    """Where the server's programs are."""
    found = shutil.which("initdb")
    places = [
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True),
        *([Path(found).parent] if found else []),
    ]
    return next(place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists())


@contextmanager
def server() -> Iterator[str]:
    """The URL of an empty database on a throw-away server."""
    folder = Path(tempfile.mkdtemp(prefix="evenhand-warehouse-"))
    as_user: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])

    def call(program: str, *options: str) -> None:
        command = [*as_user, str(binaries() / program), "-D", str(folder / "data"), *options]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=300)

    call("initdb", "-A", "trust", "-N", "-U", "postgres", "--encoding=UTF8")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        call("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def tally(frame: Any) -> int:
    """The same cells as by hand; returns how many rows they hold."""
    e = frame.expressions
    keys = {
        "sex": e.column("sex"),
        "label": e.among(e.column("label"), [1]),
        "predicted": e.among(e.column("predicted"), [1]),
        "bin": e.linear_bin(e.number("score"), 0, 1, 1024),
    }
    (cells,) = frame.cells(keys, {"score": e.number("score")}, [list(keys)], 1_000_000)
    return int(cells["count"].sum())


def audit(frame: Any) -> int:
    """A whole audit; returns how many findings there are."""
    import evenhand as eh

    asked = eh.Audit(
        label="label", positive=[1], predicted_label="predicted", score="score", facets=["sex"], stratum="stratum"
    )
    return len(eh.run(asked, frame).findings)


def best(work: Callable[[], int], repeats: int) -> tuple[float, int]:
    """The shortest wall seconds, and what the work returned."""
    seconds, answer = [], 0
    for _ in range(repeats):
        start = time.perf_counter()
        answer = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), answer


def measured(url: str, rows: int, repeats: int) -> dict[str, Any]:
    """The seconds of each way, and their ratios to the hand-written query."""
    import ibis
    import psycopg

    from evenhand.sources import read

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE.format(rows=rows).encode())
        connection.execute("VACUUM ANALYZE people")
        warehouse = ibis.connect(url)
        frames = {"url": read(url, table="people"), "ibis": read(warehouse.table("people"))}
        works: dict[str, Callable[[], int]] = {
            "by_hand": lambda: sum(row[4] for row in connection.execute(BY_HAND.encode()).fetchall()),
            "tally_url": lambda: tally(frames["url"]),
            "tally_ibis": lambda: tally(frames["ibis"]),
            "audit_url": lambda: audit(frames["url"]),
            "audit_ibis": lambda: audit(frames["ibis"]),
        }
        found: dict[str, Any] = {}
        for name, work in works.items():
            seconds, answer = best(work, repeats)
            if not name.startswith("audit") and answer != rows:
                raise SystemExit(f"{name} counted {answer} of {rows} rows")
            found[name] = {"wall_s": round(seconds, 4)}
        names = ["shared_buffers", "work_mem", "max_parallel_workers_per_gather", "server_version"]
        asked = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
        settings = [(str(name), str(value)) for name, value in connection.execute(asked, [names]).fetchall()]
        warehouse.disconnect()
    for name in works:
        found[name]["ratio"] = round(found[name]["wall_s"] / found["by_hand"]["wall_s"], 3)
    return {"rows": rows, "repeats": repeats, "cases": found, "settings": dict(settings)}


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with server() as url:
        result = measured(url, options.rows, options.repeats)
    packages = ("evenhand", "sqlalchemy", "psycopg", "ibis-framework", "narwhals")
    result["versions"] = {name: version(name) for name in packages}
    result["load"] = round(os.getloadavg()[0], 1)
    result["cores"] = os.cpu_count()
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
