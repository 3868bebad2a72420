from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.article import Article
from corpus.sentences import split_sentences
from index.building.build import build
from index.errors import ModelRefused
from index.generation.data_folder import DataFolder
from index.retrieval.filter import Filter
from qa.answer import Answer, Band, Extract, State
from qa.assistant import Assistant
from qa.confidence import Costs
from qa.errors import QuestionError
from qa.extracts import EXTRACT_SENTENCES, EXTRACT_WORDS
from tests.support.fakes import WordEncoder, article
from tests.support.sample_answers import SAMPLE_CALIBRATION

HARBOUR = article(
    "harbour",
    "The harbour opened in 1820. Dredging cost more than the quay. The harbour silted up again by 1850. A canal was planned.",
    "Nobody paid for the canal.",
    heading="The harbour",
)
ECHO = article(
    "echo", "Old papers say little of the town. The harbour silted up again by 1850!", "Fish was cheap."
)


def ask(data: Path, question: str, *articles: Article, k: int = 5, where: Filter | None = None) -> Answer:
    build(articles or (HARBOUR, ECHO), WordEncoder(), data)
    assistant = Assistant(DataFolder(data).open(), WordEncoder(), calibration=SAMPLE_CALIBRATION)
    return assistant.ask(question, k, where or Filter())


def shown(answer: Answer) -> tuple[Extract, ...]:
    return answer.extracts or answer.nearest


def test_the_answer_sentence_is_marked_between_its_neighbours(tmp_path: Path) -> None:
    first = shown(ask(tmp_path, "dredging cost more than the quay"))[0]
    assert first.answer_text == "Dredging cost more than the quay."
    assert first.text == (
        "The harbour opened in 1820. Dredging cost more than the quay. The harbour silted up again by 1850."
    )
    assert first.rank == 1


def test_every_extract_is_whole_sentences_of_its_article(tmp_path: Path) -> None:
    for question in ("harbour", "canal paid nobody", "fish cheap town", "1850"):
        for extract in shown(ask(tmp_path, question)):
            sentences = split_sentences(extract.article)
            assert extract.text == extract.article.text[extract.start : extract.end]
            assert extract.start in {sentence.start for sentence in sentences}
            assert extract.end in {sentence.end for sentence in sentences}
            assert extract.start <= extract.answer[0] < extract.answer[1] <= extract.end
            inside = [s for s in sentences if extract.start <= s.start and s.end <= extract.end]
            assert len(inside) <= EXTRACT_SENTENCES
            assert len(extract.text.split()) <= EXTRACT_WORDS


def test_the_same_statement_elsewhere_is_told_and_not_shown_again(tmp_path: Path) -> None:
    answer = ask(tmp_path, "harbour silted up again by 1850")
    first = shown(answer)[0]
    assert {first.article.id} | {place.article.id for place in first.also_in} == {"harbour", "echo"}
    assert sum("silted" in extract.answer_text for extract in shown(answer)) == 1


def test_no_sentence_is_shown_twice(tmp_path: Path) -> None:
    spans = [
        (e.article.id, (e.start, e.end)) for e in shown(ask(tmp_path, "harbour canal quay", HARBOUR, k=10))
    ]
    assert len(spans) == len(set(spans))
    for i, (name, (start, end)) in enumerate(spans):
        assert not any(
            name == other and start < stop and begin < end for other, (begin, stop) in spans[i + 1 :]
        )


def test_a_question_about_nothing_there_is_not_answered_and_has_the_nearest_passages(tmp_path: Path) -> None:
    answer = ask(tmp_path, "zebra quantum xylophone")
    assert answer.abstained
    assert answer.extracts == ()
    assert answer.nearest


def test_a_phrase_that_stands_nowhere_gives_no_answer(tmp_path: Path) -> None:
    answer = ask(tmp_path, 'when did the harbour "silt down"')
    assert (answer.state, answer.extracts, answer.nearest, answer.confidence) == (State.NONE, (), (), 0.0)


def test_a_phrase_occurs_in_every_extract(tmp_path: Path) -> None:
    found = shown(ask(tmp_path, 'harbour "Canal was planned"'))
    assert [extract.answer_text for extract in found] == ["A canal was planned."]


def test_a_phrase_of_a_heading_is_shown_with_the_sentence_below_it(tmp_path: Path) -> None:
    page = article("page", "Boats are cheap today.", heading="Fares of old")
    (extract,) = shown(ask(tmp_path / "page", '"fares of old"', page))
    assert (extract.text, extract.answer_text) == (page.text, "Boats are cheap today.")


def test_a_phrase_of_a_byline_is_shown_with_the_nearest_sentence(tmp_path: Path) -> None:
    page = article("page", "By Ann Lee", "Boats are cheap today. Nobody knows why.")
    (extract,) = shown(ask(tmp_path, '"ann lee"', page))
    assert extract.answer_text == "Boats are cheap today."
    assert extract.text == "By Ann Lee\n\nBoats are cheap today."


def test_lower_ranks_are_never_called_better_matches(tmp_path: Path) -> None:
    for question in ("harbour silted up", "canal paid nobody", "fish was cheap"):
        sure = [extract.confidence or 0.0 for extract in shown(ask(tmp_path, question))]
        assert sure == sorted(sure, reverse=True)
        assert sure[0] > 0


def test_filters_and_k(tmp_path: Path) -> None:
    assert {e.article.id for e in shown(ask(tmp_path, "harbour", where=Filter(articles=("echo",))))} == {
        "echo"
    }
    assert len(shown(ask(tmp_path, "harbour", k=1))) == 1


def test_asking_twice_gives_the_same_answer(tmp_path: Path) -> None:
    build([HARBOUR, ECHO], WordEncoder(), tmp_path)
    assistants = [Assistant(DataFolder(tmp_path).open(), WordEncoder()) for _ in range(2)]
    assert (
        assistants[0].ask("harbour canal")
        == assistants[0].ask("harbour canal")
        == assistants[1].ask("harbour canal")
    )


def test_another_model_than_the_indexs_is_refused(tmp_path: Path) -> None:
    build([HARBOUR], WordEncoder(), tmp_path)
    with pytest.raises(ModelRefused, match="was built with the model words"):
        Assistant(DataFolder(tmp_path).open(), WordEncoder(fingerprint="0" * 64))


def test_a_phrase_that_stands_somewhere_is_answered_and_at_least_a_possible_match(tmp_path: Path) -> None:
    answer = ask(tmp_path, 'zebra xylophone "canal"')
    assert answer.state is State.ANSWERED
    assert answer.confidence is not None
    assert answer.confidence < Costs().answered_from
    assert {answer.band, *(extract.band for extract in answer.extracts)} == {Band.POSSIBLE}
    assert all("canal" in extract.answer_text for extract in answer.extracts)


@pytest.mark.parametrize(
    ("chance", "costs", "state", "band"),
    [
        (0.6, Costs(wrong_answer=1), State.ANSWERED, Band.POSSIBLE),
        (0.6, Costs(), State.UNSURE, Band.WEAK),
        (0.05, Costs(), State.NONE, Band.WEAK),
        (0.05, Costs(missed_answer=99), State.UNSURE, Band.WEAK),
    ],
)
def test_the_state_follows_from_the_chance_and_the_costs(
    chance: float, costs: Costs, state: State, band: Band, tmp_path: Path
) -> None:
    build([HARBOUR, ECHO], WordEncoder(), tmp_path)
    generation = DataFolder(tmp_path).open()
    # Without weights every hit has the same chance.
    level = replace(SAMPLE_CALIBRATION, weights=(0.0,) * 3, constant=math.log(chance / (1 - chance)))
    assistant = Assistant(generation, WordEncoder(), calibration=level, costs=costs)
    for answer in (assistant.ask("canal"), assistant.with_generation(generation).ask("canal")):
        assert (answer.state, answer.band) == (state, band)
        assert answer.confidence == pytest.approx(chance)
        assert (bool(answer.extracts), bool(answer.nearest)) == (not answer.abstained, answer.abstained)


def test_what_lacks_the_number_asked_for_is_unsure_however_well_it_matches(tmp_path: Path) -> None:
    build(
        [article("quay", "The canal has many boats. The canal has 40 boats in May.")], WordEncoder(), tmp_path
    )
    sure = replace(SAMPLE_CALIBRATION, weights=(0.0,) * 3, constant=3.0)
    generation = DataFolder(tmp_path).open()
    assistant = Assistant(generation, WordEncoder(), calibration=sure)
    assert assistant.ask("how many boats has the canal").state is State.ANSWERED
    build([article("quay", "The canal has many boats.")], WordEncoder(), tmp_path)
    without = Assistant(DataFolder(tmp_path).open(), WordEncoder(), calibration=sure)
    answer = without.ask("how many boats has the canal")
    assert (answer.state, answer.band) == (State.UNSURE, Band.WEAK)
    assert without.ask('how many boats has "the canal"').state is State.ANSWERED


def test_less_than_one_extract_cannot_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="ask for 1 or more"):
        ask(tmp_path, "harbour", k=0)


def test_without_a_calibration_nothing_is_rated_and_nothing_withheld(tmp_path: Path) -> None:
    build([HARBOUR, ECHO], WordEncoder(), tmp_path)
    assistant = Assistant(DataFolder(tmp_path).open(), WordEncoder())
    answer = assistant.ask("zebra quantum xylophone")
    assert (answer.calibrated, answer.confidence, answer.band, answer.state) == (
        False,
        None,
        Band.UNRATED,
        State.ANSWERED,
    )
    assert {(extract.confidence, extract.band) for extract in answer.extracts} == {(None, Band.UNRATED)}
    nothing = assistant.ask('the "silt down"')
    assert (nothing.state, nothing.confidence, nothing.band) == (State.NONE, None, Band.UNRATED)
    assert assistant.decline("").confidence is None


def test_a_calibration_of_another_model_is_refused(tmp_path: Path) -> None:
    build([HARBOUR], WordEncoder(), tmp_path)
    with pytest.raises(ModelRefused, match="the calibration was fitted for words alone, not"):
        Assistant(
            DataFolder(tmp_path).open(),
            WordEncoder(),
            calibration=replace(SAMPLE_CALIBRATION, fingerprint="0" * 64),
        )
