"""Opens a page of a served app in the browser and records what it should not do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Error,
    Page,
    Request,
    expect,
)

GRANT_QUESTION = "What grant did each children's trust pathfinder receive?"
BREAD_QUESTION = "How do I bake sourdough bread?"


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """The app served from a thread at a free port; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, ws="none")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.05)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()


class PageWitness:
    """What a page did that it should not: dialogs, errors, requests to other hosts or for other pages."""

    def __init__(self, page: Page, address: str) -> None:
        self.seen: list[str] = []
        self._home = (address, "data:")
        page.on("dialog", self._dialog)
        page.on("pageerror", self._error)
        page.on("console", self._console)
        page.on("request", self._request)

    def _dialog(self, dialog: Dialog) -> None:
        self.seen.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _error(self, error: Error) -> None:
        self.seen.append(f"error {error}")

    def _console(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.seen.append(said.text)

    def _request(self, sent: Request) -> None:
        if not sent.url.startswith(self._home):
            self.seen.append(sent.url)


@contextmanager
def open_page(browser: Browser, address: str, question: str = "") -> Iterator[Page]:
    """A fresh page; whatever it did in secret fails the test at the end."""
    with browser.new_context() as context:
        page = context.new_page()
        witness = PageWitness(page, address)
        page.goto(f"{address}?q={quote(question)}" if question else address)
        expect(page.locator("#status")).to_have_role("status", timeout=30_000)
        yield page
        assert witness.seen == []
