"""Models of sentence-transformers, loaded from folders: the one file that knows that library.

Nothing is downloaded here, no code from a model's folder is run, and only safetensors are read.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from index.errors import ModelRefused


def load_bi_encoder(folder: Path, device: str) -> Any:
    """A `SentenceTransformer`: one text to one vector. Raises ModelRefused."""
    from sentence_transformers import SentenceTransformer

    with _refused(folder):
        return SentenceTransformer(
            str(folder),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )


def load_cross_encoder(folder: Path, device: str, *, max_tokens: int) -> Any:
    """A `CrossEncoder`: two texts to one score. Raises ModelRefused."""
    import torch
    from sentence_transformers import CrossEncoder

    with _refused(folder):
        return CrossEncoder(
            str(folder),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            max_length=max_tokens,
            num_labels=1,
            activation_fn=torch.nn.Identity(),
            model_kwargs={"use_safetensors": True, "dtype": half_or_single(device)},
        )


def best_device() -> str:
    """cuda, mps or cpu: the first there is."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def check_device(device: str) -> None:
    """Raise ModelRefused when there is no such device."""
    import torch

    found = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not found.get(device.split(":")[0], False):
        there = ", ".join(name for name, available in found.items() if available)
        raise ModelRefused(f"there is no device {device!r} here; choose one of: {there}")


def half_or_single(device: str) -> Any:
    """bfloat16 on other devices and on processors that multiply it, else float32: emulated it is slow.

    Measured on two cores with AMX: six layers read 570 pairs a second in bfloat16 and 73 in float32.
    """
    import torch

    if device != "cpu":
        return torch.bfloat16
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("amx_bf16") or able.get("avx512_bf16") else torch.float32


@contextmanager
def _refused(folder: Path) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        with quiet():
            yield
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelRefused(f"the model cannot be loaded: {folder}: {reason}; use another model") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back the progress bar, the log lines and the warnings that loading a model gives off."""
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
