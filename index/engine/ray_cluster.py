"""Builds shards on a Ray cluster: actors on its nodes, each with the model loaded once.

Each actor claims half a processor, and there is one actor fewer than processors. Ray waits forever,
silently, if a restarted actor finds no room: so the actors of a lost node must fit beside the others, even if
half of the nodes are lost. An actor uses one thread of one processor.

A shard whose node dies is built by another actor; stored shards are not built again. Each node needs the same
version of this project and must reach the files and the folder of shards.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from corpus.article import CorpusError
from corpus.sources.remote import RemoteFolder
from index.building.embed import Progress
from index.embedding.load import load_encoder
from index.engine.shard_builder import ShardBuilder
from index.engine.shards import Shard, ShardKeyInputs, key_inputs_of, shard_from_json
from index.errors import BuildFailed, IndexFailure
from index.storage.durable_io import Disk

LOCAL = "local"
"""Address of a cluster on this machine alone that ends with the build."""

CPUS_PER_ACTOR = 0.5
STALL_SECONDS = 300.0
"""Seconds without a finished shard until the notice."""

_LOCK = "LOADING"
_CONNECT_TIMEOUT = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Job:
    """Parameters of an actor: key inputs, folder of shards, and the arguments of `load_encoder`.

    `models` is the folder on each node for unpacked and converted models.
    """

    inputs: ShardKeyInputs
    shards: str
    model: str
    device: str
    models: str

    def to_json(self) -> str:
        """The job as JSON, for another machine."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class ClusterUsage:
    """Shards built, passages encoded, and the nodes that did it."""

    shards: int
    passages: int
    nodes: tuple[str, ...]


def build_on_ray(
    shards: Sequence[Shard],
    job: Job,
    address: str,
    *,
    progress: Progress | None = None,
    notice: Callable[[str], None] | None = None,
) -> ClusterUsage:
    """Build all shards. `address` is that of `ray.init`: "host:6379", "auto", or LOCAL.

    `progress` is called with the files read so far, and all; `notice` gets a line after `STALL_SECONDS`.

    Raises:
        BuildFailed: Ray is not installed, no cluster answers, or a node fails, which is named.
        Unreached: the folder of shards.
    """
    files, passages, built, nodes = 0, 0, 0, set()
    total = sum(len(shard.files) for shard in shards)
    with _connect(address) as ray, _probe_file(job.shards) as probe, _stall_notice(notice) as report_progress:
        for row in _rows(ray, shards, job, probe):
            if row["fault"]:
                raise BuildFailed(f"on the node {row['node']}: {row['fault']}")
            report_progress()
            files += int(row["files"])
            passages += int(row["passages"])
            built += not row["reused"]
            nodes.add(str(row["node"]))
            if progress:
                progress(files, total)
    return ClusterUsage(built, passages, tuple(sorted(nodes)))


class ShardActor:
    """Builds shards one by one on a node. Failures are returned as rows: Ray would retry an exception."""

    def __init__(self, job: str, probe: str, *, node: str) -> None:
        """`job` is a Job as JSON, `probe` a file in the folder of shards, `node` the name of this node."""
        fields = json.loads(job)
        self._job = Job(**{**fields, "inputs": ShardKeyInputs(**fields["inputs"])})
        self._node = node
        self._fault = ""
        try:
            self._builder = self._open_builder(probe)
        except (CorpusError, IndexFailure) as error:
            self._fault = str(error)

    def __call__(self, batch: Mapping[str, Any]) -> Mapping[str, list[Any]]:
        """One row for each shard of the batch."""
        rows = [self._row(shard_from_json(str(text))) for text in batch["item"]]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def close(self) -> None:
        """End the reading processes; Ray kills an actor, which ends them too."""
        if not self._fault:
            self._builder.__exit__(None, None, None)

    def _row(self, shard: Shard) -> Mapping[str, Any]:
        row = {
            "node": self._node,
            "files": len(shard.files),
            "passages": 0,
            "reused": False,
            "fault": self._fault,
        }
        if self._fault:
            return row
        try:
            built = self._builder.build(shard)
        except (CorpusError, IndexFailure) as error:
            return {**row, "fault": str(error)}
        return {**row, "passages": built.passages, "reused": built.reused}

    def _open_builder(self, probe: str) -> ShardBuilder:
        job = self._job
        folder = RemoteFolder(job.shards)
        if not folder.exists(probe):
            raise BuildFailed(
                f"{folder.address} is another folder here; give --shards one that each node reaches"
            )
        with _folder_lock(Path(job.models)):
            encoder = load_encoder(
                job.model or None,
                device=job.device or None,
                models=Path(job.models),
                backend=job.inputs.backend,
            )
        inputs = key_inputs_of(encoder, job.inputs.backend)
        if inputs != job.inputs:
            different = [name for name, value in asdict(job.inputs).items() if getattr(inputs, name) != value]
            fact = f"another {', '.join(different)} than where the build runs"
            raise BuildFailed(f"{fact}; install the same version on each node")
        return ShardBuilder(encoder, folder, job.inputs)


class Actor(ShardActor):
    """The class that Ray instantiates."""

    def __init__(self, job: str, probe: str) -> None:
        import ray

        name = ray.get_runtime_context().get_node_id()[:8]
        super().__init__(job, probe, node=f"{os.uname().nodename} ({name})")


def _rows(ray: Any, shards: Sequence[Shard], job: Job, probe: str) -> Iterator[Mapping[str, Any]]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    actors, claim = _actor_count(ray.cluster_resources(), job.device)
    items = [shard.to_json() for shard in shards]
    # One block each: Ray would merge small ones, and a single actor would build them all.
    rows = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        Actor,
        batch_size=1,
        fn_constructor_args=(job.to_json(), probe),
        compute=ray.data.ActorPoolStrategy(
            min_size=1, initial_size=actors, max_size=actors, max_tasks_in_flight_per_actor=1
        ),
        **claim,
    )
    try:
        yield from rows.iter_rows()
    except ray.exceptions.RayError as error:
        raise BuildFailed(f"the Ray cluster: {_last_line(error)}") from error


def _actor_count(resources: Mapping[str, float], device: str) -> tuple[int, Mapping[str, float]]:
    """The number of actors and what each claims: {"CPU": 8} -> 7, half a processor each."""
    if device in ("", "cuda") and resources.get("GPU"):
        return int(resources["GPU"]), {"num_cpus": CPUS_PER_ACTOR, "num_gpus": 1}
    return max(1, int(resources.get("CPU", 1)) - 1), {"num_cpus": CPUS_PER_ACTOR}


@contextmanager
def _connect(address: str) -> Iterator[Any]:
    """Connect to a cluster until the block ends; yields the library."""
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError as error:
        raise BuildFailed('Ray is not installed; run `pip install "pullquote[ray]"`') from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # else it logs each step
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    alone = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"} if address == LOCAL else {}
    _check_listening(address)
    try:
        ray.init(address=address, **quiet, **alone)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise BuildFailed(f"no Ray cluster answers at {address}: {_last_line(error)}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_listening(address: str) -> None:
    """Fail at once if nothing listens; Ray itself waits for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_TIMEOUT).close()
    except (OSError, OverflowError) as error:
        raise BuildFailed(f"no Ray cluster answers at {address}: {_last_line(error)}") from error


@contextmanager
def _probe_file(address: str) -> Iterator[str]:
    """A file by which a node sees whether it has the same folder; yields its name."""
    folder, name = RemoteFolder(address), f"probe-{secrets.token_hex(8)}"
    folder.write(name, b"\n")
    try:
        yield name
    finally:
        folder.remove(name)


@contextmanager
def _stall_notice(notice: Callable[[str], None] | None) -> Iterator[Callable[[], None]]:
    """Calls `notice` after `STALL_SECONDS` without progress; yields the function that reports progress."""
    ended, progressed = threading.Event(), threading.Event()

    def watch() -> None:
        while not ended.is_set():
            if not progressed.wait(STALL_SECONDS) and notice:
                notice(
                    f"no shard was finished for {STALL_SECONDS:.0f} seconds; `ray status` shows the cluster"
                )
            progressed.clear()

    thread = threading.Thread(target=watch, name="stall-notice", daemon=True)
    thread.start()
    try:
        yield progressed.set
    finally:
        ended.set()
        progressed.set()
        thread.join()


@contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    """A lock of a folder: the first actor of a node unpacks and converts the model, the others wait."""
    try:
        Disk().make_folder_in_data(folder)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise BuildFailed("the folder of models cannot be used", path=folder, errno=error.errno) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
