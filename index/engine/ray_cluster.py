"""Shards made by a Ray cluster: actors on its nodes, each with the model loaded once.

Actors claim half a processor each, one fewer than there are processors. Ray waits for ever, and says nothing,
when what is to be restarted finds no room: so what ran on a node that died must fit beside what runs on the
others, and up to half of them may die. The work itself is one thread of one processor.

A shard whose node dies is made by another actor; what is at the place already is not made again. Each node
needs this project, in the same version, and must reach the files and the place of the shards.
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
from index.engine.shard_builder import ShardMaker
from index.engine.shards import Shard, ShardKeyInputs, read_spelt, recipe_of
from index.errors import BuildFailed, IndexFailure

LOCAL = "local"
"""The address of a cluster of this machine alone, which ends with the build."""

CPUS_PER_ACTOR = 0.5
STALL_SECONDS = 300.0
"""Seconds without a finished shard after which that is said."""

_LOADING = "LOADING"
_PATIENCE = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Job:
    """What an actor is told: the model as `index.embedding.load.load_encoder` takes it, what it makes, and where.

    `models` is the folder on each node for what is unpacked or converted of the model.
    """

    recipe: ShardKeyInputs
    place: str
    model: str
    device: str
    models: str

    def spelt(self) -> str:
        """As JSON, to be sent to another machine."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Spent:
    """What the cluster did: shards that it made, texts that it encoded for them, and the nodes that did."""

    shards: int
    texts: int
    nodes: tuple[str, ...]


def make_on_ray(
    shards: Sequence[Shard],
    job: Job,
    address: str,
    *,
    progress: Progress | None = None,
    notice: Callable[[str], None] | None = None,
) -> Spent:
    """Have all shards made. `address` is as `ray.init` takes it: "host:6379", "auto", or LOCAL.

    `progress` is called with the files read so far and the files to read; `notice` gets a line when nothing
    is finished for long.

    Raises:
        BuildFailed: Ray is not installed, there is no cluster, or a node cannot do its work; says which.
        Unreached: the place.
    """
    files, texts, made, nodes = 0, 0, 0, set()
    total = sum(len(shard.files) for shard in shards)
    with _connected(address) as ray, _probe(job.place) as probe, _watched(notice) as alive:
        for told in _rows(ray, shards, job, probe):
            if told["fault"]:
                raise BuildFailed(f"on the node {told['node']}: {told['fault']}")
            alive()
            files += int(told["files"])
            texts += int(told["texts"])
            made += not told["there"]
            nodes.add(str(told["node"]))
            if progress:
                progress(files, total)
    return Spent(made, texts, tuple(sorted(nodes)))


class ShardActor:
    """Makes one shard after the other on a node. A failure is told in its row: Ray would only try again."""

    def __init__(self, job: str, probe: str, *, node: str) -> None:
        """`job` is a Job as JSON, `probe` the name of a file that is at the place, `node` who this is."""
        fields = json.loads(job)
        self._job = Job(**{**fields, "recipe": ShardKeyInputs(**fields["recipe"])})
        self._node = node
        self._fault = ""
        try:
            self._maker = self._opened(probe)
        except (CorpusError, IndexFailure) as error:
            self._fault = str(error)

    def __call__(self, batch: Mapping[str, Any]) -> Mapping[str, list[Any]]:
        """A row for each shard of the batch."""
        rows = [self._row(read_spelt(str(spelt))) for spelt in batch["item"]]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def close(self) -> None:
        """End its reading processes; they end with this one, too, which is how Ray ends an actor."""
        if not self._fault:
            self._maker.__exit__(None, None, None)

    def _row(self, shard: Shard) -> Mapping[str, Any]:
        row = {
            "node": self._node,
            "files": len(shard.files),
            "texts": 0,
            "there": False,
            "fault": self._fault,
        }
        if self._fault:
            return row
        try:
            made = self._maker.make(shard)
        except (CorpusError, IndexFailure) as error:
            return {**row, "fault": str(error)}
        return {**row, "texts": made.texts, "there": made.there}

    def _opened(self, probe: str) -> ShardMaker:
        job = self._job
        place = RemoteFolder(job.place)
        if not place.exists(probe):
            raise BuildFailed(f"{job.place} is another folder here; give --shards one that each node reaches")
        with _one_at_a_time(Path(job.models)):
            encoder = load_encoder(
                job.model or None,
                device=job.device or None,
                models=Path(job.models),
                backend=job.recipe.backend,
            )
        found = recipe_of(encoder, job.recipe.backend)
        if found != job.recipe:
            other = [name for name, value in asdict(job.recipe).items() if getattr(found, name) != value]
            raise BuildFailed(f"other {', '.join(other)} than where the build runs; install the same version")
        return ShardMaker(encoder, place, job.recipe)


class Actor(ShardActor):
    """What Ray runs."""

    def __init__(self, job: str, probe: str) -> None:
        import ray

        name = ray.get_runtime_context().get_node_id()[:8]
        super().__init__(job, probe, node=f"{os.uname().nodename} ({name})")


def _rows(ray: Any, shards: Sequence[Shard], job: Job, probe: str) -> Iterator[Mapping[str, Any]]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    actors, claim = _actor_count(ray.cluster_resources(), job.device)
    spelt = [shard.to_json() for shard in shards]
    # A block for each: else Ray puts many small ones together, and one actor makes them all.
    rows = ray.data.from_items(spelt, override_num_blocks=len(spelt)).map_batches(
        Actor,
        batch_size=1,
        fn_constructor_args=(job.spelt(), probe),
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
    """How many actors there is room for, and what each claims: {"CPU": 8} -> 7, half a processor each."""
    if device in ("", "cuda") and resources.get("GPU"):
        return int(resources["GPU"]), {"num_cpus": CPUS_PER_ACTOR, "num_gpus": 1}
    return max(1, int(resources.get("CPU", 1)) - 1), {"num_cpus": CPUS_PER_ACTOR}


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """The library, connected to a cluster until the block ends."""
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError as error:
        raise BuildFailed('Ray is not installed; run `pip install "pullquote[ray]"`') from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # tells each step otherwise
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
    """Ray itself asks for minutes for a cluster that is not there."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise BuildFailed(f"no Ray cluster answers at {address}: {_last_line(error)}") from error


@contextmanager
def _probe(address: str) -> Iterator[str]:
    """The name of a file that shows a node whether it sees the same place."""
    place, name = RemoteFolder(address), f"probe-{secrets.token_hex(8)}"
    place.write(name, b"\n")
    try:
        yield name
    finally:
        place.remove(name)


@contextmanager
def _watched(notice: Callable[[str], None] | None) -> Iterator[Callable[[], None]]:
    """What it yields is called for each sign of life; without one for long, that is said."""
    ended, lived = threading.Event(), threading.Event()

    def watch() -> None:
        while not ended.is_set():
            if not lived.wait(STALL_SECONDS) and notice:
                notice(
                    f"no shard was finished for {STALL_SECONDS:.0f} seconds; `ray status` shows the cluster"
                )
            lived.clear()

    thread = threading.Thread(target=watch, name="silence", daemon=True)
    thread.start()
    try:
        yield lived.set
    finally:
        ended.set()
        lived.set()
        thread.join()


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Actors of one node unpack or convert the same model into the same folder: the first one does it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / _LOADING, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
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
