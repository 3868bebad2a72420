"""A model converted for another library, kept beside the index so that it is converted once.

FOLDER/network.xml, network.bin   the network
FOLDER/tokenizer.json             how texts are cut
FOLDER/probes.npy                 the fp32 vectors of `index.agreement.PROBES`
FOLDER/export.json                what made them, and the SHA-256 of each

The folder's name tells which model's files it was made of. One that is not as it was written, or was made by
another release, counts as missing and is made again.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.agreement import PROBES
from index.errors import ModelRefused
from index.model import file_sha256, lines_sha256
from index.wordpieces import WordPieces

EXPORT, TOKENIZER, REFERENCE = "export.json", "tokenizer.json", "probes.npy"


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """A converted model; `reference` holds the fp32 vectors of the probes, shape (probes, dimension)."""

    folder: Path
    pieces: WordPieces
    reference: NDArray[np.float32]


def export_folder(models: Path, files: Sequence[str], *, library: str) -> Path:
    """Where the export of a model lies; `files` are the lines of `index.model.hashed_files`."""
    return models / f"{library}-{lines_sha256(files)[:16]}"


def read_export(folder: Path, *, version: str) -> Export | None:
    """The export in a folder, made by this version; None when there is none or it was changed."""
    try:
        facts = json.loads((folder / EXPORT).read_bytes())
        if (facts["version"], facts["probes"]) != (version, lines_sha256(PROBES)):
            return None
        if any(file_sha256(folder / name) != digest for name, digest in facts["files"].items()):
            return None
        pieces = WordPieces(
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
    pieces: WordPieces,
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


def _facts(building: Path, pieces: WordPieces, version: str) -> str:
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
