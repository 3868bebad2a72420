"""The assistant: a question in, an answer out; nothing is ever written that is not in an article."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from corpus.article import Sentence
from index.encoder import Encoder
from index.errors import ModelRefused
from index.generation import Generation
from index.search import FUSED, Fusion, Hit, Query, search, stages
from index.where import EVERYTHING, Where
from qa.answer import Answer, Band, Extract, Place
from qa.confidence import Calibration
from qa.errors import QuestionError
from qa.extract import Group, group_hits
from qa.question import Question, read_question

DEFAULT_EXTRACTS = 5
# Sentences looked at for each extract wanted: neighbours and repetitions use some up.
_HITS_PER_EXTRACT = 8


class Assistant:
    """Answers questions from one generation of the index. Safe to share between threads."""

    def __init__(
        self,
        generation: Generation,
        encoder: Encoder,
        *,
        calibration: Calibration | None = None,
        fusion: Fusion = FUSED,
    ) -> None:
        """Without a calibration every answer is shown and none is rated.

        Raises ModelRefused when the index or the calibration was made with another model than the encoder's.
        """
        built_with = generation.manifest
        if built_with.fingerprint != encoder.fingerprint:
            raise ModelRefused(
                f"{generation.folder} was built with the model {built_with.model}, not with {encoder.name} "
                f"as it is now; name that model (--model), or run `qa index` again"
            )
        if calibration and calibration.fingerprint != encoder.fingerprint:
            raise ModelRefused(
                f"the calibration was fitted for the model {calibration.model}, not for {encoder.name} as it "
                f"is now; run `qa eval calibrate`"
            )
        self.generation = generation
        self.calibration = calibration
        self._encoder = encoder
        self._fusion = fusion

    def ranked_by(self, fusion: Fusion) -> Assistant:
        """The same assistant with other weights of the six scores."""
        return Assistant(self.generation, self._encoder, calibration=self.calibration, fusion=fusion)

    def ask(self, question: str, k: int = DEFAULT_EXTRACTS, filters: Where = EVERYTHING) -> Answer:
        """At most k extracts that answer, best first, or none and the nearest passages.

        A phrase in double quotes must occur in every extract. Raises QuestionError for a question that is
        empty or too long, or k below 1.
        """
        if k < 1:
            raise QuestionError(f"{k} extracts were asked for; ask for 1 or more")
        asked = read_question(question)
        extracts = self._extracts(self._search(asked, k * _HITS_PER_EXTRACT, filters), k)
        sure = extracts[0].confidence if extracts else self._nothing
        band = self._band(sure)
        # Who quotes a phrase asks where it stands, and there it stands.
        abstained = not extracts or (band is Band.WEAK and not asked.phrases)
        return Answer(
            question=asked.text,
            extracts=() if abstained else extracts,
            nearest=extracts if abstained else (),
            confidence=sure,
            band=band,
            abstained=abstained,
            generation=self.generation.id,
        )

    def decline(self, question: str) -> Answer:
        """The answer to a question that cannot be asked: none."""
        return Answer(
            question=question,
            extracts=(),
            nearest=(),
            confidence=self._nothing,
            band=self._band(self._nothing),
            abstained=True,
            generation=self.generation.id,
        )

    def search(self, question: str, k: int, filters: Where = EVERYTHING) -> list[Hit]:
        """The k best sentences for a question, before any of them is chosen or withheld."""
        return self._search(read_question(question), k, filters)

    def stages(self, question: str) -> Mapping[str, Sequence[Sentence]]:
        """The candidates for a question, best first, as each stage of the search ranks them."""
        found = stages(self.generation, self._query(read_question(question)), fusion=self._fusion)
        return {name: [self.generation.sentences[row] for row in rows] for name, rows in found.items()}

    def _search(self, asked: Question, k: int, filters: Where) -> list[Hit]:
        return search(self.generation, self._query(asked), k, where=filters, fusion=self._fusion)

    def _query(self, asked: Question) -> Query:
        return Query(
            vector=self._encoder.encode([asked.text])[0],
            terms=tuple(self.generation.lexical.terms(asked.text)),
            phrases=asked.phrases,
        )

    @property
    def _nothing(self) -> float | None:
        """The confidence of an answer without an extract."""
        return 0.0 if self.calibration else None

    def _band(self, confidence: float | None) -> Band:
        if self.calibration is None or confidence is None:
            return Band.UNRATED
        return self.calibration.band(confidence)

    def _extracts(self, hits: Sequence[Hit], k: int) -> tuple[Extract, ...]:
        extracts: list[Extract] = []
        sure: float | None = None
        for rank, group in enumerate(group_hits(self.generation, hits, k), start=1):
            if self.calibration:
                own = self.calibration.confidence(group.hit)
                # What ranks lower is never called a better match: a person would read that as a mistake.
                sure = own if sure is None else min(sure, own)
            extracts.append(self._extract(group, rank, sure=sure))
        return tuple(extracts)

    def _extract(self, group: Group, rank: int, *, sure: float | None) -> Extract:
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
            band=self._band(sure),
            matched=group.hit.matched,
            also_in=tuple(
                Place(hit.sentence.article, hit.sentence.start, hit.sentence.end) for hit in group.repeats
            ),
        )
