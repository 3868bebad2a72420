from __future__ import annotations

import io
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from index.embedding.load import load_encoder
from index.embedding.shipped_models import PARTS, QUALITY_MODEL, QUALITY_PINNED, _unpack, quality_model_folder
from index.errors import ModelRefused
from tests.support.tiers import full


def installed() -> bool:
    try:
        return all(distribution(part) for part in PARTS)
    except PackageNotFoundError:
        return False


def pieces(folder: Path, names: list[str]) -> list[Path]:
    """A zip file with these names below the model's folder, cut into three."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(f"all-mpnet-base-v2/{name}", f"this is {name}")
    whole = content.getvalue()
    cut = len(whole) // 3
    paths = [folder / f"model.zip.00{number}" for number in (1, 2, 3)]
    for number, path in enumerate(paths):
        path.write_bytes(whole[number * cut : (number + 1) * cut if number < 2 else None])
    return paths


def test_pieces_are_joined_and_only_what_is_pinned_is_unpacked(tmp_path: Path) -> None:
    _unpack(pieces(tmp_path, [*QUALITY_PINNED, "desktop.ini", "../evil.txt"]), tmp_path / "m" / "model")
    found = {path.relative_to(tmp_path / "m" / "model").as_posix() for path in (tmp_path / "m").rglob("*.*")}
    assert found - {"1_Pooling"} == set(QUALITY_PINNED)
    assert (tmp_path / "m" / "model" / "vocab.txt").read_text() == "this is vocab.txt"
    assert [path.name for path in (tmp_path / "m").iterdir()] == ["model"]


def test_a_zip_file_that_lacks_something_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        _unpack(pieces(tmp_path, ["vocab.txt"]), tmp_path / "m" / "model")
    assert list((tmp_path / "m").iterdir()) == []


def test_files_that_are_not_the_ones_pinned_are_refused(tmp_path: Path) -> None:
    _unpack(pieces(tmp_path, list(QUALITY_PINNED)), tmp_path / "all-mpnet-base-v2")
    with pytest.raises(
        ModelRefused, match=r"a file of the model was changed: .*config.json.*remove .*all-mpnet"
    ):
        quality_model_folder(tmp_path)


@pytest.mark.skipif(installed(), reason="the packages of the quality profile are installed")
def test_without_the_packages_one_line_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="make setup PROFILE=quality"):
        quality_model_folder(tmp_path)


@full
@pytest.mark.slow
@pytest.mark.skipif(
    not installed(), reason="the quality profile is not installed: make setup PROFILE=quality"
)
def test_the_quality_model_is_what_it_says(tmp_path: Path) -> None:
    encoder = load_encoder("quality", models=tmp_path)
    assert (encoder.name, encoder.dimension, encoder.max_tokens) == (QUALITY_MODEL, 768, 384)
    # The first three are the model card's widget example, cosines with "That is a happy person".
    texts = ["That is a happy person", "That is a happy dog", "That is a very happy person"]
    vectors = encoder.encode([*texts, "Today is a sunny day"])
    cosines = (vectors[0] @ vectors.T).tolist()
    assert cosines[0] == pytest.approx(1.0)
    assert cosines[2] > cosines[1] > cosines[3]
    again = load_encoder(QUALITY_MODEL, models=tmp_path)
    assert again.fingerprint == encoder.fingerprint
    (tmp_path / "all-mpnet-base-v2" / "vocab.txt").write_text("")
    with pytest.raises(ModelRefused, match=r"vocab.txt"):
        load_encoder("quality", models=tmp_path)
