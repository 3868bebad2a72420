"""`qa index --ray`: articles read and encoded by a Ray cluster, for the build of this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.terminal import count, fail, progress, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from index.embedding.encoder import Encoder
    from index.engine.collect import CollectedShards
    from index.engine.ray_cluster import Spent
    from index.engine.shards import Shard


@dataclass(frozen=True, slots=True)
class RayOptions:
    """The cluster's address, the place of the shards ("" for beside the data folder), and the model."""

    ray: str
    shards: str
    model: str
    device: str
    backend: str


def check_no_ray(paths: Sequence[str], shards: str) -> None:
    """Say what cannot be done without a cluster, and end, when it is asked for."""
    from corpus.sources.remote import is_address

    far = [path for path in paths if is_address(path)]
    if far or shards:
        asked = f"{far[0]} is an address" if far else "--shards says where a cluster keeps what is finished"
        fail(f"{asked}; add --ray with the address of a Ray cluster, or --ray local")


def gather_with_ray(
    paths: Sequence[str], data: Path, encoder: Encoder, wanted: RayOptions
) -> CollectedShards:
    """What the articles in paths and addresses come to, made by the cluster."""
    from corpus.sources.listing import listed_files
    from corpus.sources.remote import RemoteFolder
    from index.embedding.shipped_models import MODELS
    from index.engine.collect import gather
    from index.engine.ray_cluster import Job, make_on_ray
    from index.engine.shards import recipe_of
    from web.settings import read_settings

    # Ray counts who uses it and sends that to its makers; of what runs here nothing leaves the network.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what goes wrong is told by the build
    data = data.absolute()
    place = _place(wanted.shards or str(data.with_name(f"{data.name}-shards")))
    recipe = recipe_of(encoder, wanted.backend or read_settings().backend)
    job = Job(recipe, place, wanted.model, wanted.device, str(data / MODELS))
    spent: list[Spent] = []

    def run(missing: Sequence[Shard]) -> None:
        with progress("Reading and encoding") as advance:
            spent.append(make_on_ray(missing, job, wanted.ray, progress=advance, notice=_notice))

    gathered = gather(listed_files(paths), recipe, RemoteFolder(place), run)
    texts, nodes = sum(one.texts for one in spent), {node for one in spent for node in one.nodes}
    say(
        f"Shards in {place}: {gathered.made} made, {len(gathered.shards) - gathered.made} found; "
        f"{texts} texts encoded by {count(sorted(nodes), 'node')}."
    )
    return gathered


def _place(shards: str) -> str:
    """The address, or the whole path: a node has another folder of its own to start from."""
    from corpus.sources.remote import is_address, local_path

    return shards if is_address(shards) else str(Path(local_path(shards)).absolute())


def _notice(line: str) -> None:
    say(f"qa: {line}", error=True)
