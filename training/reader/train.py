"""The training loop of the reader: as many steps as fit into the minutes given.

Word vectors and the lower layers are the shipped encoder's and stay as they are: half of the work of a step
is saved, and one file of 11 MB is all that is added to the encoder.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from eval.abstention import auroc
from training.encoder.rows import Row
from training.reader.examples import Batch, ExampleMaker

_RATE, _HEADS = 1.5e-4, 9e-4
_WARM_UP = 150
_LEAST = 0.02
_DECAY = 0.01
_CLIP = 1.0
_EVERY = 100
_WATCHED_EVERY = 600
_UNANSWERED = -99.0


def train(
    network: Any,
    examples: ExampleMaker,
    watched: Sequence[Row],
    minutes: float,
    chance: random.Random,
    report: Callable[[str], None],
) -> None:
    """Train for `minutes`, and report losses and what the watched rows show."""
    layers = {"params": list(network.layer.parameters()), "lr": _RATE}
    heads = {"params": [*network.sentence.parameters(), *network.text.parameters()], "lr": _HEADS}
    optimizer = torch.optim.AdamW([layers, heads], weight_decay=_DECAY)
    rates = [group["lr"] for group in optimizer.param_groups]
    began, losses = time.monotonic(), list[float]()
    for step, batch in enumerate(examples.batches(chance)):
        share = (time.monotonic() - began) / 60 / minutes
        if share >= 1:
            break
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * min(1, (step + 1) / _WARM_UP) * max(_LEAST, 1 - share)
        loss, _ = _loss(network, batch)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        optimizer.step()
        losses.append(float(loss))
        if (step + 1) % _EVERY == 0:
            report(f"step {step + 1}, {time.monotonic() - began:.0f} s, loss {np.mean(losses[-_EVERY:]):.3f}")
        if (step + 1) % _WATCHED_EVERY == 0:
            report(watch(network, examples, watched))
    report(watch(network, examples, watched))


def watch(network: Any, examples: ExampleMaker, watched: Sequence[Row]) -> str:
    """How often the best sentence of a passage answers, and how well answered passages are told from others.

    Once over the rows as they are, and once with the answerable ones asked about other names as well.
    """
    chance = random.Random(0)
    renamed = [other for row in watched if row.answerable and (other := examples.renamed(row, chance))]
    right, rated = _ratings(network, examples.own(watched))
    other = _ratings(network, examples.own(renamed))[1]
    answered = rated[1] == 1
    near = np.concatenate([rated[0][answered], other[0]])
    kinds = np.concatenate([np.ones(answered.sum()), np.zeros(len(other[0]))])
    return (
        f"best sentence right {right[answered].mean():.3f}, AUROC of passages {auroc(*rated):.3f}, "
        f"against other names {auroc(near, kinds):.3f}"
    )


def _ratings(network: Any, batches: Iterable[Batch]) -> tuple[np.ndarray, np.ndarray]:
    """Whether the best sentence answers; the rating of each passage, and whether it answers."""
    right, ratings, answered = [], [], []
    with torch.inference_mode():
        for batch in batches:
            _, (sentences, texts) = _loss(network, batch)
            sentences = sentences.masked_fill(batch.answers < 0, _UNANSWERED)
            best, position = sentences.max(dim=1)
            right += (batch.answers.gather(1, position[:, None])[:, 0] > 0).tolist()
            ratings += ((best + texts) / 2).tolist()
            answered += (batch.answers > 0).any(dim=1).tolist()
    return np.array(right), np.array([ratings, answered], dtype=np.float64)


def _loss(network: Any, batch: Batch) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Cross-entropy of all sentences of a passage, and of the passage; with the logits of both."""
    logits: tuple[Tensor, Tensor] = network(*batch.inputs, batch.answers.shape[1])
    sentences, texts = logits
    targets, counted = (batch.answers > 0).float(), (batch.answers >= 0).float()
    each = functional.binary_cross_entropy_with_logits(sentences, targets, reduction="none")
    whole = functional.binary_cross_entropy_with_logits(texts, targets.amax(dim=1))
    return (each * counted).sum() / len(targets) + whole, logits


def write_reader(network: Any, path: Path) -> None:
    """Write what was trained as bfloat16."""
    tensors = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in network.state_dict().items()}
    save_file(tensors, str(path))
