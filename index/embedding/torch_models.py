"""Models of sentence-transformers, loaded from folders: the one file that knows that library.

Nothing is downloaded here, no code from a model's folder is run, and only safetensors are read.
"""

from __future__ import annotations

import copy
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from corpus.normalise import replace_surrogates
from index.embedding.parity import PROBES
from index.embedding.tokenizer import IDS, MASK, TYPES, Inputs, Tokenizer, raw_tokenizer
from index.errors import ModelRefused

# Pieces in a batch. Two cores with AMX read 203 texts a second at 4096 in bfloat16, 149 at 2048 and 181 at
# 8192; in float32 72 at 2048, 69 at 4096 and 56 at 8192.
_BUDGET = 4096
_BUDGET_ELSEWHERE = 65_536  # other devices want large batches


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


class TorchNetwork:
    """All modules of a bi-encoder as one `index.embedding.batch_encoder.Network`."""

    step = 1

    def __init__(self, model: Any, names: Sequence[str]) -> None:
        self.dimension = int(model.get_embedding_dimension())
        self.budget = _BUDGET if model.device.type == "cpu" else _BUDGET_ELSEWHERE
        self._names = names
        self._device = model.device
        self._whole = whole_network(model, names)

    def __call__(self, inputs: Inputs) -> NDArray[np.float32]:
        """See `index.embedding.batch_encoder.Network`."""
        import torch

        with torch.inference_mode():
            tensors = [torch.from_numpy(inputs[name]).to(self._device) for name in self._names]
            vectors: NDArray[np.float32] = self._whole(*tensors).cpu().numpy()
        return vectors


def whole_network(model: Any, names: Sequence[str]) -> Any:
    """A bi-encoder as one `torch.nn.Module`: inputs of these names, in order, to vectors of norm 1."""
    import torch

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tensors: Any) -> Any:
            features = self.model(dict(zip(names, tensors, strict=True)))
            return torch.nn.functional.normalize(features["sentence_embedding"].float(), dim=1)

    return Whole().eval()


def to_bfloat16(model: Any) -> Any:
    """A copy of a bi-encoder whose first module, the costly one, is in bfloat16.

    Pooling and what follows get float32: rounding there would save nothing.
    """
    import torch

    with quiet():
        copied = copy.deepcopy(model)
    copied[0].to(torch.bfloat16)
    copied[0].register_forward_hook(lambda module, given, features: _to_float32(features))
    return copied


def word_pieces(model: Any) -> Tokenizer | None:
    """How a bi-encoder cuts texts up; None where it does more than cut, such as put a prompt before each."""
    import torch

    tokenizer: Any = getattr(model, "tokenizer", None)
    if model.default_prompt_name or model.truncate_dim or not hasattr(tokenizer, "backend_tokenizer"):
        return None
    features = model.preprocess(list(PROBES))
    tensors = {name: one for name, one in features.items() if isinstance(one, torch.Tensor)}
    if not tensors.keys() <= {IDS, MASK, TYPES}:
        return None
    pieces = Tokenizer(
        tokenizer.backend_tokenizer.to_str(),
        names=tuple(tensors),
        max_tokens=int(model.max_seq_length),
        blank=int(tokenizer.pad_token_id or 0),
    )
    return pieces if pieces.same_as(tensors, PROBES) else None


def _to_float32(features: dict[str, Any]) -> dict[str, Any]:
    """The same with what is in fewer bits in float32."""
    import torch

    halves = {name: one for name, one in features.items() if getattr(one, "dtype", None) == torch.bfloat16}
    return {**features, **{name: one.float() for name, one in halves.items()}}


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
            model_kwargs={"use_safetensors": True, "dtype": inference_dtype(device)},
        )


def best_device() -> str:
    """cuda, mps or cpu: the first there is. Where torch knows the processor alone, it need not be loaded."""
    if sys.platform == "linux" and version("torch").endswith("+cpu"):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def check_device(device: str) -> None:
    """Raise ModelRefused when there is no such device."""
    if device == "cpu":
        return
    import torch

    found = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not found.get(device.split(":")[0], False):
        there = ", ".join(name for name, available in found.items() if available)
        raise ModelRefused(f"there is no device {device!r} here; choose one of: {there}")


def inference_dtype(device: str) -> Any:
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

    own, logging = getLogger("sentence_transformers"), cast(Any, transformers_logging)
    level, bars, own_level = logging.get_verbosity(), logging.is_progress_bar_enabled(), own.level
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    own.setLevel(ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        own.setLevel(own_level)
        if bars:
            logging.enable_progress_bar()


BATCH = 32  # texts per pass: the default of sentence-transformers


class SentenceTransformerEncoder:
    """An `index.embedding.load.Encoder` over a loaded `SentenceTransformer`; safe to share between threads."""

    def __init__(self, model: Any, *, name: str, fingerprint: str) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.dimension = int(model.get_embedding_dimension())
        self.max_tokens = int(model.max_seq_length)
        self._model = model
        self._tokenizer = raw_tokenizer(model.tokenizer.backend_tokenizer.to_str())
        self._lock = threading.Lock()  # the tokenizer changes its own settings during a call

    def count_tokens(self, text: str) -> int:
        """See `index.embedding.load.Encoder.count_tokens`."""
        return len(self._tokenizer.encode(replace_surrogates(text)).ids)

    def encode(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """See `index.embedding.load.Encoder.encode`. Batches hold texts of like length."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            vectors[rows] = self._encode_batch([replace_surrogates(texts[row]) for row in rows])
            if progress:
                progress(len(rows))
        return vectors

    def _encode_batch(self, texts: list[str]) -> NDArray[np.float32]:
        with self._lock:
            vectors = self._model.encode(
                texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, dtype=np.float32)
