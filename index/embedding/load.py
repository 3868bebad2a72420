"""Text to vectors: the interface, and how a model is found and loaded.

A vector is the meaning of a text as `dimension` numbers; the inner product of two vectors of
length 1 is their cosine: 1.0 for the same text, near 0 for unrelated ones. Only the first
`max_tokens` word pieces of a text count.
"""

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
from index.generation.manifest import Setting


class Profile(StrEnum):
    """The models that come as packages: small and quick, or better and five to seven times the cost."""

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
    neither ever touches the network. A hub name is downloaded on first use, without code and pickled
    weights. `device` is "cuda", "mps" or "cpu"; None takes the best there is. `backend` is what runs it:
    see `index.embedding.backends`; what is converted for it lies below `models`, too.

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
    if isinstance(encoder, SentenceTransformerEncoder):
        return {"backend": str(Backend.TORCH), "least_cosine": f"{1:.6f}"}
    if not isinstance(encoder, BatchEncoder):
        return {}
    return {"backend": str(encoder.networks.backend), "least_cosine": f"{encoder.networks.agreement:.6f}"}


def _find(model: str | None, models: Path) -> tuple[Path, str]:
    """The folder of a model and its name."""
    if model in (None, Profile.STANDARD, DEFAULT_MODEL):
        return default_model_folder(), DEFAULT_MODEL
    if model in (Profile.QUALITY, QUALITY_MODEL):
        return quality_model_folder(models), QUALITY_MODEL
    return model_folder(model), model
