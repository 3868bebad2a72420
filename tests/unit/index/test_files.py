"""Files of generations in a shared folder: a round trip, and one clear line for each damage."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.sources.remote import RemoteFolder
from index.building.build import build
from index.engine.address import Address, read_address
from index.engine.files import GenerationFiles, shared_files
from index.errors import Altered, Damaged, FilesUnreachable, Missing
from index.generation.data_folder import DataFolder
from index.generation.files import MANIFEST, VECTOR_FILES
from index.generation.generation import Generation
from index.generation.manifest import FileDigest, manifest_bytes
from tests.support.fakes import WordEncoder, article


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    folder = tmp_path_factory.mktemp("data")
    build([article("a", "Ferries sail. The quay is green.")], WordEncoder(), folder)
    return DataFolder(folder).open()


@pytest.fixture(params=["folder", "memory"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    """An engine whose files lie in a folder, or at an fsspec address."""
    files = str(tmp_path / "shared") if request.param == "folder" else f"memory://{secrets.token_hex(4)}"
    return read_address("milvus://h:1/articles", files=files)


def stored(address: Address, generation: Generation) -> RemoteFolder:
    return RemoteFolder(f"{address.files}/articles/{generation.id}")


def upload(address: Address, generation: Generation) -> GenerationFiles:
    files = GenerationFiles(address, generation.id)
    files.upload(generation.folder, generation.manifest)
    return files


def test_all_files_but_the_vectors_come_back_byte_for_byte(
    address: Address, generation: Generation, tmp_path: Path
) -> None:
    files = upload(address, generation)
    assert {file.name for file in stored(address, generation).files()} == {
        MANIFEST,
        *(generation.manifest.files.keys() - VECTOR_FILES),
    }
    copy = tmp_path / generation.id
    assert files.download(copy) == generation.manifest
    for name in (MANIFEST, *shared_files(generation.manifest)):
        assert (copy / name).read_bytes() == (generation.folder / name).read_bytes()
    assert (
        hashlib.sha256(files.manifest()).digest()
        == hashlib.sha256(manifest_bytes(generation.manifest)).digest()
    )


def test_sending_again_repairs_what_was_interrupted(
    address: Address, generation: Generation, tmp_path: Path
) -> None:
    upload(address, generation)
    stored(address, generation).write("articles.jsonl", b"{")
    upload(address, generation).download(tmp_path / generation.id)


def test_damaged_files_alone_are_repaired(address: Address, generation: Generation, tmp_path: Path) -> None:
    files, folder = upload(address, generation), stored(address, generation)
    assert files.repair(generation.folder, generation.manifest) == 0
    folder.remove("sentences.npy")
    folder.write("articles.jsonl", b"{")
    folder.write(MANIFEST, b"{}")
    assert files.repair(generation.folder, generation.manifest) == 3
    assert files.download(tmp_path / generation.id) == generation.manifest


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", None])
def test_a_damaged_or_missing_file_is_one_line(
    address: Address, generation: Generation, tmp_path: Path, content: bytes | None
) -> None:
    files = upload(address, generation)
    folder = stored(address, generation)
    folder.remove("sentences.npy")
    if content is not None:
        folder.write("sentences.npy", content)
    with pytest.raises(Altered) as altered:
        files.download(tmp_path / generation.id)
    fault = "is missing" if content is None else "has another SHA-256 than in its manifest"
    assert str(altered.value) == (
        f"altered: milvus://h:1/articles: articles/{generation.id}/sentences.npy {fault}; "
        "run `qa index` to publish it again"
    )


def test_a_changed_byte_of_the_articles_is_found(
    address: Address, generation: Generation, tmp_path: Path
) -> None:
    files = upload(address, generation)
    content = (generation.folder / "articles.jsonl").read_bytes()
    stored(address, generation).write("articles.jsonl", content.replace(b"quay", b"boat"))
    with pytest.raises(Altered, match=r"articles\.jsonl has another SHA-256"):
        files.download(tmp_path / generation.id)


def test_a_generation_without_a_manifest_is_missing(
    address: Address, generation: Generation, tmp_path: Path
) -> None:
    with pytest.raises(
        Missing, match=r"QA_STORE_FILES \(articles/gen-9-ff\) does not have this generation; run `qa index`"
    ):
        GenerationFiles(address, "gen-9-ff").download(tmp_path / "gen-9-ff")
    files = upload(address, generation)
    stored(address, generation).write(MANIFEST, b"{}")
    with pytest.raises(Damaged, match=r"manifest\.json: not a manifest"):
        files.download(tmp_path / generation.id)


@pytest.mark.parametrize("name", ["../../outside", "/tmp/outside"])
def test_a_manifest_cannot_write_outside_its_folder(
    address: Address, generation: Generation, tmp_path: Path, name: str
) -> None:
    files = upload(address, generation)
    changed = replace(generation.manifest, files={name: FileDigest(1, "0" * 64)})
    stored(address, generation).write(MANIFEST, manifest_bytes(changed))
    with pytest.raises(Damaged, match="which no generation has"):
        files.download(tmp_path / generation.id)
    assert sorted(path.name for path in (tmp_path / generation.id).iterdir()) == [MANIFEST]


def test_removed_files_are_gone_and_others_stay(address: Address, generation: Generation) -> None:
    files, other = upload(address, generation), RemoteFolder(f"{address.files}/articles/gen-2-b")
    other.write("x", b"1")
    files.remove()
    files.remove()
    assert (stored(address, generation).names(), other.names()) == ([], ["x"])


def test_a_folder_that_cannot_be_reached_is_one_line(generation: Generation, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    address = read_address("milvus://h:1/articles", files=str(blocked))
    with pytest.raises(
        FilesUnreachable, match=r"the files of the index at milvus://h:1/articles: .*QA_STORE_FILES"
    ) as told:
        upload(address, generation)
    assert "\n" not in str(told.value)
    with pytest.raises(FilesUnreachable, match=r"cannot be reached"):
        GenerationFiles(replace(address, files="nosuch://a"), generation.id)


def test_a_local_error_is_no_fault_of_the_shared_folder(
    address: Address, generation: Generation, tmp_path: Path
) -> None:
    files = upload(address, generation)
    (tmp_path / generation.id).mkdir()
    with pytest.raises(FileExistsError):
        files.download(tmp_path / generation.id)
