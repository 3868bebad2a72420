"""Text to vectors: the interface, and the one implementation that loads a model.

A vector is the meaning of a text as `dimension` numbers; the inner product of two vectors of
length 1 is their cosine: 1.0 for the same text, near 0 for unrelated ones. Only the first
`max_tokens` word pieces of a text count.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index.model import DEFAULT_MODEL, default_model_folder, folder_sha256, model_folder
from index.quality import MODELS, QUALITY_MODEL, quality_model_folder
from index.transformer import best_device, check_device, load_bi_encoder

BATCH = 32  # texts per pass: the default of sentence-transformers


class Profile(StrEnum):
    """The models that come as packages: small and quick, or better and five to seven times the cost."""

    STANDARD = "standard"
    QUALITY = "quality"


class Encoder(Protocol):
    """Turns texts into vectors of length 1."""

    @property
    def name(self) -> str:
        """The model's name, for people."""

    @property
    def fingerprint(self) -> str:
        """Equal for two encoders exactly when their vectors can be compared: a SHA-256."""

    @property
    def dimension(self) -> int:
        """Numbers per vector."""

    @property
    def max_tokens(self) -> int:
        """Word pieces of a text that count, the two special ones included."""

    def count_tokens(self, text: str) -> int:
        """Word pieces of the whole text, the two special ones included."""

    def encode(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Vectors in the order of the texts, shape (len(texts), dimension), each of L2 norm 1.

        `progress` is called after each batch with the number of texts in it.
        """


class SentenceTransformerEncoder:
    """A sentence-transformers model read from a folder; safe to share between threads."""

    def __init__(self, folder: Path, *, name: str, device: str | None = None) -> None:
        self.name = name
        self._model = load_bi_encoder(folder, device or best_device())
        self._tokenizer = _counting_tokenizer(self._model.tokenizer)
        self._lock = threading.Lock()  # the tokenizer changes its own settings during a call
        self.dimension = int(self._model.get_embedding_dimension())
        self.max_tokens = int(self._model.max_seq_length)
        self.fingerprint = fingerprint(folder, max_tokens=self.max_tokens)

    def count_tokens(self, text: str) -> int:
        """Word pieces of the whole text, the two special ones included: "hello world" -> 4."""
        return len(self._tokenizer.encode(sayable(text)).ids)

    def encode(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """See `Encoder.encode`. Batches hold texts of like length, so that little of them is padding."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            vectors[rows] = self._encode_batch([sayable(texts[row]) for row in rows])
            if progress:
                progress(len(rows))
        return vectors

    def _encode_batch(self, texts: list[str]) -> NDArray[np.float32]:
        with self._lock:
            vectors = self._model.encode(
                texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, dtype=np.float32)


def load_encoder(
    model: str | None = None, *, device: str | None = None, models: Path = Path("data") / MODELS
) -> Encoder:
    """Load a model: None for the default one, else a profile, a folder, or a name on the Hugging Face hub.

    Profiles are "standard", the default model, and "quality", whose packages are unpacked below `models`;
    neither ever touches the network. A hub name is downloaded on first use, without code and pickled
    weights. `device` is "cuda", "mps" or "cpu"; None takes the best there is.

    Raises:
        ModelRefused: there is no such device, or the model is not there, is not what was pinned, or is
            not safetensors only.
    """
    if device is not None:
        check_device(device)
    if model in (None, Profile.STANDARD, DEFAULT_MODEL):
        return SentenceTransformerEncoder(default_model_folder(), name=DEFAULT_MODEL, device=device)
    if model in (Profile.QUALITY, QUALITY_MODEL):
        return SentenceTransformerEncoder(quality_model_folder(models), name=QUALITY_MODEL, device=device)
    return SentenceTransformerEncoder(model_folder(model), name=model, device=device)


def fingerprint(folder: Path, *, max_tokens: int) -> str:
    """SHA-256 over what decides the vectors: the model's files, its window and the normalisation."""
    return folder_sha256(folder, f"max_tokens {max_tokens}", "norm l2")


def _counting_tokenizer(tokenizer: Any) -> Any:
    from tokenizers import Tokenizer

    counting = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    counting.no_truncation()
    counting.no_padding()
    return counting


def sayable(text: str) -> str:
    """The text with each lone surrogate as "?": UTF-8, and so the tokenizer, has no form for one."""
    return text.encode("utf-8", "replace").decode("utf-8")
