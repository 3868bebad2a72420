"""Articles read when they are asked for."""

import gc
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpus.article import Article
from index.errors import Damaged
from index.generation.articles import Articles, article_files, article_table, open_articles
from index.storage.arrays import array_bytes
from tests.support.fakes import article

KNOWN = tuple(article(f"n{row:03}", f"Number {row}. " + "ü" * row) for row in range(40))


@pytest.fixture
def opened(tmp_path: Path) -> Articles:
    for name, content in article_files(KNOWN).items():
        (tmp_path / name).write_bytes(content)
    return open_articles(tmp_path, len(KNOWN))


def test_places_worked_by_hand() -> None:
    assert article_table([(10, 3), (20, 4)]).tolist() == [[10, 3], [30, 4]]


def test_it_is_a_sequence_like_any_other(opened: Articles) -> None:
    assert tuple(opened) == KNOWN
    assert (len(opened), opened[-1], opened[np.int64(3)]) == (40, KNOWN[39], KNOWN[3])
    assert opened[2:5] == KNOWN[2:5]
    assert tuple(reversed(opened)) == KNOWN[::-1]
    assert KNOWN[7] in opened
    with pytest.raises(IndexError):
        opened[40]


def test_lengths_count_code_points(opened: Articles) -> None:
    assert opened.lengths.tolist() == [len(one.text) for one in KNOWN]


def test_an_article_that_is_held_is_never_made_twice(opened: Articles) -> None:
    held = opened[0]
    assert [opened[0] is held for _ in map(opened.__getitem__, range(40)) for _ in range(2)] == [True] * 80


def test_what_nobody_holds_is_forgotten(opened: Articles) -> None:
    few = Articles(opened._content, opened._table, opened._path, recent=2)
    for row in range(40):
        assert few[row] == KNOWN[row]
    gc.collect()
    assert sorted(few._in_use.keys()) == [38, 39]


def test_threads_get_the_same_article(opened: Articles) -> None:
    got: list[Article] = []
    ready = threading.Barrier(8)

    def read() -> None:
        ready.wait()
        got.extend(opened[row] for row in range(40))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 320
    assert len({id(one) for one in got}) == 40


@pytest.mark.parametrize(
    "places",
    [
        article_table([(10, 3)] * 40),
        np.zeros((40, 2), dtype=np.int64),
        article_table([(len(one.text), 1) for one in KNOWN])[:39],
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, places: np.ndarray) -> None:
    for name, content in article_files(KNOWN).items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "article_places.npy").write_bytes(array_bytes(places))
    with pytest.raises(Damaged, match="article_places"):
        open_articles(tmp_path, 40)


def test_giving_memory_back_changes_nothing(opened: Articles) -> None:
    before = opened[5].text
    opened.release_pages()
    assert opened[5].text == before
    assert tuple(opened) == KNOWN


NAMES = (
    replace(KNOWN[0], title="The old harbour"),
    replace(KNOWN[1], title="", source="no title.md"),
    replace(KNOWN[2], title='A "quoted", "url": "x" title \\', url='https://example.org/?"title": "y"'),
    replace(KNOWN[3], title="Élan", metadata={"title": "other", "url": "z", "source": "s", "text": "t"}),
    replace(KNOWN[4], title="", source='"source": "s", "text": "t"', text='", "title": "x", "text": "y'),
)


def test_titles_are_read_without_parsing_articles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in article_files(NAMES).items():
        (tmp_path / name).write_bytes(content)
    opened = open_articles(tmp_path, len(NAMES))
    monkeypatch.setattr(opened, "_read", pytest.fail)
    assert list(opened.display_titles()) == [one.display_title for one in NAMES]


def test_a_malformed_line_has_no_title(tmp_path: Path) -> None:
    content = b"garbage\n"
    (tmp_path / "articles.jsonl").write_bytes(content)
    (tmp_path / "article_places.npy").write_bytes(array_bytes(article_table([(len(content), 1)])))
    with pytest.raises(Damaged, match="line 1: not an article"):
        list(open_articles(tmp_path, 1).display_titles())
