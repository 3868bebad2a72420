"""Train the reader: python -m training.reader DATA OUT [--minutes N] [--seed N]

DATA holds `train` and `squad`. OUT is the folder that gets `reader.safetensors`. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import random
from functools import partial
from pathlib import Path

import numpy as np
import torch

from index.embedding.joint_network import joint_network
from index.embedding.load import load_encoder
from index.embedding.shipped_models import default_model_folder
from index.embedding.torch_models import load_bi_encoder
from index.search.joint_reader import READER_WEIGHTS
from training.encoder.rows import Row, held_out, load_rows
from training.reader.examples import ExampleMaker, near_passages
from training.reader.train import train, write_reader

WATCHED = 1_200
# Rows of sources whose questions are templated, or answered by whole sections.
_CAPS = {
    "medquad": 1_500,
    "dstc9_faq": 1_000,
    "feedbackqa_train": 2_500,
    "near_miss": 2_500,
    "qadiscourse": 3_000,
}


def main() -> None:
    """Read the rows, train, write the weights."""
    doc = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(prog="python -m training.reader", description=doc[0], epilog=doc[2])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(chosen.seed)
    chance, report = random.Random(chosen.seed), partial(print, flush=True)
    rows, watched = held_out(
        _capped(load_rows(chosen.data, seed=chosen.seed), chance), WATCHED, seed=chosen.seed
    )
    report(f"{len(rows):,} rows, {sum(not row.answerable for row in rows):,} without an answer")
    encoder = load_encoder(backend="auto")
    questions = np.stack([q.vector for q in encoder.encode_questions([row.question for row in rows])])
    passages = encoder.encode([" ".join(row.sentences) for row in rows])
    near = near_passages(rows, questions, passages)
    base = load_bi_encoder(default_model_folder(), "cpu")
    tokenizer = base.tokenizer
    encode = partial(tokenizer.encode, add_special_tokens=False)
    special = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id
    network = joint_network(base[0].auto_model).train()
    train(network, ExampleMaker(rows, near, encode, special), watched, chosen.minutes, chance, report)
    write_reader(network, chosen.out / READER_WEIGHTS)


def _capped(rows: list[Row], chance: random.Random) -> list[Row]:
    by_source: dict[str, list[Row]] = {}
    for row in rows:
        by_source.setdefault(row.source, []).append(row)
    return [
        row
        for source, group in by_source.items()
        for row in chance.sample(group, min(len(group), _CAPS.get(source, len(group))))
    ]


if __name__ == "__main__":
    main()
