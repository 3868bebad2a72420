"""The assistant: a question in, an answer out; nothing is ever written that is not in an article."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from corpus.article import Sentence
from index.embedding.encoder import Encoder
from index.errors import ModelRefused
from index.generation.generation import Generation
from index.retrieval.filter import NO_FILTER, Filter
from index.search.query import DEFAULT_WEIGHTS, FusionWeights, Hit, Query
from index.search.rerank import Reranker, Reranking
from index.search.searcher import Searcher
from qa.answer import Answer, Band, Extract, Place
from qa.confidence import Calibration
from qa.errors import QuestionError
from qa.extracts import ExtractGroup, group_hits, surroundings
from qa.question import Question, read_question
from qa.rewriting import RewrittenQuestion, rewrite

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
        reranking: Reranking | None = None,
        calibration: Calibration | None = None,
        fusion: FusionWeights = DEFAULT_WEIGHTS,
    ) -> None:
        """Without a reranking the search alone decides; without a calibration every answer is shown, unrated.

        Raises ModelRefused when the index or the calibration was made with other models than these.
        """
        built_with = generation.manifest
        if built_with.fingerprint != encoder.fingerprint:
            raise ModelRefused(
                f"{generation.folder} was built with the model {built_with.model}, not with {encoder.name} "
                f"as it is now; name that model (--model), or run `qa index` again"
            )
        read = reranking.reranker.fingerprint if reranking else ""
        if calibration and not calibration.fits(encoder.fingerprint, read):
            now = f"{encoder.name} {f'with {reranking.reranker.name}' if reranking else 'alone'}"
            raise ModelRefused(
                f"the calibration was fitted for {calibration.models}, not for the models as they are now "
                f"({now}); run `qa eval calibrate`"
            )
        self.generation = generation
        self.calibration = calibration
        self.encoder = encoder
        self.reranking = reranking
        self._fusion = fusion
        self._searcher = Searcher(generation)

    @property
    def models(self) -> tuple[Encoder, Reranker | None]:
        """What it searches and reads with."""
        return self.encoder, self.reranking.reranker if self.reranking else None

    def with_generation(self, generation: Generation) -> Assistant:
        """The same models and calibration over another generation. Raises ModelRefused."""
        return Assistant(
            generation,
            self.encoder,
            reranking=self.reranking,
            calibration=self.calibration,
            fusion=self._fusion,
        )

    def ask(self, question: str, k: int = DEFAULT_EXTRACTS, filters: Filter = NO_FILTER) -> Answer:
        """At most k extracts that answer, best first, or none and the nearest passages.

        A phrase in double quotes must occur in every extract. Raises QuestionError for a question that is
        empty or too long, or k below 1.
        """
        if k < 1:
            raise QuestionError(f"{k} extracts were asked for; ask for 1 or more")
        asked = read_question(question)
        wording = self._reword(asked)
        hits = self._search(self._query(asked, wording), wording, k * _HITS_PER_EXTRACT, filters)
        extracts = self._extracts(hits, k)
        sure = extracts[0].confidence if extracts else self._no_match_confidence
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
            expansions=wording.expansions,
        )

    def decline(self, question: str) -> Answer:
        """The answer to a question that cannot be asked: none."""
        return Answer(
            question=question,
            extracts=(),
            nearest=(),
            confidence=self._no_match_confidence,
            band=self._band(self._no_match_confidence),
            abstained=True,
            generation=self.generation.id,
        )

    def search(self, question: str, k: int, filters: Filter = NO_FILTER) -> list[Hit]:
        """The k best sentences for a question, before any of them is chosen or withheld."""
        asked = read_question(question)
        wording = self._reword(asked)
        return self._search(self._query(asked, wording), wording, k, filters)

    def stages(self, question: str) -> Mapping[str, Sequence[Sentence]]:
        """The candidates for a question, best first, as each stage of the search ranks them."""
        asked = read_question(question)
        wording = self._reword(asked)
        query = self._query(asked, wording)
        found = self._searcher.stages(query, fusion=self._fusion)
        ranked = {name: rows.tolist() for name, rows in found.items()}
        if self.reranking:
            everything = max(1, len(ranked["fused"]))
            ranked["reranked"] = [hit.row for hit in self._search(query, wording, everything, NO_FILTER)]
        return {name: [self.generation.sentences[row] for row in rows] for name, rows in ranked.items()}

    def _reword(self, asked: Question) -> RewrittenQuestion:
        # What an encoder of BERT's kind has one piece for is a word of the language: with its two ends 3.
        return rewrite(asked, self.generation, lambda word: self.encoder.count_tokens(word) <= 3)

    def _search(self, query: Query, wording: RewrittenQuestion, k: int, filters: Filter) -> list[Hit]:
        way = self.reranking
        if way is None:
            return self._searcher.search(query, k, where=filters, fusion=self._fusion)
        hits = self._searcher.search(query, max(k, way.depth), where=filters, fusion=self._fusion)
        return way.rerank(wording.meaning, hits, self.generation.sentences)[:k]

    def _query(self, asked: Question, wording: RewrittenQuestion) -> Query:
        return Query(
            vector=self.encoder.encode([wording.meaning])[0],
            terms=tuple(self.generation.lexical.terms(wording.text)),
            phrases=asked.phrases,
            synonyms=wording.alternatives,
        )

    @property
    def _no_match_confidence(self) -> float | None:
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

    def _extract(self, group: ExtractGroup, rank: int, *, sure: float | None) -> Extract:
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
            hit=group.hit,
            context=surroundings(self.generation, group.shown),
            also_in=tuple(
                Place(hit.sentence.article, hit.sentence.start, hit.sentence.end) for hit in group.repeats
            ),
        )
