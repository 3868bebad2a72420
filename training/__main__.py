"""Train the reranker: python -m training DATA WEIGHTS [--steps N] [--seed N] [--groups FILE]

DATA holds `squad` and `feedbackqa_uk` as `training.calibration_corpora` reads them; WEIGHTS is the
safetensors file to write. Mining the groups takes minutes: with --groups they are written to FILE and read
from it the next time. Run nothing else meanwhile: two processes on the same cores make each other ten times
as slow.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

from index.embedding.load import load_encoder
from index.search.reranker_model import Reading
from training.train import SEED, STEPS, fit
from training.training_groups import Group, groups


def main() -> None:
    """Mine or read the groups, train, write the weights."""
    doc = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(prog="python -m training", description=doc[0], epilog=doc[2])
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--groups", type=Path)
    chosen = parser.parse_args()
    if chosen.groups and chosen.groups.exists():
        mined = list(_read(chosen.groups))
    else:
        mined = list(groups(chosen.data, load_encoder()))
        if chosen.groups:
            _write(chosen.groups, mined)
    print(f"{len(mined):,} questions, {sum(group.answer is None for group in mined):,} without an answer")
    lines = partial(print, flush=True)
    fit(mined, chosen.weights, steps=chosen.steps, seed=chosen.seed, report=lines)


def _write(path: Path, mined: Iterable[Group]) -> None:
    path.write_text("".join(json.dumps(asdict(group)) + "\n" for group in mined), encoding="utf-8")


def _read(path: Path) -> Iterator[Group]:
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        answer = Reading(**row["answer"]) if row["answer"] else None
        yield Group(row["question"], answer, tuple(Reading(**other) for other in row["others"]))


if __name__ == "__main__":
    main()
