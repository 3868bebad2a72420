"""Networks run by OpenVINO: the one file that knows that library, which is an extra.

A network is converted once, by following it through one batch of texts, and kept as two files. OpenVINO reads
it without torch. Its telemetry, a package of its own, is kept from being loaded: nothing leaves the machine.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import ModelRefused
from index.wordpieces import Inputs

NETWORK, WEIGHTS = "network.xml", "network.bin"
INSTALL = "run `make setup OPENVINO=1` or `pip install -r requirements/openvino.lock`"

# What a library that is half installed, or a network it does not know, has been seen to raise.
FAULTS = (ImportError, AttributeError, OSError, RuntimeError, TypeError, ValueError, KeyError)


class OpenVinoNetwork:
    """A converted network as an `index.passes.Network`; unless `exact`, in bfloat16 where that is fast.

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
        """See `index.passes.Network`."""
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
