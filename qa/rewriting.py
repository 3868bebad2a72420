"""Rewrites a question with the articles' words: spelling, misspellings, expanded and abbreviated names.

Words of the language and quoted phrases are left alone, but for British and American spellings, which are as
the articles have them; words of the articles are kept and get synonyms. No step reads case, which people
type as they like.

    "what dose munro think"      -> "what does munro think"
    "the PCT's plans"            -> also "primary care trust", if the articles define it
    "wht did cromptom say"       -> also "Crompton", if both are in the articles
    "who organized it"           -> "who organised it", if the articles spell it so more often
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from corpus.acronyms import is_short_form, singular
from index.generation.generation import Generation
from index.retrieval.filter import Granularity
from index.retrieval.lexical_index import FUNCTION_TERMS
from index.retrieval.lexicon import near, nearest, swapped
from index.search.acronyms import expand_acronym
from index.search.query import Synonym
from qa.question import Question
from qa.spelling import spellings

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_VOWEL = re.compile("[aeiouy]")
_CLAUSE = re.compile(r"[^.,;:!?()]+")
# Shorter names that differ in one letter are two names: Ann and Anna.
_NAME_LETTERS = 5
_INITIALS = range(3, 6)
# Distinct words of a question that are looked up, which bounds the time for a pasted page.
_MAX_WORDS = 40
# Typing errors that are words themselves, corrected after a question word.
_CONFUSED = {"dose": "does"}
_QUESTION_WORDS = frozenset("what when where who whom whose why how".split())

IsWord = Callable[[str], bool]
"""Whether a lower-case text is a word of the language."""


@dataclass(frozen=True, slots=True)
class RewrittenQuestion:
    """The question to search for; `expansions` are the words that were added or corrected.

    The terms of `text`, the corrected question, are searched; `meaning`, with short forms expanded, goes to
    the encoder and the reranker.
    """

    text: str
    meaning: str
    alternatives: tuple[Synonym, ...] = ()
    expansions: tuple[str, ...] = ()


class _ShortForm(NamedTuple):
    """A short form in the articles and its long form, with their terms; `order` breaks ties."""

    order: int
    short: str
    long: str
    short_terms: tuple[str, ...]
    long_terms: tuple[str, ...]


def rewrite(question: Question, generation: Generation, is_word: IsWord) -> RewrittenQuestion:
    """The question with the words of the articles."""
    return _Rewriter(question, generation, is_word).rewritten()


class _Rewriter:
    """Changes to one question, collected word by word; `corrected` and `expanded` map lower-case words."""

    def __init__(self, question: Question, generation: Generation, is_word: IsWord) -> None:
        self._question = question
        self._generation = generation
        self._lexicon = generation.lexicon
        self._terms = generation.lexical.terms
        self._is_word = is_word
        self._corrected: dict[str, str] = {}
        self._expanded: dict[str, str] = {}
        self._alternatives: list[Synonym] = []
        self._expansions: list[str] = []

    def rewritten(self) -> RewrittenQuestion:
        """The question after all changes."""
        text = self._map_words(self._question.searched, self._spell)
        words = _WORD.findall(self._without_phrases(text))
        for word in list(dict.fromkeys(words))[:_MAX_WORDS]:
            self._look_up(word)
        for before, word in pairwise(words):
            if before in _QUESTION_WORDS and word in _CONFUSED and word not in self._lexicon.words:
                self._replace(word, _CONFUSED[word])
        text = self._map_words(text, lambda word: self._corrected.get(word, word))
        self._abbreviate(self._without_phrases(text))
        long_forms, typed = dict(self._expanded), set(_WORD.findall(self._question.searched))

        def expanded(word: str) -> str:
            """The word as the articles write it, with the long form in brackets at its first occurrence."""
            long, name = long_forms.pop(word, ""), self._lexicon.names.get(word, word)
            return f"{name} ({long})" if long else name

        return RewrittenQuestion(
            text,
            self._map_words(text, expanded),
            tuple(self._alternatives),
            tuple(word for word in dict.fromkeys(self._expansions) if word not in typed),
        )

    def _without_phrases(self, text: str) -> str:
        """The text with a full stop in place of each quoted phrase."""
        for phrase in self._question.phrases:
            text = text.replace(phrase, " . ")
        return text

    def _map_words(self, text: str, mapped: Callable[[str], str]) -> str:
        """The text with each word outside quoted phrases mapped."""
        phrases = [
            match.span()
            for phrase in self._question.phrases
            for match in re.finditer(re.escape(phrase), text)
        ]

        def replacement(word: re.Match[str]) -> str:
            quoted = any(start <= word.start() < end for start, end in phrases)
            return word[0] if quoted else mapped(word[0])

        return _WORD.sub(replacement, text)

    def _spell(self, word: str) -> str:
        """The most frequent of the word's spellings in the articles; in none, one of the language."""
        variants = spellings(word)
        if len(variants) == 1:
            return "-".join(map(self._spell, word.split("-"))) if "-" in word else word
        occurrences = self._lexicon.words
        spelled = min(variants, key=lambda v: (-occurrences.get(v, 0), not self._is_word(v), v))
        if spelled != word:
            self._expansions.append(spelled)
        return spelled

    def _replace(self, word: str, other: str) -> None:
        self._corrected[word] = other
        self._expansions.append(other)

    def _add(self, query: str, corpus: str) -> bool:
        """Add a synonym; false if it has the same terms, none, or is there already."""
        synonym = Synonym(tuple(self._terms(query)), tuple(self._terms(corpus)))
        if synonym.corpus_terms in ((), synonym.query_terms) or synonym in self._alternatives:
            return False
        self._alternatives.append(synonym)
        self._expansions.append(corpus)
        return True

    def _expand(self, word: str, long: str) -> None:
        """Add a long form as a synonym, and write it after the word in `meaning`."""
        if self._add(word, long):
            self._expanded.setdefault(word, long)

    def _look_up(self, word: str) -> None:
        long_forms = self._long_forms(word)
        if long_forms:
            for long in long_forms:
                self._expand(word, long)
        elif word in self._lexicon.words:
            for other in self._other_spellings(word):
                self._add(word, other)
        elif word not in FUNCTION_TERMS:
            self._guess(word)

    def _guess(self, word: str) -> None:
        """Correct or expand a word that is not in the articles.

        A word of the language is left alone, unless it has no vowel: then it is a short form.
        """
        known = self._is_word(word)
        correction = None if known else self._correction(word)
        if correction:
            self._replace(word, correction)
        elif len(word) in _INITIALS and not (known and _VOWEL.search(word)):
            for form in dict.fromkeys((word, word.removesuffix("s"))):
                if long := expand_acronym(self._generation, form):
                    self._expand(word, long)
                    break

    def _long_forms(self, word: str) -> tuple[str, ...]:
        """Long forms of a short form in the articles.

        A word of the language counts as one if the articles never write it in lower case: "AIDS".
        """
        names = self._lexicon.names
        name = names.get(word) or names.get(f"{word}s", "")
        if word in FUNCTION_TERMS or (self._is_word(word) and not is_short_form(name)):
            return ()
        short_forms = _folded_short_forms(self._generation)
        defined = short_forms.get(word) or short_forms.get(word.removesuffix("s"), ())
        if defined or not is_short_form(name):
            return defined
        long = expand_acronym(self._generation, singular(name))
        return (long,) if long else ()

    def _other_spellings(self, word: str) -> Iterator[str]:
        """Other spellings in the articles: British and American, and names that differ in one letter.

        Two names that are both words of the language are different names.
        """
        names = self._lexicon.names
        yield from (other for other in spellings(word) if other != word and other in self._lexicon.words)
        if word in names:
            for other in self._near_names(word):
                if len(other) >= _NAME_LETTERS and not (self._is_word(word) and self._is_word(other)):
                    yield names[other]

    def _correction(self, word: str) -> str | None:
        """The word of the articles that a misspelt one stands for."""
        names = self._lexicon.names
        function_word = swapped(word, FUNCTION_TERMS)
        if function_word:
            return function_word
        near_names = self._near_names(word)
        if len(near_names) == 1:
            return names[near_names[0]]
        if self._inflected(word):
            return None
        other = nearest(word, self._lexicon.words, self._lexicon.words_by_length)
        return names.get(other, other) if other else None

    def _inflected(self, word: str) -> bool:
        """Whether the articles have the word in another form: all of its stems."""
        frequency = self._generation.lexical.document_frequency
        return all(frequency(Granularity.SENTENCE, term) for term in self._terms(word))

    def _near_names(self, word: str) -> list[str]:
        """Names with the same first letter that differ in one letter."""
        neighbours = near(word, self._lexicon.names_by_length, 1) if len(word) >= _NAME_LETTERS else []
        return [name for name, _ in neighbours if name[0] == word[0]]

    def _abbreviate(self, text: str) -> None:
        """Add the short forms of long forms in the question, as the articles define them."""
        terms, short_forms = self._terms(text), _by_first_term(self._generation)
        for form in sorted(form for term in set(terms) for form in short_forms.get(term, ())):
            if _contains(terms, form.long_terms) and not _contains(terms, form.short_terms):
                self._add(form.long, form.short)
        for clause in _CLAUSE.findall(text):
            words = _WORD.findall(clause.lower())[:_MAX_WORDS]
            for count in _INITIALS:
                for run in zip(*(words[start:] for start in range(count)), strict=False):
                    self._add_initials(run)

    def _add_initials(self, run: tuple[str, ...]) -> None:
        """Add the initials of adjacent words as a short form, if the articles use and expand it that way."""
        names, long = self._lexicon.names, " ".join(run)
        initials = "".join(word[0] for word in run)
        form = names.get(initials) or names.get(f"{initials}s", "")
        if is_short_form(form) and not FUNCTION_TERMS.intersection(run):
            expansion = expand_acronym(self._generation, singular(form))
            if expansion and self._terms(expansion) == self._terms(long):
                self._add(long, form)


@lru_cache(1)  # for the current generation
def _folded_short_forms(generation: Generation) -> Mapping[str, tuple[str, ...]]:
    """Long forms by short form in lower case; of two that differ in case alone, the first counts."""
    short_forms = generation.lexicon.short_forms
    return {short.lower(): long for short, long in reversed(list(short_forms.items()))}


@lru_cache(1)  # for the current generation: to compute all these terms takes a while
def _by_first_term(generation: Generation) -> Mapping[str, list[_ShortForm]]:
    """Short forms by the first term of their long form; a question has few of these terms."""
    terms, forms = generation.lexical.terms, defaultdict(list)
    pairs = [(short, long) for short, longs in generation.lexicon.short_forms.items() for long in longs]
    for order, (short, long) in enumerate(pairs):
        long_terms = tuple(terms(long))
        if long_terms:
            forms[long_terms[0]].append(_ShortForm(order, short, long, tuple(terms(short)), long_terms))
    return forms


def _contains(terms: Sequence[str], run: Sequence[str]) -> bool:
    """Whether the run occurs in the terms, adjacent and in order."""
    size = len(run)
    return any(list(terms[i : i + size]) == list(run) for i in range(len(terms) - size + 1))
