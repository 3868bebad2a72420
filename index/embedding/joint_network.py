"""Builds the network that reads a question and a text together, on the lower layers of a BERT encoder."""

from __future__ import annotations

import copy
from typing import Any

SHARED_LAYERS = 3
"""Layers of the encoder that stay as they are; the others are copied, to be trained."""
NO_SENTENCE = -1
"""Owner of a token that is of no sentence."""


def joint_network(base: Any) -> Any:
    """A `torch.nn.Module` over a `BertModel`; its state is only what is trained.

    Maps ids, types and owners (the number of each token's sentence), each of shape (rows, tokens), a mask of
    the tokens and the number of sentences to logits of the sentences, shape (rows, sentences), and of the
    texts, shape (rows,): that they answer.
    """
    import torch

    width = int(base.config.hidden_size)
    shared = base.encoder.layer[:SHARED_LAYERS]

    class JointNetwork(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = copy.deepcopy(base.encoder.layer[SHARED_LAYERS:])
            self.sentence = torch.nn.Linear(2 * width, 1)
            self.text = torch.nn.Linear(width, 1)

        def forward(self, ids: Any, types: Any, owner: Any, mask: Any, sentences: int) -> tuple[Any, Any]:
            with torch.no_grad():
                states = base.embeddings(input_ids=ids, token_type_ids=types)
                hidden = torch.zeros_like(states[..., 0]).masked_fill(~mask, torch.finfo(states.dtype).min)
                for layer in shared:
                    states = layer(states, hidden[:, None, None])
            for layer in self.layer:
                states = layer(states, hidden[:, None, None])
            numbers = torch.arange(sentences, device=ids.device)
            inside = (owner[:, None] == numbers[None, :, None]).to(states.dtype)
            means = torch.bmm(inside, states) / inside.sum(dim=2).clamp(min=1)[..., None]
            whole = states[:, 0]
            pairs = torch.cat([means, whole[:, None].expand_as(means)], dim=2)
            return self.sentence(pairs)[..., 0], self.text(whole)[:, 0]

    return JointNetwork()
