"""Text to vectors: the interface, and how a model is found and loaded.

A vector is the meaning of a text as `dimension` numbers; the inner product of two vectors of
length 1 is their cosine: 1.0 for the same text, near 0 for unrelated ones. Only the first
`max_tokens` word pieces of a text count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.backend import Backend, Source, open_encoder
from index.manifest import Setting
from index.model import DEFAULT_MODEL, default_model_folder, hashed_files, model_folder
from index.passes import PassEncoder
from index.plain import PlainEncoder
from index.quality import MODELS, QUALITY_MODEL, quality_model_folder
from index.transformer import check_device


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


def load_encoder(
    model: str | None = None,
    *,
    device: str | None = None,
    models: Path = Path("data") / MODELS,
    backend: str = Backend.TORCH,
) -> Encoder:
    """Load a model: None for the default one, else a profile, a folder, or a name on the Hugging Face hub.

    Profiles are "standard", the default model, and "quality", whose packages are unpacked below `models`;
    neither ever touches the network. A hub name is downloaded on first use, without code and pickled
    weights. `device` is "cuda", "mps" or "cpu"; None takes the best there is. `backend` is what runs it:
    see `index.backend`; what is converted for it lies below `models`, too.

    Raises:
        ModelRefused: there is no such device or backend, or the model is not there, is not what was pinned,
            or is not safetensors only.
    """
    if device is not None:
        check_device(device)
    folder, name = _find(model, models)
    source = Source(folder=folder, name=name, device=device or "", models=models, files=hashed_files(folder))
    return open_encoder(source, backend)


def encoding_facts(encoder: Encoder) -> dict[str, Setting]:
    """What a manifest tells of how texts were encoded: the backend, and its least cosine with float32."""
    if isinstance(encoder, PlainEncoder):
        return {"backend": str(Backend.TORCH), "least_cosine": f"{1:.6f}"}
    if not isinstance(encoder, PassEncoder):
        return {}
    return {"backend": str(encoder.networks.backend), "least_cosine": f"{encoder.networks.agreement:.6f}"}


def _find(model: str | None, models: Path) -> tuple[Path, str]:
    """The folder of a model and its name."""
    if model in (None, Profile.STANDARD, DEFAULT_MODEL):
        return default_model_folder(), DEFAULT_MODEL
    if model in (Profile.QUALITY, QUALITY_MODEL):
        return quality_model_folder(models), QUALITY_MODEL
    return model_folder(model), model
