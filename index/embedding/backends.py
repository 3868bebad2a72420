"""Opens an encoder with a backend: torch in float32 or bfloat16, or OpenVINO.

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

from index.embedding.batch_encoder import BackendModels, BatchEncoder, Network
from index.embedding.encoder import Encoder
from index.embedding.openvino_models import (
    Export,
    OpenVinoNetwork,
    convert,
    export_folder,
    openvino_fault,
    openvino_version,
    read_export,
    write_export,
)
from index.embedding.parity import PROBES
from index.embedding.shipped_models import fingerprint
from index.embedding.tokenizer import Tokenizer
from index.embedding.torch_models import (
    SentenceTransformerEncoder,
    TorchNetwork,
    best_device,
    inference_dtype,
    load_bi_encoder,
    quiet,
    to_bfloat16,
    tokenizer_of,
    whole_network,
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


@dataclass(frozen=True, slots=True)
class Source:
    """A model's folder and name, the device ("" for the best one), and the folder of conversions.

    `files` is `index.embedding.shipped_models.hashed_files` of the folder.
    """

    folder: Path
    name: str
    device: str
    models: Path
    files: Sequence[str]


def open_encoder(source: Source, backend: str) -> Encoder:
    """The model of a folder, run by a backend.

    Raises:
        ModelRefused: the model cannot be loaded; or the backend is unknown, not installed, or does not agree
            with float32 here. `auto` skips a backend that fails.
    """
    if backend not in tuple(Backend):
        raise ModelRefused(f"there is no backend {backend!r}; choose one of: {', '.join(Backend)}")
    if backend != Backend.AUTO:
        return _open(source, Backend(backend), strict=True)
    for preferred in PREFERRED:
        if not unavailable_reason(preferred, source.device):
            try:
                return _open(source, preferred, strict=False)
            except ModelRefused:
                continue  # `qa doctor` reports a broken backend; a fault of the model recurs below
    return _open(source, Backend.TORCH, strict=True)


def unavailable_reason(backend: Backend, device: str = "") -> str:
    """Why `auto` skips a backend for any model; "" if it does not."""
    if backend == Backend.OPENVINO and (fault := openvino_fault()):
        return fault
    if backend != Backend.TORCH and (device or best_device()) != "cpu":
        return "only measured on the processor"
    if backend == Backend.BF16 and "bfloat16" not in str(inference_dtype("cpu")):
        return "this processor does not multiply bfloat16"
    return ""


def _open(source: Source, backend: Backend, *, strict: bool) -> Encoder:
    if backend == Backend.OPENVINO:
        return _openvino(source, strict=strict)
    model = load_bi_encoder(source.folder, source.device or best_device())
    tokenizer = tokenizer_of(model)
    if backend == Backend.BF16:
        return _bf16(source, model, _required(tokenizer, source), strict=strict)
    if tokenizer is None:
        digest = fingerprint(source.files, max_tokens=int(model.max_seq_length))
        return SentenceTransformerEncoder(model, name=source.name, fingerprint=digest)
    return _encoder(source, BackendModels(Backend.TORCH, TorchNetwork(model, tokenizer.names)), tokenizer)


def _bf16(source: Source, model: Any, tokenizer: Tokenizer, *, strict: bool) -> BatchEncoder:
    """Float32 for few texts, and a bfloat16 copy, made when there are many."""
    fp32 = TorchNetwork(model, tokenizer.names)
    models = BackendModels(
        backend=Backend.BF16,
        fp32=fp32,
        reference=_reference(source, fp32, tokenizer),
        make_fast=lambda: TorchNetwork(to_bfloat16(model), tokenizer.names),
        strict=strict,
    )
    return _encoder(source, models, tokenizer)


def _openvino(source: Source, *, strict: bool) -> BatchEncoder:
    """Loads neither torch nor sentence-transformers if the model is already converted."""
    if fault := openvino_fault():
        raise ModelRefused(fault)
    if source.device not in ("", "cpu"):
        raise ModelRefused(f"openvino runs on cpu, not on {source.device!r}; leave out one of the two")
    folder = export_folder(source.models, source.files, library=Backend.OPENVINO)
    export = read_export(folder, version=openvino_version()) or _export(source, folder)

    def network(*, fp32: bool) -> OpenVinoNetwork:
        dimension = export.reference.shape[1]
        return OpenVinoNetwork(folder, export.tokenizer.names, dimension=dimension, fp32=fp32)

    models = BackendModels(
        backend=Backend.OPENVINO,
        fp32=network(fp32=True),
        reference=export.reference,
        make_fast=lambda: network(fp32=False),
        strict=strict,
    )
    return _encoder(source, models, export.tokenizer)


def _export(source: Source, folder: Path) -> Export:
    model = load_bi_encoder(source.folder, "cpu")
    tokenizer = _required(tokenizer_of(model), source)
    inputs = tokenizer.pad(tokenizer.tokenize(PROBES[1:4]))

    def write_network(building: Path) -> None:
        with quiet():
            convert(whole_network(model, tokenizer.names), inputs, building)

    return write_export(
        folder,
        tokenizer,
        reference=_reference(source, TorchNetwork(model, tokenizer.names), tokenizer),
        version=openvino_version(),
        write_network=write_network,
    )


def _required(tokenizer: Tokenizer | None, source: Source) -> Tokenizer:
    if tokenizer is None:
        raise ModelRefused(f"{source.name} preprocesses texts with its own code; use --backend torch")
    return tokenizer


def _reference(source: Source, network: Network, tokenizer: Tokenizer) -> Vectors:
    return _encoder(source, BackendModels(Backend.TORCH, network), tokenizer).encode(PROBES)


def _encoder(source: Source, models: BackendModels, tokenizer: Tokenizer) -> BatchEncoder:
    digest = fingerprint(source.files, max_tokens=tokenizer.max_tokens)
    return BatchEncoder(models, tokenizer, name=source.name, fingerprint=digest)
