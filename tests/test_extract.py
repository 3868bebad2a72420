from __future__ import annotations

from pathlib import Path

from index.build import build
from index.generation import Generation
from index.search import Query, search
from index.store import open_current
from qa.extract import EXTRACT_WORDS, context, group_hits
from tests.fakes import WordEncoder, article

LONG = " ".join(["quay"] * 60)


def opened(data: Path, *paragraphs: str) -> Generation:
    build([article("a", *paragraphs)], WordEncoder(), data)
    return open_current(data)


def shown(generation: Generation, question: str, k: int = 5) -> list[tuple[str, str]]:
    """Text shown and text marked of each extract."""
    query = Query(WordEncoder().encode([question])[0], tuple(generation.lexical.terms(question)))
    found = []
    for group in group_hits(generation, search(generation, query, 40), k):
        first, last = context(generation, group)
        text, s = generation.articles[0].text, generation.sentences
        found.append((text[s[first].start : s[last].end], text[s[group.first].start : s[group.last].end]))
    return found


def test_context_keeps_to_the_paragraph(tmp_path: Path) -> None:
    generation = opened(tmp_path, "One ends here.", "Ice fell. Cars slid on it.", "Two begins.")
    assert shown(generation, "ice fell")[0][0] == "Ice fell. Cars slid on it."


def test_a_long_neighbour_is_left_out_rather_than_cut(tmp_path: Path) -> None:
    generation = opened(tmp_path, f"{LONG.capitalize()}. Ice fell on the road. {LONG.capitalize()}.")
    text, marked = shown(generation, "ice fell on the road")[0]
    assert marked == "Ice fell on the road."
    assert len(text.split()) <= EXTRACT_WORDS
    assert text.endswith((".", "road."))


def test_k_is_the_most_that_is_shown(tmp_path: Path) -> None:
    generation = opened(
        tmp_path, *(f"Ice fell in place number {n} of town." for n in ("nine", "ten", "six", "two"))
    )
    assert len(shown(generation, "ice fell", k=2)) <= 2
