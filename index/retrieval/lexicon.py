"""What the articles call things: the words in them as they are written, and the short forms they explain.

It is how a question that spells a name otherwise, or says "ICN", finds what the articles say.
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
    """Words in lower case with their occurrences, those never written so, and short forms.

    `names` leads from the lower case to how such a word is written: "crompton" -> "Crompton". `short_forms`
    leads from a short form to what it stands for, the most frequent first. `words_by_length` and
    `names_by_length` hold the keys of the first two.
    """

    words: Mapping[str, int]
    names: Mapping[str, str]
    short_forms: Mapping[str, tuple[str, ...]]
    words_by_length: ByLength
    names_by_length: ByLength


def lexicon_bytes(articles: Iterable[Article]) -> bytes:
    """The file of a lexicon; `read_lexicon` reads it back."""
    written: defaultdict[str, Counter[str]] = defaultdict(Counter)
    long_forms: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for article in articles:
        for piece, times in Counter(article.text.split()).items():
            if not _ADDRESS.search(piece):
                for word in _WORD.findall(piece):
                    written[word.lower()][word] += times
        for short, long in find_acronyms(article.text):
            long_forms[short][" ".join(long.split())] += 1
    spelt = {
        "words": {word: forms.total() for word, forms in written.items()},
        "names": {word: _first(forms)[0] for word, forms in written.items() if word not in forms},
        "short_forms": {short: _different(_first(forms)) for short, forms in long_forms.items()},
    }
    return (json.dumps(spelt, sort_keys=True) + "\n").encode("ascii")


def read_lexicon(path: Path) -> Lexicon:
    """Read what `lexicon_bytes` made. Raises Damaged."""
    try:
        spelt = json.loads(path.read_bytes())
        words = {str(word): int(count) for word, count in spelt["words"].items()}
        names = {str(word): str(form) for word, form in spelt["names"].items()}
        return Lexicon(
            words=words,
            names=names,
            short_forms={str(s): tuple(map(str, long)) for s, long in spelt["short_forms"].items()},
            words_by_length=ByLength(words),
            names_by_length=ByLength(names),
        )
    except OSError as error:
        raise Damaged(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Damaged(path, "not a lexicon") from error


def _different(forms: list[str]) -> list[str]:
    """Without those that differ from an earlier one in capitals or a plural's ending alone."""
    return list({form.casefold().removesuffix("s"): form for form in reversed(forms)}.values())[::-1]


def _first(forms: Counter[str]) -> list[str]:
    """The most frequent first, equals by alphabet: the same articles make the same file."""
    return sorted(forms, key=lambda form: (-forms[form], form))


SHORTEST = 4
"""Letters of a word below which everything is near everything."""
_LONG = 8


def allowed_distance(word: str) -> int:
    """Letters that may differ: none in a short word, two in a long one."""
    if len(word) < SHORTEST:
        return 0
    return 2 if len(word) >= _LONG else 1


class ByLength:
    """Words by their number of letters: a word is compared with those of about its own length alone."""

    def __init__(self, words: Iterable[str]) -> None:
        found: defaultdict[int, list[str]] = defaultdict(list)
        for word in words:
            found[len(word)].append(word)
        self._words = dict(found)

    def about(self, length: int, distance: int) -> list[str]:
        """Words whose length differs by at most `distance` letters, the shorter ones first."""
        lengths = range(length - distance, length + distance + 1)
        return [word for letters in lengths for word in self._words.get(letters, ())]


def nearest(word: str, words: Mapping[str, int], by_length: ByLength) -> str | None:
    """The most likely of the words, given with their occurrences, or None when none is near enough.

    The nearest, then the most frequent, then the first by alphabet. The first letter is seldom mistyped, but
    may have changed places with the second: "rcompton" -> "crompton".
    """
    found = [
        (distance, -words[other], other)
        for other, distance in near(word, by_length, allowed_distance(word))
        if other[0] == word[0] or other[:2] == word[1] + word[0]
    ]
    return min(found)[2] if found else None


def near(word: str, words: ByLength, distance: int) -> list[tuple[str, int]]:
    """Words at most so far from `word`, itself left out, with their distances."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    if distance < 1:
        return []
    choices = words.about(len(word), distance)
    found = process.extract(word, choices, scorer=OSA.distance, score_cutoff=distance, limit=None)
    return [(other, int(away)) for other, away, _ in found if away]


def swapped(word: str, words: Iterable[str]) -> str | None:
    """The first of the words that has two neighbouring letters the other way round: "dose" -> "does"."""
    turned = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)} - {word}
    return next((other for other in sorted(words) if other in turned), None)
