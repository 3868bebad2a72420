"""Collects the words of the articles as written and the acronyms they explain; finds near spellings.

A question with a misspelt name, or with "ICN", is rewritten to the words of the articles.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from corpus.acronyms import find_acronyms
from corpus.article import Article
from index.errors import Damaged

LEXICON = "lexicon.json"
_ADDRESS = re.compile(r"://|www\.|@")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Occurrences of lower-cased words, names, and acronyms.

    `names` maps words that are never written in lower case to their form: "crompton" -> "Crompton".
    `short_forms` maps an acronym to its long forms, the most frequent first. `words_by_length` and
    `names_by_length` have the keys of the first two.
    """

    words: Mapping[str, int]
    names: Mapping[str, str]
    short_forms: Mapping[str, tuple[str, ...]]
    words_by_length: ByLength
    names_by_length: ByLength


def lexicon_bytes(articles: Iterable[Article]) -> bytes:
    """The file that `read_lexicon` reads."""
    written: defaultdict[str, Counter[str]] = defaultdict(Counter)
    long_forms: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for article in articles:
        for token, occurrences in Counter(article.text.split()).items():
            if not _ADDRESS.search(token):
                for word in _WORD.findall(token):
                    written[word.lower()][word] += occurrences
        for short, long in find_acronyms(article.text):
            long_forms[short][" ".join(long.split())] += 1
    content = {
        "words": {word: forms.total() for word, forms in written.items()},
        "names": {word: _by_frequency(forms)[0] for word, forms in written.items() if word not in forms},
        "short_forms": {short: _distinct(_by_frequency(forms)) for short, forms in long_forms.items()},
    }
    return (json.dumps(content, sort_keys=True) + "\n").encode("ascii")


def read_lexicon(path: Path) -> Lexicon:
    """Read the file of `lexicon_bytes`. Raises Damaged."""
    try:
        content = json.loads(path.read_bytes())
        words = {str(word): int(count) for word, count in content["words"].items()}
        names = {str(word): str(form) for word, form in content["names"].items()}
        return Lexicon(
            words=words,
            names=names,
            short_forms={str(s): tuple(map(str, long)) for s, long in content["short_forms"].items()},
            words_by_length=ByLength(words),
            names_by_length=ByLength(names),
        )
    except OSError as error:
        raise Damaged(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Damaged(path, "not a lexicon") from error


def _distinct(forms: list[str]) -> list[str]:
    """Drops forms that differ from an earlier one only in case or a plural s."""
    return list({form.casefold().removesuffix("s"): form for form in reversed(forms)}.values())[::-1]


def _by_frequency(forms: Counter[str]) -> list[str]:
    """The most frequent first, ties in alphabetical order: equal articles give equal files."""
    return sorted(forms, key=lambda form: (-forms[form], form))


MIN_LETTERS = 4
"""Shorter words are too similar to each other."""
_LONG = 8


def allowed_distance(word: str) -> int:
    """The edit distance of a misspelling: 0 for a short word, 2 for a long one."""
    if len(word) < MIN_LETTERS:
        return 0
    return 2 if len(word) >= _LONG else 1


class ByLength:
    """Words by length, so that a word is compared only with words of similar length."""

    def __init__(self, words: Iterable[str]) -> None:
        by_length: defaultdict[int, list[str]] = defaultdict(list)
        for word in words:
            by_length[len(word)].append(word)
        self._words = dict(by_length)

    def near_length(self, length: int, distance: int) -> list[str]:
        """Words whose length differs by at most `distance` letters, the shorter ones first."""
        lengths = range(length - distance, length + distance + 1)
        return [word for letters in lengths for word in self._words.get(letters, ())]


def nearest(word: str, words: Mapping[str, int], by_length: ByLength) -> str | None:
    """The most likely correction among words with their occurrences, or None.

    The nearest, then the most frequent, then the first in alphabetical order. The first letter must match or
    be swapped with the second: "rcompton" -> "crompton".
    """
    candidates = [
        (distance, -words[other], other)
        for other, distance in near(word, by_length, allowed_distance(word))
        if other[0] == word[0] or other[:2] == word[1] + word[0]
    ]
    return min(candidates)[2] if candidates else None


def near(word: str, words: ByLength, distance: int) -> list[tuple[str, int]]:
    """Words within an edit distance of `word`, without itself, with their distances."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    if distance < 1:
        return []
    choices = words.near_length(len(word), distance)
    matches = process.extract(word, choices, scorer=OSA.distance, score_cutoff=distance, limit=None)
    return [(other, int(edits)) for other, edits, _ in matches if edits]


def swapped(word: str, words: Iterable[str]) -> str | None:
    """The first of the words that differs by two swapped neighbouring letters: "dose" -> "does"."""
    swaps = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)} - {word}
    return next((other for other in sorted(words) if other in swaps), None)
