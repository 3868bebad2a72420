"""Trains the reranker: each step has eight questions, each with one answer and seven hard negatives.

The loss of a question is the softmax loss of picking the answer among the eight plus the logistic loss of
each sentence: the first makes a ranking, the second a rating with the same meaning for every question, also
without an answer. No dropout (drawing it took 38 % of a step), word vectors frozen, bfloat16 throughout: fast
on processors with bfloat16 instructions, slow on others.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.abstention import auroc
from index.embedding.shipped_models import default_model_folder
from index.search.reranker_model import WORD_VECTORS, PairTokenizer, Reading, build_network
from training.training_groups import Group

STEPS = 3_200
SEED = 7
RATE = 6e-5
QUESTIONS = 8
OTHERS = 7
"""Sentences that do not answer, for each question of a step; half as many where there is no answer."""
HELD_OUT = 300
"""Questions that are not trained on, to see how it goes."""
_OTHERS_HELD_OUT = 15
_HARDEST = 8
_ANSWER_COUNTS = 3.0
_WARM_UP = 0.06
_HEAD_RATE = 5.0
_DECAY = 0.01
_SAVE_EVERY = 400

Pairs = list[tuple[str, Reading]]
Spans = list[tuple[int, int, bool]]


def fit(
    mined: Sequence[Group],
    weights: Path,
    *,
    steps: int = STEPS,
    seed: int = SEED,
    report: Callable[[str], None] = print,
) -> None:
    """Train a network on groups and write its weights; `told` gets a line now and then."""
    import torch

    torch.manual_seed(seed)
    chance = random.Random(seed)
    shuffled = chance.sample(mined, len(mined))
    held_out, training_groups = shuffled[:HELD_OUT], shuffled[HELD_OUT:]
    base = default_model_folder()
    network, tokenizer = build_network(base), PairTokenizer(base)
    network.bert.get_parameter(WORD_VECTORS).requires_grad_(False)
    optimizer = torch.optim.AdamW(_parameters(network), RATE, fused=True)
    warm = max(1, int(_WARM_UP * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, step / warm) * max(0.0, (steps - step) / steps)
    )
    started, questions = time.monotonic(), _endless(training_groups, chance)
    report(f"before: {_judge(network, tokenizer, held_out, seed)}")
    for step in range(1, steps + 1):
        pairs, spans = _pairs([next(questions) for _ in range(QUESTIONS)], OTHERS, chance)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rated = network(**tokenizer.batch(pairs)).float()
        _loss(rated, spans).backward()
        torch.nn.utils.clip_grad_norm_([p for p in network.parameters() if p.requires_grad], 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % _SAVE_EVERY == 0 or step == steps:
            save_weights(network, weights)
            took = time.monotonic() - started
            report(f"step {step} of {steps}, {took:.0f} s: {_judge(network, tokenizer, held_out, seed)}")


def _parameters(network: Any) -> list[dict[str, Any]]:
    """Weights decay, biases and norms do not, the new layers learn faster than those that know something."""
    body = [p for p in network.bert.parameters() if p.requires_grad]
    body_ids = {id(p) for p in network.bert.parameters()}
    return [
        {"params": [p for p in body if p.dim() > 1], "weight_decay": _DECAY},
        {"params": [p for p in body if p.dim() < 2], "weight_decay": 0.0},
        {
            "params": [p for p in network.parameters() if id(p) not in body_ids],
            "weight_decay": 0.0,
            "lr": RATE * _HEAD_RATE,
        },
    ]


def _endless(shown: Sequence[Group], chance: random.Random) -> Iterator[Group]:
    while True:
        yield from chance.sample(shown, len(shown))


def _pairs(groups: Sequence[Group], others: int, chance: random.Random) -> tuple[Pairs, Spans]:
    """What goes through the network at once, and which of it belongs to which question.

    A span is first, last + 1, and whether the first of it answers. Half of the others are from the hardest.
    """
    pairs: Pairs = []
    spans: Spans = []
    for group in groups:
        count = min(others if group.answer else max(3, others // 2), len(group.others))
        hard, easier = group.others[:_HARDEST], group.others[_HARDEST:] or group.others
        chosen = chance.sample(hard, min(len(hard), (count + 1) // 2))
        chosen += chance.sample(easier, min(len(easier), count - len(chosen)))
        readings = [*([group.answer] if group.answer else []), *chosen]
        spans.append((len(pairs), len(pairs) + len(readings), group.answer is not None))
        pairs += [(group.question, reading) for reading in readings]
    return pairs, spans


def _loss(rated: Any, spans: Spans) -> Any:
    import torch
    from torch.nn import functional

    loss = torch.zeros(())
    for first, last, answered in spans:
        ratings, right = rated[first:last], torch.zeros(last - first)
        if answered:
            right[0] = 1
            loss = loss + functional.cross_entropy(ratings[None], torch.tensor([0]))
        weight = torch.where(right > 0, _ANSWER_COUNTS, 1.0)
        loss = loss + functional.binary_cross_entropy_with_logits(ratings, right, weight=weight)
    return loss / len(spans)


def _judge(network: Any, tokenizer: PairTokenizer, held_out: Sequence[Group], seed: int) -> str:
    """On questions not trained on: how often the answer is first of 16, and AUROC of the best rating."""
    import torch

    chance = random.Random(seed)
    first: list[float] = []
    best: list[float] = []
    answerable: list[float] = []
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        for start in range(0, len(held_out), QUESTIONS):
            pairs, spans = _pairs(held_out[start : start + QUESTIONS], _OTHERS_HELD_OUT, chance)
            rated = network(**tokenizer.batch(pairs)).float()
            for begin, end, answered in spans:
                ratings = rated[begin:end]
                best.append(ratings.max().item())
                answerable.append(float(answered))
                if answered:
                    first.append(float(ratings.argmax().item() == 0))
    rated_apart = auroc(np.array(best), np.array(answerable))
    return f"right first {sum(first) / len(first):.3f}, AUROC {rated_apart:.3f}"


def save_weights(network: Any, weights: Path) -> None:
    """Write the trained weights in bfloat16: all but the table of word vectors."""
    import torch
    from safetensors.torch import save_file

    trained = {
        name: tensor.to(torch.bfloat16).contiguous()
        for name, tensor in network.state_dict().items()
        if name != f"bert.{WORD_VECTORS}"
    }
    save_file(trained, weights)
