"""Finds an embedding model and loads it with a backend."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from index.embedding.backends import Backend, Source, open_encoder
from index.embedding.batch_encoder import BatchEncoder
from index.embedding.encoder import Encoder
from index.embedding.shipped_models import (
    DEFAULT_MODEL,
    MODELS,
    QUALITY_MODEL,
    default_model_folder,
    hashed_files,
    model_folder,
    quality_model_folder,
)
from index.embedding.torch_models import SentenceTransformerEncoder, check_device


class Profile(StrEnum):
    """The models that come as packages: a small one, and a better one at five to seven times the cost."""

    STANDARD = "standard"
    QUALITY = "quality"


def load_encoder(
    model: str | None = None,
    *,
    device: str | None = None,
    models: Path = Path("data") / MODELS,
    backend: str = Backend.TORCH,
) -> Encoder:
    """Load a model: None for the default one, else a profile, a folder, or a name on the Hugging Face hub.

    Profiles are "standard", the default model, and "quality", whose packages are unpacked below `models`;
    neither uses the network. A hub name is downloaded on first use, without code and pickled weights.
    `device` is "cuda", "mps" or "cpu"; None takes the best one. Conversions for a `backend`
    (`index.embedding.backends`) are also stored below `models`.

    Raises:
        ModelRefused: no such device, backend or model, files that differ from their pins, or weights that are
            not safetensors.
    """
    if device is not None:
        check_device(device)
    folder, name = _find(model, models)
    source = Source(folder=folder, name=name, device=device or "", models=models, files=hashed_files(folder))
    return open_encoder(source, backend)


def encoding_metadata(encoder: Encoder) -> dict[str, str]:
    """The manifest's settings of the encoder: the backend, and its least cosine with float32."""
    if isinstance(encoder, SentenceTransformerEncoder):
        return {"backend": str(Backend.TORCH), "least_cosine": f"{1:.6f}"}
    if not isinstance(encoder, BatchEncoder):
        return {}
    return {"backend": str(encoder.models.backend), "least_cosine": f"{encoder.models.agreement:.6f}"}


def _find(model: str | None, models: Path) -> tuple[Path, str]:
    if model in (None, Profile.STANDARD, DEFAULT_MODEL):
        return default_model_folder(), DEFAULT_MODEL
    if model in (Profile.QUALITY, QUALITY_MODEL):
        return quality_model_folder(models), QUALITY_MODEL
    return model_folder(model), model
