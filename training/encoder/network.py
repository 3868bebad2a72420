"""The network in training: a transformer whose token states give pooled vectors and token vectors."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

TOKEN_DIMENSION = 96
SHORT_DIMENSION = 48
"""Numbers of a token vector that are trained to do without the others (Matryoshka, arXiv 2205.13147)."""
BODY = "bert."
"""Prefix of the transformer's weights in the network's."""
_FIRST_SCALE = 20.0
_FIRST_BIAS = -6.0


class Network(nn.Module):
    """Token states of texts, their projection to token vectors, and the weights of a question's tokens."""

    def __init__(self, folder: Path, *, dimension: int = TOKEN_DIMENSION) -> None:
        from transformers import AutoModel

        super().__init__()
        self.bert: Any = AutoModel.from_pretrained(
            str(folder),
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            attn_implementation="eager",
            local_files_only=True,
        )
        size = int(self.bert.config.hidden_size)
        self.token = nn.Linear(size, dimension, bias=False)
        self.weight = nn.Linear(size, 1)
        nn.init.zeros_(self.weight.weight)
        nn.init.zeros_(self.weight.bias)
        self.scales = nn.Parameter(torch.full((3,), math.log(_FIRST_SCALE)))
        self.bias = nn.Parameter(torch.tensor(_FIRST_BIAS))

    def states(self, ids: Tensor) -> Tensor:
        """States of all tokens, shape (texts, tokens, size), float32; padding is not attended to."""
        mask = (ids != self.bert.config.pad_token_id).long()
        states: Tensor = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        return states.float()

    def token_vectors(self, states: Tensor, dimension: int | None = None) -> Tensor:
        """Unit vectors of tokens, shape (..., dimension), from the first numbers of the projection."""
        return functional.normalize(self.token(states)[..., :dimension], dim=-1)

    def token_weights(self, states: Tensor, counted: Tensor) -> Tensor:
        """Share of each counted token of a question in its MaxSim, shape (questions, tokens); sums to 1."""
        logits: Tensor = self.weight(states)[..., 0]
        return logits.masked_fill(~counted, -1e4).softmax(dim=1)

    @torch.no_grad()
    def fit_projection(self, states: Tensor) -> None:
        """Start the projection from the principal axes of token states, shape (tokens, size).

        A random projection to 96 numbers loses what the cosines of states tell; their main axes keep it.
        """
        unit = functional.normalize(states.float(), dim=1)
        _, axes = torch.linalg.eigh(unit.T @ unit)
        self.token.weight.copy_(axes.flip(1)[:, : self.token.out_features].T)


def text_vectors(states: Tensor, counted: Tensor) -> Tensor:
    """Unit vectors of texts, shape (texts, size): means of the states that are counted."""
    return functional.normalize((states * counted[..., None]).sum(dim=1), dim=1)


def pool(states: Tensor, owner: Tensor, count: int) -> Tensor:
    """Late pooling: sums of the states of each sentence's tokens, shape (count, size).

    `owner`, shape (texts, tokens), is the sentence of each token, -1 for special tokens and padding.
    """
    flat = owner.reshape(-1)
    inside = flat >= 0
    sums = torch.zeros(count, states.shape[-1], dtype=states.dtype, device=states.device)
    return sums.index_add(0, flat[inside], states.reshape(-1, states.shape[-1])[inside])


def maxsim(tokens: Tensor, weights: Tensor, others: Tensor, owner: Tensor, count: int) -> Tensor:
    """Late interaction, shape (questions, count): the best match of each question token, weighted.

    `tokens` has shape (questions, n, d), `weights` (questions, n), `others` (m, d), `owner` (m,).
    """
    similar = torch.einsum("qid,td->qit", tokens, others)
    best = torch.full((*tokens.shape[:2], count), -1.0, device=tokens.device)
    best = best.scatter_reduce(2, owner[None, None].expand_as(similar), similar, "amax")
    return (best * weights[..., None]).sum(dim=1)
