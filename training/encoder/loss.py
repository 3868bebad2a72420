"""The losses of a batch: which sentence of all answers, which of its passage, and whether any does."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from training.encoder.batches import Batch, Packer
from training.encoder.network import SHORT_DIMENSION, Network, maxsim, pool, text_vectors

_OWN = 0.5
_PASSAGE = 0.3
_ANSWERABLE = 0.3
_NEVER = -1e4


@dataclass(frozen=True, slots=True)
class Scores:
    """Cosines of r questions: pooled and MaxSim with s sentences, shape (r, s), pooled with r passages.

    `short` is MaxSim with the first numbers of the token vectors.
    """

    pooled: Tensor
    maxsim: Tensor
    short: Tensor
    passages: Tensor


def score(network: Network, batch: Batch, packer: Packer) -> Scores:
    """One pass over the questions and one over the passages."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        questions = network.states(batch.questions)
        passages = network.states(batch.passages)
    vectors = text_vectors(questions, batch.questions != packer.pad)
    count = batch.in_passage.shape[1]
    sums = pool(passages, batch.owner, count)
    whole = batch.in_passage.float() @ sums
    owner = batch.owner.reshape(-1)
    inside = owner >= 0
    states = passages.reshape(-1, passages.shape[-1])[inside]
    weights = network.token_weights(questions, packer.counted(batch.questions))
    late, short = (
        maxsim(
            network.token_vectors(questions, numbers),
            weights,
            network.token_vectors(states, numbers),
            owner[inside],
            count,
        )
        for numbers in (None, SHORT_DIMENSION)
    )
    return Scores(
        pooled=vectors @ functional.normalize(sums, dim=1).T,
        maxsim=late,
        short=short,
        passages=vectors @ functional.normalize(whole, dim=1).T,
    )


def loss(network: Network, batch: Batch, scores: Scores) -> Tensor:
    """The sum of all losses, a number."""
    pooled, late, passages = network.scales.exp()
    answerable = batch.answerable
    total = torch.zeros(())
    for each in (
        scores.pooled * pooled,
        scores.maxsim * late,
        scores.short * late,
        (scores.pooled + scores.maxsim) * (pooled + late) / 2,
    ):
        total = total + _choice(each, batch.right)[answerable].mean()
        within = each.masked_fill(~batch.in_passage & ~batch.right, _NEVER)
        total = total + _OWN * _choice(within, batch.right)[answerable].mean()
    same = batch.right.float() @ batch.in_passage.float().T > 0
    total = total + _PASSAGE * _choice(scores.passages * passages, same)[answerable].mean()
    best = (scores.maxsim * late).masked_fill(~batch.in_passage, _NEVER).amax(dim=1)
    chance = functional.binary_cross_entropy_with_logits(best + network.bias, answerable.float())
    return total + _ANSWERABLE * chance


def _choice(scores: Tensor, right: Tensor) -> Tensor:
    """Cross-entropy of choosing any right one, of each row; meaningless where none is right."""
    return scores.logsumexp(dim=1) - scores.masked_fill(~right, _NEVER).logsumexp(dim=1)
