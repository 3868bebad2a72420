"""A question in the articles' own words: misspellings mended, names and short forms said both ways.

What is changed is told (`also`), so that nobody wonders why a passage came up. Only what is no word of the
language is taken for misspelt, phrases in quotation marks are left as they are, and what is brought in never
stands in for a word that the articles hold: a text that says either counts as saying the question's.

    "what dose munro think"      -> "what does munro think"
    "the PCT's plans"            -> also "primary care trust", where the articles say so
    "wht did Cromptom say"       -> also "Crompton", where both are in the articles
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
# Below this many letters two names that differ in one are two names: Ann and Anna.
_NAME_LETTERS = 5
_INITIALS = range(3, 6)
# Different words of a question that are looked up: a pasted page is not a question.
_LOOKED_UP = 40
# Mistyped into another word of the language, behind a word that asks.
_CONFUSED = {"dose": "does"}
_ASKING = frozenset("what when where who whom whose why how".split())

Known = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class RewrittenQuestion:
    """What is searched for instead of the question as typed; `also` are the words that were brought in.

    `text` is the question mended, whose terms are searched; `meaning` is the same with short forms spelt out,
    to be encoded and read.
    """

    text: str
    meaning: str
    alternatives: tuple[Synonym, ...] = ()
    expansions: tuple[str, ...] = ()


class _ShortForm(NamedTuple):
    """A short form of the articles and what it stands for, with their terms; `place` is its order there."""

    place: int
    short: str
    long: str
    short_terms: tuple[str, ...]
    long_terms: tuple[str, ...]


@dataclass(slots=True)
class _Rewrite:
    """A wording in the making: words by lower case to what stands in their place, or behind them."""

    generation: Generation
    mended: dict[str, str] = field(default_factory=dict)
    spelt: dict[str, str] = field(default_factory=dict)
    alternatives: list[Synonym] = field(default_factory=list)
    expansions: list[str] = field(default_factory=list)

    def replace(self, word: str, other: str) -> None:
        """Put another word in the place of one."""
        self.mended[word.lower()] = other
        self.expansions.append(other)

    def add(self, asked: str, said: str) -> bool:
        """Let texts that say `said` count as saying `asked`, if that is something else."""
        terms = self.generation.lexical.terms
        other = Synonym(tuple(terms(asked)), tuple(terms(said)))
        if not other.corpus_terms or other.query_terms == other.corpus_terms or other in self.alternatives:
            return False
        self.alternatives.append(other)
        self.expansions.append(said)
        return True

    def spell(self, word: str, long: str) -> None:
        """The same, and say `said` behind the word where it is encoded and read."""
        if self.add(word, long):
            self.spelt.setdefault(word.lower(), long)


def rewrite(asked: Question, generation: Generation, known: Known) -> RewrittenQuestion:
    """The question as the articles would put it; `known` says what is a word of the language."""
    draft = _Rewrite(generation)
    plain = _without(asked.text, asked.phrases)
    words = dict.fromkeys(_WORD.findall(plain))
    for word in list(words)[:_LOOKED_UP]:
        _look_up(draft, word, known)
    _mend_confused(draft, plain)
    text = _mended(asked.text, asked.phrases, draft.mended)
    _shorten(draft, _without(text, asked.phrases))
    meaning = _spelt(text, asked.phrases, draft.spelt)
    return RewrittenQuestion(text, meaning, tuple(draft.alternatives), tuple(dict.fromkeys(draft.expansions)))


def _without(text: str, phrases: Sequence[str]) -> str:
    """The text with a full stop for each phrase in quotation marks."""
    for phrase in phrases:
        text = text.replace(phrase, " . ")
    return text


def _mended(text: str, phrases: Sequence[str], others: Mapping[str, str]) -> str:
    """The text with each of some words replaced, but for those in a phrase."""
    kept = _spans(text, phrases)
    return _WORD.sub(
        lambda word: word[0] if _within(word, kept) else others.get(word[0].lower(), word[0]), text
    )


def _spelt(text: str, phrases: Sequence[str], long_forms: Mapping[str, str]) -> str:
    """The text with long forms in brackets behind the first of each of some words."""
    kept, left = _spans(text, phrases), dict(long_forms)

    def spelt(word: re.Match[str]) -> str:
        long = "" if _within(word, kept) else left.pop(word[0].lower(), "")
        return f"{word[0]} ({long})" if long else word[0]

    return _WORD.sub(spelt, text)


def _spans(text: str, phrases: Sequence[str]) -> list[tuple[int, int]]:
    return [found.span() for phrase in phrases for found in re.finditer(re.escape(phrase), text)]


def _within(word: re.Match[str], spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= word.start() < end for start, end in spans)


def _look_up(draft: _Rewrite, word: str, known: Known) -> None:
    long_forms = _long_forms(draft.generation, word, known)
    if long_forms:
        for long in long_forms:
            draft.spell(word, long)
    elif word.lower() in draft.generation.lexicon.words:
        for other in _other_spellings(draft.generation, word.lower(), known):
            draft.add(word, other)
    elif word.lower() not in FUNCTION_TERMS and (word.isupper() or not known(word.lower())):
        _guess(draft, word, known)


def _guess(draft: _Rewrite, word: str, known: Known) -> None:
    """What is meant by a word that is neither in the articles nor in the language, or is in capitals."""
    spelt = expand_acronym(draft.generation, singular(word)) if word.isupper() else None
    if spelt:
        draft.spell(word, spelt)
    elif not known(word.lower()):
        meant = _meant(draft.generation, word)
        if meant:
            draft.replace(word, meant)
        elif len(word) in _INITIALS and (spelt := expand_acronym(draft.generation, word)):
            draft.spell(word, spelt)


def _long_forms(generation: Generation, word: str, known: Known) -> tuple[str, ...]:
    """What a short form of the articles stands for; in lower case it must be no word of the language."""
    lexicon, lower = generation.lexicon, word.lower()
    if singular(word) in lexicon.short_forms:
        return lexicon.short_forms[singular(word)]
    typed = word != lower or (not known(lower) and lower not in FUNCTION_TERMS)
    if not typed or (lower in lexicon.words and lower not in lexicon.names):
        return ()
    explained = next((long for form, long in lexicon.short_forms.items() if form.lower() == lower), ())
    written = lexicon.names.get(lower, "")
    spelt = (
        expand_acronym(generation, singular(written)) if not explained and is_short_form(written) else None
    )
    return (spelt,) if spelt else explained


def _other_spellings(generation: Generation, word: str, known: Known) -> Iterator[str]:
    """Names in the articles that differ in one letter, when one of the two is no word of the language."""
    names = generation.lexicon.names
    if word in names and len(word) >= _NAME_LETTERS:
        for other, _ in near(word, generation.lexicon.names_by_length, 1):
            if len(other) >= _NAME_LETTERS and other[0] == word[0] and not (known(word) and known(other)):
                yield names[other]


def _meant(generation: Generation, word: str) -> str | None:
    """The word that a misspelt one was meant to be, as the articles write it."""
    lower, names = word.lower(), generation.lexicon.names
    little = swapped(lower, FUNCTION_TERMS)
    if little:
        return little
    name = _near_name(generation, lower)
    if name or _inflected(generation, word):
        return name
    other = nearest(lower, generation.lexicon.words, generation.lexicon.words_by_length)
    return names.get(other, other) if other else None


def _inflected(generation: Generation, word: str) -> bool:
    """Whether the articles hold the word in another form: all of its stems."""
    terms = generation.lexical.terms(word)
    return all(generation.lexical.document_frequency(Granularity.SENTENCE, term) for term in terms)


def _near_name(generation: Generation, word: str) -> str | None:
    """The name that differs in one letter, if there is just one."""
    lexicon = generation.lexicon
    found = near(word, lexicon.names_by_length, 1) if len(word) >= _NAME_LETTERS else []
    fitting = [other for other, _ in found if other[0] == word[0]]
    return lexicon.names[fitting[0]] if len(fitting) == 1 else None


def _mend_confused(draft: _Rewrite, text: str) -> None:
    words = [word.lower() for word in _WORD.findall(text)]
    for before, word in pairwise(words):
        if before in _ASKING and word in _CONFUSED and word not in draft.generation.lexicon.words:
            draft.replace(word, _CONFUSED[word])


def _shorten(draft: _Rewrite, text: str) -> None:
    """Say the short form of what the question spells out, when the articles spell it out too."""
    asked = draft.generation.lexical.terms(text)
    explained = _by_first_term(draft.generation)
    for form in sorted(form for term in set(asked) for form in explained.get(term, ())):
        if _holds(asked, form.long_terms) and not _holds(asked, form.short_terms):
            draft.add(form.long, form.short)
    for clause in _CLAUSE.findall(text):
        words = [word.lower() for word in _WORD.findall(clause)][:_LOOKED_UP]
        for count in _INITIALS:
            for run in zip(*(words[start:] for start in range(count)), strict=False):
                _say_initials(draft, run)


@lru_cache(1)  # of the generation that answers now: to find the terms of them all takes a while
def _by_first_term(generation: Generation) -> Mapping[str, list[_ShortForm]]:
    """Short forms by the first term of what they stand for; a question holds few of the terms."""
    terms, found = generation.lexical.terms, defaultdict(list)
    pairs = [(short, long) for short, longs in generation.lexicon.short_forms.items() for long in longs]
    for place, (short, long) in enumerate(pairs):
        spelt = tuple(terms(long))
        if spelt:
            found[spelt[0]].append(_ShortForm(place, short, long, tuple(terms(short)), spelt))
    return found


def _say_initials(draft: _Rewrite, run: tuple[str, ...]) -> None:
    """The short form of words in a row, when their initials are one that the articles use and spell so."""
    names, long = draft.generation.lexicon.names, " ".join(run)
    initials = "".join(word[0] for word in run)
    form = names.get(initials) or names.get(f"{initials}s", "")
    if is_short_form(form) and not FUNCTION_TERMS.intersection(run):
        spelt = expand_acronym(draft.generation, singular(form))
        terms = draft.generation.lexical.terms
        if spelt and terms(spelt) == terms(long):
            draft.add(long, form)


def _holds(terms: Sequence[str], run: Sequence[str]) -> bool:
    """Whether the run stands in the terms, side by side."""
    size = len(run)
    return any(list(terms[i : i + size]) == list(run) for i in range(len(terms) - size + 1))
