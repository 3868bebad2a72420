"""A build shared out by Ray, one of whose nodes is killed, is the build of one machine."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpus.read import read_articles
from corpus.sources.listing import listed_files
from corpus.sources.remote import RemoteFolder
from index.building.build import build
from index.building.layout import plan_generation
from index.embedding.load import load_encoder
from index.engine.ray_cluster import CPUS_PER_ACTOR, Job, ShardActor, _actor_count, build_on_ray
from index.engine.shards import Shard, key_inputs_of, split_into_shards
from index.errors import BuildFailed
from index.generation.data_folder import DataFolder
from tests.support.fakes import WordEncoder
from tests.support.ray_two_nodes import KILLED_AFTER
from tests.support.repository import ROOT
from tests.support.tiers import full

APART = ["unshare", "-n", "-p", "-f", "--mount-proc"]
RECIPE = key_inputs_of(WordEncoder(), "torch")
PLACES = ("harbour", "canal", "quay", "mill", "bridge", "market", "lighthouse", "tannery", "chapel", "ferry")
THINGS = (
    "boat",
    "crane",
    "cart",
    "lamp",
    "rope",
    "bell",
    "barrel",
    "ladder",
    "clock",
    "gate",
    "anchor",
    "map",
)


def can_be_apart() -> bool:
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*APART, "true"], capture_output=True, timeout=60).returncode == 0


needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: make setup RAY=1"
)


def write_articles(folder: Path, count: int) -> None:
    folder.mkdir()
    for n in range(count):
        place, thing, other = PLACES[n % 10], THINGS[n % 12], THINGS[(n // 12) % 12]
        (folder / f"report-{n:03}.md").write_text(
            f"# Report {n} on the {place}\n\n"
            f"The {thing} at the {place} was counted {n} times before the {other} was moved to where it is now. "
            f"Nobody on the {place} could say in which of {n + 3} years the {thing} had been painted last. "
            f"It was agreed that number {n} of the register names both the {other} and the {thing} from now on.\n",
            encoding="utf-8",
        )
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing of the kind\n")
    (folder / "empty.txt").write_bytes(b"")


@full
@needs_ray
@pytest.mark.cluster
@pytest.mark.timeout(600)  # a minute where the cores are its own
@pytest.mark.slow
@pytest.mark.skipif(not can_be_apart(), reason="no network and process table of one's own can be made here")
def test_a_node_that_is_killed_costs_nothing_but_time(tmp_path: Path) -> None:
    articles, shards, data = (tmp_path / name for name in ("articles", "shards", "data"))
    write_articles(articles, 160)
    # Names of sockets are short.
    with tempfile.TemporaryDirectory(prefix="vr", dir="/tmp", ignore_cleanup_errors=True) as temporary:
        command = [*APART, sys.executable, "-P", "-m", "tests.support.ray_two_nodes"]
        command += map(str, (articles, shards, data, temporary))
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=560)
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    first, again = told["first"], told["again"]
    assert (first["code"], again["code"]) == (0, 0), first["warned"] + again["warned"]

    wanted = {shard.name for shard in split_into_shards(listed_files([str(articles)]), RECIPE)}
    assert KILLED_AFTER <= told["at_kill"] < len(wanted)
    assert any("Actor" in name for name in told["at_work"]), told["at_work"]
    assert f"{len(wanted)} made, 0 found; " in first["said"]
    assert "Indexed 160 articles, 2 files skipped; 0 passages encoded, " in first["said"]
    skipped = re.findall(r"^skipped (\S+): ", first["warned"], re.MULTILINE)
    assert skipped == ["broken.pdf", "empty.txt"]
    assert f"0 made, {len(wanted)} found; 0 passages encoded by 0 nodes." in again["said"]
    assert "Index is up to date: 160 articles, 2 files skipped" in again["said"]
    assert len(list(shards.glob("*.parquet"))) == len(list(shards.iterdir())) == len(wanted)

    build(read_articles([articles]).articles, load_encoder(device="cpu"), tmp_path / "local")
    shared, local = DataFolder(data).open(), DataFolder(tmp_path / "local").open()
    assert list(shared.articles) == list(local.articles)
    assert list(shared.passages) == list(local.passages)
    np.testing.assert_array_equal(shared.digests, local.digests)
    np.testing.assert_array_equal(shared.token_starts, local.token_starts)
    np.testing.assert_allclose(shared.vectors[:], local.vectors[:], rtol=0, atol=3e-4)  # a last digit
    np.testing.assert_allclose(shared.sums[:], local.sums[:], rtol=1e-3)


@pytest.mark.parametrize(
    ("resources", "device", "actors", "claim"),
    [
        ({"CPU": 8.0}, "", 7, {"num_cpus": CPUS_PER_ACTOR}),
        ({"CPU": 1.0}, "", 1, {"num_cpus": CPUS_PER_ACTOR}),
        ({"CPU": 8.0, "GPU": 2.0}, "", 2, {"num_cpus": CPUS_PER_ACTOR, "num_gpus": 1}),
        ({"CPU": 8.0, "GPU": 2.0}, "cpu", 7, {"num_cpus": CPUS_PER_ACTOR}),
    ],
)
def test_there_is_an_actor_for_each_gpu_or_each_core_but_one(
    resources: dict[str, float], device: str, actors: int, claim: dict[str, float]
) -> None:
    assert _actor_count(resources, device) == (actors, claim)


def test_what_the_actors_of_half_a_cluster_claim_fits_into_the_other_half() -> None:
    for cores in (2, 4, 16, 64):
        actors, claim = _actor_count({"CPU": float(cores)}, "cpu")
        assert actors * claim["num_cpus"] <= cores / 2


class Bench:
    """A job for a maker on this machine, and its one shard."""

    def __init__(self, root: Path) -> None:
        self.articles = root / "articles"
        write_articles(self.articles, 3)
        self.place = RemoteFolder(str(root / "shards"))
        self.place.write("probe", b"")
        self.job = Job(RECIPE, self.place.address, "", "cpu", str(root / "models"))
        (self.shard,) = split_into_shards(listed_files([str(self.articles)]), RECIPE, average=1 << 40)

    def row(self, job: Job, shard: Shard, probe: str = "probe") -> dict[str, object]:
        with closing(ShardActor(job.to_json(), probe, node="a node")) as maker:
            rows = maker({"item": [shard.to_json()]})
        return {name: values[0] for name, values in rows.items()}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    # The model has no part in this; how it is loaded is looked at above.
    monkeypatch.setattr("index.engine.ray_cluster.load_encoder", lambda model, **told: WordEncoder())
    return Bench(tmp_path)


def test_a_shard_is_made_where_the_job_says(bench: Bench) -> None:
    told = bench.row(bench.job, bench.shard)
    passages = len(plan_generation(read_articles([bench.articles]).articles, WordEncoder()).digests)
    assert told == {"node": "a node", "fault": "", "files": 5, "passages": passages, "reused": False}
    assert bench.place.exists(bench.shard.name)
    assert bench.row(bench.job, bench.shard)["reused"] is True


def test_a_node_that_sees_another_folder_says_so(bench: Bench) -> None:
    fault = str(bench.row(bench.job, bench.shard, probe="another")["fault"])
    assert f"{bench.place.address} is another folder here; give --shards one that each node reaches" in fault
    assert not bench.place.exists(bench.shard.name)


@pytest.mark.parametrize(
    ("field", "value"), [("fingerprint", "e" * 64), ("code", "d" * 64), ("max_tokens", 7)]
)
def test_a_node_with_another_model_or_other_code_says_so(bench: Bench, field: str, value: object) -> None:
    other = replace(bench.job, inputs=replace(RECIPE, **{field: value}))  # type: ignore[arg-type]
    fault = str(bench.row(other, bench.shard)["fault"])
    assert f"other {field} than where the build runs; install the same version" in fault


def test_files_that_a_node_does_not_reach_are_a_fault_and_not_skipped(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "articles").rename(tmp_path / "elsewhere")
    fault = str(bench.row(bench.job, bench.shard)["fault"])
    assert re.search(r"articles is not there on \S+; give a folder or address that each node reaches", fault)
    assert not bench.place.exists(bench.shard.name)


def test_without_ray_the_next_step_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BuildFailed, match=r'Ray is not installed; run `pip install "pullquote\[ray\]"`'):
        build_on_ray([bench.shard], bench.job, "127.0.0.1:1")
    assert bench.place.names() == ["probe"]


@full
@needs_ray
def test_a_cluster_that_is_not_there_is_told_at_once(bench: Bench) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(BuildFailed, match=rf"no Ray cluster answers at {address}: .*refused"):
            build_on_ray([bench.shard], bench.job, address)
    assert bench.place.names() == ["probe"]
