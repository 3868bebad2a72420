"""Files that no program writes: the builder lives, each refusal is listed, and no sound file is lost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cli.main
from corpus.article import Article
from corpus.formats.registry import read_article
from corpus.read import Reading, read_articles
from corpus.sandbox.limits import Limits
from corpus.sandbox.pool import Workers
from corpus.sentences import split_sentences
from fuzz.bombs import bombs
from fuzz.mutate import altered
from fuzz.seeds import FORMATS, SENTENCES, seeds
from index.building.build import build
from index.generation.data_folder import DataFolder
from tests.support.fakes import WordEncoder
from tests.support.process_leaks import no_leaks
from tests.support.tiers import full, samples

TIGHT = Limits(seconds=2, memory=512 << 20, answer=50_000_000)
ENDED = ("stopped its reader", "takes longer than", "needs more than")
SOUND = "The harbour office keeps a ledger of every boat, and nobody has counted page {number}."


def outcome(reason: str) -> str:
    """A class of reasons, without numbers, names and what a library said."""
    if reason.startswith("same text as"):
        return "the same as another"
    return re.sub(r"\d[\d,]*|\(.*\)|\*\w+", "#", reason).split(";")[0]


def counted(kind: str, reading: Reading) -> Counter[str]:
    """How many files came to what; printed, since a test that tries nothing proves nothing."""
    counts = Counter(outcome(skipped.reason) for skipped in reading.skipped)
    counts["read"] = len(reading.articles)
    told = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    print(f"{kind}: {counts.total()} files: {told}")
    return counts


def refused(counts: Counter[str]) -> int:
    return counts.total() - counts["read"] - counts["the same as another"]


def check_listed(files: Iterable[str], reading: Reading) -> None:
    """Each file is an article or has a reason, on one line."""
    named = [article.source for article in reading.articles] + [skipped.source for skipped in reading.skipped]
    assert sorted(named) == sorted(files)
    for skipped in reading.skipped:
        assert skipped.reason
        assert (skipped.source + skipped.reason).isprintable()


def check_whole(articles: Sequence[Article]) -> None:
    """What became an article is one by the house's own rules."""
    for article in articles:
        assert article.text == "\n\n".join(" ".join(part.split()) for part in article.text.split("\n\n"))
        assert article.text.encode()
        assert [start <= end <= len(article.text) for start, end in article.headings] == [True] * len(
            article.headings
        )
        covered = "".join(sentence.text for sentence in split_sentences(article))
        assert re.sub(r"\s", "", covered) == re.sub(r"\s", "", article.text)


def write(folder: Path, kind: str, count: int, *, seed: int) -> list[str]:
    names = []
    for number, raw in enumerate(altered(kind, count, seed=seed)):
        names.append(f"{number:05}.{kind}")
        (folder / names[-1]).write_bytes(raw)
    return names


def check_format(kind: str, folder: Path, count: int, *, seed: int) -> None:
    names = write(folder, kind, count, seed=seed)
    reading = read_articles([folder])
    counts = counted(kind, reading)
    check_listed(names, reading)
    check_whole(reading.articles)
    assert counts["read"] + counts["the same as another"] > count // 50, (
        "chance left too few files to be read"
    )
    assert refused(counts) > count // 50, "chance left too few files to be refused"


@samples("count", 100, 1_000, 20_000, seconds=1_800)
@pytest.mark.parametrize("kind", FORMATS)
def test_files_altered_by_chance_are_read_or_refused(tmp_path: Path, kind: str, count: int) -> None:
    with no_leaks():
        check_format(kind, tmp_path, count, seed=1 if count <= 1_000 else 2)


@pytest.mark.parametrize(
    "kind", ["txt", *(pytest.param(kind, marks=full) for kind in FORMATS if kind != "txt")]
)
def test_a_format_that_is_never_refused_or_never_read_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The test of the test: with nothing altered, or nothing left, an outcome is missing."""
    monkeypatch.setattr(f"{__name__}.altered", lambda kind, count, seed: [seeds()[kind][0]] * count)
    with pytest.raises(AssertionError, match="too few files to be refused"):
        check_format(kind, tmp_path, 60, seed=1)
    monkeypatch.setattr(f"{__name__}.altered", lambda kind, count, seed: [b"\x00"] * count)
    with pytest.raises(AssertionError, match="too few files to be read"):
        check_format(kind, tmp_path, 60, seed=1)


def test_what_is_altered_was_sound() -> None:
    for kind, raws in seeds().items():
        for raw in raws:
            assert SENTENCES[0] in read_article(f".{kind}", raw, "a").text


@pytest.fixture(scope="module")
def bombed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bombs")
    for name, raw in bombs().items():
        (folder / name).write_bytes(raw)
    return folder


@full
def test_bombs_cost_no_other_file_and_the_rest_is_indexed(bombed: Path, tmp_path: Path) -> None:
    sound = tmp_path / "sound"
    sound.mkdir()
    for number in range(20):
        (sound / f"{number:02}.txt").write_text(SOUND.format(number=number), encoding="utf-8")
    with no_leaks():
        reading = read_articles([bombed, sound], workers=Workers(limits=TIGHT))
    counts = counted("bombs", reading)
    names = [path.name for folder in (bombed, sound) for path in folder.iterdir()]
    check_listed(names, reading)
    check_whole(reading.articles)
    reasons = {skipped.source: skipped.reason for skipped in reading.skipped}
    ended = [source for source, reason in reasons.items() if reason.startswith(ENDED)]
    print(f"ended by a limit: {', '.join(ended)}")
    assert {"accents.txt", "attributes.html", "inflates-once.pdf"} <= set(ended)
    assert refused(counts) - len(ended) > 10
    assert not {path.name for path in sound.iterdir()} & set(reasons)
    built = build(reading.articles, WordEncoder(), tmp_path / "data")
    assert len(DataFolder(tmp_path / "data").open().articles) == len(reading.articles) > 20
    assert DataFolder(tmp_path / "data").verify().generation == built.generation


def test_with_more_memory_the_same_file_is_not_ended(bombed: Path) -> None:
    """The test of the test: it is the limit that ends it."""
    (tight,) = read_articles([bombed / "inflates-once.pdf"], workers=Workers(limits=TIGHT)).skipped
    assert tight.reason.startswith(ENDED)
    (loose,) = read_articles([bombed / "inflates-once.pdf"]).skipped
    assert not loose.reason.startswith(ENDED)


@full
def test_one_bad_file_among_999_leaves_999_indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bad one crashes the process that reads it."""
    folder = tmp_path / "articles"
    folder.mkdir()
    for number in range(999):
        (folder / f"{number:03}.txt").write_text(SOUND.format(number=number), encoding="utf-8")
    (folder / "bad.pdf").write_bytes(bombs()["inflates-once.pdf"])
    monkeypatch.setattr("qa.loading.load_encoder", lambda *_, **__: WordEncoder())
    monkeypatch.setattr("corpus.read.Workers", lambda: Workers(limits=TIGHT))
    done = CliRunner().invoke(cli.main.app, ["index", str(folder), "--data", str(tmp_path / "data")])
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith("skipped bad.pdf: stopped its reader (SIG")
    assert done.stderr.count("\n") == 1
    assert "Indexed 999 articles, 1 file skipped" in done.stdout
    assert len(DataFolder(tmp_path / "data").open().articles) == 999
    strict = CliRunner().invoke(
        cli.main.app, ["index", str(folder), "--data", str(tmp_path / "other"), "--strict"]
    )
    assert strict.exit_code == 2
    assert "1 file skipped" in strict.stderr
    assert not (tmp_path / "other").exists()
