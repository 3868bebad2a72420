"""Loads the reranker that the settings name: the shipped reader, a cross-encoder, or none."""

from __future__ import annotations

from index.embedding.shipped_models import model_folder
from index.embedding.torch_models import best_device, check_device
from index.search.joint_reader import SHIPPED_READER, JointReader, reader_fingerprint
from index.search.rerank import BATCH, CrossEncoderReranker, Reranker, cross_encoder_fingerprint

NONE = "none"
_SHIPPED = ("", SHIPPED_READER)


def load_reranker(model: str, *, device: str | None = None, batch: int = BATCH) -> Reranker | None:
    """Load the shipped reader for "", else a cross-encoder from a folder or by its name on the hub.

    `NONE` gives None. A hub name, such as cross-encoder/ms-marco-MiniLM-L6-v2, is downloaded on first use,
    without code and pickled weights.

    Raises ModelRefused: no such device or model, or unexpected files.
    """
    if model == NONE:
        return None
    if device is not None:
        check_device(device)
    device = device or best_device()
    if model in _SHIPPED:
        return JointReader(device=device)
    return CrossEncoderReranker(model_folder(model), name=model, device=device, batch=batch)


def reranker_fingerprint(model: str) -> str:
    """Fingerprint of `load_reranker(model)` without loading the network, "" for none. Raises ModelRefused."""
    if model == NONE:
        return ""
    return reader_fingerprint() if model in _SHIPPED else cross_encoder_fingerprint(model_folder(model))
