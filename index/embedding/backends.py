"""What runs a model: torch in float32 or bfloat16, or OpenVINO; all behind the one `Encoder`.

A few texts, as questions are, are read in float32 by each backend, many in bfloat16 if it can: see
`index.embedding.batch_encoder`. `auto` takes the first of `PREFERRED` that is installed, suits the processor, and agrees with
float32 on the probes of `index.embedding.parity`; float32 itself otherwise. The order was measured once (README,
"Faster"): timing at run time would choose by what else the machine was doing. Backends that agree share a
fingerprint, so an index made with one is asked with any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.embedding.batch_encoder import BackendModels, BatchEncoder, Network
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
    whole_network,
    word_pieces,
)
from index.errors import ModelRefused
from index.storage.arrays import Vectors

if TYPE_CHECKING:
    from index.embedding.encoder import Encoder


class Backend(StrEnum):
    """What runs a model."""

    AUTO = "auto"
    TORCH = "torch"
    BF16 = "bf16"
    OPENVINO = "openvino"


PREFERRED = (Backend.OPENVINO, Backend.BF16)
"""Fastest first. On another device than the processor torch is taken: the others were not measured there."""


@dataclass(frozen=True, slots=True)
class Source:
    """A model's folder and name, the device ("" for the best there is), and where conversions are kept.

    `files` are the lines of `index.embedding.shipped_models.hashed_files` for the folder.
    """

    folder: Path
    name: str
    device: str
    models: Path
    files: Sequence[str]


def open_encoder(source: Source, backend: str) -> Encoder:
    """The model of a folder, run by a backend.

    Raises:
        ModelRefused: the model cannot be loaded; or there is no such backend, it is not installed, or it does
            not agree with float32 here, unless that is left to `auto`.
    """
    if backend not in tuple(Backend):
        raise ModelRefused(f"there is no backend {backend!r}; choose one of: {', '.join(Backend)}")
    for way in PREFERRED if backend == Backend.AUTO else ():
        if not unavailable_reason(way, source.device):
            try:
                return _open(source, way, strict=False)
            except ModelRefused:
                continue  # `qa doctor` tells what is broken; a fault of the model's own shows below
    return _open(source, Backend.TORCH if backend == Backend.AUTO else Backend(backend), strict=True)


def unavailable_reason(backend: Backend, device: str = "") -> str:
    """Why `auto` passes a backend over, whatever the model; "" when it does not."""
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
    pieces = word_pieces(model)
    if backend == Backend.BF16:
        return _bf16(source, model, _needed(pieces, source), strict=strict)
    if pieces is None:
        digest = fingerprint(source.files, max_tokens=int(model.max_seq_length))
        return SentenceTransformerEncoder(model, name=source.name, fingerprint=digest)
    return _encoder(source, BackendModels(Backend.TORCH, TorchNetwork(model, pieces.names)), pieces)


def _bf16(source: Source, model: Any, pieces: Tokenizer, *, strict: bool) -> BatchEncoder:
    """Float32, and a copy in bfloat16 once there are many texts."""
    exact = TorchNetwork(model, pieces.names)
    networks = BackendModels(
        backend=Backend.BF16,
        fp32=exact,
        reference=_reference(source, exact, pieces),
        make_fast=lambda: TorchNetwork(to_bfloat16(model), pieces.names),
        strict=strict,
    )
    return _encoder(source, networks, pieces)


def _openvino(source: Source, *, strict: bool) -> BatchEncoder:
    """Neither torch nor sentence-transformers is loaded for a model that is converted already."""
    if fault := openvino_fault():
        raise ModelRefused(fault)
    if source.device not in ("", "cpu"):
        raise ModelRefused(f"openvino runs on cpu, not on {source.device!r}; leave out one of the two")
    folder = export_folder(source.models, source.files, library=Backend.OPENVINO)
    export = read_export(folder, version=openvino_version()) or _export(source, folder)

    def network(*, exact: bool) -> OpenVinoNetwork:
        return OpenVinoNetwork(folder, export.pieces.names, dimension=export.reference.shape[1], exact=exact)

    networks = BackendModels(
        backend=Backend.OPENVINO,
        fp32=network(exact=True),
        reference=export.reference,
        make_fast=lambda: network(exact=False),
        strict=strict,
    )
    return _encoder(source, networks, export.pieces)


def _export(source: Source, folder: Path) -> Export:
    model = load_bi_encoder(source.folder, "cpu")
    pieces = _needed(word_pieces(model), source)
    inputs = pieces.pad(pieces.tokenize(PROBES[1:4]))

    def write_network(building: Path) -> None:
        with quiet():
            convert(whole_network(model, pieces.names), inputs, building)

    return write_export(
        folder,
        pieces,
        reference=_reference(source, TorchNetwork(model, pieces.names), pieces),
        version=openvino_version(),
        write_network=write_network,
    )


def _needed(pieces: Tokenizer | None, source: Source) -> Tokenizer:
    if pieces is None:
        fact = f"{source.name} does more with a text than cut it into pieces"
        raise ModelRefused(f"{fact}; use --backend torch")
    return pieces


def _reference(source: Source, network: Network, pieces: Tokenizer) -> Vectors:
    return _encoder(source, BackendModels(Backend.TORCH, network), pieces).encode(PROBES)


def _encoder(source: Source, networks: BackendModels, pieces: Tokenizer) -> BatchEncoder:
    digest = fingerprint(source.files, max_tokens=pieces.max_tokens)
    return BatchEncoder(networks, pieces, name=source.name, fingerprint=digest)
