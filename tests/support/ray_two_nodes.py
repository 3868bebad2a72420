"""Two Ray nodes on one machine, one of which is killed in the middle of a build.

    unshare -n -p -f --mount-proc python -m tests.support.ray_two_nodes ARTICLES SHARDS DATA TEMPORARY

Nobody reaches these nodes from outside: this runs with a network and a process table of its own, and all that it
started ends with it. The second node has a process table of its own again, and dies as a whole. What was said and
seen is printed as JSON.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.repository import ROOT

HEAD = "127.0.0.1:6379"
SIZE = ("--num-cpus=2", "--object-store-memory=80000000")
KILLED_AFTER = 2
"""Shards that are there when the second node is killed."""
_SECONDS = 250.0
_TOKEN = secrets.token_hex(32)
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1


def main() -> None:
    """Start both, build, kill one, build again."""
    articles, shards, data, temporary = map(Path, sys.argv[1:])
    switch_on_loopback()
    ray(
        "--head",
        "--node-ip-address=127.0.0.1",
        "--port=6379",
        "--include-dashboard=false",
        f"--temp-dir={temporary}",
    )
    apart = ["unshare", "-p", "-f", "--mount-proc", "--kill-child"]
    command = [*apart, *ray_command(f"--address={HEAD}", "--node-ip-address=127.0.0.2", "--block")]
    told: dict[str, Any] = {}
    with subprocess.Popen(command, env=environment(), stdout=sys.stderr) as second:
        first = start_build(articles, shards, data)
        told["at_kill"] = wait_for(shards, KILLED_AFTER, first)
        told["at_work"] = [name for name in titles(second.pid) if name.startswith("ray::")]
        second.kill()
        told["first"] = ended(first)
    told["again"] = ended(start_build(articles, shards, data))
    print(json.dumps(told))


def switch_on_loopback() -> None:
    """A new network has nothing but a loopback, which is off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(any_socket, _GET_FLAGS, asked), 16)
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _UP))


def ray_command(*arguments: str) -> list[str]:
    """How a node is started."""
    return [sys.executable, "-m", "ray.scripts.scripts", "start", *SIZE, "--disable-usage-stats", *arguments]


def ray(*arguments: str) -> None:
    """Start a node that goes on by itself."""
    subprocess.run(ray_command(*arguments), env=environment(), stdout=sys.stderr, check=True)


def environment() -> dict[str, str]:
    """The project where it is, one thread for each actor, and a token that lets nobody else in."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    own = {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    return {**os.environ, **own, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _TOKEN}


def start_build(articles: Path, shards: Path, data: Path) -> subprocess.Popen[str]:
    """`qa index --ray`, as a person gives it."""
    command = [sys.executable, "-P", "-c", "from cli.main import main; main()", "index", str(articles)]
    command += ["--ray", HEAD, "--shards", str(shards), "--data", str(data)]
    command += ["--device", "cpu", "--backend", "torch"]
    return subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(shards: Path, count: int, build: subprocess.Popen[str]) -> int:
    """Shards that are there as soon as these are, or when the build ends before."""
    deadline = time.monotonic() + _SECONDS
    while build.poll() is None and time.monotonic() < deadline:
        found = len(list(shards.glob("*.parquet")))
        if found >= count:
            return found
        time.sleep(0.01)
    return len(list(shards.glob("*.parquet")))


def titles(parent: int) -> Iterator[str]:
    """What the processes below another call themselves."""
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        yield (
            Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        )
        yield from titles(int(child))


def ended(build: subprocess.Popen[str]) -> dict[str, Any]:
    """What it said, once it has ended."""
    started = time.monotonic()
    said, warned = build.communicate(timeout=_SECONDS)
    return {"code": build.returncode, "said": said, "warned": warned, "seconds": time.monotonic() - started}


if __name__ == "__main__":
    main()
