"""Converts a model to OpenVINO, stores the conversion beside the index, and runs it.

FOLDER/network.xml, network.bin   the network
FOLDER/tokenizer.json             the tokenizer
FOLDER/probes.npy                 the float32 vectors of `index.embedding.parity.PROBES`
FOLDER/export.json                versions, and the SHA-256 of each file

The folder's name is a hash of the model's files. A conversion that was changed or made by another release is
made again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from index.embedding.parity import PROBES
from index.embedding.shipped_models import file_sha256, lines_sha256
from index.embedding.tokenizer import Inputs, Tokenizer
from index.embedding.torch_models import quiet
from index.errors import ModelRefused
from index.storage.arrays import Vectors
from index.storage.durable_io import atomic_folder

EXPORT, TOKENIZER, REFERENCE = "export.json", "tokenizer.json", "probes.npy"
NETWORK, WEIGHTS = "network.xml", "network.bin"
INSTALL = "run `make setup OPENVINO=1` or `pip install -r requirements/openvino.lock`"

# Raised by a partly installed library, or by a network that it does not support.
FAULTS = (ImportError, AttributeError, OSError, RuntimeError, TypeError, ValueError, KeyError)


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """A converted model; `reference` has the float32 vectors of the probes, shape (probes, dimension).

    `pools_late` and `token_dimension` are those of `index.embedding.batch_encoder.Network`.
    """

    folder: Path
    tokenizer: Tokenizer
    reference: Vectors
    pools_late: bool
    token_dimension: int

    def network(self, *, fp32: bool) -> OpenVinoNetwork:
        """The network; unless `fp32`, in bfloat16 where that is fast. Raises ModelRefused."""
        return OpenVinoNetwork(self, fp32=fp32)


def export_folder(models: Path, files: Sequence[str]) -> Path:
    """The folder of a model's conversion; `files` is `shipped_models.hashed_files` of the model."""
    return models / f"openvino-{lines_sha256(files)[:16]}"


def read_export(folder: Path) -> Export | None:
    """The conversion in a folder; None if it is missing, changed or made by another version."""
    try:
        description = json.loads((folder / EXPORT).read_bytes())
        digests = {name: file_sha256(folder / name) for name in description["files"]}
        current = {"version": _version(), "probes": lines_sha256(PROBES), "files": digests}
        if {**description, **current} != description:
            return None
        tokenizer = Tokenizer(
            (folder / TOKENIZER).read_text(encoding="utf-8"),
            names=description["inputs"],
            max_tokens=description["max_tokens"],
            pad_id=description["blank"],
        )
        return Export(
            folder,
            tokenizer,
            np.load(folder / REFERENCE, allow_pickle=False),
            pools_late=description["pools_late"],
            token_dimension=description["token_dimension"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_export(export: Export, network: Any) -> Export:
    """Convert a `torch.nn.Module` and write it atomically to the folder of `export`.

    Raises ModelRefused: the folder cannot be written, or the network cannot be converted.
    """
    tokenizer = export.tokenizer
    try:
        with atomic_folder(export.folder, replace=True) as new:
            _convert(network, tokenizer.pad(tokenizer.tokenize(PROBES[1:4])), new)
            (new / TOKENIZER).write_text(tokenizer.content, encoding="utf-8")
            np.save(new / REFERENCE, export.reference, allow_pickle=False)
            (new / EXPORT).write_text(_description(new, export), encoding="ascii")
    except OSError as error:
        raise ModelRefused(
            f"the converted model cannot be written to {export.folder}: {error.strerror}; "
            f"free space or make the folder writable, or use another backend"
        ) from error
    return export


def _description(folder: Path, export: Export) -> str:
    tokenizer = export.tokenizer
    description = {
        "version": _version(),
        "probes": lines_sha256(PROBES),
        "inputs": tokenizer.names,
        "max_tokens": tokenizer.max_tokens,
        "blank": tokenizer.pad_id,
        "pools_late": export.pools_late,
        "token_dimension": export.token_dimension,
        "files": {path.name: file_sha256(path) for path in folder.iterdir()},
    }
    return json.dumps(description, indent=1, sort_keys=True) + "\n"


class OpenVinoNetwork:
    """A converted `index.embedding.batch_encoder.Network`.

    The first batch of a new width costs 3 to 5 ms more, hence `step`: questions have only a few widths.
    """

    budget = 4096  # texts a second: 194 at 1024, 179 at 4096, 193 at 8192, within the noise
    step = 8

    def __init__(self, export: Export, *, fp32: bool) -> None:
        """Raises ModelRefused."""
        self.dimension = export.reference.shape[1]
        self.token_dimension = export.token_dimension
        self.pools_late = export.pools_late
        self._names = export.tokenizer.names
        file = export.folder / NETWORK
        try:
            hints = {"PERFORMANCE_HINT": "LATENCY", **({"INFERENCE_PRECISION_HINT": "f32"} if fp32 else {})}
            self._request = _library().Core().compile_model(str(file), "CPU", hints).create_infer_request()
        except FAULTS as error:
            raise ModelRefused(f"OpenVINO cannot run {file}: {_line(error)}") from error

    def __call__(self, inputs: Inputs) -> Vectors:
        """See `Network`."""
        outputs = self._request.infer([inputs[name] for name in self._names])
        return np.array(outputs[0], dtype=np.float32)  # a copy: the next pass overwrites the output


def openvino_fault() -> str:
    """Why OpenVINO cannot be used here; "" if it can."""
    try:
        _library().Core()
    except FAULTS as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "openvino":
            return f"openvino is not installed; {INSTALL}"
        return f"openvino is installed but cannot be loaded ({_line(error)}); {INSTALL} again, or remove it"
    return ""


def _convert(network: Any, inputs: Inputs, folder: Path) -> None:
    """Write a `torch.nn.Module` as `NETWORK` and `WEIGHTS` in a folder; `inputs` are examples, in order.

    Batch size and width stay variable. Raises ModelRefused.
    """
    import torch

    try:
        openvino = _library()
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

        example = tuple(torch.from_numpy(array) for array in inputs.values())
        with quiet(), torch.no_grad():
            decoder = TorchScriptPythonDecoder(network, example_input=example)
            frontend = FrontEndManager().load_by_framework("pytorch")
            converted = frontend.convert(frontend.load(decoder))
            openvino.save_model(converted, str(folder / NETWORK), compress_to_fp16=False)
    except FAULTS as error:
        raise ModelRefused(
            f"OpenVINO cannot convert the model: {_line(error)}; use another backend"
        ) from error


def _version() -> str:
    return str(_library().__version__)


def _library() -> Any:
    modules: Any = sys.modules
    modules.setdefault("openvino_telemetry", None)  # makes its import fail: openvino runs without telemetry
    import openvino

    return openvino


def _line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
