"""A disk that knows what would be left of it if the power went: only what was flushed is sure to be.

What was not flushed may be there or not, each name and each content for itself: a file system may write in any
order. A name that was replaced is the old one or the new one. Content that was not flushed is the old, the new, a
part of it, or zeros. This is more cruel than any real file system, and lying disks are left out.
"""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from index.storage.durable_io import Disk

Names = Mapping[str, int]
"""What a folder holds: name -> inode."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Folders and files by inode."""

    folders: Mapping[int, Names]
    files: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Moment:
    """What a disk holds just before an operation, and what of it is sure to be left. `top` is the inode of its root."""

    operation: str
    name: str
    top: int
    there: Tree
    sure: Tree

    def after_the_cut(self, folder: Path, chance: random.Random | None) -> None:
        """Write what is left into an empty folder: by chance, or without one the least there can be."""
        self._fill(folder, self.top, chance)

    def _fill(self, folder: Path, inode: int, chance: random.Random | None) -> None:
        for name, held in self._names(inode, chance).items():
            if held in self.sure.folders or held in self.there.folders:
                (folder / name).mkdir()
                self._fill(folder / name, held, chance)
            else:
                (folder / name).write_bytes(self._content(held, chance))

    def _names(self, inode: int, chance: random.Random | None) -> Names:
        sure, there = self.sure.folders.get(inode, {}), self.there.folders.get(inode, {})
        if chance is None:
            return sure
        left = {name: chance.choice((sure, there)).get(name) for name in sorted({*sure, *there})}
        return {name: held for name, held in left.items() if held is not None}

    def _content(self, inode: int, chance: random.Random | None) -> bytes:
        sure, there = self.sure.files.get(inode, b""), self.there.files.get(inode)
        if chance is None or there is None or sure == there:
            return sure
        return chance.choice((sure, there, there[: len(there) // 2], bytes(len(there))))


class Remembering(Disk):
    """Lists a `Moment` for each operation below `root`; what lies there at first counts as flushed.

    The flush of number `without`, counted from 0, is left out, which nobody is told; `flushed` names them all.
    """

    def __init__(self, root: Path, *, without: int = -1) -> None:
        self.moments: list[Moment] = []
        self.flushed: list[str] = []
        self._root = root
        self._without = without
        self._held: dict[int, int] = {}
        seen = self._look()
        self._folders, self._files = dict(seen.folders), dict(seen.files)

    def step(self, operation: str, path: Path) -> None:
        self.remember(operation, path.name)

    def remember(self, operation: str, name: str) -> None:
        """List the present moment."""
        sure = Tree(dict(self._folders), dict(self._files))
        self.moments.append(Moment(operation, name, self._root.stat().st_ino, self._look(), sure))

    def close(self) -> None:
        """Let the inodes go that were held so that no number is given twice."""
        for descriptor in self._held.values():
            os.close(descriptor)

    def _sync(self, descriptor: int, path: Path) -> None:
        self.flushed.append(path.name)
        if len(self.flushed) - 1 == self._without:
            return
        super()._sync(descriptor, path)
        inode = self._hold(path)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            self._folders[inode] = self._names(path)
        else:
            self._files[inode] = path.read_bytes()

    def _look(self) -> Tree:
        folders: dict[int, Names] = {}
        files: dict[int, bytes] = {}
        waiting = [self._root]
        while waiting:
            folder = waiting.pop()
            folders[self._hold(folder)] = self._names(folder)
            for entry in os.scandir(folder):
                if entry.is_dir():
                    waiting.append(Path(entry.path))
                else:
                    files[self._hold(Path(entry.path))] = Path(entry.path).read_bytes()
        return Tree(folders, files)

    def _names(self, folder: Path) -> Names:
        return {entry.name: self._hold(Path(entry.path)) for entry in os.scandir(folder)}

    def _hold(self, path: Path) -> int:
        """The inode of a path, which no other file is given while this disk is watched."""
        inode = path.stat().st_ino
        if inode not in self._held:
            self._held[inode] = os.open(path, os.O_PATH)
        return inode
