"""What is marked in answers over articles with bylines, captions, footnotes, labels and sub-headings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from corpus.read import read_articles
from index.building.build import build
from index.embedding.load import load_encoder
from index.generation.data_folder import DataFolder
from qa.answer import Extract
from qa.assistant import Assistant

PAGE = """# A ferry for the island

Ann Lee, Transport Correspondent

The council has bought a ferry for the island (1), and it will sail in the spring.

Photo: The quay in the winter

## Pooled fares.

Each of the four islands pays into one purse. The purse is kept by the council of the largest.

## Winter service

The boat sleeps in the harbour from the first of November. Nobody crosses before the ice is gone.

Further information:

The author can be contacted on: ann@example.org

(1) The Book of Boats, Department for Transport, May 2005
"""
NOT_ASSERTED = (
    "A ferry for the island",
    "Ann Lee, Transport Correspondent",
    "Photo: The quay in the winter",
    "Pooled fares.",
    "Winter service",
    "Further information:",
    "(1) The Book of Boats, Department for Transport, May 2005",
)
SCRAPED = Path(__file__).parents[4] / "shared/articles"
QUESTIONS = (
    "pooled budgets",
    "friendly environment",
    "further information",
    "who is the author",
    "how can the author be contacted",
    "Linda Jackson",
    "Bob Hudson",
    "Department for Education and Skills, September 2005",
    "realising children's trust arrangements",
    "the background",
    "are we there yet",
    "pioneering scheme",
    '"Linda Jackson"',
    '"pooled budgets"',
    '"the background"',
)


def assistant(source: Path, data: Path) -> Assistant:
    encoder = load_encoder()
    build(read_articles([source]).articles, encoder, data)
    return Assistant(DataFolder(data).open(), encoder)


def shown(asked: Assistant, question: str) -> tuple[Extract, ...]:
    answer = asked.ask(question)
    return answer.extracts or answer.nearest


@pytest.fixture(scope="module")
def island(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    folder = tmp_path_factory.mktemp("island")
    (folder / "ferry.md").write_text(PAGE, encoding="utf-8")
    return assistant(folder / "ferry.md", folder / "data")


@pytest.mark.parametrize("line", NOT_ASSERTED)
def test_what_is_not_asserted_is_never_marked(island: Assistant, line: str) -> None:
    for question in (line, f'"{line.rstrip(".:")}"'):
        extracts = shown(island, question)
        assert extracts
        assert not [extract for extract in extracts if extract.answer_text in NOT_ASSERTED]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("pooled fares", "Each of the four islands pays into one purse."),
        ("winter service", "The boat sleeps in the harbour from the first of November."),
        ('"winter service"', "The boat sleeps in the harbour from the first of November."),
        ("how can the author be contacted", "The author can be contacted on: ann@example.org"),
    ],
)
def test_a_heading_finds_the_sentence_below_it(island: Assistant, question: str, answer: str) -> None:
    assert answer in shown(island, question)[0].answer_text


def test_a_quoted_heading_is_shown_above_its_sentence(island: Assistant) -> None:
    (extract,) = shown(island, '"winter service"')
    assert extract.text.startswith("Winter service\n\nThe boat sleeps")


@pytest.mark.skipif(not SCRAPED.is_dir(), reason="the scraped articles are not beside this checkout")
def test_scraped_articles(tmp_path: Path) -> None:
    asked = assistant(SCRAPED, tmp_path)
    for question in QUESTIONS:
        for extract in shown(asked, question):
            start, end = extract.answer
            marked, article = extract.answer_text, extract.article
            assert not [span for span in article.headings if span[0] < end and start < span[1]], question
            assert article.author not in (marked, marked.removeprefix("By ")) or not article.author, question
            assert not re.match(r"\(\d+\) ", marked), question
            assert not re.match(r"(?i:photo|picture|credit|image)\b", marked), question
