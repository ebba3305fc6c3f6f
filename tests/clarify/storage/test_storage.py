"""Storage: copies from and to a real S3 server on this machine."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evenhand.clarify.datasets import read_dataset
from evenhand.clarify.storage import deliver, is_remote, local_copy
from evenhand.core.errors import EvenhandError, UnreadableSource
from tests.clarify.datasets.configs import config


def test_places_of_this_machine_stay_where_they_are(tmp_path: Path) -> None:
    spaced = tmp_path / "a b.csv"
    assert local_copy(str(spaced)) == spaced
    assert local_copy(spaced.as_uri()) == spaced
    assert not is_remote(str(tmp_path)) and not is_remote(spaced.as_uri()) and is_remote("s3://bucket/key")


def test_folders_are_delivered_to_folders(tmp_path: Path) -> None:
    (tmp_path / "from" / "deep").mkdir(parents=True)
    (tmp_path / "from" / "deep" / "a.txt").write_text("a")
    deliver(tmp_path / "from", (tmp_path / "to").as_uri())
    assert (tmp_path / "to" / "deep" / "a.txt").read_text() == "a"


def test_unknown_kinds_of_address_are_refused() -> None:
    with pytest.raises(EvenhandError):
        local_copy("nowhere://bucket/key")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 server with a bucket, in the environment as AWS_ENDPOINT_URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        for name, value in (("ACCESS_KEY_ID", "k"), ("SECRET_ACCESS_KEY", "s"), ("DEFAULT_REGION", "us-east-1")):
            patch.setenv(f"AWS_{name}", value)
        try:
            _wait(port)
            yield os.environ["AWS_ENDPOINT_URL"]
        finally:
            process.terminate()
            process.wait()


def _wait(port: int) -> None:
    import fsspec

    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    options = {"endpoint_url": os.environ["AWS_ENDPOINT_URL"]}
    fsspec.filesystem("s3", use_listings_cache=False, client_kwargs=options).mkdir("bucket")


@pytest.mark.slow
def test_a_round_trip_through_s3(server: str, tmp_path: Path) -> None:
    assert server
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.csv").write_text("x,y\n3,1\n")
    (tmp_path / "a.csv").write_text("x,y\n1,0\n2,1\n")
    deliver(tmp_path, "s3://bucket/some/prefix/")
    copy = local_copy("s3://bucket/some/prefix")
    assert sorted(path.relative_to(copy).as_posix() for path in copy.rglob("*.csv")) == ["a.csv", "deep/b.csv"]
    assert local_copy("s3://bucket/some/prefix/a.csv").read_text() == "x,y\n1,0\n2,1\n"
    assert len(read_dataset(config(label="y", dataset_uri="s3://bucket/some/prefix"), None).rows) == 3
    with pytest.raises(UnreadableSource, match="nothing at"):
        local_copy("s3://bucket/other")
    with pytest.raises(UnreadableSource):
        local_copy("s3://no-such-bucket/key")
    with pytest.raises(EvenhandError):
        deliver(tmp_path, "s3://no-such-bucket/key")


@pytest.mark.slow
def test_a_run_may_live_in_s3_alone(server: str, tmp_path: Path) -> None:
    assert server
    keys = {
        "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "x"}], "methods": {"pre_training_bias": {"methods": ["CI"]}},
    }  # fmt: skip
    for place, name, text in (
        ("config", "analysis_config.json", json.dumps(keys)),
        ("data", "d.csv", "x,y\n1,0\n2,1\n2,1\n2,0\n"),
    ):
        (tmp_path / place).mkdir()
        (tmp_path / place / name).write_text(text)
        deliver(tmp_path / place, f"s3://bucket/job/{place}")
    command = [sys.executable, "-c", "from evenhand.cli import main; main()", "clarify", "run", "--config"]
    places = ["s3://bucket/job/config/analysis_config.json", "--data", "s3://bucket/job/data", "--output"]
    subprocess.run([*command, *places, "s3://bucket/job/out"], check=True, timeout=120)
    written = local_copy("s3://bucket/job/out")
    document = json.loads((written / "analysis.json").read_text())
    values = [entry["metrics"][0]["value"] for entry in document["pre_training_bias_metrics"]["facets"]["x"]]
    assert values == [0.5, -0.5]
    assert (written / "report.html").exists()
