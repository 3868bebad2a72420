"""`qa index`: reads articles and publishes a generation, alone or with a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import with_settings
from cli.store import publish_in_engine
from cli.terminal import count, fail, progress, say

if TYPE_CHECKING:
    from corpus.read import Reading
    from index.building.embed import Block
    from index.embedding.encoder import Encoder
    from index.engine.collect import CollectedShards
    from index.engine.ray_cluster import ClusterUsage
    from index.engine.shards import Shard
    from qa.settings import Settings

SHIPPED_ARTICLES = Path(__file__).parents[1] / "corpus" / "articles"
_INTERRUPTED = 130  # exit code that shells report for Ctrl-C


@with_settings("data", "model", "device", "backend")
def build_index(
    settings: Settings,
    paths: Annotated[
        list[str] | None, typer.Argument(help="Files and folders; the shipped articles when none is given.")
    ] = None,
    ray: Annotated[
        str,
        typer.Option(
            "--ray", help="Read and encode on this Ray cluster: host:6379, or local for this machine."
        ),
    ] = "",
    shards: Annotated[
        str,
        typer.Option(
            "--shards",
            help="With --ray: folder or address (s3://…) for finished shards, which each node can reach; "
            "beside the data folder otherwise.",
        ),
    ] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Fail when any file cannot be read.")] = False,
) -> None:
    """Read articles and publish a new generation of the index."""
    from qa.loading import load_encoder

    addresses = paths or [str(SHIPPED_ARTICLES)]
    if not ray:
        _check_local(addresses, shards)
    encoder = load_encoder(settings)
    if not ray:
        publish_articles([Path(path) for path in addresses], settings, encoder, strict=strict)
        return
    with _stoppable():
        collected = _read_with_ray(addresses, settings, encoder, ray=ray, shards=shards)
    blocks = collected.blocks()
    _publish(collected.reading, addresses, settings, encoder=encoder, strict=strict, blocks=blocks)


def publish_articles(paths: list[Path], settings: Settings, encoder: Encoder, *, strict: bool) -> None:
    """Read the articles and publish a generation; `strict` fails if a file was skipped."""
    from corpus.read import read_articles

    _publish(read_articles(paths), paths, settings, encoder=encoder, strict=strict)


def _publish(
    reading: Reading,
    paths: Sequence[object],
    settings: Settings,
    *,
    encoder: Encoder,
    strict: bool,
    blocks: Iterable[Block] = (),
) -> None:
    from index.building.build import build

    for skipped in reading.skipped:
        say(f"skipped {skipped.source}: {skipped.reason}", error=True)
    if strict and reading.skipped:
        fail(f"{count(reading.skipped, 'file')} skipped; repair or remove them, or leave out --strict")
    if not reading.articles:
        folders = ", ".join(map(str, paths))
        fail(f"no article found in {folders}; give a folder with .txt, .md, .html, .pdf or .docx files")
    with _stoppable(), progress("Encoding") as advance:
        built = build(
            reading.articles, encoder, settings.data, plan=settings.plan, precomputed=blocks, progress=advance
        )
    counts = f"{count(reading.articles, 'article')}, {count(reading.skipped, 'file')} skipped"
    if built.unchanged:
        say(f"Index is up to date: {counts}; generation {built.generation}.")
    else:
        say(
            f"Indexed {counts}; {count(range(built.encoded), 'passage')} encoded, {built.reused} reused; "
            f"generation {built.generation}."
        )
    publish_in_engine(settings)


@contextmanager
def _stoppable() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say("qa: stopped; the index is unchanged, run the same command again to continue", error=True)
        raise typer.Exit(_INTERRUPTED) from None


def _check_local(paths: Sequence[str], shards: str) -> None:
    """Fail on options that need a cluster."""
    from corpus.sources.remote import is_address, without_password

    remote = [path for path in paths if is_address(path)]
    if remote or shards:
        reason = f"{without_password(remote[0])} is an address" if remote else "--shards is for a cluster"
        fail(f"{reason}; add --ray with the address of a Ray cluster, or --ray local")


def _read_with_ray(
    paths: Sequence[str], settings: Settings, encoder: Encoder, *, ray: str, shards: str
) -> CollectedShards:
    """Read and encode articles at paths and addresses on a cluster."""
    from corpus.sources.listing import listed_files
    from corpus.sources.remote import RemoteFolder, is_address, local_path, without_password
    from index.embedding.shipped_models import MODELS
    from index.engine.collect import collect_shards
    from index.engine.ray_cluster import Job, build_on_ray
    from index.engine.shards import key_inputs_of
    from index.storage.durable_io import Disk, as_build_failure

    # Ray sends usage statistics to its makers: nothing leaves the network from here.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # the build reports errors
    data = settings.data.absolute()
    folder = shards or str(data.with_name(f"{data.name}-shards"))
    if not is_address(folder):  # each node has its own working directory
        folder = str(Path(local_path(folder)).absolute())
        with as_build_failure(Path(folder)):
            Disk().make_data_folder(Path(folder))  # shards hold the articles' text
    inputs = key_inputs_of(encoder, settings.backend)
    job = Job(inputs, folder, settings.model, settings.device, str(data / MODELS))
    spent: list[ClusterUsage] = []

    def run(missing: Sequence[Shard]) -> None:
        with progress("Reading and encoding") as advance:
            spent.append(
                build_on_ray(
                    missing, job, ray, progress=advance, notice=lambda line: say(f"qa: {line}", error=True)
                )
            )

    collected = collect_shards(listed_files(paths), inputs, RemoteFolder(folder), run)
    passages = sum(part.passages for part in spent)
    nodes = {node for part in spent for node in part.nodes}
    reused = len(collected.shards) - collected.built
    say(
        f"Shards in {without_password(folder)}: {collected.built} made, {reused} found; "
        f"{count(range(passages), 'passage')} encoded by {count(sorted(nodes), 'node')}."
    )
    return collected
