"""Rewrites a question with the articles' words: corrects misspellings, expands and abbreviates names.

Only words that are not in the language count as misspelt, and quoted phrases are left alone. Words of the
articles are not replaced; they get synonyms, and a text with either counts as a match. All changes are listed
in `expansions`, so that readers see why a passage was found.

    "what dose munro think"      -> "what does munro think"
    "the PCT's plans"            -> also "primary care trust", if the articles define it
    "wht did Cromptom say"       -> also "Crompton", if both are in the articles
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
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


@dataclass(slots=True)
class _Rewrite:
    """Changes collected so far; `corrected` and `expanded` map lower-case words."""

    generation: Generation
    corrected: dict[str, str] = field(default_factory=dict)
    expanded: dict[str, str] = field(default_factory=dict)
    alternatives: list[Synonym] = field(default_factory=list)
    expansions: list[str] = field(default_factory=list)

    def replace(self, word: str, other: str) -> None:
        """Correct a word."""
        self.corrected[word.lower()] = other
        self.expansions.append(other)

    def add(self, query: str, corpus: str) -> bool:
        """Add a synonym; false if it has the same terms, none, or is there already."""
        terms = self.generation.lexical.terms
        synonym = Synonym(tuple(terms(query)), tuple(terms(corpus)))
        if not synonym.corpus_terms or synonym.query_terms == synonym.corpus_terms:
            return False
        if synonym in self.alternatives:
            return False
        self.alternatives.append(synonym)
        self.expansions.append(corpus)
        return True

    def expand(self, word: str, long: str) -> None:
        """Add a long form as a synonym, and write it after the word in `meaning`."""
        if self.add(word, long):
            self.expanded.setdefault(word.lower(), long)


def rewrite(question: Question, generation: Generation, is_word: IsWord) -> RewrittenQuestion:
    """The question with the words of the articles."""
    draft = _Rewrite(generation)
    plain = _without(question.text, question.phrases)
    words = dict.fromkeys(_WORD.findall(plain))
    for word in list(words)[:_MAX_WORDS]:
        _look_up(draft, word, is_word)
    _correct_confused(draft, plain)
    text = _corrected(question.text, question.phrases, draft.corrected)
    _abbreviate(draft, _without(text, question.phrases))
    meaning = _expanded(text, question.phrases, draft.expanded)
    return RewrittenQuestion(text, meaning, tuple(draft.alternatives), tuple(dict.fromkeys(draft.expansions)))


def _without(text: str, phrases: Sequence[str]) -> str:
    """The text with a full stop in place of each quoted phrase."""
    for phrase in phrases:
        text = text.replace(phrase, " . ")
    return text


def _corrected(text: str, phrases: Sequence[str], corrections: Mapping[str, str]) -> str:
    """The text with corrections outside quoted phrases."""
    quoted = _spans(text, phrases)
    return _WORD.sub(
        lambda word: word[0] if _within(word, quoted) else corrections.get(word[0].lower(), word[0]), text
    )


def _expanded(text: str, phrases: Sequence[str], long_forms: Mapping[str, str]) -> str:
    """The text with each long form in brackets after the first occurrence of its short form."""
    quoted, remaining = _spans(text, phrases), dict(long_forms)

    def expanded(word: re.Match[str]) -> str:
        long = "" if _within(word, quoted) else remaining.pop(word[0].lower(), "")
        return f"{word[0]} ({long})" if long else word[0]

    return _WORD.sub(expanded, text)


def _spans(text: str, phrases: Sequence[str]) -> list[tuple[int, int]]:
    return [match.span() for phrase in phrases for match in re.finditer(re.escape(phrase), text)]


def _within(word: re.Match[str], spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= word.start() < end for start, end in spans)


def _look_up(draft: _Rewrite, word: str, is_word: IsWord) -> None:
    long_forms = _long_forms(draft.generation, word, is_word)
    if long_forms:
        for long in long_forms:
            draft.expand(word, long)
    elif word.lower() in draft.generation.lexicon.words:
        for other in _other_spellings(draft.generation, word.lower(), is_word):
            draft.add(word, other)
    elif word.lower() not in FUNCTION_TERMS and (word.isupper() or not is_word(word.lower())):
        _guess(draft, word, is_word)


def _guess(draft: _Rewrite, word: str, is_word: IsWord) -> None:
    """Correct or expand a word that is in capitals, or neither in the articles nor in the language."""
    long = expand_acronym(draft.generation, singular(word)) if word.isupper() else None
    if long:
        draft.expand(word, long)
    elif not is_word(word.lower()):
        correction = _correction(draft.generation, word)
        if correction:
            draft.replace(word, correction)
        elif len(word) in _INITIALS and (long := expand_acronym(draft.generation, word)):
            draft.expand(word, long)


def _long_forms(generation: Generation, word: str, is_word: IsWord) -> tuple[str, ...]:
    """Long forms of a short form in the articles; in lower case it must not be a word of the language."""
    lexicon, lower = generation.lexicon, word.lower()
    if singular(word) in lexicon.short_forms:
        return lexicon.short_forms[singular(word)]
    possible = word != lower or (not is_word(lower) and lower not in FUNCTION_TERMS)
    if not possible or (lower in lexicon.words and lower not in lexicon.names):
        return ()
    defined = next((long for form, long in lexicon.short_forms.items() if form.lower() == lower), ())
    name = lexicon.names.get(lower, "")
    long = expand_acronym(generation, singular(name)) if not defined and is_short_form(name) else None
    return (long,) if long else defined


def _other_spellings(generation: Generation, word: str, is_word: IsWord) -> Iterator[str]:
    """Names in the articles that differ in one letter, unless both are words of the language."""
    names = generation.lexicon.names
    if word in names and len(word) >= _NAME_LETTERS:
        for other, _ in near(word, generation.lexicon.names_by_length, 1):
            if len(other) >= _NAME_LETTERS and other[0] == word[0] and not (is_word(word) and is_word(other)):
                yield names[other]


def _correction(generation: Generation, word: str) -> str | None:
    """The word of the articles that a misspelt one stands for."""
    lower, names = word.lower(), generation.lexicon.names
    function_word = swapped(lower, FUNCTION_TERMS)
    if function_word:
        return function_word
    name = _near_name(generation, lower)
    if name or _inflected(generation, word):
        return name
    other = nearest(lower, generation.lexicon.words, generation.lexicon.words_by_length)
    return names.get(other, other) if other else None


def _inflected(generation: Generation, word: str) -> bool:
    """Whether the articles have the word in another form: all of its stems."""
    terms = generation.lexical.terms(word)
    return all(generation.lexical.document_frequency(Granularity.SENTENCE, term) for term in terms)


def _near_name(generation: Generation, word: str) -> str | None:
    """The only name that differs in one letter, None if there are several."""
    lexicon = generation.lexicon
    neighbours = near(word, lexicon.names_by_length, 1) if len(word) >= _NAME_LETTERS else []
    names = [name for name, _ in neighbours if name[0] == word[0]]
    return lexicon.names[names[0]] if len(names) == 1 else None


def _correct_confused(draft: _Rewrite, text: str) -> None:
    words = [word.lower() for word in _WORD.findall(text)]
    for before, word in pairwise(words):
        if before in _QUESTION_WORDS and word in _CONFUSED and word not in draft.generation.lexicon.words:
            draft.replace(word, _CONFUSED[word])


def _abbreviate(draft: _Rewrite, text: str) -> None:
    """Add the short forms of long forms in the question, as the articles define them."""
    terms = draft.generation.lexical.terms(text)
    short_forms = _by_first_term(draft.generation)
    for form in sorted(form for term in set(terms) for form in short_forms.get(term, ())):
        if _contains(terms, form.long_terms) and not _contains(terms, form.short_terms):
            draft.add(form.long, form.short)
    for clause in _CLAUSE.findall(text):
        words = [word.lower() for word in _WORD.findall(clause)][:_MAX_WORDS]
        for count in _INITIALS:
            for run in zip(*(words[start:] for start in range(count)), strict=False):
                _add_initials(draft, run)


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


def _add_initials(draft: _Rewrite, run: tuple[str, ...]) -> None:
    """Add the initials of adjacent words as a short form, if the articles use and expand it that way."""
    names, long = draft.generation.lexicon.names, " ".join(run)
    initials = "".join(word[0] for word in run)
    form = names.get(initials) or names.get(f"{initials}s", "")
    if is_short_form(form) and not FUNCTION_TERMS.intersection(run):
        expansion = expand_acronym(draft.generation, singular(form))
        terms = draft.generation.lexical.terms
        if expansion and terms(expansion) == terms(long):
            draft.add(long, form)


def _contains(terms: Sequence[str], run: Sequence[str]) -> bool:
    """Whether the run occurs in the terms, adjacent and in order."""
    size = len(run)
    return any(list(terms[i : i + size]) == list(run) for i in range(len(terms) - size + 1))
