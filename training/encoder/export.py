"""Writes what was trained as a folder that sentence-transformers loads."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from training.encoder.network import BODY

WEIGHTS = "model.safetensors"


def export(base: Path, state: Path, folder: Path, *, share: float) -> None:
    """The base model's files, with weights of `share` of the trained ones and the rest of the base's own.

    Between both lies what neither forgets: the base knows kinds of text that no training row is of (weight
    averaging, WiSE-FT, arXiv 2109.01903).
    """
    shutil.copytree(base, folder, copy_function=shutil.copyfile, dirs_exist_ok=True)
    before, trained = load_file(base / WEIGHTS), load_file(state)
    mixed = {
        name: torch.lerp(tensor.float(), trained[BODY + name], share).to(torch.bfloat16)
        if BODY + name in trained
        else tensor
        for name, tensor in before.items()
    }
    save_file(mixed, folder / WEIGHTS, metadata={"format": "pt"})
