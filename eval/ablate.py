"""Ablation: evaluates the same questions with one part of the ranking left out at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from corpus.article import Article
from eval.gold import GoldQuestion
from eval.run import Ask, Run, evaluate
from index.search.query import DEFAULT_WEIGHTS, FusionWeights


@dataclass(frozen=True, slots=True)
class Variant:
    """A ranking: the weights of the six scores, with or without the reranker."""

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
"""In the order of the table; the last is the default."""


def ablate(
    ask_with: Callable[[Variant], Ask],
    gold: Sequence[GoldQuestion],
    articles: Iterable[Article],
    *,
    k: int,
    reranked: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Run]:
    """A run per variant, asked through `ask_with(variant)`; `reranked` includes those with the reranker."""
    variants = {name: variant for name, variant in VARIANTS.items() if reranked or not variant.reranked}
    corpus = tuple(articles)
    runs = {}
    for number, (name, variant) in enumerate(variants.items()):

        def advance(done: int, total: int, before: int = number) -> None:
            if progress:
                progress(before * total + done, len(variants) * total)

        runs[name] = evaluate(ask_with(variant), gold, corpus, k=k, progress=advance)
    return runs
