"""A model converted for another library, kept beside the index so that it is converted once.

FOLDER/network.xml, network.bin   the network
FOLDER/tokenizer.json             how texts are cut
FOLDER/probes.npy                 the fp32 vectors of `index.embedding.parity.PROBES`
FOLDER/export.json                what made them, and the SHA-256 of each

The folder's name tells which model's files it was made of. One that is not as it was written, or was made by
another release, counts as missing and is made again.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.embedding.parity import PROBES
from index.embedding.shipped_models import file_sha256, lines_sha256
from index.embedding.tokenizer import Inputs, Tokenizer
from index.errors import ModelRefused

EXPORT, TOKENIZER, REFERENCE = "export.json", "tokenizer.json", "probes.npy"


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """A converted model; `reference` holds the fp32 vectors of the probes, shape (probes, dimension)."""

    folder: Path
    pieces: Tokenizer
    reference: NDArray[np.float32]


def export_folder(models: Path, files: Sequence[str], *, library: str) -> Path:
    """Where the export of a model lies; `files` are the lines of `index.embedding.shipped_models.hashed_files`."""
    return models / f"{library}-{lines_sha256(files)[:16]}"


def read_export(folder: Path, *, version: str) -> Export | None:
    """The export in a folder, made by this version; None when there is none or it was changed."""
    try:
        facts = json.loads((folder / EXPORT).read_bytes())
        if (facts["version"], facts["probes"]) != (version, lines_sha256(PROBES)):
            return None
        if any(file_sha256(folder / name) != digest for name, digest in facts["files"].items()):
            return None
        pieces = Tokenizer(
            (folder / TOKENIZER).read_text(encoding="utf-8"),
            names=facts["inputs"],
            max_tokens=facts["max_tokens"],
            blank=facts["blank"],
        )
        return Export(folder, pieces, np.load(folder / REFERENCE, allow_pickle=False))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_export(
    folder: Path,
    pieces: Tokenizer,
    *,
    reference: NDArray[np.float32],
    version: str,
    write_network: Callable[[Path], None],
) -> Export:
    """Make a folder whole or not at all; `write_network` puts the network's files into the one it is given.

    Raises:
        ModelRefused: it cannot be written, or the network cannot be converted.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            made = building / "made"  # the folder around it is for its owner alone
            made.mkdir()
            write_network(made)
            (made / TOKENIZER).write_text(pieces.written, encoding="utf-8")
            np.save(made / REFERENCE, reference, allow_pickle=False)
            (made / EXPORT).write_text(_facts(made, pieces, version), encoding="ascii")
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        raise ModelRefused(
            f"the converted model cannot be written to {folder}: {error.strerror}; "
            f"make room or give the right to write there, or use another backend"
        ) from error
    return Export(folder, pieces, reference)


def _facts(building: Path, pieces: Tokenizer, version: str) -> str:
    files: Mapping[str, str] = {path.name: file_sha256(path) for path in sorted(building.iterdir())}
    facts = {
        "version": version,
        "probes": lines_sha256(PROBES),
        "inputs": pieces.names,
        "max_tokens": pieces.max_tokens,
        "blank": pieces.blank,
        "files": files,
    }
    return json.dumps(facts, indent=1, sort_keys=True) + "\n"


NETWORK, WEIGHTS = "network.xml", "network.bin"
INSTALL = "run `make setup OPENVINO=1` or `pip install -r requirements/openvino.lock`"

# What a library that is half installed, or a network it does not know, has been seen to raise.
FAULTS = (ImportError, AttributeError, OSError, RuntimeError, TypeError, ValueError, KeyError)


class OpenVinoNetwork:
    """A converted network as an `index.embedding.batch_encoder.Network`; unless `exact`, in bfloat16 where that is fast.

    A width it has not met yet costs 3 to 5 ms more, so they come in steps: questions have a handful of them.
    """

    budget = 4096  # texts a second: 194 at 1024, 179 at 4096, 193 at 8192, within what two runs differ by
    step = 8

    def __init__(self, folder: Path, names: Sequence[str], *, dimension: int, exact: bool) -> None:
        """Raises ModelRefused."""
        self.dimension = dimension
        self._names = names
        try:
            hints = {"PERFORMANCE_HINT": "LATENCY", **({"INFERENCE_PRECISION_HINT": "f32"} if exact else {})}
            compiled = _library().Core().compile_model(str(folder / NETWORK), "CPU", hints)
            self._request = compiled.create_infer_request()
        except FAULTS as error:
            raise ModelRefused(f"OpenVINO cannot run {folder / NETWORK}: {_line(error)}") from error

    def __call__(self, inputs: Inputs) -> NDArray[np.float32]:
        """See `index.embedding.batch_encoder.Network`."""
        found = self._request.infer([inputs[name] for name in self._names])
        return np.array(found[0], dtype=np.float32)  # what it gives out is written over by the next pass


def openvino_fault() -> str:
    """Why OpenVINO cannot be used here; "" when it can."""
    if "openvino" not in sys.modules and find_spec("openvino") is None:
        return f"openvino is not installed; {INSTALL}"
    try:
        _library().Core()
    except FAULTS as error:
        return f"openvino is installed but cannot be loaded ({_line(error)}); {INSTALL} again, or remove it"
    return ""


def openvino_version() -> str:
    """The release that is installed."""
    return str(_library().__version__)


def convert(network: Any, inputs: Inputs, folder: Path) -> None:
    """Write a `torch.nn.Module` that takes these inputs, in order, as `NETWORK` and `WEIGHTS` in a folder.

    Batches and widths may vary from those of the inputs. Raises ModelRefused.
    """
    import torch

    try:
        openvino = _library()
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

        example = tuple(torch.from_numpy(array) for array in inputs.values())
        with torch.no_grad():
            followed = TorchScriptPythonDecoder(network, example_input=example)
        frontend = FrontEndManager().load_by_framework("pytorch")
        openvino.save_model(
            frontend.convert(frontend.load(followed)), str(folder / NETWORK), compress_to_fp16=False
        )
    except FAULTS as error:
        raise ModelRefused(
            f"OpenVINO cannot convert the model: {_line(error)}; use another backend"
        ) from error


def _library() -> Any:
    modules: Any = sys.modules
    modules.setdefault("openvino_telemetry", None)  # found to be missing, then: openvino does without it
    import openvino

    return openvino


def _line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
