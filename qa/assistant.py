"""The assistant: a question in, an answer out; nothing is ever written that is not in an article."""

from __future__ import annotations

from collections.abc import Sequence

from index.encoder import Encoder
from index.errors import ModelRefused
from index.generation import Generation
from index.search import Hit, Query, search
from index.where import EVERYTHING, Where
from qa.answer import Answer, Extract, Place
from qa.confidence import ABSTAIN_BELOW, band, confidence
from qa.extract import Group, group_hits
from qa.question import Question, QuestionError, read_question

DEFAULT_EXTRACTS = 5
# Sentences looked at for each extract wanted: neighbours and repetitions use some up.
_HITS_PER_EXTRACT = 8


class Assistant:
    """Answers questions from one generation of the index. Safe to share between threads."""

    def __init__(self, generation: Generation, encoder: Encoder) -> None:
        """Raises ModelRefused when the index was built with another model than the encoder's."""
        built_with = generation.manifest
        if built_with.fingerprint != encoder.fingerprint:
            raise ModelRefused(
                f"{generation.folder} was built with the model {built_with.model}, not with {encoder.name} "
                f"as it is now; name that model (--model), or run `qa index` again"
            )
        self.generation = generation
        self._encoder = encoder

    def ask(self, question: str, k: int = DEFAULT_EXTRACTS, filters: Where = EVERYTHING) -> Answer:
        """At most k extracts that answer, best first, or none and the nearest passages.

        A phrase in double quotes must occur in every extract. Raises QuestionError for a question that is
        empty or too long, or k below 1.
        """
        if k < 1:
            raise QuestionError(f"{k} extracts were asked for; ask for 1 or more")
        asked = read_question(question)
        extracts = self._extracts(self._search(asked, k * _HITS_PER_EXTRACT, filters), k)
        sure = extracts[0].confidence if extracts else 0.0
        # Who quotes a phrase asks where it stands, and there it stands.
        abstained = not extracts or (sure < ABSTAIN_BELOW and not asked.phrases)
        return Answer(
            question=asked.text,
            extracts=() if abstained else extracts,
            nearest=extracts if abstained else (),
            confidence=sure,
            band=band(sure),
            abstained=abstained,
            generation=self.generation.id,
        )

    def decline(self, question: str) -> Answer:
        """The answer to a question that cannot be asked: none."""
        return Answer(
            question=question,
            extracts=(),
            nearest=(),
            confidence=0.0,
            band=band(0.0),
            abstained=True,
            generation=self.generation.id,
        )

    def search(self, question: str, k: int, filters: Where = EVERYTHING) -> list[Hit]:
        """The k best sentences for a question, before any of them is chosen or withheld."""
        return self._search(read_question(question), k, filters)

    def _search(self, asked: Question, k: int, filters: Where) -> list[Hit]:
        query = Query(
            vector=self._encoder.encode([asked.text])[0],
            terms=tuple(self.generation.lexical.terms(asked.text)),
            phrases=asked.phrases,
        )
        return search(self.generation, query, k, where=filters)

    def _extracts(self, hits: Sequence[Hit], k: int) -> tuple[Extract, ...]:
        extracts: list[Extract] = []
        sure = 1.0
        for rank, group in enumerate(group_hits(self.generation, hits, k), start=1):
            # What ranks lower is never called a better match: a person would read that as a mistake.
            sure = min(sure, confidence(group.hit))
            extracts.append(self._extract(group, rank, sure=sure))
        return tuple(extracts)

    def _extract(self, group: Group, rank: int, *, sure: float) -> Extract:
        sentences = self.generation.sentences
        first, last = group.shown
        return Extract(
            rank=rank,
            passage=group.hit.passage,
            start=sentences[first].start,
            end=sentences[last].end,
            answer=(sentences[group.first].start, sentences[group.last].end),
            score=group.hit.score,
            confidence=sure,
            band=band(sure),
            matched=group.hit.matched,
            also_in=tuple(
                Place(hit.sentence.article, hit.sentence.start, hit.sentence.end) for hit in group.repeats
            ),
        )
