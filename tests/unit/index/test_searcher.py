from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.building.build import build
from index.generation.data_folder import DataFolder
from index.generation.generation import CACHED_FILTERS, Generation
from index.generation.self_check import check_probes
from index.retrieval.dense_index import DenseIndex
from index.retrieval.filter import NO_FILTER_IDS, Filter, Granularity
from index.retrieval.index_type import Kind, Plan
from index.search.candidates import CandidateSearch
from index.search.query import Hit, Query
from index.search.searcher import Searcher
from index.storage.lru import LruCache
from tests.support.fakes import WordEncoder, article, passes

FERRY = article(
    "ferry",
    "The ferry leaves at nine. It carries forty cars.",
    "The ferry was built in Leith.",
    heading="Ferry times",
)
BRIDGE = article("bridge", "The bridge is closed in winter. Ice falls from its cables. Cars use the ferry.")
ROAD = article("road", "The road to the quay is narrow. Two cars cannot pass.")


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    data = tmp_path_factory.mktemp("data")
    build([FERRY, BRIDGE, ROAD], WordEncoder(), data)
    return DataFolder(data).open()


def query(generation: Generation, text: str, *phrases: str) -> Query:
    return Query(WordEncoder().encode_questions([text])[0], tuple(generation.lexical.terms(text)), phrases)


def texts(hits: list[Hit]) -> list[str]:
    return [hit.sentence.text for hit in hits]


def test_the_sentence_that_says_it_comes_first(generation: Generation) -> None:
    hits = Searcher(generation).search(query(generation, "ice falls from cables"), 3)
    assert hits[0].sentence.text == "Ice falls from its cables."
    assert (hits[0].coverage, hits[0].complete) == (1.0, True)
    assert not hits[1].complete
    assert set(hits[0].matched) == {"ice", "fall", "cabl", "from"}


def test_scores_descend_and_repeat_exactly(generation: Generation) -> None:
    first, again = (Searcher(generation).search(query(generation, "cars on the ferry"), 20) for _ in range(2))
    assert first == again
    assert [hit.score for hit in first] == sorted((hit.score for hit in first), reverse=True)
    assert len({hit.row for hit in first}) == len(first)


def test_a_heading_never_answers_the_sentence_below_it_does(generation: Generation) -> None:
    assert "Ferry times" not in texts(Searcher(generation).search(query(generation, "ferry times"), 20))
    (hit,) = Searcher(generation).search(query(generation, "ferry times", "ferry times"), 20)
    assert hit.sentence.text == "The ferry leaves at nine."
    assert generation.sentences[hit.phrase_row].text == "Ferry times"


def test_a_heading_in_an_index_finds_the_sentence_below_it(generation: Generation) -> None:
    search = CandidateSearch(generation, sentences=1)
    rows, _ = search.rows(query(generation, "times"), Filter(articles=("ferry",)))
    assert "The ferry leaves at nine." in [generation.sentences[row].text for row in rows.tolist()]
    assert "Ferry times" not in [generation.sentences[row].text for row in rows.tolist()]


def test_a_phrase_must_occur_in_every_result(generation: Generation) -> None:
    hits = Searcher(generation).search(query(generation, "cars", "CARS use"), 20)
    assert texts(hits) == ["Cars use the ferry."]
    assert Searcher(generation).search(query(generation, "cars", "use cars"), 20) == []


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        (Filter(articles=("road",)), {"road"}),
        (Filter(articles=("road.md", "bridge")), {"road", "bridge"}),
        (Filter(years=("2024",)), {"ferry", "bridge", "road"}),
        (Filter(years=("1999",)), set()),
        (Filter(publishers=("The Gazette",), articles=("ferry",)), {"ferry"}),
        (Filter(authors=("Nobody",)), set()),
    ],
)
def test_filters(generation: Generation, where: Filter, ids: set[str]) -> None:
    hits = Searcher(generation).search(query(generation, "cars"), 50, where=where)
    assert {hit.sentence.article.id for hit in hits} == ids


def test_a_small_corpus_is_ranked_alike_through_the_indexes(generation: Generation) -> None:
    asked = query(generation, "which cars use the ferry")
    whole = Searcher(generation).search(asked, 3)
    searcher = Searcher(generation, candidates=CandidateSearch(generation, sentences=7))
    assert texts(searcher.search(asked, 3)) == texts(whole)


def test_a_function_word_that_very_many_texts_hold_is_not_looked_for(generation: Generation) -> None:
    terms = ["the", "ferri", "to"]  # in 5, 3 and 1 of the sentences

    def informative(terms: list[str], **limits: int) -> list[str]:
        return [*CandidateSearch(generation, **limits).informative_terms(Granularity.SENTENCE, terms)]

    assert informative(terms) == terms
    assert informative(terms, frequent=4) == ["ferri", "to"]
    assert informative(terms, frequent=1) == ["ferri", "to"]
    assert informative(["the", "the"], frequent=1) == ["the", "the"]


def test_a_phrase_is_whole_words(generation: Generation) -> None:
    assert Searcher(generation).search(query(generation, "ferry", "err"), 20) == []
    assert texts(Searcher(generation).search(query(generation, "ferry", "ferry was"), 20)) == [
        "The ferry was built in Leith."
    ]


def test_a_phrase_and_a_filter_together(generation: Generation) -> None:
    where = Filter(articles=("bridge",))
    hits = Searcher(generation).search(query(generation, "cars", "ferry"), 20, where=where)
    assert texts(hits) == ["Cars use the ferry."]


def test_dense_scores_are_the_cosines(generation: Generation) -> None:
    (hit,) = Searcher(generation).search(query(generation, "ice falls"), 1)
    encode = WordEncoder().encode
    start, end = generation.window(hit.row)
    surrounding = [hit.sentence.text, hit.sentence.article.text[start:end], hit.passage.text]
    cosines = encode(surrounding) @ encode(["ice falls"])[0]
    assert hit.dense == pytest.approx(float(np.array([1, 0.4, 0.3]) @ cosines / 1.7), abs=5e-4)


def test_late_scores_are_the_shares_of_words_that_match(generation: Generation) -> None:
    """Equal words have equal one-hot vectors: a question of five words weighs each a fifth."""
    hits = Searcher(generation).search(query(generation, "the quay was in winter."), 20)
    late = {hit.sentence.text: hit.late for hit in hits}
    # "the" and "winter." of five; its window has no other of them.
    assert late["The bridge is closed in winter."] == pytest.approx(0.6, abs=1e-6)
    # "the", "was" and "in"; nothing more in the sentence before it, which is in another paragraph.
    assert late["The ferry was built in Leith."] == pytest.approx(0.6, abs=1e-6)


def test_only_the_best_candidates_are_scored_by_late_interaction(
    generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Searcher(generation).search(query(generation, "ice falls from cables"), 20)
    monkeypatch.setattr("index.search.late_interaction.MOST_STORED", 3)
    hits = Searcher(generation).search(query(generation, "ice falls from cables"), 20)
    assert len(hits) == len(whole)
    late = [hit.late for hit in hits]
    assert late == [whole_hit.late for whole_hit in whole[:2]] + [late[2]] * (len(hits) - 2)
    assert texts(hits)[0] == "Ice falls from its cables."


def test_token_vectors_that_are_not_stored_are_made_for_the_best_candidates(
    generation: Generation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build([FERRY, BRIDGE, ROAD], WordEncoder(), tmp_path, plan=Plan(token_vectors=False))
    bare = DataFolder(tmp_path).open()
    assert (len(bare.tokens), bare.manifest.counts["tokens"]) == (0, 0)
    asked = query(generation, "which cars use the ferry")
    stored = Searcher(generation).search(asked, 20)
    encoder = WordEncoder()
    assert Searcher(bare, encoder=encoder).search(asked, 20) == stored
    assert set(encoder.encoded) == {passage.text for passage in bare.passages}
    assert {hit.late for hit in Searcher(bare).search(asked, 20)} == {None}
    monkeypatch.setattr("index.search.late_interaction.MOST_ENCODED", 1)
    encoder = WordEncoder()
    (first, *others) = Searcher(bare, encoder=encoder).search(asked, 20)
    assert first.sentence.text == stored[0].sentence.text
    assert first.late == stored[0].late
    assert {hit.late for hit in others} == {first.late}  # not scored: as the worst one that was
    assert 0 < len(encoder.encoded) < len(bare.passages)


def test_nothing_is_asked_for_and_nothing_comes(generation: Generation) -> None:
    assert Searcher(generation).search(query(generation, "ferry"), 0) == []


def test_build_folder_is_not_needed_by_search(tmp_path: Path) -> None:
    build([ROAD], WordEncoder(), tmp_path)
    opened = DataFolder(tmp_path).open()
    assert texts(Searcher(opened).search(query(opened, "narrow quay"), 1)) == [
        "The road to the quay is narrow."
    ]


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Generation]:
    """The same 400 articles, searched exactly and through lists of both kinds."""
    random = np.random.default_rng(3)
    words = [f"word{number}" for number in range(300)]
    articles = [
        replace(
            article(
                f"n{row:03}",
                f"No {' '.join(random.choice(words, 6))}. And {' '.join(random.choice(words, 5))}.",
            ),
            published=f"{2000 + row % 4}-01-02",
            publisher=f"Press {row % 3}",
            author=f"Ann {row % 5} and Bo {row % 2}",
        )
        for row in range(400)
    ]
    made = {}
    for kind in (Kind.FLAT, Kind.IVF, Kind.PQ):
        data = tmp_path_factory.mktemp(kind)
        build(articles, WordEncoder(), data, plan=Plan(kind, nprobe=4096))
        made[kind] = DataFolder(data).open()
    return made


FILTERS = (
    Filter(),
    Filter(years=("2001",)),
    Filter(publishers=("press 1",), authors=("bo 1",)),
    Filter(authors=("Ann 3 and Bo 1", "Ann 2")),
    Filter(articles=("n007", "N399.md")),
    Filter(years=("1999",)),
)


def test_an_index_says_what_it_is(kinds: dict[Kind, Generation]) -> None:
    for kind, opened in kinds.items():
        parameters = opened.manifest.index
        assert parameters["kind"] == kind
        assert kind is Kind.FLAT or float(parameters["recall"]) >= 0.95
        assert opened.manifest.settings["index"] == kind
        check_probes(opened)


def without_brute_force(generation: Generation) -> Generation:
    """The same generation, searched through its index however few sentences a filter allows."""
    assert isinstance(generation.vectors, np.ndarray)
    dense = DenseIndex.open(
        generation.folder / "sentences.faiss",
        generation.vectors,
        generation.manifest.index,
        brute_force_below=0,
    )
    return replace(generation, dense=dense, filters=LruCache(CACHED_FILTERS))


@pytest.mark.parametrize("where", FILTERS)
@pytest.mark.parametrize("brute_force", [False, True])
def test_every_kind_finds_the_same_under_every_filter(
    kinds: dict[Kind, Generation], where: Filter, brute_force: bool
) -> None:
    searchers = {
        kind: Searcher(opened if brute_force else without_brute_force(opened))
        for kind, opened in kinds.items()
    }
    for text in ("word7 word12 and word250", "no word99"):
        asked = query(kinds[Kind.FLAT], text)
        exact = searchers[Kind.FLAT].search(asked, 10, where=where)
        assert all(passes(where, hit.sentence.article) for hit in exact)
        for kind in (Kind.IVF, Kind.PQ):
            found = searchers[kind].search(asked, 10, where=where)
            assert [hit.row for hit in found] == [hit.row for hit in exact]


@pytest.mark.parametrize("where", FILTERS)
def test_a_filtered_search_is_the_search_of_what_is_allowed(
    kinds: dict[Kind, Generation], where: Filter
) -> None:
    """Candidates under a filter against an exact search of the allowed sentences, by meaning and by words."""
    opened = kinds[Kind.IVF]
    asked = query(opened, "word7 word12 and word250")
    allowed = [row for row, one in enumerate(opened.sentences) if passes(where, one.article)]
    cosines = {row: float(opened.vectors[row] @ asked.question.vector) for row in allowed}
    passing = opened.allowed(where)
    found = opened.dense.search(asked.question.vector, 10, allowed=passing)
    expected = sorted(cosines, key=lambda row: (-round(cosines[row], 5), row))[:10]
    assert [row for row, _ in found] == expected
    held = [
        row for row in allowed if set(asked.terms) & set(opened.lexical.terms(opened.sentences[row].text))
    ]
    filter_ids = passing.filter_ids if passing else NO_FILTER_IDS
    assert (
        sorted(row for row, _ in opened.lexical.search("sentence", asked.terms, 800, filter_ids=filter_ids))
        == held
    )
