"""Locates the shipped embedding model and verifies every file against a pinned SHA-256.

pullquote-l6 maps up to 256 tokens to 384 numbers, and each token to a few. It is all-MiniLM-L6-v2, trained
further by `training/encoder`; its model card is `weights/pullquote-l6/README.md`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from index.errors import ModelRefused

DEFAULT_MODEL = "pullquote-l6"
REINSTALL = "install this project again"

PICKLED = (".bin", ".ckpt", ".h5", ".msgpack", ".pickle", ".pkl", ".pt", ".pth")
DOWNLOADED = ("*.json", "*.txt", "*.model", "*.safetensors")  # no code, no pickles

_FOLDER = Path(__file__).parent / "weights" / DEFAULT_MODEL


def read_pins(file: Path) -> Mapping[str, str]:
    """Path inside a model folder -> SHA-256, from a file that `sha256sum --check` reads too."""
    lines = file.read_text("ascii").splitlines()
    return MappingProxyType({path: digest for digest, path in (line.split("  ", 1) for line in lines)})


PINNED = read_pins(_FOLDER.with_suffix(".sha256"))
"""Every file of the default model."""


def default_model_folder() -> Path:
    """The folder of the default model. Raises ModelRefused if a file is missing, changed or not pinned."""
    check_pinned(_FOLDER, PINNED)
    return _FOLDER


def model_folder(model: str) -> Path:
    """The folder `model`, or that of a download by its Hugging Face hub name.

    Raises ModelRefused if there is no such model, or its weights are not all safetensors.
    """
    folder = Path(model) if Path(model).is_dir() else _download(model)
    names = sorted(model_files(folder))
    for name in names:
        if name.endswith(PICKLED):
            raise ModelRefused(f"pickled weights can run code: {folder / name}; remove the file")
        if ".safetensors.index." in name:
            _check_shards(folder / name)
    if not any(name.endswith(".safetensors") for name in names):
        raise ModelRefused(f"no safetensors weights in {folder}; use a model that has them")
    return folder


def _check_shards(index: Path) -> None:
    """Raises ModelRefused if an index of weights names a file that would be read as a pickle."""
    try:
        shards = sorted(map(str, set(json.loads(index.read_bytes())["weight_map"].values())))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ModelRefused(f"not an index of weights: {index}; use another model") from error
    for name in shards:
        if not name.endswith(".safetensors"):
            raise ModelRefused(f"pickled weights can run code: {index} names {name}; use another model")


def check_pinned(folder: Path, pinned: Mapping[str, str], *, mend: str = REINSTALL) -> None:
    """Raises ModelRefused, with the advice `mend`, for the first missing, unexpected or changed file."""
    names = model_files(folder)
    for name in sorted(pinned.keys() - names):
        raise ModelRefused(f"a file of the model is missing: {folder / name}; {mend}")
    for name in sorted(names - pinned.keys()):
        raise ModelRefused(f"a file that is not part of the model: {folder / name}; remove it or {mend}")
    for name, expected in pinned.items():
        digest = file_sha256(folder / name)
        if digest != expected:
            raise ModelRefused(
                f"a file of the model was changed: {folder / name}: expected SHA-256 {expected[:12]}, "
                f"found {digest[:12]}; {mend}"
            )


def model_files(folder: Path) -> set[str]:
    """Every file below `folder`, links included, as a relative path with forward slashes."""
    paths = folder.rglob("*")
    return {path.relative_to(folder).as_posix() for path in paths if path.is_symlink() or not path.is_dir()}


def hashed_files(folder: Path) -> list[str]:
    """A line "SHA-256 name" for every file of a folder, in order of name."""
    return [f"{file_sha256(folder / name)} {name}" for name in sorted(model_files(folder))]


def fingerprint(files: Sequence[str], *, max_tokens: int) -> str:
    """SHA-256 over everything that decides the vectors: `hashed_files`, window and normalisation.

    The backend is left out: backends must agree, see `index.embedding.parity`; so is the model card.
    """
    deciding = [line for line in files if not line.endswith(".md")]
    return lines_sha256([f"max_tokens {max_tokens}", "norm l2", *deciding])


def lines_sha256(lines: Sequence[str]) -> str:
    """SHA-256 of lines of text, in hexadecimal."""
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download

    next_step = "give a folder that holds the model, or a hub name such as organisation/model"
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise ModelRefused(f"no such model: {name}; {next_step}")
    try:
        return Path(snapshot_download(name, allow_patterns=list(DOWNLOADED)))
    except (OSError, ValueError) as error:  # the hub's own errors are among these
        reason = str(error).strip().partition("\n")[0]
        raise ModelRefused(f"the model cannot be downloaded: {name}: {reason}; {next_step}") from error


MODELS = "models"
"""Subfolder of the data folder for converted models."""
