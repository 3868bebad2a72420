"""Finds near-duplicate articles by shared sentences: a press release in two papers, a page saved twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from corpus.article import Article, Sentence
from corpus.normalise import fold

# Shorter sentences ("He agrees.") occur in many articles and prove nothing.
_MIN_WORDS = 6
# A sentence in more articles than this belongs to a template, and pairing them would be quadratic.
_MAX_ARTICLES = 20
_MIN_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """Two articles and the share (0 to 1) of the shorter one's sentences that both have."""

    first: Article
    second: Article
    share: float


def near_duplicates(sentences: Sequence[Sentence]) -> list[NearDuplicate]:
    """Pairs of articles that share at least half of the shorter one's sentences, most alike first."""
    articles = {sentence.article.id: sentence.article for sentence in sentences}
    sizes: Counter[str] = Counter()
    holders: defaultdict[str, set[str]] = defaultdict(set)
    for sentence in sentences:
        if len(sentence.text.split()) >= _MIN_WORDS:
            sizes[sentence.article.id] += 1
            holders[fold(sentence.text)].add(sentence.article.id)
    shared = Counter(
        pair for ids in holders.values() if len(ids) <= _MAX_ARTICLES for pair in combinations(sorted(ids), 2)
    )
    pairs = [
        NearDuplicate(articles[first], articles[second], count / min(sizes[first], sizes[second]))
        for (first, second), count in shared.items()
    ]
    near = [pair for pair in pairs if pair.share >= _MIN_SHARE]
    return sorted(near, key=lambda pair: (-pair.share, pair.first.id, pair.second.id))
