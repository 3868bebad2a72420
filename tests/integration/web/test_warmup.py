"""Before the models are loaded: everybody is told to come back, and what fails ends the service."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from web.i18n import load_catalogue
from web.warmup import WarmUp, warming_up

WORDS = load_catalogue()


def other() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def page() -> str:
        return "ready"

    return app


def test_people_get_a_page_that_comes_back_by_itself() -> None:
    page = TestClient(warming_up(WORDS)).get("/?q=why", headers={"Accept": "text/html,*/*"})
    assert page.status_code == 503
    assert page.headers["Retry-After"] == "2"
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "<h1>Warming up</h1>" in page.text
    assert '<meta http-equiv="refresh" content="2">' in page.text


def test_programs_get_a_problem() -> None:
    client = TestClient(warming_up(WORDS))
    for reply in (client.post("/api/ask", json={"question": "Why?"}), client.get("/health")):
        assert (reply.status_code, reply.headers["Retry-After"]) == (503, "2")
        assert reply.json()["detail"].startswith("The models and the articles are being loaded")
    assert client.get("/files/document.css").status_code == 200


def test_health_is_live_and_not_ready() -> None:
    reply = TestClient(warming_up(WORDS)).get("/health")
    message = WORDS("warmup.told")
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "2")
    assert reply.json() == {
        "status": "warming up",
        "live": True,
        "ready": False,
        "degraded": False,
        "reasons": [message],
        "generation": "",
        "articles": 0,
        "passages": 0,
        "detail": message,
    }


def test_the_app_takes_over_once_it_is_open() -> None:
    gate, ready = threading.Event(), threading.Event()

    def opened() -> FastAPI:
        assert gate.wait(60)
        return other()

    app = WarmUp(opened, warming_up(WORDS), on_ready=ready.set, on_failure=lambda: None)
    with TestClient(app) as client:
        assert client.get("/").status_code == 503
        gate.set()
        assert ready.wait(60)
        assert client.get("/").json() == "ready"
    assert app.failure is None


def test_what_cannot_be_opened_ends_the_service_with_its_reason() -> None:
    ended = threading.Event()
    reason = ValueError("no index")

    def opened() -> FastAPI:
        raise reason

    app = WarmUp(opened, warming_up(WORDS), on_ready=lambda: None, on_failure=ended.set)
    with TestClient(app) as client:
        assert ended.wait(60)
        assert client.get("/").status_code == 503
    assert app.failure is reason


def test_the_apps_own_lifespan_runs_in_one_task() -> None:
    tasks: list[Any] = []
    ready = threading.Event()

    class Told:
        def __init__(self, app: FastAPI) -> None:
            pass

        async def __aenter__(self) -> None:
            tasks.append(asyncio.current_task())

        async def __aexit__(self, *_: object) -> None:
            tasks.append(asyncio.current_task())

    app = WarmUp(
        lambda: FastAPI(lifespan=Told),
        warming_up(WORDS),
        on_ready=ready.set,
        on_failure=lambda: None,
    )
    with TestClient(app):
        assert ready.wait(60)
    assert len(tasks) == 2
    assert tasks[0] is tasks[1]
