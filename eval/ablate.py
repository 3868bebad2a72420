"""What each part of the ranking buys: the same questions, one part left out at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from corpus.article import Article
from eval.gold import GoldQuestion
from eval.run import Ask, Run, evaluate
from index.search.query import DEFAULT_WEIGHTS, FusionWeights


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to rank: the weights of the six scores, and whether the reranker reads the best of it."""

    fusion: FusionWeights = DEFAULT_WEIGHTS
    reranked: bool = False


VARIANTS: Mapping[str, Variant] = {
    "lexical alone": Variant(FusionWeights(dense=0.0, lexical=1.0)),
    "dense alone": Variant(FusionWeights(lexical=0.0)),
    "fused, sentences alone": Variant(FusionWeights(levels=(1.0, 0.0, 0.0))),
    "fused, without windows": Variant(FusionWeights(levels=(1.0, 0.0, 0.3))),
    "fused, without passages": Variant(FusionWeights(levels=(1.0, 0.4, 0.0))),
    "fused": Variant(),
    "dense alone, reranked": Variant(FusionWeights(lexical=0.0), reranked=True),
    "fused, reranked": Variant(reranked=True),
}
"""In the order of the table; the last is what people use."""


def ablate(
    ask_with: Callable[[Variant], Ask],
    gold: Sequence[GoldQuestion],
    articles: Iterable[Article],
    *,
    k: int,
    reranked: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Run]:
    """A run for each variant; `asks` makes the callable that answers in its way.

    `reranked` false leaves out those that need a reranker.
    """
    variants = {name: variant for name, variant in VARIANTS.items() if reranked or not variant.reranked}
    shelf = tuple(articles)
    runs = {}
    for number, (name, variant) in enumerate(variants.items()):

        def advance(done: int, total: int, before: int = number) -> None:
            if progress:
                progress(before * total + done, len(variants) * total)

        runs[name] = evaluate(ask_with(variant), gold, shelf, k=k, progress=advance)
    return runs
