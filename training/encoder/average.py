"""Average trained weights with the base's: python -m training.encoder.average OUT STATE... [--base S]

Between both lies what neither forgets: the base knows kinds of text that no training row is of (weight
averaging, WiSE-FT, arXiv 2109.01903; over several rounds, model soups, arXiv 2203.05482).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from training.encoder.base_model import base_model_folder
from training.encoder.network import BODY, Network
from training.encoder.train import read_weights


def average(
    base: Mapping[str, Tensor], states: Sequence[Mapping[str, Tensor]], share: float
) -> dict[str, Tensor]:
    """The mean of the states, of the transformer `share` from the base."""
    mixed = {name: torch.stack([state[name].float() for state in states]).mean(dim=0) for name in base}
    return {
        name: torch.lerp(tensor, base[name].float(), share) if name.startswith(BODY) else tensor
        for name, tensor in mixed.items()
    }


def main() -> None:
    """Read the states, write one."""
    doc = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m training.encoder.average", description=doc[0], epilog=doc[2]
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("states", type=Path, nargs="+")
    parser.add_argument("--base", type=float, default=0.5)
    chosen = parser.parse_args()
    base = Network(base_model_folder()).state_dict()
    save_file(average(base, [read_weights(state) for state in chosen.states], chosen.base), chosen.out)


if __name__ == "__main__":
    main()
