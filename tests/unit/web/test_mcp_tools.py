"""The tools for assistants, asked by the protocol's own client."""

from __future__ import annotations

import asyncio
import builtins
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from index.retrieval.filter import Filter
from tests.support.browser_page import running
from tests.support.fake_assistant import DREDGING, HARBOUR, FakeAssistant, extract, unsure
from tests.support.fakes import article
from web.answering.answer_service import AnswerService
from web.api.mcp_tools import MAX_CHARACTERS, build_mcp_server
from web.context import ServiceContext
from web.errors import McpNotInstalled
from web.i18n import load_catalogue
from web.service import own_app
from web.service_settings import ServiceSettings

Client = pytest.importorskip("mcp", reason="the extra 'mcp' is not installed").Client


def site(*articles: Any, tools: bool = True) -> ServiceContext:
    return ServiceContext(
        AnswerService(FakeAssistant(DREDGING, *articles)), ServiceSettings(mcp=tools), load_catalogue()
    )


def called(context: ServiceContext, name: str, **arguments: Any) -> Any:
    async def call() -> Any:
        async with Client(build_mcp_server(context)) as client:
            return await client.call_tool(name, arguments)

    return asyncio.run(call())


def test_an_answer_comes_with_its_sources_as_structure() -> None:
    context = site()
    answer = called(context, "ask", question="What cost more?", k=3, years=["2024"]).structured_content
    assert (answer["state"], answer["abstained"], answer["nearest"]) == ("answered", False, [])
    assert answer["generation"] == "gen-7-00ff"
    (first,) = answer["extracts"]
    assert first["answer"] == "Dredging cost more."
    assert first["answer"] in first["text"]
    assert (first["title"], first["source"], first["author"]) == ("", "harbour.md", "Ada Lovelace")
    assert first["reader"] == "articles/harbour?c=20-39#c=20-39"
    assert context.answers.assistant.asked == [("What cost more?", 3, Filter(years=("2024",)))]  # type: ignore[attr-defined]


def test_an_unsure_answer_says_so_and_gives_the_closest_passage() -> None:
    desk = AnswerService(FakeAssistant(unsure(extract(HARBOUR, "Nobody paid."))))
    context = ServiceContext(desk, ServiceSettings(mcp=True), load_catalogue())
    answer = called(context, "ask", question="Who paid?").structured_content
    assert (answer["state"], answer["abstained"], answer["extracts"]) == ("unsure", True, [])
    assert [extract["answer"] for extract in answer["nearest"]] == ["Nobody paid."]


def test_what_cannot_be_asked_is_an_error_in_one_line() -> None:
    failed = called(site(), "ask", question="?")
    assert failed.is_error
    assert "the question is empty: type a few words" in failed.content[0].text


def test_an_article_is_read_in_parts() -> None:
    long = replace(article("long", "ab" * MAX_CHARACTERS), title="")
    first = called(site(long), "read_article", article_id="long").structured_content
    second = called(site(long), "read_article", article_id="long", start=first["next"]).structured_content
    assert first["text"] + second["text"] == long.text
    assert (first["start"], second["next"], first["title"]) == (0, None, "long.md")
    assert called(site(long), "read_article", article_id="gone").is_error


def test_tools_are_reached_over_http_only_when_switched_on() -> None:
    async def ask(address: str) -> Any:
        async with Client(f"{address}mcp") as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            return names, await client.call_tool("read_article", {"article_id": "harbour"})

    with running(own_app(site())) as address:
        names, read = asyncio.run(ask(address))
    assert names == ["ask", "read_article"]
    assert read.structured_content["text"] == HARBOUR.text
    assert TestClient(own_app(site(tools=False))).post("/mcp", json={}).status_code == 404


def test_without_the_library_the_next_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("mcp"):
            raise ImportError(name)
        return found(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(McpNotInstalled, match="run `pip install mcp`"):
        build_mcp_server(site())
