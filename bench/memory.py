"""What a process holds in memory, as Linux counts it; nothing but the standard library, for the peers too."""

from __future__ import annotations

from pathlib import Path

_STATUS = Path("/proc/self/status")
_KIB_PER_MB = 1024
# Not ru_maxrss: a process started from a larger one inherits that one's peak.
_FIELDS = {"peak_mb": "VmHWM", "rss_mb": "VmRSS", "anonymous_mb": "RssAnon", "file_mb": "RssFile"}


def memory(status: str | None = None) -> dict[str, float]:
    """Peak, resident, anonymous and file-backed memory of this process in MB (1,048,576 bytes).

    `status` is the text of /proc/self/status, read when it is not given. Pages of files that are mapped count
    as resident while they are in memory, though the system may take them back.
    """
    lines = (status or _STATUS.read_text()).splitlines()
    kib = {
        name: value.split()[0] for name, _, value in (line.partition(":") for line in lines) if value.split()
    }
    return {name: round(int(kib[field]) / _KIB_PER_MB, 1) for name, field in _FIELDS.items()}


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
