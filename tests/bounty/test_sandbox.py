"""Sandbox: code of strangers behind walls — what it cannot do, and that nothing outlives it."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evenhand.bounty.submissions import child
from evenhand.bounty.submissions.claims import Claim, Failure, claimed
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Limits
from evenhand.core.errors import ModelError
from tests.bounty.test_claims import BOUNTY, INSIDE, ROWS, YOUNG

CODE = BOUNTY.model_copy(update={"kinds": ("predictions", "code"), "limits": Limits(seconds=30)})
ANSWERS = "    return ['yes'] * len(rows)\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        if not {"files", "processes and network"} <= set(made.walls):
            pytest.skip("this kernel has neither Landlock nor seccomp, and code is not run")
        yield made


def ran(sandbox: Sandbox, folder: Path, body: str, limits: Limits | None = None) -> Any:
    """What becomes of `predict` with this body, whose last line, if it gets there, answers well."""
    file = folder / "sent.py"
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    file.write_text(f"def predict(rows):\n{lines}{ANSWERS}")
    bounty = CODE if limits is None else CODE.model_copy(update={"limits": limits})
    return claimed(bounty, ROWS, "code", YOUNG, file, sandbox)


def test_code_that_behaves_answers(sandbox: Sandbox, tmp_path: Path) -> None:
    found = ran(sandbox, tmp_path, "assert list(rows) == ['age', 'income', 'sex'] and len(rows) == 10")
    assert isinstance(found, Claim)
    assert found.answers[INSIDE].tolist() == [1] * 10
    assert (found.answers[~INSIDE] == -1).all()


def test_code_may_use_threads(sandbox: Sandbox, tmp_path: Path) -> None:
    body = """
import threading
threads = [threading.Thread(target=sum, args=([1],)) for _ in range(4)]
[each.start() for each in threads]; [each.join() for each in threads]
"""
    assert isinstance(ran(sandbox, tmp_path, body), Claim)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("import os\nos.fork()", "PermissionError"),
        ("import os\nfor _ in range(50): os.fork()", "PermissionError"),
        ("import subprocess\nsubprocess.run(['id'])", "PermissionError"),
        ("import os\nos.execv('/bin/sh', ['sh'])", "PermissionError"),
        ("import multiprocessing\nmultiprocessing.Pool(2)", "PermissionError"),
        ("import socket\nsocket.socket()", "PermissionError"),
        ("import socket\nsocket.socket(socket.AF_UNIX)", "PermissionError"),
        ("import urllib.request\nurllib.request.urlopen('http://127.0.0.1:8000')", "urlopen error"),
        ("import os\nos.kill(os.getppid(), 0)", "PermissionError"),
        ("import os\nos.killpg(os.getpgrp(), 0)", "PermissionError"),
        ("import os\nos.kill(-1, 0)", "PermissionError"),
        ("import os\nos.chmod(__file__, 0)", "PermissionError"),
        ("open('/etc/passwd').read()", "PermissionError"),
        ("open(f'/proc/{__import__(\"os\").getppid()}/environ').read()", "PermissionError"),
        ("import os\nos.listdir('/')", "PermissionError"),
        ("import os\nos.symlink('/etc/passwd', 'more')", "PermissionError"),
        ("import resource, os\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))", "PermissionError"),
        ("import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))", "ValueError"),
        ("raise SystemExit('gone')", "SystemExit: gone"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("1 / 0", "ZeroDivisionError"),
        ("return ['yes'] * 9", "must give one label a row"),
        ("return ['other'] * 10", "answered 'other', which is no class; classes: 'no', 'yes'"),
        ("return [float('nan')] * 10", "NaN"),
        ("import os\nos._exit(0)", "broke the process"),
        ("import os\nos.abort()", "broke the process"),
        ("import ctypes\nctypes.string_at(0)", "broke the process"),
        ("def deeper(): deeper()\ndeeper()", "RecursionError"),
        ("import os\nos.write(2, b'x' * 10)\nos.closerange(3, 1000)\nraise ValueError", "broke the process"),
        ("open('answers', 'wb').write(bytes(2**25))", "File too large"),
        ("open('more', 'wb')", "PermissionError"),
        ("import os\nos.mkdir('more')", "PermissionError"),
        ("import os\nos.remove('answers')", "PermissionError"),
        ("import tempfile\ntempfile.TemporaryFile()", "No usable temporary directory"),
    ],
)
def test_code_that_reaches_out_fails_with_the_reason(sandbox: Sandbox, tmp_path: Path, body: str, told: str) -> None:
    found = ran(sandbox, tmp_path, body)
    assert isinstance(found, Failure)
    assert told in found.told
    assert "\n" not in found.told
    assert isinstance(ran(sandbox, tmp_path, "pass"), Claim)  # and the next one is not troubled


def test_code_cannot_read_the_hold_out(sandbox: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "holdout.npz"
    np.savez(secret, labels=np.ones(3))
    found = ran(sandbox, tmp_path, f"open({str(secret)!r}, 'rb').read()")
    assert isinstance(found, Failure)
    assert "PermissionError" in found.told
    found = ran(sandbox, tmp_path, f"open({str(secret)!r}, 'wb')")
    assert isinstance(found, Failure)
    assert np.load(secret)["labels"].tolist() == [1, 1, 1]


def test_code_sees_no_environment_and_no_open_files(sandbox: Sandbox, tmp_path: Path) -> None:
    body = """
import os
assert set(os.environ) <= {'PATH', 'LANG', 'HOME', 'TMPDIR', 'LC_CTYPE', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS',
    'MKL_NUM_THREADS', 'KMP_DUPLICATE_LIB_OK', 'KMP_INIT_AT_FORK'}, sorted(os.environ)
assert sorted(os.listdir('.')) == ['answers', 'features.parquet', 'sent.py'], os.listdir('.')
places = [f'/proc/self/fd/{each}' for each in os.listdir('/proc/self/fd') if int(each) > 2]
links = [os.readlink(each) for each in places if os.path.exists(each)]
assert all(each.startswith('pipe:') for each in links) and len(links) == 1, links
"""
    assert isinstance(ran(sandbox, tmp_path, body), Claim)


@pytest.mark.parametrize("body", ["while True: pass", "import time\ntime.sleep(1000)"])
def test_code_that_does_not_end_fails_at_its_limit(sandbox: Sandbox, tmp_path: Path, body: str) -> None:
    start = time.monotonic()
    found = ran(sandbox, tmp_path, body, Limits(seconds=2))
    assert isinstance(found, Failure)
    assert found.told in (
        "It took longer than 2 seconds.",
        "It took more time of the processor than a submission may take.",
    )
    assert time.monotonic() - start < 60


def test_code_that_hoards_memory_fails_at_its_limit(sandbox: Sandbox, tmp_path: Path) -> None:
    found = ran(sandbox, tmp_path, "held = [bytes(2**24) for _ in range(10**6)]", Limits(memory=2**28))
    assert found == Failure("It needs more memory than a submission may take.")


@pytest.mark.parametrize(
    "body",
    [
        "import os\nopen('answers', 'wb').write(b'x' * 7)\nos._exit(0)",
        "import os\n[os.write(int(place), b'{' * 100_000) for place in os.listdir('/proc/self/fd') if int(place) > 2]",
        "import os\nos.truncate('answers', 10 * 2**30)\nos._exit(0)",
    ],
)
def test_answers_that_are_forged_are_one_failure(sandbox: Sandbox, tmp_path: Path, body: str) -> None:
    found = ran(sandbox, tmp_path, body)
    assert isinstance(found, Failure)
    assert found.told


def test_forged_answers_are_checked_once_more(sandbox: Sandbox, tmp_path: Path) -> None:
    body = """
import array, os
array.array('d', [float('nan')] * 10).tofile(open('answers', 'wb'))
said = b'{"state": "done", "told": "", "walls": []}'
for place in range(3, 64):
    try: os.write(place, said)
    except OSError: pass
os._exit(0)
"""
    found = ran(sandbox, tmp_path, body)
    assert not isinstance(found, Claim)
    assert "10 rows of the group have no prediction" in found.told


def test_without_walls_code_is_not_run(tmp_path: Path) -> None:
    file = tmp_path / "sent.py"
    file.write_text("raise AssertionError")
    errand = {"loss": {}, "classes": [], "file": str(file), "task": "code"}
    with pytest.raises(ModelError, match="cannot wall code in, so none is run"):
        child._do(errand, ["files"])


def test_what_code_says_is_one_short_line(sandbox: Sandbox, tmp_path: Path) -> None:
    found = ran(sandbox, tmp_path, "raise ValueError('\\x1b[31m' + 'x' * 10_000 + '\\n<b>')")
    assert isinstance(found, Failure)
    assert len(found.told) <= 300
    assert "\x1b" not in found.told


def test_a_process_that_was_killed_is_started_anew(sandbox: Sandbox, tmp_path: Path) -> None:
    first = sandbox._process.pid
    assert first is not None
    os.kill(first, 9)
    while sandbox._process.pid is not None:
        time.sleep(0.01)
    assert isinstance(ran(sandbox, tmp_path, "pass"), Claim)
    assert sandbox._process.pid not in (None, first)


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        ran(sandbox, tmp_path, "pass")
        pid = sandbox._process.pid
        assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_the_walls_that_stand_are_named(sandbox: Sandbox) -> None:
    assert set(sandbox.walls) - {"network namespace"} == {"files", "processes and network"}
