"""Runs the service behind a real nginx."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from app import server_config
from tests.support.fake_assistant import FakeAssistant
from web.service import build_app
from web.service_settings import ServiceSettings

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin") or ""

needs_nginx = pytest.mark.skipif(not NGINX, reason="nginx is not installed: apt-get install nginx-light")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def serving(settings: ServiceSettings) -> Iterator[int]:
    """The service run as its door runs it, but from a thread; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(server_config(build_app(FakeAssistant(), settings), settings))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.05)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


@contextmanager
def proxied(folder: Path, location: str) -> Iterator[str]:
    """nginx with this location block, all its files in `folder`; its address."""
    port = free_port()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    # What browsers ask every site for: the other server's own affair.
    icon = "location = /favicon.ico { return 204; }"
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {paths} server {{ listen 127.0.0.1:{port}; {icon}\n{location}}} }}\n"
    )
    with subprocess.Popen(
        [NGINX, "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"]
    ) as nginx:
        try:
            wait_for_port(port, nginx)
            yield f"http://127.0.0.1:{port}"
        finally:
            nginx.terminate()
    assert nginx.returncode == 0, (folder / "error.log").read_text()


def wait_for_port(port: int, nginx: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert nginx.poll() is None
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("nginx does not listen")
