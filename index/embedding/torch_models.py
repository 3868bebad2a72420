"""Loads models of sentence-transformers from folders and runs them with torch.

Nothing is downloaded, no code from a model's folder runs, and only safetensors are read.
"""

from __future__ import annotations

import copy
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from corpus.normalise import replace_surrogates
from index.embedding.encoder import SentenceEncoder
from index.embedding.parity import MIN_COSINE, PROBES
from index.embedding.tokenizer import IDS, MASK, TYPES, Inputs, Tokenizer, raw_tokenizer
from index.errors import ModelRefused
from index.storage.arrays import Vectors

_MEAN_PROBES = PROBES[3:7]  # of different lengths, so that padding shows

# Tokens in a batch. Two cores with AMX encode 203 texts a second at 4096 in bfloat16, 149 at 2048 and 181 at
# 8192; in float32 72 at 2048, 69 at 4096 and 56 at 8192.
_BUDGET = 4096
_GPU_BUDGET = 65_536


def load_bi_encoder(folder: Path, device: str) -> Any:
    """A `SentenceTransformer`. Raises ModelRefused."""
    import torch
    from sentence_transformers import SentenceTransformer

    with _load_errors(folder):
        return SentenceTransformer(
            str(folder),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True, "dtype": torch.float32},  # whatever the file holds
        )


class TorchNetwork:
    """A bi-encoder as an `index.embedding.batch_encoder.Network`: late pooling if the model allows it.

    `whole` is the `torch.nn.Module`.
    """

    step = 1

    def __init__(
        self,
        model: Any,
        names: Sequence[str],
        late: LateInteraction | None = None,
        *,
        late_pooling: bool | None = None,
    ) -> None:
        """`late_pooling` None tries whether the model allows it."""
        self.dimension = int(model.get_embedding_dimension())
        self.pools_late = pools_late(model) if late_pooling is None else late_pooling
        self.token_dimension = late.dimension if late and self.pools_late else 0
        self.budget = _BUDGET if model.device.type == "cpu" else _GPU_BUDGET
        self._model = model
        self._names = names
        self._late = late
        self._device = model.device
        self.whole = _tokens_network(model, names, late) if self.pools_late else _texts_network(model, names)

    def __call__(self, inputs: Inputs) -> Vectors:
        """See `Network`."""
        import torch

        with torch.inference_mode():
            tensors = [torch.from_numpy(inputs[name]).to(self._device) for name in self._names]
            vectors: Vectors = self.whole(*tensors).cpu().numpy()
        return vectors

    def in_bfloat16(self) -> TorchNetwork:
        """A copy with its transformer in bfloat16, which pools as this one does."""
        copied = to_bfloat16(self._model)
        return TorchNetwork(copied, self._names, self._late, late_pooling=self.pools_late)


LATE_INTERACTION = "late_interaction.safetensors"
"""A file of a model: `token.weight`, shape (t, d), and `weight.weight`, (1, d), with `weight.bias`, (1,)."""


@dataclass(frozen=True, slots=True, eq=False)
class LateInteraction:
    """The layers that make of a token's state its vector and the logarithm of its weight in a question."""

    tensors: Mapping[str, Any]

    @property
    def dimension(self) -> int:
        """Numbers per token vector."""
        return int(self.tensors["token.weight"].shape[0])

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Those of a model's folder; None if it has none. Raises ModelRefused."""
        from safetensors.torch import load_file

        path = folder / LATE_INTERACTION
        if not path.exists():
            return None
        with _load_errors(folder):
            read = cls({name: tensor.float() for name, tensor in load_file(path).items()})
            width = read.tensors["token.weight"].shape[1]
            shapes = {name: tuple(tensor.shape) for name, tensor in read.tensors.items()}
            if shapes != {
                "token.weight": (read.dimension, width),
                "weight.weight": (1, width),
                "weight.bias": (1,),
            }:
                raise ValueError(f"{LATE_INTERACTION} has other tensors than token and weight: {shapes}")
        return read


def pools_late(model: Any) -> bool:
    """Whether the model's vectors of some probes are the means of the states of their tokens."""
    import torch

    features = model.preprocess(list(_MEAN_PROBES))
    inputs = {
        name: value.to(model.device) for name, value in features.items() if isinstance(value, torch.Tensor)
    }
    with torch.inference_mode():
        states = model[0](dict(inputs)).get("token_embeddings")
        vectors = model(dict(inputs))["sentence_embedding"].float()
    if states is None or states.shape[-1] != vectors.shape[-1]:
        return False
    means = (states.float() * inputs[MASK][..., None]).sum(dim=1)
    return bool((torch.cosine_similarity(means, vectors) >= MIN_COSINE).all())


def _texts_network(model: Any, names: Sequence[str]) -> Any:
    """A bi-encoder as a `torch.nn.Module`: maps inputs, in the order of `names`, to vectors of norm 1."""
    import torch

    class Texts(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tensors: Any) -> Any:
            features = self.model(dict(zip(names, tensors, strict=True)))
            return torch.nn.functional.normalize(features["sentence_embedding"].float(), dim=1)

    return Texts().eval()


def _tokens_network(model: Any, names: Sequence[str], late: LateInteraction | None) -> Any:
    """The same for late pooling: maps inputs to the numbers of each token, see `Network`."""
    import torch

    class Tokens(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model[0]
            for name, tensor in late.tensors.items() if late else ():
                self.register_buffer(name.replace(".", "_"), tensor.to(model.device))

        def forward(self, *tensors: Any) -> Any:
            states = self.model(dict(zip(names, tensors, strict=True)))["token_embeddings"].float()
            if late is None:
                return states
            vectors = torch.nn.functional.normalize(states @ self.token_weight.T, dim=2)
            weights = states @ self.weight_weight.T + self.weight_bias
            return torch.cat([states, vectors, weights], dim=2)

    return Tokens().eval()


def to_bfloat16(model: Any) -> Any:
    """A copy of a bi-encoder with its transformer in bfloat16; later modules cost little in float32."""
    import torch

    def to_float32(module: Any, inputs: Any, features: dict[str, Any]) -> dict[str, Any]:
        tensors = {name: value for name, value in features.items() if isinstance(value, torch.Tensor)}
        half = (name for name, tensor in tensors.items() if tensor.dtype == torch.bfloat16)
        return {**features, **{name: tensors[name].float() for name in half}}

    with quiet():
        copied = copy.deepcopy(model)
    copied[0].to(torch.bfloat16)
    copied[0].register_forward_hook(to_float32)
    return copied


def tokenizer_of(model: Any) -> Tokenizer | None:
    """The tokenizer of a bi-encoder; None if its preprocessing does more, such as add a prompt."""
    import torch

    wrapped: Any = getattr(model, "tokenizer", None)
    if model.default_prompt_name or model.truncate_dim or not hasattr(wrapped, "backend_tokenizer"):
        return None
    features = model.preprocess(list(PROBES))
    tensors = {name: value for name, value in features.items() if isinstance(value, torch.Tensor)}
    if not tensors.keys() <= {IDS, MASK, TYPES}:
        return None
    tokenizer = Tokenizer(
        wrapped.backend_tokenizer.to_str(),
        names=tuple(tensors),
        max_tokens=int(model.max_seq_length),
        pad_id=int(wrapped.pad_token_id or 0),
    )
    return tokenizer if tokenizer.matches(tensors, PROBES) else None


def load_cross_encoder(folder: Path, device: str, *, max_tokens: int) -> Any:
    """A `CrossEncoder` that returns logits. Raises ModelRefused."""
    import torch
    from sentence_transformers import CrossEncoder

    with _load_errors(folder):
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
    """The first available of cuda, mps and cpu."""
    return _devices()[0]


def check_device(device: str) -> None:
    """Raises ModelRefused if there is no such device."""
    if device.split(":")[0] not in _devices():
        raise ModelRefused(f"there is no device {device!r} here; choose one of: {', '.join(_devices())}")


def _devices() -> list[str]:
    """The available devices, best first; a CPU-only torch is not imported."""
    if sys.platform == "linux" and version("torch").endswith("+cpu"):
        return ["cpu"]
    import torch

    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return [device for device, is_available in available.items() if is_available]


def inference_dtype(device: str) -> Any:
    """bfloat16 on a GPU or a CPU that multiplies it, else float32: emulation is slow.

    Measured on two cores with AMX: six layers rate 570 pairs a second in bfloat16 and 73 in float32.
    """
    import torch

    if device != "cpu":
        return torch.bfloat16
    capabilities = torch.cpu.get_capabilities()
    has_bf16 = capabilities.get("amx_bf16") or capabilities.get("avx512_bf16")
    return torch.bfloat16 if has_bf16 else torch.float32


@contextmanager
def _load_errors(folder: Path) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        with quiet():
            yield
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelRefused(f"the model cannot be loaded: {folder}: {reason}; use another model") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Suppresses progress bars, log lines and warnings while a model loads."""
    from transformers.utils import logging as transformers_logging

    logger, logging = getLogger("sentence_transformers"), cast(Any, transformers_logging)
    verbosity, bars, level = logging.get_verbosity(), logging.is_progress_bar_enabled(), logger.level
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    logger.setLevel(ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        logger.setLevel(level)
        if bars:
            logging.enable_progress_bar()


BATCH = 32  # texts: the default of sentence-transformers


class SentenceTransformerEncoder(SentenceEncoder):
    """An `index.embedding.encoder.Encoder` over a `SentenceTransformer`; safe to share between threads."""

    def __init__(self, model: Any, *, name: str, fingerprint: str) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.dimension = int(model.get_embedding_dimension())
        self.max_tokens = int(model.max_seq_length)
        self._model = model
        self._tokenizer = raw_tokenizer(model.tokenizer.backend_tokenizer.to_str())
        self._lock = threading.Lock()  # the tokenizer changes its own settings during a call

    def count_tokens(self, text: str) -> int:
        """See `Encoder.count_tokens`."""
        return len(self._tokenizer.encode(replace_surrogates(text)).ids)

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """See `Encoder.encode`. Batches contain texts of similar length."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            batch = [replace_surrogates(texts[row]) for row in rows]
            with self._lock:
                vectors[rows] = self._model.encode(
                    batch, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
                )
            if progress:
                progress(len(rows))
        return vectors
