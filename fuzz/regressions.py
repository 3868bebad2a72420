"""Files that are read again by every run: the sound ones, and each that once was answered wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fuzz.seeds import seeds, word_parts

KEPT = Path(__file__).parent / "kept"
FOUND = Path(__file__).parent / "found"


def kept_files(kind: str) -> Mapping[str, bytes]:
    """Files of a format by name; those of `word` are the text of a Word document alone."""
    sound = seeds().get(kind) or [word_parts()["word/document.xml"].encode()]
    made = {f"sound-{number}": raw for number, raw in enumerate(sound)}
    paths = sorted((KEPT / kind).iterdir()) if (KEPT / kind).is_dir() else []
    return made | {path.name: path.read_bytes() for path in paths}
