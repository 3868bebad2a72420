"""`qa index --ray`, with the cluster's work done in this process: what is said, and what is published."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from corpus.sources.remote import RemoteFolder
from index.engine.ray_cluster import ClusterUsage, Job
from index.engine.shard_builder import ShardBuilder
from index.engine.shards import Shard
from index.generation.data_folder import DataFolder
from tests.support.fakes import WordEncoder

TEXT = "# Ferry {n}\n\nFerry number {n} sails. It is green. Nobody waits for it.\n"


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """What the cluster was told. It has two nodes, which do everything at once."""
    told: list[Job] = []

    def make(shards: Sequence[Shard], job: Job, address: str, **_: object) -> ClusterUsage:
        told.append(job)
        with ShardBuilder(WordEncoder(), RemoteFolder(job.shards), job.inputs) as maker:
            made = [maker.build(shard) for shard in shards]
        return ClusterUsage(len(made), sum(one.passages for one in made), ("one", "other"))

    monkeypatch.setattr("index.engine.ray_cluster.build_on_ray", make)
    monkeypatch.setattr("qa.loading.load_encoder", lambda *_, **__: WordEncoder())
    return told


def run(*arguments: str | Path, code: int = 0) -> tuple[str, str]:
    done = CliRunner().invoke(app, ["index", *map(str, arguments)], env={"QA_BACKEND": "torch"})
    assert done.exit_code == code, done.output + repr(done.exception)
    return done.stdout, done.stderr


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    for n in range(4):
        (folder / f"{n}.md").write_text(TEXT.format(n=n), encoding="utf-8")
    (folder / "empty.txt").write_text("", encoding="utf-8")
    return folder


def test_shards_lie_beside_the_data_folder_and_are_found_again(
    articles: Path, tmp_path: Path, jobs: list[Job]
) -> None:
    data = tmp_path / "data"
    said, warned = run(articles, "--ray", "head:6379", "--data", data, "--device", "cpu")
    place = tmp_path / "data-shards"
    assert place.stat().st_mode & 0o777 == 0o700
    # Each article is two passages: the title with two sentences, and the third.
    assert re.fullmatch(
        rf"Shards in {re.escape(str(place))}: \d made, 0 found; 8 passages encoded by 2 nodes\.\n"
        rf"Indexed 4 articles, 1 file skipped; 0 passages encoded, 8 reused; generation gen-1-\w+\.\n",
        said,
    )
    assert warned == "skipped empty.txt: is empty\n"
    (job,) = jobs
    assert (job.shards, job.device, job.models) == (str(place), "cpu", str(data / "models"))
    assert len(DataFolder(data).open().articles) == 4
    said, _ = run(articles, "--ray", "head:6379", "--data", data)
    assert re.match(
        r"Shards in .*: 0 made, \d found; 0 passages encoded by 0 nodes\.\nIndex is up to date: ", said
    )
    assert len(jobs) == 1


def test_articles_and_shards_may_be_at_addresses(articles: Path, tmp_path: Path, jobs: list[Job]) -> None:
    # In this process's memory, where nodes of a cluster would see a bucket.
    for path in articles.iterdir():
        RemoteFolder("memory://cli-ray/articles").write(path.name, path.read_bytes())
    run(
        "memory://cli-ray/articles", "--ray", "a:1", "--shards", "memory://cli-ray/shards", "--data", tmp_path
    )
    assert jobs[0].shards == "memory://cli-ray/shards"
    assert all(name.endswith(".parquet") for name in RemoteFolder("memory://cli-ray/shards").names())
    assert [article.source for article in DataFolder(tmp_path).open().articles] == [
        "0.md",
        "1.md",
        "2.md",
        "3.md",
    ]


def test_a_file_that_is_skipped_fails_a_strict_build(articles: Path, tmp_path: Path, jobs: list[Job]) -> None:
    _, warned = run(articles, "--ray", "a:1", "--data", tmp_path / "data", "--strict", code=2)
    assert "1 file skipped; repair or remove them, or leave out --strict" in warned
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["s3://bucket/a"], "s3://bucket/a is an address"),
        (["--shards", "s"], "--shards is for a cluster"),
    ],
)
def test_what_needs_a_cluster_says_so_without_one(arguments: list[str], told: str, tmp_path: Path) -> None:
    said, warned = run(*arguments, "--data", tmp_path, code=2)
    assert (said, warned) == (
        "",
        f"qa: {told}; add --ray with the address of a Ray cluster, or --ray local\n",
    )


def test_a_place_that_nothing_reads_is_one_line(articles: Path, tmp_path: Path, jobs: list[Job]) -> None:
    _, warned = run("nowhere://a", "--ray", "a:1", "--data", tmp_path, code=2)
    assert warned.startswith("qa: nowhere://a cannot be reached: ")
    assert warned.count("\n") == 1
