"""Articles that say much the same: a press release in two papers, a page saved twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from corpus.article import Article, Sentence
from corpus.normalise import fold

# Short sentences ("He agrees.") stand in many articles and prove nothing.
_TELLING_WORDS = 6
# A sentence that stands in more articles than this is a form's, and pairing them would be quadratic.
_COMMON = 20
_NEAR = 0.5


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
        if len(sentence.text.split()) >= _TELLING_WORDS:
            sizes[sentence.article.id] += 1
            holders[fold(sentence.text)].add(sentence.article.id)
    shared = Counter(
        pair for ids in holders.values() if len(ids) <= _COMMON for pair in combinations(sorted(ids), 2)
    )
    pairs = [
        NearDuplicate(articles[one], articles[other], count / min(sizes[one], sizes[other]))
        for (one, other), count in shared.items()
    ]
    near = [pair for pair in pairs if pair.share >= _NEAR]
    return sorted(near, key=lambda pair: (-pair.share, pair.first.id, pair.second.id))
