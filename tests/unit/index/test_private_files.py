"""Who may read what the product writes into a data folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from index.building.build import build
from index.generation.data_folder import CURRENT, DataFolder
from index.storage.durable_io import atomic_folder
from tests.support.fakes import WordEncoder
from tests.support.index_changes import HARBOUR


def modes(folder: Path) -> Counter[str]:
    """How many folders and files have each mode."""
    paths = [*folder.rglob("*")]
    return Counter(
        f"{'folder' if path.is_dir() else 'file'} {path.stat().st_mode & 0o777:o}" for path in paths
    )


def test_a_new_data_folder_is_its_owners_alone(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    build([HARBOUR], WordEncoder(), data)
    assert [path.stat().st_mode & 0o777 for path in (data, data.parent)] == [0o700, 0o700]
    assert modes(data).keys() == {"folder 700", "file 400", "file 600"}
    assert (
        modes(data)["file 600"] == 2
    )  # CURRENT and LOCK: the files of a generation are never changed in place


def test_a_data_folder_that_begins_with_a_model_is_its_owners_alone(tmp_path: Path) -> None:
    """A model is unpacked and converted before the index is built."""
    data = tmp_path / "new" / "data"
    with atomic_folder(data / "models" / "openvino-1") as new:
        (new / "network.bin").write_bytes(b"1")
    assert [path.stat().st_mode & 0o777 for path in (data, data.parent)] == [0o700, 0o700]


@pytest.mark.parametrize(("mode", "folders", "files"), [(0o750, "750", "440"), (0o755, "750", "440")])
def test_the_group_may_read_where_the_data_folder_says_so_and_others_never(
    tmp_path: Path, mode: int, folders: str, files: str
) -> None:
    """A folder of an older version stays usable; others lose what they read in it with the next build."""
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(mode)
    build([HARBOUR], WordEncoder(), data)
    assert data.stat().st_mode & 0o777 == mode
    generation = DataFolder(data).open().folder
    assert f"{generation.stat().st_mode & 0o777:o}" == folders
    assert modes(generation)[f"file {files}"] == len(
        [path for path in generation.rglob("*") if path.is_file()]
    )
    assert f"{(data / CURRENT).stat().st_mode & 0o137:o}" == "0"
