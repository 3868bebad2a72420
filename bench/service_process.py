"""The web service as it runs, in a process of its own, and clients in another."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.errors import PeerFailed
from bench.peer_process import ROOT, quiet_environment, run_module

_READY = " is ready: "
_START = 300.0  # seconds


@contextmanager
def served(data: Path) -> Iterator[str]:
    """Its address, once it answers questions. Raises PeerFailed when it does not come to that."""
    settings = {"QA_DATA": str(data), "QA_PORT": "0", "QA_LOG": "warning"}
    command = [sys.executable, "-m", "app"]
    environment = {**quiet_environment(), **settings}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as service:
        too_long = threading.Timer(_START, service.kill)
        too_long.start()
        try:
            assert service.stdout
            address = next((line.split(_READY)[1].strip() for line in service.stdout if _READY in line), "")
            too_long.cancel()
            if not address:
                raise PeerFailed("pullquote", f"the service ended with {service.wait()} before it was ready")
            yield address
        finally:
            too_long.cancel()
            service.terminate()


def asked_by_clients(address: str, questions: Sequence[str], *, clients: int, k: int) -> dict[str, Any]:
    """What `bench.load_clients` tells. Raises PeerFailed when it fails."""
    options = (address, str(clients), str(k))
    return run_module("bench.load_clients", *options, document=list(questions), name="clients")
