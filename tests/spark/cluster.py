"""A real Spark cluster on loopback: one master and two workers as processes of their own, from pip's PySpark alone."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOOPBACK = "127.0.0.1"
START = 60.0
_REGISTERED = "Successfully registered with master"
_DEFAULTS = """\
spark.ui.enabled false
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.driver.memory 768m
spark.executor.memory 768m
spark.sql.shuffle.partitions 4
spark.executorEnv.OMP_NUM_THREADS 1
spark.executorEnv.OPENBLAS_NUM_THREADS 1
spark.scheduler.minRegisteredResourcesRatio 1.0
spark.scheduler.maxRegisteredResourcesWaitingTime 60s
"""


class Cluster:
    """A running standalone cluster; `folder` holds its logs, its configuration and its workers' folders."""

    def __init__(self, folder: Path, workers: int = 2) -> None:
        self.folder = folder
        self.url = f"spark://{LOOPBACK}:{_free_port()}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._drivers: list[subprocess.Popen[bytes]] = []
        self._configure()
        try:
            port = self.url.rpartition(":")[2]
            self._daemon("master", "--host", LOOPBACK, "--port", port, "--webui-port", "0")
            self._until("master", "I have been elected leader")
            for number in range(workers):
                self._start_worker(number)
            for number in range(workers):
                self._until(f"worker{number}", _REGISTERED)
        except BaseException:
            self.end()
            raise

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers' daemons, the ended among them."""
        return [process.pid for process in self._processes[1:]]

    @property
    def alive(self) -> list[int]:
        """The numbers of the workers that have not ended."""
        return [number for number, process in enumerate(self._processes[1:]) if process.poll() is None]

    def executors(self, worker: int) -> list[int]:
        """The processes that a worker's daemon has started, and theirs: its executor and that one's Pythons."""
        return _descendants(self.workers[worker])

    def kill_worker(self, worker: int) -> list[int]:
        """End a worker's daemon, its executor and that one's Pythons by their process ids, as a lost machine would."""
        family = [self.workers[worker], *self.executors(worker)]
        for process in family:
            _kill(process)
        self._processes[1 + worker].wait()
        return family

    def add_worker(self) -> int:
        """Start one more worker; gives its number."""
        number = len(self.workers)
        self._start_worker(number)
        self._until(f"worker{number}", _REGISTERED)
        return number

    def drive(self, module: str, arguments: Sequence[str], environment: Mapping[str, str] = {}) -> "Driver":
        """Start a driver: a module of the tests, run by this Python with the cluster's configuration."""
        log = self.folder / f"driver{len(self._drivers)}.log"
        with log.open("wb") as written:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.PIPE, stdout=written, stderr=subprocess.STDOUT, cwd=ROOT,
                env=self._environment(environment), start_new_session=True,
            )  # fmt: skip
        self._drivers.append(process)
        return Driver(process, log)

    def end(self) -> None:
        """End every process of the cluster and of its drivers."""
        family = [process.pid for process in (*self._drivers, *self._processes)]
        for process in [*family, *(child for parent in family for child in _descendants(parent))]:
            _kill(process)
        for started in (*self._drivers, *self._processes):
            started.wait()
            if started.stdin is not None:
                started.stdin.close()

    def _configure(self) -> None:
        (self.folder / "conf").mkdir(parents=True)
        (self.folder / "conf" / "spark-defaults.conf").write_text(_DEFAULTS)

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
        return {
            **outer,
            "SPARK_CONF_DIR": str(self.folder / "conf"),
            "SPARK_LOCAL_IP": LOOPBACK,
            "SPARK_DAEMON_MEMORY": "256m",
            "PYSPARK_PYTHON": sys.executable,
            **more,
        }

    def _start_worker(self, number: int) -> None:
        name = f"worker{number}"
        places = ("--work-dir", str(self.folder / name), "--host", LOOPBACK, "--webui-port", "0")
        self._daemon("worker", *places, "--cores", "1", "--memory", "1g", self.url, log=name)

    def _daemon(self, kind: str, *arguments: str, log: str | None = None) -> None:
        import pyspark

        home = Path(pyspark.__file__).parent
        command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{kind}.{kind.title()}", *arguments]
        environment = self._environment({"SPARK_HOME": str(home)})
        with self._log(log or kind).open("wb") as written:
            started = subprocess.Popen(
                command, stdout=written, stderr=subprocess.STDOUT, env=environment, start_new_session=True
            )
        self._processes.append(started)

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _until(self, name: str, said: str) -> None:
        process = self._processes[0 if name == "master" else 1 + int(name.removeprefix("worker"))]
        end = time.monotonic() + START
        while said not in self._log(name).read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"Spark's {name} did not start:\n{self._log(name).read_text(errors='replace')}")
            time.sleep(0.1)


class Driver:
    """A driver's process and what it wrote."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self._log = process, log

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    @property
    def said(self) -> str:
        """Standard output and error so far."""
        return self._log.read_text(errors="replace")

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()


@contextmanager
def spark_cluster(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """A cluster for as long as the block lasts."""
    cluster = Cluster(folder, workers)
    try:
        yield cluster
    finally:
        cluster.end()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])


def _descendants(process: int) -> list[int]:
    """The children of a process and theirs."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found = [process]
    for parent in found:
        found.extend(children.get(parent, []))
    return found[1:]


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
