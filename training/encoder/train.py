"""The training loop: resumable, with a log of losses and of what held-out rows show.

Word vectors are frozen: they are half of the weights, and rows of one kind would move the words they use
away from those they do not. No dropout: drawing it takes a third of a step.
"""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from training.encoder.batches import BATCH, Packer
from training.encoder.loss import loss, score
from training.encoder.network import Network
from training.encoder.rows import Row

STATE, LOG = "state.safetensors", "log.jsonl"
_MOMENTS, _STEP = "optimizer.", "step"
_RATE, _NEW_LAYERS, _SCALES = 6e-5, 3e-4, 2e-2
_WARM_UP = 100
_LEAST = 0.02
_DECAY = 0.01
_CLIP = 1.0
_EVERY = 50
_SAVED_EVERY = 250
_WATCHED_BATCH = 100


@dataclass(frozen=True, slots=True)
class Settings:
    """`epochs` may be a fraction; all steps together make one schedule."""

    epochs: float
    seed: int


class Batches(Protocol):
    """Gives the rows of each step of an epoch."""

    def __call__(self, *, seed: int) -> Iterable[list[int]]:
        """The same rows for the same seed."""
        ...


def train(
    network: Network,
    packer: Packer,
    rows: Sequence[Row],
    watched: Sequence[Row],
    batches: Batches,
    out: Path,
    settings: Settings,
    report: Callable[[str], None] = print,
) -> None:
    """Train from the start or from the last state in `out`; see `Batches`."""
    network.bert.embeddings.word_embeddings.requires_grad_(False)
    groups, rates = _parameters(network)
    optimizer = torch.optim.AdamW(groups, weight_decay=_DECAY)
    steps = int(settings.epochs * (len(rows) // BATCH))
    step = _resume(network, optimizer, out / STATE)
    began, recent = time.monotonic(), []
    if not step:
        _log(out, {"step": 0, **watch(network, packer, watched)}, report)
    while step < steps:
        epoch, done = divmod(step, len(rows) // BATCH)
        ordered = list(batches(seed=settings.seed + epoch))
        for numbers in ordered[done:][: steps - step]:
            share = min(1.0, (step + 1) / _WARM_UP) * max(_LEAST, 1 - step / steps)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * share
            recent.append(_step(network, optimizer, packer, [rows[n] for n in numbers], settings.seed + step))
            step += 1
            if step % _EVERY == 0:
                spent = time.monotonic() - began
                _log(out, {"step": step, "of": steps, "seconds": round(spent), "loss": _mean(recent)}, report)
                recent.clear()
            if step % _SAVED_EVERY == 0 or step == steps:
                _save(network, optimizer, step, out / STATE)
                _log(out, {"step": step, **watch(network, packer, watched)}, report)


def _step(network: Network, optimizer: Any, packer: Packer, rows: Sequence[Row], seed: int) -> float:
    batch = packer.batch(rows, random.Random(seed))
    total = loss(network, batch, score(network, batch, packer))
    if torch.isfinite(total):
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        optimizer.step()
    return float(total.detach())


def _parameters(network: Network) -> tuple[list[dict[str, Any]], tuple[float, ...]]:
    body = [parameter for parameter in network.bert.parameters() if parameter.requires_grad]
    layers = [*network.token.parameters(), *network.weight.parameters()]
    groups = [{"params": body}, {"params": layers}, {"params": [network.scales, network.bias]}]
    return groups, (_RATE, _NEW_LAYERS, _SCALES)


@torch.inference_mode()
def watch(network: Network, packer: Packer, rows: Sequence[Row]) -> dict[str, float]:
    """Of held-out rows: how often the answer is first among the sentences of a hundred passages."""
    firsts: dict[str, list[bool]] = {"pooled": [], "maxsim": [], "short": [], "both": []}
    for start in range(0, len(rows), _WATCHED_BATCH):
        batch = packer.batch(rows[start : start + _WATCHED_BATCH], None)
        scores = score(network, batch, packer)
        for name, each in (
            ("pooled", scores.pooled),
            ("maxsim", scores.maxsim),
            ("short", scores.short),
            ("both", scores.pooled + scores.maxsim),
        ):
            best = each.argmax(dim=1, keepdim=True)
            firsts[name] += batch.right.gather(1, best)[batch.answerable, 0].tolist()
    return {name: round(float(np.mean(hits)), 4) for name, hits in firsts.items()}


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)


def read_weights(file: Path) -> dict[str, Tensor]:
    """The network's weights in a state, without the optimizer's moments and the step."""
    return {
        name: tensor
        for name, tensor in load_file(file).items()
        if name != _STEP and not name.startswith(_MOMENTS)
    }


def _resume(network: Network, optimizer: Any, file: Path) -> int:
    if not file.exists():
        return 0
    tensors = load_file(file)
    step = int(tensors.pop(_STEP))
    moments: defaultdict[int, dict[str, Tensor]] = defaultdict(dict)
    for name in [name for name in tensors if name.startswith(_MOMENTS)]:
        _, number, moment = name.split(".")
        moments[int(number)][moment] = tensors.pop(name)
    network.load_state_dict(tensors)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": dict(moments)})
    return step


def _save(network: Network, optimizer: Any, step: int, file: Path) -> None:
    """Replaced in one step: a run that is killed leaves the state before or this one."""
    new = file.with_suffix(".new")
    moments = {
        f"{_MOMENTS}{number}.{name}": moment
        for number, state in optimizer.state_dict()["state"].items()
        for name, moment in state.items()
    }
    save_file({**network.state_dict(), **moments, _STEP: torch.tensor(step)}, new)
    new.replace(file)


def _log(out: Path, entry: dict[str, float], report: Callable[[str], None]) -> None:
    with (out / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
    report(" ".join(f"{name} {value}" for name, value in entry.items()))
