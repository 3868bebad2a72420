"""Train the encoder: python -m training.encoder DATA OUT [--after STATE] [--epochs N] [--seed N]

DATA holds `train` and `squad`. OUT gets the state of the training and its log, and a run that was stopped
goes on from there; `training.encoder.average` and `training.encoder.export` make a model of states.
A round after another starts from its STATE with a new schedule, on a sample of the rows in batches of hard
negatives.
Run nothing else meanwhile: two processes on the same cores make each other ten times as slow.
"""

from __future__ import annotations

import argparse
import random
from functools import partial
from pathlib import Path

import torch
from transformers import AutoTokenizer

from index.embedding.load import load_encoder
from training.encoder.base_model import base_model_folder
from training.encoder.batches import BATCH, Packer, neighbour_batches
from training.encoder.mining import mine, mined_batches
from training.encoder.network import Network
from training.encoder.rows import held_out, load_rows
from training.encoder.train import Settings, read_weights, train

WATCHED = 500
_PROJECTED = 400  # rows whose token states the projection starts from


def main() -> None:
    """Read the rows, train, write the state."""
    doc = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(prog="python -m training.encoder", description=doc[0], epilog=doc[2])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--after", type=Path, metavar="STATE")
    parser.add_argument("--epochs", type=float, default=1.5)
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(chosen.seed)
    base = base_model_folder()
    packer = Packer(AutoTokenizer.from_pretrained(str(base), local_files_only=True))
    # The rows that are watched stay the same, whatever the seed of a later round.
    rows, watched = held_out(load_rows(chosen.data, seed=7), WATCHED, seed=7)
    report = partial(print, flush=True)
    network = Network(base)
    settings = Settings(chosen.epochs, chosen.seed)
    if chosen.after:
        network.load_state_dict(read_weights(chosen.after))
        count = BATCH * int(chosen.epochs * len(rows) // BATCH)
        rows = random.Random(chosen.seed).sample(rows, count)
        settings = Settings(1, chosen.seed)
    report(f"{len(rows):,} rows, {sum(not row.answerable for row in rows):,} without an answer")
    lengths = [sum(map(len, row.sentences)) for row in rows]
    if chosen.after:
        mined = mine(network, packer, rows)
        report("mined")
        batches = partial(mined_batches, mined, lengths)
    else:
        vectors = load_encoder(str(base), backend="bf16").encode([row.question for row in rows])
        batches = partial(neighbour_batches, vectors, lengths)
        with torch.inference_mode():
            batch = packer.batch(watched[:_PROJECTED], None)
            states = network.states(batch.passages)
        network.fit_projection(states[batch.owner >= 0])
    train(network, packer, rows, watched, batches, chosen.out, settings, report)


if __name__ == "__main__":
    main()
