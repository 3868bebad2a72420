"""Other people's pages: a site that the service lists and one that it does not, and a browser in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page

from tests.support.browser_page import running
from tests.support.fake_assistant import DREDGING, FakeAssistant
from web.service import build_app
from web.service_settings import ServiceSettings

QUESTION = "What cost more?"


@dataclass
class Site:
    """Somebody's site with one page: `body` under `policy`. `asked` lists the paths it was asked for."""

    origin: str = ""
    body: str = ""
    policy: str = ""
    asked: list[str] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.add_api_route("/{path:path}", self._serve)
        return app

    async def _serve(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        if request.url.path != "/":
            return Response(status_code=204)
        page = f'<!doctype html><html lang="en"><head><title>Intranet</title></head><body>{self.body}</body></html>'
        return HTMLResponse(page, headers={"Content-Security-Policy": self.policy} if self.policy else {})


@dataclass
class World:
    """The service, a site it lists, and a site it does not."""

    service: str
    assistant: FakeAssistant
    friend: Site
    stranger: Site

    def strict(self) -> str:
        """The policy of a page that trusts the service's script and nothing else."""
        return (
            f"default-src 'none'; script-src {self.service}widget.js; connect-src {self.service}; "
            "require-trusted-types-for 'script'; trusted-types 'none'; form-action 'none'"
        )

    def fresh(self) -> World:
        """The same with its first answer, nothing asked yet, and strict policies."""
        self.assistant.answer = DREDGING
        self.assistant.asked.clear()
        self.friend.policy = self.stranger.policy = self.strict()
        return self


@contextmanager
def settled() -> Iterator[World]:
    """All three, served from threads of this process."""
    with ExitStack() as stack:
        sites = []
        for site in (Site(), Site()):
            site.origin = stack.enter_context(running(site.app())).rstrip("/")
            sites.append(site)
        assistant = FakeAssistant()
        # The stand-in is given another answer from test to test: none may be remembered.
        service = build_app(assistant, ServiceSettings(origins=(sites[0].origin,), cache=0))
        yield World(stack.enter_context(running(service)), assistant, *sites)


class SiteWitness:
    """What a page asked for and complained of."""

    def __init__(self, page: Page) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda sent: self.requests.append(sent.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._dialog)
        page.on("console", self._console)

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()

    def _console(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.complaints.append(said.text)


@contextmanager
def open_site(browser: Browser, site: Site, **options: Any) -> Iterator[tuple[Page, SiteWitness]]:
    with browser.new_context(**options) as context:
        page = context.new_page()
        witness = SiteWitness(page)
        page.goto(f"{site.origin}/")
        yield page, witness


def element(world: World, **attributes: str) -> str:
    """The two lines that somebody puts into a page."""
    told = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<main><h1>Intranet</h1><script src="{world.service}widget.js" defer></script><pull-quote{told}></pull-quote></main>'


def ask(page: Page, question: str = QUESTION) -> None:
    page.get_by_label("Question").fill(question)
    page.keyboard.press("Enter")
