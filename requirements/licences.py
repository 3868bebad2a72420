"""What packages say of their licences, as CycloneDX spells it."""

from __future__ import annotations

import re
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from typing import Any

# What the metadata of their wheels says, where a plain installation on Linux does not bring them along.
STATED = {
    "audioop-lts": "PSF-2.0",
    "cachetools": "MIT",
    "colorama": "BSD License",
    "cuda-bindings": "Apache-2.0",
    "cuda-pathfinder": "Apache-2.0",
    "cuda-toolkit": "",
    "grpcio": "Apache-2.0",
    "httpx2-jsfetch": "BSD-3-Clause",
    "msgpack": "Apache-2.0",
    "milvus-lite": "Apache-2.0",
    "nvidia": "LicenseRef-NVIDIA-Proprietary",
    "nvidia-nvtx": "Apache-2.0",
    "openvino": "Apache-2.0",
    "protobuf": "BSD-3-Clause",
    "ray": "Apache-2.0",
    "pyarrow": "Apache-2.0",
    "pymilvus": "Apache-2.0",
    "python-dotenv": "BSD-3-Clause",
    "triton": "MIT",
}
FIELDS = ("License-Expression", "License")  # the new one first
SPDX = frozenset("Apache-2.0 BSD-2-Clause BSD-3-Clause ISC MIT MPL-2.0 PSF-2.0".split())
WORDED = {
    "Apache 2.0 License": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
}

_ID = r"\(*[\w.+-]+\)*"
_EXPRESSION = re.compile(rf"{_ID}(?: (?:AND|OR|WITH) {_ID})*")


def licence_of(name: str) -> str:
    """An SPDX expression where the package gives one or is understood, else its own words, or ""."""
    for beginning in sorted(STATED, key=len, reverse=True):
        if name == beginning or name.startswith(f"{beginning}-"):
            return STATED[beginning]
    try:
        return said_by(metadata(name))
    except PackageNotFoundError:
        return ""


def said_by(told: PackageMetadata) -> str:
    """The same of an installed package; its licence's whole text is no name and counts for nothing."""
    (expression, *_), (stated, *_) = (told.get_all(field) or [""] for field in FIELDS)
    if expression or set(re.split(" AND | OR ", stated)) <= SPDX:
        return str(expression or stated)
    lines = told.get_all("Classifier") or []
    words = [line.rpartition(" :: ")[2] for line in lines if line.startswith("License :: ")]
    if not words and "\n" not in stated:
        words = [stated]
    return ", ".join(WORDED.get(word, word) for word in words)


def licences(stated: str) -> dict[str, Any]:
    """A component's field: an SPDX id, an expression of ids, or a name; no field where nothing is stated."""
    if not stated:
        return {}
    if stated in SPDX:
        return {"licenses": [{"license": {"id": stated}}]}
    spelt = {"expression": stated} if _EXPRESSION.fullmatch(stated) else {"license": {"name": stated}}
    return {"licenses": [spelt]}
