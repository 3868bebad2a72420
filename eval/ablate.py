"""What each part of the ranking buys: the same questions, one part left out at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from corpus.article import Article
from eval.gold import GoldQuestion
from eval.run import Ask, Run, evaluate
from index.search import FUSED, Fusion

VARIANTS: Mapping[str, Fusion] = {
    "lexical alone": Fusion(dense=0.0, lexical=1.0),
    "dense alone": Fusion(lexical=0.0),
    "fused, sentences alone": Fusion(levels=(1.0, 0.0, 0.0)),
    "fused, without windows": Fusion(levels=(1.0, 0.0, 0.3)),
    "fused, without passages": Fusion(levels=(1.0, 0.4, 0.0)),
    "fused": FUSED,
}
"""In the order of the table; the last is what people use."""


def ablate(
    asks: Callable[[Fusion], Ask],
    gold: Sequence[GoldQuestion],
    articles: Iterable[Article],
    *,
    k: int,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Run]:
    """A run for each variant; `asks` makes the callable that answers with a fusion."""
    shelf = tuple(articles)
    runs = {}
    for number, (name, fusion) in enumerate(VARIANTS.items()):

        def advance(done: int, total: int, before: int = number) -> None:
            if progress:
                progress(before * total + done, len(VARIANTS) * total)

        runs[name] = evaluate(asks(fusion), gold, shelf, k=k, progress=advance)
    return runs
