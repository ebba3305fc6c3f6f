"""Under load: a bounded queue, requests dropped in time, and memory that stays under its setting."""

import json
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from evenhand.clarify.online import OnlineConfig, explainer_app
from tests.clarify.online.serving import container, serving

START = "import typer; from evenhand.cli.clarify_explainer import clarify_explainer as c; typer.run(c)"


def config(width: int) -> OnlineConfig:
    return OnlineConfig.of(document(width))


def document(width: int, **inference: Any) -> dict[str, Any]:
    baseline = {"ShapBaseline": ",".join("0" * width)}
    return {"InferenceConfig": inference, "ShapConfig": {"ShapBaselineConfig": baseline}}


def statuses(client: httpx.Client, bodies: list[str]) -> list[httpx.Response]:
    def post(body: str) -> httpx.Response:
        return client.post("/invocations", content=body, headers={"content-type": "text/csv"})

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(post, bodies))


def test_sixty_at_once() -> None:
    def slow(rows: Any) -> Any:
        time.sleep(0.02)
        return rows.to_numpy(float).sum(axis=1)

    with serving(explainer_app(config(4), slow, queue=16)) as client:
        client._transport = httpx.HTTPTransport(limits=httpx.Limits(max_connections=100))
        replies = statuses(client, ["1,2,3,4"] * 60)
        codes = [reply.status_code for reply in replies]
        assert set(codes) == {200, 429}
        assert codes.count(200) >= 17
        late = next(reply for reply in replies if reply.status_code == 429)
        assert late.headers["retry-after"] == "1"
        assert "try again" in late.json()["message"]
        assert client.post("/invocations", content="1,2,3,4").status_code == 200


def test_late_work_is_dropped_and_ping_answers() -> None:
    calls = []

    def slow(rows: Any) -> Any:
        calls.append(len(rows))
        time.sleep(0.3)
        return rows.to_numpy(float).sum(axis=1)

    inference = {"MaxRecordCount": 1}
    app = explainer_app(OnlineConfig.of(document(8, **inference)), slow, timeout=0.7, queue=4)
    with serving(app) as client:
        started = time.monotonic()
        thread = threading.Thread(target=lambda: statuses(client, ["1,2,3,4,5,6,7,8"]))
        thread.start()
        time.sleep(0.1)
        assert client.get("/ping").status_code == 200
        waiting = client.post("/invocations", content="1,2,3,4,5,6,7,8")
        assert waiting.status_code in (503, 504)
        assert "0.7 s" in waiting.json()["message"]
        assert time.monotonic() - started < 2
        thread.join()
        time.sleep(0.7)
        after = len(calls)
        time.sleep(0.7)
        assert len(calls) == after <= 8  # of 254 that the first alone would have asked


def test_running_work_is_told_504() -> None:
    def slow(rows: Any) -> Any:
        time.sleep(0.2)
        return rows.to_numpy(float).sum(axis=1)

    with serving(explainer_app(OnlineConfig.of(document(8, MaxRecordCount=1)), slow, timeout=0.5)) as client:
        reply = client.post("/invocations", content="1,2,3,4,5,6,7,8")
    assert reply.status_code == 504
    assert "dropped" in reply.json()["message"]


def test_a_slow_body_gives_its_place_back() -> None:
    app = explainer_app(config(4), lambda rows: rows.to_numpy(float).sum(axis=1), timeout=0.5, queue=0)
    with serving(app) as client:
        with socket.create_connection((client.base_url.host, client.base_url.port or 0)) as slow:
            slow.sendall(b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n1")
            time.sleep(0.2)
            assert client.post("/invocations", content="1,2,3,4").status_code == 429
            assert slow.recv(100).startswith(b"HTTP/1.1 408")
        assert client.post("/invocations", content="1,2,3,4").status_code == 200


def peak(process: int, key: str) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_stays_under_its_setting(tmp_path: Path) -> None:
    def answer(body: str, _: str) -> tuple[int, str, str]:
        rows = np.loadtxt(body.split("\n"), delimiter=",", ndmin=2)
        return 200, "text/csv", "\n".join(map(repr, rows.sum(axis=1).tolist()))

    path, width = tmp_path / "config.json", 30
    path.write_text(json.dumps({"ClarifyExplainerConfig": document(width, MaxPayloadInMB=25)}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with container(answer) as url:
        command = [sys.executable, "-c", START, "--config", str(path), "--model", url, "--port", str(port)]
        server = subprocess.Popen([*command, "--memory", "256MB", "--timeout", "20"], stdout=subprocess.DEVNULL)
        try:
            limits = httpx.Limits(max_connections=100)
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", timeout=60, limits=limits, trust_env=False
            ) as client:
                _await(client)
                small = ",".join(["1.5"] * width)
                assert statuses(client, [small])[0].status_code == 200
                base = peak(server.pid, "VmRSS")
                hostile = ["1," * 12_000_000, "[1,{}," * 1_000_000, "1\n" * 12_000_000, (small + "\n") * 100_000]
                big = [(small + "\n") * 20] * 20
                codes = [reply.status_code for reply in statuses(client, (hostile * 10 + big))]
                # Who comes first has the places; afterwards there is room again.
                assert set(codes) <= {200, 400, 413, 429, 503, 504}
                assert statuses(client, big[:1])[0].status_code == 200
                assert client.get("/ping").status_code == 200
                assert peak(server.pid, "VmHWM") - base < 256 * 10**6
        finally:
            server.terminate()
            server.wait(20)


def _await(client: httpx.Client) -> None:
    for _ in range(200):
        try:
            client.get("/ping")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server never answered")
