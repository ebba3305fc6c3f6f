"""Arenas: many threads that each take and free memory leave few pools behind."""

import subprocess
import sys

import pytest

# Blocks that malloc takes from pools, by threads that are all there at once.
THREADS = """
import re, sys, threading
from evenhand.server.arenas import share_arenas
if sys.argv[1] == "few" and not share_arenas():
    sys.exit(3)
ready = threading.Barrier(12)
def work():
    held = [bytes(60_000) for _ in range(20)]
    ready.wait()
threads = [threading.Thread(target=work) for _ in range(12)]
for each in threads: each.start()
for each in threads: each.join()
starts = [int(line.split("-")[0], 16) for line in open("/proc/self/maps") if line.endswith(" 0 \\n")]
print(sum(start % 2**26 == 0 for start in starts))
"""


def pools(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", THREADS, how], capture_output=True, text=True, check=False)
    if done.returncode == 3:
        pytest.skip("This C library has no such setting.")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has /proc")
def test_many_threads_leave_few_pools() -> None:
    many = pools("as it is")
    if many <= 2:
        pytest.skip("This C library gives threads no pools of their own.")
    assert pools("few") <= 1
