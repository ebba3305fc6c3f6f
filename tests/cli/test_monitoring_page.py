"""docs/monitoring.md by hand: every command of its consoles, in order, as a reader would type them."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import absent

PAGE = Path(__file__).parents[2] / "docs" / "monitoring.md"
EVENHAND = [sys.executable, "-c", "from evenhand.cli import main; main()"]
# The last day that is over, and its grace of an hour as well.
YESTERDAY = f"{datetime.now(UTC) - timedelta(days=1, hours=1):%Y-%m-%d}"
# What needs another machine; tests/server starts these with what they need.
ELSEWHERE = ("db.example", "0.0.0.0")  # noqa: S104 - the text of a document


def commands() -> list[str]:
    """What is typed, without comments; the date of the page is the last day that the demo writes."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL)
    typed = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return [re.sub(r"\s+# .*", "", line).replace("--window 2026-11-20", f"--window {YESTERDAY}") for line in typed]


class Reader:
    """Who reads the page: a folder, an environment, and what was printed so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "EVENHAND_HOME": str(folder / "home"), "COLUMNS": "120"}
        self.key = ""

    def types(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run one command of evenhand, and expect no error."""
        given, _, arguments = line.partition("evenhand ")
        environment = {**self.environment, **dict(each.split("=", 1) for each in given.split())}
        done = subprocess.run(
            [*EVENHAND, *shlex.split(arguments)], cwd=self.folder, env=environment, capture_output=True, text=True,
            timeout=900, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 2), f"{line}: {done.stderr}"
        assert done.stderr == "", f"{line}: {done.stderr}"
        return done

    @contextmanager
    def serving(self) -> Iterator[str]:
        """A server as `evenhand serve` starts it, on a free port; its address, with the token that opens a session."""
        process = subprocess.Popen(
            [*EVENHAND, "serve", "--port", "0"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None
            yield found[0]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
            process.stdout.close()


@contextmanager
def bucket() -> Iterator[dict[str, str]]:
    """The environment of an S3 server that has a bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    secrets = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1"}
    try:
        for _ in range(200):
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield {**secrets, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    finally:
        process.terminate()
        process.wait()


def fill(environment: dict[str, str]) -> None:
    """A record and its label below the prefixes of the page."""
    import s3fs

    system = s3fs.S3FileSystem(
        key=environment["AWS_ACCESS_KEY_ID"], secret=environment["AWS_SECRET_ACCESS_KEY"],
        endpoint_url=environment["AWS_ENDPOINT_URL"], skip_instance_cache=True,
    )  # fmt: skip
    system.mkdir("bucket")
    record = {"person": "s3-1", "time": f"{YESTERDAY}T10:00:00Z", "sex": "Female", "score": 0.4, "approved": "no"}
    for path, row in (("loans/day=1", record), ("repaid", {"person": "s3-1", "repaid": "yes"})):
        with system.open(f"bucket/{path}/one.parquet", "wb") as file:
            pq.write_table(pa.Table.from_pylist([row]), file)


def write_traffic(folder: Path) -> None:
    """A line of data capture and one of ground truth, as SageMaker writes them."""
    event = {"eventId": "e-1", "inferenceTime": f"{YESTERDAY}T11:00:00Z"}
    text = {"observedContentType": "text/csv", "encoding": "CSV"}
    asked = {"endpointInput": {**text, "data": "41,38000,Female"}, "endpointOutput": {**text, "data": "no,0.3"}}
    for name, line in (
        ("capture", {"captureData": asked, "eventMetadata": event, "eventVersion": "0"}),
        ("ground-truth", {"groundTruthData": {"data": "yes", "encoding": "CSV"}, "eventMetadata": event}),
    ):
        (folder / name).mkdir()
        (folder / name / "one.jsonl").write_text(json.dumps(line) + "\n")


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_every_command_of_the_page_does_what_it_says(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        absent("curl")
    browser = build_opener(HTTPCookieProcessor())
    reader, outputs = Reader(tmp_path), dict[str, subprocess.CompletedProcess[str]]()
    with bucket() as environment:
        reader.environment |= environment
        fill(environment)
        typed = commands()
        # The page sends records with a key, which its section on the server makes.
        reader.key = reader.types(next(line for line in typed if "--new-key" in line)).stdout.strip()
        for line in typed:
            if line.startswith("cd "):
                reader.folder /= line.removeprefix("cd ")
                write_traffic(reader.folder)
            elif line == "evenhand serve":
                with reader.serving() as address, browser.open(address, timeout=30) as answer:
                    outputs[line] = subprocess.CompletedProcess(line, answer.status, answer.read().decode())
            elif line.startswith("curl "):
                outputs["curl"] = _curled(reader, line)
            elif re.match(r"([A-Z_]+=\S+ )*evenhand ", line) and not any(host in line for host in ELSEWHERE):
                outputs[line] = reader.types(line)
    _check(outputs)


def _curled(reader: Reader, line: str) -> subprocess.CompletedProcess[str]:
    with reader.serving() as address:
        port = address.split(":")[2].partition("/")[0]
        line = line.replace("curl ", "curl --silent --fail ").replace(":8787/", f":{port}/")
        environment = {**reader.environment, "KEY": reader.key}
        return subprocess.run(
            ["bash", "-c", line.replace("2026-11-20", YESTERDAY)], env=environment, capture_output=True, text=True,
            timeout=60, check=True,
        )  # fmt: skip


def _check(outputs: dict[str, subprocess.CompletedProcess[str]]) -> None:
    """The planted drift was found on the first day of the last week, and not before; everything came in."""
    run = outputs["evenhand monitor run loans"]
    marks = re.findall(r"^[✓✗?–]", run.stdout, re.M)
    assert run.returncode == 2
    assert marks[:14] == ["✓"] * 14
    # In the first hour of a day, the day before still waits for late records.
    assert marks[14:] in (["✗"] * 6, ["✗"] * 7)
    assert "bias: Difference in positive predictions, sex=Female against the rest is" in run.stdout
    assert f"{len(marks)} windows: {len(marks) - 14} with a drift." in run.stdout
    assert (outputs["evenhand serve"].returncode, "loans" in outputs["evenhand serve"].stdout) == (200, True)
    assert "since" in outputs[f"evenhand monitor run loans --window {YESTERDAY}"].stdout
    shown = next(done for line, done in outputs.items() if "--report report" in line)
    assert "Wrote report/report.html" in shown.stdout
    kept = [done.stdout for line, done in outputs.items() if "s3://" in line or "sagemaker" in line]
    assert kept == ["Kept 1 records of loans.\n", "Kept 1 labels of loans.\n"] * 2
    assert json.loads(outputs["curl"].stdout)["accepted"] == 1
    assert outputs["EVENHAND_HOME=elsewhere evenhand monitor import backup"].stdout.startswith("Imported ")
