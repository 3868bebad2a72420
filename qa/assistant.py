"""Answers a question with ranked, cited extracts, or says that none may; every word is from an article."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import accumulate, count, repeat

from corpus.article import Sentence
from index.embedding.encoder import Encoder
from index.errors import ModelRefused
from index.generation.generation import Generation
from index.retrieval.filter import NO_FILTER, Filter
from index.search.fusion import DEFAULT_WEIGHTS, FusionWeights
from index.search.query import Hit, Query
from index.search.rerank import Reranker, Reranking
from index.search.searcher import Searcher
from qa.answer import Answer, Band, Citation, Extract, State
from qa.confidence import Calibration, Costs
from qa.errors import QuestionError
from qa.extracts import ExtractGroup, ExtractGrouper
from qa.key_span import differing, key_mention, may_hold_answer
from qa.question import Question, read_question
from qa.rewriting import RewrittenQuestion, rewrite

DEFAULT_EXTRACTS = 5
# Sentences searched per requested extract: adjacent and repeated ones merge.
_HITS_PER_EXTRACT = 8
# Tokens, special ones included, of a word in a BERT vocabulary.
_WORD_TOKENS = 3
DEFAULT_COSTS = Costs()


class Assistant:
    """Answers questions from one generation of the index. Safe to share between threads."""

    def __init__(
        self,
        generation: Generation,
        encoder: Encoder,
        *,
        reranking: Reranking | None = None,
        calibration: Calibration | None = None,
        costs: Costs = DEFAULT_COSTS,
        fusion: FusionWeights = DEFAULT_WEIGHTS,
    ) -> None:
        """Without a reranking the search alone ranks; without a calibration no answer is rated or withheld.

        `costs` of mistakes decide which confidence answers.

        Raises ModelRefused when the index or the calibration was made with other models.
        """
        manifest = generation.manifest
        if manifest.fingerprint != encoder.fingerprint:
            raise ModelRefused(
                f"{generation.folder} was built with the model {manifest.model}, not with {encoder.name} "
                f"as it is now; name that model (--model), or run `qa index` again"
            )
        reranker = reranking.reranker.fingerprint if reranking else ""
        if calibration and not calibration.fits(encoder.fingerprint, reranker):
            models = f"{encoder.name} {f'with {reranking.reranker.name}' if reranking else 'alone'}"
            raise ModelRefused(
                f"the calibration was fitted for {calibration.models}, not for the models as they are now "
                f"({models}); run `qa eval calibrate`"
            )
        self.generation = generation
        self.calibration = calibration
        self.costs = costs
        self.encoder = encoder
        self.reranking = reranking
        self._fusion = fusion
        self._searcher = Searcher(generation, encoder=encoder)
        self._grouper = ExtractGrouper(generation)

    @property
    def models(self) -> tuple[Encoder, Reranker | None]:
        """Encoder and reranker."""
        return self.encoder, self.reranking.reranker if self.reranking else None

    def with_generation(self, generation: Generation) -> Assistant:
        """The same models and calibration over another generation. Raises ModelRefused."""
        return Assistant(
            generation,
            self.encoder,
            reranking=self.reranking,
            calibration=self.calibration,
            costs=self.costs,
            fusion=self._fusion,
        )

    def ask(self, question: str, k: int = DEFAULT_EXTRACTS, filters: Filter = NO_FILTER) -> Answer:
        """At most k extracts that answer, best first; the nearest passages unless the first is likely right.

        A phrase in double quotes must occur in every extract. Raises QuestionError for a question that is
        empty or too long, or k below 1.
        """
        if k < 1:
            raise QuestionError(f"{k} extracts were asked for; ask for 1 or more")
        parsed, rewritten = self._read(question)
        hits = self._search(parsed, rewritten, k * _HITS_PER_EXTRACT, filters)
        extracts = self._extracts(hits, k, parsed, rewritten)
        return self._answer(parsed, extracts, rewritten.expansions)

    def decline(self, question: str) -> Answer:
        """An answer without extracts, for a question that cannot be asked."""
        return self._answer(Question(question))

    def search(self, question: str, k: int, filters: Filter = NO_FILTER) -> list[Hit]:
        """The k best sentences for a question, before grouping and abstention."""
        return self._search(*self._read(question), k, filters)

    def stages(self, question: str) -> Mapping[str, Sequence[Sentence]]:
        """The candidates for a question, best first, as each stage of the search ranks them."""
        parsed, rewritten = self._read(question)
        stages = self._searcher.stages(self._query(parsed, rewritten), fusion=self._fusion)
        ranked = {name: rows.tolist() for name, rows in stages.items()}
        if self.reranking:
            k = max(1, len(ranked["fused"]))
            ranked["reranked"] = [hit.row for hit in self._search(parsed, rewritten, k, NO_FILTER)]
        return {name: [self.generation.sentences[row] for row in rows] for name, rows in ranked.items()}

    def _read(self, question: str) -> tuple[Question, RewrittenQuestion]:
        parsed = read_question(question)
        # A word of the language has one token in a vocabulary of BERT's kind.
        return parsed, rewrite(
            parsed, self.generation, lambda word: self.encoder.count_tokens(word) <= _WORD_TOKENS
        )

    def _search(self, question: Question, rewritten: RewrittenQuestion, k: int, filters: Filter) -> list[Hit]:
        query, reranking = self._query(question, rewritten), self.reranking
        depth = max(k, reranking.depth) if reranking else k
        hits = self._searcher.search(query, depth, where=filters, fusion=self._fusion)
        if reranking is None:
            return hits
        return reranking.rerank(rewritten.meaning, hits, self.generation.sentences)[:k]

    def _query(self, question: Question, rewritten: RewrittenQuestion) -> Query:
        return Query(
            question=self.encoder.encode_questions([rewritten.meaning])[0],
            terms=tuple(self.generation.lexical.terms(rewritten.text)),
            phrases=question.phrases,
            synonyms=rewritten.alternatives,
        )

    def _answer(
        self, question: Question, extracts: tuple[Extract, ...] = (), expansions: tuple[str, ...] = ()
    ) -> Answer:
        no_match = 0.0 if self.calibration else None
        confidence = extracts[0].confidence if extracts else no_match
        state = self._state(extracts)
        answered, names = state is State.ANSWERED, self.generation.lexicon.names
        return Answer(
            question=question.text,
            extracts=extracts if answered else (),
            nearest=() if answered else extracts,
            confidence=confidence,
            band=extracts[0].band if extracts else self._band(no_match),
            state=state,
            generation=self.generation.id,
            expansions=expansions,
            differing=differing(question.text, extracts, names) if answered else None,
        )

    def _state(self, extracts: Sequence[Extract]) -> State:
        """Answered if the first extract is more than a weak match, or not rated."""
        if not extracts:
            return State.NONE
        if extracts[0].band is not Band.WEAK:
            return State.ANSWERED
        return State.UNSURE if (extracts[0].confidence or 0.0) >= self.costs.unsure_from else State.NONE

    def _band(self, confidence: float | None) -> Band:
        if self.calibration is None or confidence is None:
            return Band.UNRATED
        return self.calibration.band(confidence, self.costs)

    def _extracts(
        self, hits: Sequence[Hit], k: int, question: Question, rewritten: RewrittenQuestion
    ) -> tuple[Extract, ...]:
        """The extracts of the hits; those that hold a phrase literally are at least possible matches."""
        groups = self._grouper.group(hits, k)
        extract = partial(self._extract, question=rewritten.text, literal=bool(question.phrases))
        if self.calibration is None:
            return tuple(map(extract, groups, count(1), repeat(None)))
        # A lower rank never gets a higher confidence: readers would take that for a mistake.
        chances = accumulate((self.calibration.confidence(group.hit) for group in groups), min)
        return tuple(map(extract, groups, count(1), chances))

    def _extract(
        self, group: ExtractGroup, rank: int, confidence: float | None, *, question: str, literal: bool
    ) -> Extract:
        sentences = self.generation.sentences
        first, last = group.shown
        start, end = sentences[group.first].start, sentences[group.last].end
        names = self.generation.lexicon.names
        text = group.hit.sentence.article.text
        key = key_mention(question, text[start:end], names)
        band = self._band(confidence)
        if literal:
            # A quoted phrase is a literal lookup: if it occurs, the question is answered.
            band = Band.POSSIBLE if band is Band.WEAK else band
        elif band in (Band.POSSIBLE, Band.STRONG):
            shown = text[sentences[first].start : sentences[last].end]
            band = band if may_hold_answer(question, shown, names) else Band.WEAK
        repeated = [hit.sentence for hit in group.repeats]
        return Extract(
            rank=rank,
            passage=group.hit.passage,
            start=sentences[first].start,
            end=sentences[last].end,
            answer=(start, end),
            key=(start + key.start, start + key.end) if key else None,
            score=group.hit.score,
            confidence=confidence,
            band=band,
            matched=group.hit.matched,
            hit=group.hit,
            context=self._grouper.surroundings(group.shown),
            also_in=tuple(Citation(sentence.article, sentence.start, sentence.end) for sentence in repeated),
        )
