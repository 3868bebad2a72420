"""A Milvus cluster on this machine: coordinators and a proxy in one process, query nodes in their own.

    python -m tests.support.milvus_cluster -- python -m pytest tests/integration/milvus
    python -m tests.support.milvus_cluster --standalone -- python -m bench.faiss_vs_milvus 100000 milvus://127.0.0.1:19530/bench

It runs in a network and process namespace of its own, since Milvus listens on every address; when the command
ends, or is killed, every process goes with the namespace. etcd is the system's, the broker is the one that
librdkafka has for tests, object storage is a folder. The command finds MILVUS_URI in its environment, and
MILVUS_CONTROL, the folder where `Control` finds the processes.

The broker keeps about 5 MB a topic: what is not flushed yet must stay small. `--standalone` is one process with
a queue on disk instead, which holds more.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

INSIDE = "MILVUS_INSIDE"
CONTROL = "MILVUS_CONTROL"
URI = "http://127.0.0.1:19530"
UP_WITHIN = 120  # seconds
LEASE = 5  # seconds after which a process that died is given up
STANDALONE = 0  # query nodes
COORDINATOR = ("mixture", "-rootcoord", "-querycoord", "-datacoord", "-proxy", "-datanode", "-indexnode")
NAMESPACE = ("unshare", "-n", "-p", "-f", "--mount-proc", "--kill-child")


def missing_parts() -> str:
    """Why no cluster can run here, "" when it can."""
    for module, package in (("milvus", "milvus==2.3.5 --no-deps"), ("confluent_kafka", "confluent-kafka")):
        if find_spec(module) is None:
            return f"pip install {package}"
    if shutil.which("etcd") is None:
        return "apt-get install etcd-server"
    tried = subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "it takes root, for a network namespace"


def unpacked() -> Path:
    """The folder of Milvus' program, unpacked once beside the environment that it is installed in: 246 MB."""
    from milvus import _initialize_data_files

    folder = Path(sys.prefix) / "milvus-2.3.5"
    folder.mkdir(exist_ok=True)
    _initialize_data_files(str(folder))
    return folder


@dataclass(frozen=True)
class Control:
    """Kills and starts the parts of a cluster, from the command that runs beside it."""

    folder: Path

    @property
    def pids(self) -> Mapping[str, int]:
        """The processes by name: etcd, coordinator, node0, node1."""
        found: dict[str, int] = json.loads((self.folder / "pids").read_text())
        return found

    def kill(self, name: str) -> None:
        """End one at once, as a power cut would."""
        os.kill(self.pids[name], signal.SIGKILL)

    def stop(self) -> None:
        """End Milvus, the last first; etcd, broker and storage stay.

        Told to end it would first hand over what it holds, for up to half an hour.
        """
        for name in reversed([*self.pids]):
            if name != "etcd":
                os.kill(self.pids[name], signal.SIGKILL)

    def start(self) -> None:
        """Start again what does not run, and wait for it."""
        asked = self.folder / "start"
        asked.touch()
        ends = time.monotonic() + UP_WITHIN
        while asked.exists():
            if time.monotonic() > ends:
                raise TimeoutError(f"Milvus did not start again; its logs are in {self.folder}")
            time.sleep(0.05)


class Cluster:
    """The processes of a cluster, in a folder of their own."""

    def __init__(self, folder: Path, *, nodes: int) -> None:
        self.folder = folder
        self.nodes = nodes
        self._program = unpacked()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._broker = ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Up while the block runs."""
        with ExitStack() as ended:
            ended.callback(self._kill)
            address = "http://127.0.0.1:2379"
            self._start(
                "etcd",
                [
                    *(str(shutil.which("etcd")), "--data-dir", str(self.folder / "etcd")),
                    *("--listen-client-urls", address, "--advertise-client-urls", address),
                    *("--listen-peer-urls", "http://127.0.0.1:2380", "--log-level", "error"),
                ],
            )
            from milvus import MilvusServerConfig

            if self.nodes != STANDALONE:
                from confluent_kafka import Producer

                mock = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock"})
                broker = next(iter(mock.list_topics(timeout=10).brokers.values()))
                self._broker = f"{broker.host}:{broker.port}"
            MilvusServerConfig(data_dir=str(self.folder)).resolve()  # writes configs/milvus.yaml
            self.start()
            yield

    def start(self) -> None:
        """Start what does not run of Milvus, and wait until each of its processes is well."""
        if self.nodes == STANDALONE:
            self._role("coordinator", 9091, "standalone")
        else:
            self._role("coordinator", 9091, *COORDINATOR)
        for node in range(self.nodes):
            self._role(f"node{node}", 9092 + node, "querynode", QUERYNODE_PORT=str(21133 + 10 * node))
        (self.folder / "pids.new").write_text(
            json.dumps({name: one.pid for name, one in self._running.items()})
        )
        (self.folder / "pids.new").rename(self.folder / "pids")
        for port in range(9091, 9092 + self.nodes):
            self._wait(port)

    def watch(self, command: Sequence[str]) -> int:
        """Run a command beside the cluster and do what its `Control` asks for; its exit code."""
        environ = {**os.environ, "MILVUS_URI": URI, CONTROL: str(self.folder)}
        with subprocess.Popen(command, env=environ) as running:
            while running.poll() is None:
                asked = self.folder / "start"
                if asked.exists():
                    self.start()
                    asked.unlink()
                time.sleep(0.05)
            return running.returncode

    def _role(self, name: str, port: int, *arguments: str, **more: str) -> None:
        known = self._running.get(name)
        if known and known.poll() is None:
            return
        home = self.folder / name
        home.mkdir(exist_ok=True)
        environ = {
            "METRICS_PORT": str(port),
            "MILVUS_RUN_DIR": str(home),
            "DEPLOY_MODE": "DISTRIBUTED" if self._broker else "STANDALONE",
            "LD_LIBRARY_PATH": str(self._program / "bin"),
            "MQ_TYPE": "kafka" if self._broker else "rocksmq",
            **({"KAFKA_BROKERLIST": self._broker} if self._broker else {}),
            "ETCD_USE_EMBED": "false",
            "ETCD_ENDPOINTS": "127.0.0.1:2379",
            "COMMON_SESSION_TTL": str(LEASE),
            **more,
        }
        self._start(name, [str(self._program / "bin" / "milvus"), "run", *arguments], environ)

    def _start(self, name: str, command: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command, cwd=self.folder, env={**os.environ, **(environ or {})}, stdout=log, stderr=log
            )

    def _wait(self, port: int) -> None:
        ends = time.monotonic() + UP_WITHIN
        while time.monotonic() < ends:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as reply:
                    if b"OK" in reply.read():
                        return
            except OSError:
                pass
            time.sleep(0.1)
        raise TimeoutError(f"nothing is well at port {port}; the logs are in {self.folder}")

    def _kill(self) -> None:
        for one in reversed(list(self._running.values())):
            one.kill()
            one.wait()


def main(command: Sequence[str], *, nodes: int = 2) -> int:
    """Run a command beside a cluster; its exit code."""
    if os.environ.get(INSIDE) != "1":
        how = ["--standalone"] if nodes == STANDALONE else []
        again = [*NAMESPACE, sys.executable, "-P", "-m", "tests.support.milvus_cluster", *how, "--", *command]
        return subprocess.run(again, env={**os.environ, INSIDE: "1"}, check=False).returncode
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    folder = Path(tempfile.mkdtemp(prefix="milvus-cluster-"))
    try:
        cluster = Cluster(folder, nodes=nodes)
        with cluster.running():
            return cluster.watch(command)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asked, wanted = sys.argv[: sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    sys.exit(main(wanted, nodes=STANDALONE if "--standalone" in asked else 2))
