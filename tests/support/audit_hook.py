"""A process that answers questions while an audit hook looks on: `python -m tests.support.audit_hook DATA FILE`.

Reads questions, a line each, and prints as JSON what was seen of network, processes, pickles and writing: while
the index was opened, while they were answered, and when each was then done on purpose. Python alone tells its
hooks: what a library does in its own C or Rust shows in what it leaves behind, open sockets and children.
"""

from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

LOUD = {
    "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "pickle.find_class",
    "socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "subprocess.Popen",
}  # fmt: skip
CHANGING = {"os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Witness:
    """What was seen, by phase."""

    def __init__(self) -> None:
        self.seen: dict[str, list[str]] = {}
        self._phase: list[str] = []

    def phase(self, name: str) -> None:
        """What is seen from here on counts for this one."""
        self._phase = self.seen.setdefault(name, [])

    def __call__(self, event: str, facts: tuple[Any, ...]) -> None:
        """The audit hook."""
        if event in LOUD or event in CHANGING:
            self._phase.append(event)
        elif event == "open" and isinstance(facts[2], int) and facts[2] & WRITING and facts[0] != os.devnull:
            self._phase.append("open for writing")


def sockets() -> list[str]:
    """The sockets this process holds."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the one that lists them
            found.append(os.readlink(f"/proc/self/fd/{name}"))
    return [one for one in found if one.startswith("socket:")]


def children() -> list[str]:
    """The processes this one has started and not yet waited for."""
    return [pid for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()]


def provoke(written: Path) -> None:
    """Do each on purpose; a file is written and removed again."""
    acts: list[Callable[[], object]] = [
        lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
        lambda: socket.gethostbyname("localhost"),
        lambda: subprocess.run(["/bin/true"], check=True),
        lambda: os.system("true"),
        lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0),
        lambda: os.waitpid(os.fork() or os._exit(0), 0),
        lambda: os.execv("/no/such/program", ["program"]),
        lambda: pickle.loads(pickle.dumps(Path)),
        lambda: written.write_text("text"),
        lambda: os.close(os.open(written, os.O_RDWR)),
        lambda: written.unlink(),
    ]
    for act in acts:
        with suppress(OSError):
            act()


def main() -> None:
    """Open, answer, provoke, print."""
    questions = sys.stdin.read().splitlines()
    witness = Witness()
    sys.addaudithook(witness)
    witness.phase("opening")
    from app import WARM_UP
    from qa.loading import open_assistant
    from web.service_settings import ServiceSettings

    # OpenVINO would convert the model first, and write the conversion beside the index.
    assistant = open_assistant(ServiceSettings(data=Path(sys.argv[1]), backend="torch"))
    assistant.ask(WARM_UP)
    witness.phase("answering")
    answers = [assistant.ask(question) for question in questions]
    left = [*sockets(), *children()]
    witness.phase("provoked")
    provoke(Path(sys.argv[2]))
    witness.phase("")
    extracts = [len(answer.extracts or answer.nearest) for answer in answers]
    print(json.dumps({**witness.seen, "left": left, "extracts": extracts}))


if __name__ == "__main__":
    main()
