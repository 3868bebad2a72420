import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from index.errors import Damaged, OtherFormat
from index.generation.files import MANIFEST
from index.generation.manifest import (
    FileDigest,
    Manifest,
    content_digest,
    file_digest,
    manifest_bytes,
    read_manifest,
    verify_files,
    write_manifest,
)
from index.storage.durable_io import Disk
from tests.support.index_changes import make_writable

# SHA-256 of "abc": FIPS 180-2, appendix B.1.
ABC = FileDigest(3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "gen-1-0123456789abcdef"
    (folder / "lexical" / "sentence").mkdir(parents=True)
    (folder / "digests.npy").write_bytes(b"abc")
    (folder / "lexical" / "sentence" / "meta.json").write_bytes(b"")
    write_manifest(folder, manifest(folder), disk=Disk())
    make_writable(folder)
    return folder


def manifest(folder: Path) -> Manifest:
    return Manifest(
        format=5,
        generation=folder.name,
        created="2026-01-02T03:04:05+00:00",
        model="words",
        fingerprint="f" * 64,
        dimension=2,
        token_dimension=1,
        settings={"passage_tokens": 24},
        counts={"articles": 1},
        index={"kind": "ivf", "nprobe": 4, "recall": 0.985},
        files={"digests.npy": ABC, "lexical/sentence/meta.json": content_digest(b"")},
    )


def test_what_is_written_is_read(folder: Path) -> None:
    assert read_manifest(folder) == manifest(folder)
    assert verify_files(folder, manifest(folder)) == 3


def test_facts_of_a_file_are_those_of_its_content(folder: Path) -> None:
    assert file_digest(folder / "digests.npy") == content_digest(b"abc") == ABC


def test_write_returns_the_hash_that_read_asks_for(tmp_path: Path) -> None:
    digest = write_manifest(tmp_path, replace(manifest(tmp_path), files={}), disk=Disk())
    assert digest == hashlib.sha256((tmp_path / MANIFEST).read_bytes()).hexdigest()
    assert read_manifest(tmp_path, sha256=digest).generation == tmp_path.name
    with pytest.raises(Damaged, match="not the one in CURRENT"):
        read_manifest(tmp_path, sha256="0" * 64)


def test_every_flipped_bit_and_every_truncation_of_the_manifest_is_refused(folder: Path) -> None:
    path = folder / MANIFEST
    content = path.read_bytes()
    flips = [(place, bit) for place in range(len(content)) for bit in range(8)]
    changed = [content[:p] + bytes([content[p] ^ (1 << bit)]) + content[p + 1 :] for p, bit in flips]
    changed += [content[:length] for length in range(len(content))]
    for bad in changed:
        path.write_bytes(bad)
        with pytest.raises(Damaged) as caught:
            read_manifest(folder)
        assert caught.value.file == path


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b'{"seal": 1}', b"[" * 100_000, b"\xff", b"1" * 9999]
)
def test_other_content_is_not_a_manifest(folder: Path, content: bytes) -> None:
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(Damaged, match=f"{MANIFEST}: not a manifest"):
        read_manifest(folder)


def test_a_manifest_of_another_format_or_folder_is_refused(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(manifest_bytes(replace(manifest(folder), format=1)))
    with pytest.raises(
        OtherFormat, match=rf"^{folder} has format 1, but this version reads 5; run `qa index` again$"
    ):
        read_manifest(folder)
    (folder / MANIFEST).write_bytes(manifest_bytes(replace(manifest(folder), generation="gen-2-x")))
    with pytest.raises(Damaged, match="belongs to generation gen-2-x"):
        read_manifest(folder)


def test_the_seal_is_the_hash_of_the_rest(folder: Path) -> None:
    fields = json.loads((folder / MANIFEST).read_bytes())
    seal = fields.pop("seal")
    rest = json.dumps(fields, indent=1, sort_keys=True) + "\n"
    assert hashlib.sha256(rest.encode()).hexdigest() == seal


def test_missing_extra_resized_changed_and_odd_files_are_refused_by_name(folder: Path) -> None:
    def refused(reason: str, name: str) -> None:
        with pytest.raises(Damaged, match=reason) as caught:
            verify_files(folder, manifest(folder))
        assert caught.value.file == folder / name

    (folder / "digests.npy").write_bytes(b"abd")
    refused("changed: its SHA-256", "digests.npy")
    (folder / "digests.npy").write_bytes(b"abcd")
    refused("resized: 3 bytes were published, 4 are there", "digests.npy")
    (folder / "digests.npy").unlink()
    refused("missing", "digests.npy")
    os.mkfifo(folder / "digests.npy")
    refused("neither a plain file nor a folder", "digests.npy")
    (folder / "digests.npy").unlink()
    (folder / "digests.npy").symlink_to(folder / "lexical" / "sentence" / "meta.json")
    refused("neither a plain file nor a folder", "digests.npy")
    (folder / "digests.npy").unlink()
    (folder / "digests.npy").write_bytes(b"abc")
    (folder / "lexical" / "extra").write_bytes(b"")
    refused("not part of the generation", "lexical/extra")


def test_a_missing_folder_is_damage(folder: Path) -> None:
    with pytest.raises(Damaged, match="No such file"):
        read_manifest(folder / "gone")
    with pytest.raises(Damaged, match="cannot be listed"):
        verify_files(folder / "gone", manifest(folder))
