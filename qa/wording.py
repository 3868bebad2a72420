"""A question in the articles' own words: misspellings mended, names and short forms said both ways.

What is changed is told (`also`), so that nobody wonders why a passage came up. Phrases in quotation marks
are left as they are.

    "what dose munro think"      -> "what does munro think"
    "the PCT's plans"            -> also "primary care trust", where the articles say so
    "wht did Cromptom say"       -> also "Crompton", where both are in the articles
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from corpus.acronym import is_short_form, singular
from index.generation import Generation
from index.initials import spelt_out
from index.lexical import Unit
from index.search import FUNCTION_TERMS, Alternative
from index.spelling import near, nearest, swapped
from qa.question import Question

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
# Below this many letters two names that differ in one are two names: Ann and Anna.
_NAME_LETTERS = 5
_INITIALS = range(3, 6)

Known = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Wording:
    """What is searched for instead of the question as typed; `also` are the words that were brought in."""

    text: str
    alternatives: tuple[Alternative, ...] = ()
    also: tuple[str, ...] = ()


@dataclass(slots=True)
class _Draft:
    generation: Generation
    text: str
    alternatives: list[Alternative] = field(default_factory=list)
    also: list[str] = field(default_factory=list)

    def replace(self, word: re.Match[str], other: str) -> None:
        """Put another word in the place of one; words are taken from the last, so places before it hold."""
        self.text = self.text[: word.start()] + other + self.text[word.end() :]
        self.also.append(other)

    def add(self, asked: str, said: str, *, place: int | None = None) -> None:
        """Let texts that say `said` count as saying `asked`, and say it behind a place of the question."""
        terms = self.generation.lexical.terms
        self.alternatives.append(Alternative(tuple(terms(asked)), tuple(terms(said))))
        self.also.append(said)
        if place is not None:
            self.text = f"{self.text[:place]} ({said}){self.text[place:]}"


def reword(asked: Question, generation: Generation, known: Known) -> Wording:
    """The question as the articles would put it; `known` says what is a word of the language."""
    draft = _Draft(generation, asked.text)
    quoted = {word.lower() for phrase in asked.phrases for word in _WORD.findall(phrase)}
    for word in reversed(list(_WORD.finditer(asked.text))):
        if word[0].lower() not in quoted:
            _reword_one(draft, word, known)
    _shorten(draft)
    return Wording(
        draft.text, tuple(dict.fromkeys(draft.alternatives)), tuple(dict.fromkeys(reversed(draft.also)))
    )


def _reword_one(draft: _Draft, word: re.Match[str], known: Known) -> None:
    long_forms = _long_forms(draft.generation, word[0])
    if long_forms:
        for long in long_forms:
            draft.add(word[0], long, place=word.end())
    elif word[0].lower() in draft.generation.lexicon.words:
        for other in _other_spellings(draft.generation, word[0].lower(), known):
            draft.add(word[0], other)
    else:
        meant = _meant(draft.generation, word[0], known)
        if meant:
            draft.replace(word, meant)


def _long_forms(generation: Generation, word: str) -> tuple[str, ...]:
    """What a short form of the articles stands for; one typed in lower case may be a word, as in them."""
    lexicon, lower = generation.lexicon, word.lower()
    if singular(word) in lexicon.short_forms:
        return lexicon.short_forms[singular(word)]
    if lower in FUNCTION_TERMS or (lower in lexicon.words and lower not in lexicon.names):
        return ()
    explained = (long for form, long in lexicon.short_forms.items() if form.lower() == lower)
    written = lexicon.names.get(lower, "")
    spelt = spelt_out(generation, singular(written)) if is_short_form(written) else None
    return next(explained, (spelt,) if spelt else ())


def _other_spellings(generation: Generation, word: str, known: Known) -> Iterator[str]:
    """Names in the articles that differ in one letter, when one of the two is no word of the language."""
    names = generation.lexicon.names
    if word in names and len(word) >= _NAME_LETTERS:
        for other, _ in near(word, names, 1):
            if len(other) >= _NAME_LETTERS and other[0] == word[0] and not (known(word) and known(other)):
                yield names[other]


def _meant(generation: Generation, word: str, known: Known) -> str | None:
    """What is meant by a word that no article holds, as the articles write it."""
    lower, names = word.lower(), generation.lexicon.names
    if lower in FUNCTION_TERMS:
        return None
    foreign = not known(lower)
    name = _near_name(generation, lower) if foreign or word[0].isupper() else None
    if name:
        return name
    if _inflected(generation, word):
        return None
    spelt = spelt_out(generation, singular(word)) if foreign or word.isupper() else None
    little = swapped(lower, FUNCTION_TERMS)
    if spelt or little:
        return spelt or little
    other = nearest(lower, generation.lexicon.words) if foreign else None
    return names.get(other, other) if other else None


def _inflected(generation: Generation, word: str) -> bool:
    """Whether the articles hold the word in another form: all of its stems."""
    terms = generation.lexical.terms(word)
    return all(generation.lexical.document_frequency(Unit.SENTENCE, term) for term in terms)


def _near_name(generation: Generation, word: str) -> str | None:
    """The name that differs in one letter, if there is just one."""
    names = generation.lexicon.names
    found = near(word, names, 1) if len(word) >= _NAME_LETTERS else []
    fitting = [other for other, _ in found if other[0] == word[0]]
    return names[fitting[0]] if len(fitting) == 1 else None


def _shorten(draft: _Draft) -> None:
    """Say the short form of what the question spells out, explained in an article or not."""
    lexicon, terms = draft.generation.lexicon, draft.generation.lexical.terms
    asked = terms(draft.text)
    for short, longs in lexicon.short_forms.items():
        for long in longs:
            if _holds(asked, terms(long)) and not _holds(asked, terms(short)):
                draft.add(long, short)
    words = [word.lower() for word in _WORD.findall(draft.text)]
    for count in _INITIALS:
        for run in zip(*(words[start:] for start in range(count)), strict=False):
            initials = "".join(word[0] for word in run)
            form = lexicon.names.get(initials) or lexicon.names.get(f"{initials}s", "")
            if is_short_form(form) and form.lower() not in words and not FUNCTION_TERMS.intersection(run):
                draft.add(" ".join(run), form)


def _holds(terms: Sequence[str], run: Sequence[str]) -> bool:
    """Whether the run stands in the terms, side by side."""
    size = len(run)
    return any(list(terms[i : i + size]) == list(run) for i in range(len(terms) - size + 1))
