"""Finds an embedding model and loads it with a backend: torch in float32 or bfloat16, or OpenVINO.

Every backend encodes few texts in float32 and many in bfloat16 if it can: see
`index.embedding.batch_encoder`. `auto` takes the first of `PREFERRED` that is installed, suits the processor
and agrees with float32 on the probes of `index.embedding.parity`, else float32. The order is measured, as
timing at run time would depend on other processes. Backends that agree share a fingerprint, so an index built
with one can be searched with another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from index.embedding.batch_encoder import BackendModels, BatchEncoder, LatePoolingEncoder, Network
from index.embedding.encoder import Encoder
from index.embedding.openvino_models import Export, export_folder, openvino_fault, read_export, write_export
from index.embedding.parity import PROBES
from index.embedding.shipped_models import (
    DEFAULT_MODEL,
    MODELS,
    default_model_folder,
    fingerprint,
    hashed_files,
    model_folder,
)
from index.embedding.tokenizer import Tokenizer
from index.embedding.torch_models import (
    LateInteraction,
    SentenceTransformerEncoder,
    TorchNetwork,
    best_device,
    check_device,
    inference_dtype,
    load_bi_encoder,
    tokenizer_of,
)
from index.errors import ModelRefused
from index.storage.arrays import Vectors


class Backend(StrEnum):
    """The library and precision that run a model."""

    AUTO = "auto"
    TORCH = "torch"
    BF16 = "bf16"
    OPENVINO = "openvino"


PREFERRED = (Backend.OPENVINO, Backend.BF16)
"""Fastest first, measured on the CPU; other devices use torch."""


def load_encoder(
    model: str | None = None,
    *,
    device: str | None = None,
    models: Path = Path("data") / MODELS,
    backend: str = Backend.TORCH,
) -> Encoder:
    """Load a model: None for the default one, else a folder, or a name on the Hugging Face hub.

    The default one needs no network. A hub name is downloaded on first use, without code and pickled weights.
    `device` is "cuda", "mps" or "cpu"; None takes the best one. Conversions for a backend are stored below
    `models`.

    Raises:
        ModelRefused: no such device, backend or model, files that differ from their pins, weights that are
            not safetensors, or a backend that is not installed or does not agree with float32 here. `auto`
            skips a backend that fails.
    """
    if device is not None:
        check_device(device)
    folder, name = _find(model)
    source = _Source(folder, name, device or "", models, hashed_files(folder))
    if backend not in tuple(Backend):
        raise ModelRefused(f"there is no backend {backend!r}; choose one of: {', '.join(Backend)}")
    if backend != Backend.AUTO:
        return source.open(Backend(backend), strict=True)
    for preferred in PREFERRED:
        if not unavailable_reason(preferred, source.device):
            try:
                return source.open(preferred, strict=False)
            except ModelRefused:
                continue  # `qa doctor` reports a broken backend; a fault of the model recurs below
    return source.open(Backend.TORCH, strict=True)


def unavailable_reason(backend: Backend, device: str = "") -> str:
    """Why `auto` skips a backend for any model; "" if it does not."""
    if backend == Backend.OPENVINO and (fault := openvino_fault()):
        return fault
    if backend != Backend.TORCH and (device or best_device()) != "cpu":
        return "only measured on the processor"
    if backend == Backend.BF16 and "bfloat16" not in str(inference_dtype("cpu")):
        return "this processor does not multiply bfloat16"
    return ""


def encoding_metadata(encoder: Encoder) -> dict[str, str]:
    """The manifest's settings of the encoder: its pooling, its backend, and the least cosine with float32."""
    pooling = {"pooling": "late" if encoder.pools_late else "none: each sentence is read by itself"}
    if isinstance(encoder, SentenceTransformerEncoder):
        return {**pooling, "backend": str(Backend.TORCH), "least_cosine": f"{1:.6f}"}
    if not isinstance(encoder, BatchEncoder):
        return pooling
    models = encoder.models
    return {**pooling, "backend": str(models.backend), "least_cosine": f"{models.agreement:.6f}"}


def _find(model: str | None) -> tuple[Path, str]:
    if model in (None, DEFAULT_MODEL):
        return default_model_folder(), DEFAULT_MODEL
    return model_folder(model), model


@dataclass(frozen=True, slots=True)
class _Source:
    """A model's folder and name, the device ("" for the best one), and the folder of conversions.

    `files` is `index.embedding.shipped_models.hashed_files` of the folder.
    """

    folder: Path
    name: str
    device: str
    models: Path
    files: Sequence[str]

    def open(self, backend: Backend, *, strict: bool) -> Encoder:
        """The model run by a backend; one that does not agree is refused if `strict`."""
        if backend == Backend.OPENVINO:
            return self._open_openvino(strict=strict)
        model = load_bi_encoder(self.folder, self.device or best_device())
        tokenizer = tokenizer_of(model)
        if backend == Backend.BF16:
            return self._open_bf16(model, self._required(tokenizer), strict=strict)
        if tokenizer is None:
            digest = fingerprint(self.files, max_tokens=int(model.max_seq_length))
            return SentenceTransformerEncoder(model, name=self.name, fingerprint=digest)
        return self._encoder(BackendModels(backend, self._network(model, tokenizer)), tokenizer)

    def _network(self, model: Any, tokenizer: Tokenizer) -> TorchNetwork:
        return TorchNetwork(model, tokenizer.names, LateInteraction.read(self.folder))

    def _open_bf16(self, model: Any, tokenizer: Tokenizer, *, strict: bool) -> BatchEncoder:
        """Float32 for few texts, and a bfloat16 copy, made when there are many."""
        fp32 = self._network(model, tokenizer)
        models = BackendModels(
            backend=Backend.BF16,
            fp32=fp32,
            reference=self._reference(fp32, tokenizer),
            make_fast=fp32.in_bfloat16,
            strict=strict,
        )
        return self._encoder(models, tokenizer)

    def _open_openvino(self, *, strict: bool) -> BatchEncoder:
        """Loads neither torch nor sentence-transformers if the model is already converted."""
        if fault := openvino_fault():
            raise ModelRefused(fault)
        if self.device not in ("", "cpu"):
            raise ModelRefused(f"openvino runs on cpu, not on {self.device!r}; leave out one of the two")
        folder = export_folder(self.models, self.files)
        export = read_export(folder) or self._export(folder)
        models = BackendModels(
            backend=Backend.OPENVINO,
            fp32=export.network(fp32=True),
            reference=export.reference,
            make_fast=lambda: export.network(fp32=False),
            strict=strict,
        )
        return self._encoder(models, export.tokenizer)

    def _export(self, folder: Path) -> Export:
        model = load_bi_encoder(self.folder, "cpu")
        tokenizer = self._required(tokenizer_of(model))
        network = self._network(model, tokenizer)
        export = Export(
            folder,
            tokenizer,
            self._reference(network, tokenizer),
            pools_late=network.pools_late,
            token_dimension=network.token_dimension,
        )
        return write_export(export, network.whole)

    def _required(self, tokenizer: Tokenizer | None) -> Tokenizer:
        if tokenizer is None:
            raise ModelRefused(f"{self.name} preprocesses texts with its own code; use --backend torch")
        return tokenizer

    def _reference(self, network: Network, tokenizer: Tokenizer) -> Vectors:
        return self._encoder(BackendModels(Backend.TORCH, network), tokenizer).encode(PROBES)

    def _encoder(self, models: BackendModels, tokenizer: Tokenizer) -> BatchEncoder:
        digest = fingerprint(self.files, max_tokens=tokenizer.max_tokens)
        kind = LatePoolingEncoder if models.fp32.pools_late else BatchEncoder
        return kind(models, tokenizer, name=self.name, fingerprint=digest)
