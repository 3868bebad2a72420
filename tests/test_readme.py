"""The README's tree is the tree on disk."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("corpus", "index", "qa", "web", "eval", "training")
SHOWN = {".py", ".css", ".js", ".html", ".json", ".jsonl"}


def tree() -> set[str]:
    """Paths in the README's tree; a folder's name ends in "/" and what it holds is indented below it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```\n(app\.py.*?)```", readme, re.DOTALL)
    paths, folder = set(), ""
    for line in block.splitlines():
        names = re.match(r" *(\S+(?: \S+)*)", line)
        assert names
        if not line.startswith(" "):
            folder = ""
        for name in names.group(1).split():
            paths.add(folder + name.rstrip("/"))
        if line.split()[0].endswith("/") and not line.startswith(" "):
            folder = line.split()[0]
    return paths


def test_the_tree_is_the_tree_on_disk() -> None:
    on_disk = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).iterdir()
        if path.suffix in SHOWN and path.name != "__init__.py"
    }
    listed = tree()
    assert {path for path in listed if "/" in path and Path(path).suffix in SHOWN} == on_disk
    assert {path for path in listed if not (ROOT / path).exists()} == set()
