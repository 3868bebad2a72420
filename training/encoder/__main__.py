"""Train the encoder: python -m training.encoder DATA OUT [--epochs N] [--seed N] [--share S]

DATA holds `train` and `squad`. OUT gets the state of the training and its log, and a run that was stopped
goes on from there; at the end the model is in OUT/model, S of its weights trained and the rest the base's.
Run nothing else meanwhile: two processes on the same cores make each other ten times as slow.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import torch
from transformers import AutoTokenizer

from index.embedding.load import load_encoder
from index.embedding.shipped_models import default_model_folder
from training.encoder.batches import Packer
from training.encoder.export import export
from training.encoder.network import Network
from training.encoder.rows import held_out, load_rows
from training.encoder.train import STATE, Settings, train

WATCHED = 500
_PROJECTED = 400  # rows whose token states the projection starts from


def main() -> None:
    """Read the rows, train, write the state."""
    doc = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(prog="python -m training.encoder", description=doc[0], epilog=doc[2])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=float, default=1.5)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--share", type=float, default=0.5)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(chosen.seed)
    base = default_model_folder()
    packer = Packer(AutoTokenizer.from_pretrained(str(base), local_files_only=True))
    rows, watched = held_out(load_rows(chosen.data, seed=chosen.seed), WATCHED, seed=chosen.seed)
    report = partial(print, flush=True)
    report(f"{len(rows):,} rows, {sum(not row.answerable for row in rows):,} without an answer")
    vectors = load_encoder(backend="bf16").encode([row.question for row in rows])
    network = Network(base)
    with torch.inference_mode():
        batch = packer.batch(watched[:_PROJECTED], None)
        states = network.states(batch.passages)
    network.fit_projection(states[batch.owner >= 0])
    settings = Settings(chosen.epochs, chosen.seed)
    train(network, packer, rows, watched, vectors, chosen.out, settings, report)
    export(base, chosen.out / STATE, chosen.out / "model", share=chosen.share)


if __name__ == "__main__":
    main()
