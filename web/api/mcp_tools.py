"""Tools for assistants, by the Model Context Protocol: they quote, with sources, what `ask` gives.

Switched on by `QA_MCP=1`, at `/mcp`, without sessions: each request stands for itself, like one to the API.
The library is an extra (`pip install 'pullquote[mcp]'`).
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field
from starlette.routing import BaseRoute

from index.retrieval.filter import Filter
from qa.answer_json import extract_record
from qa.assistant import DEFAULT_EXTRACTS
from qa.errors import QuestionError
from qa.settings import package_version
from web.context import ServiceContext
from web.errors import AnsweringFailed, McpNotInstalled, StoreUnavailable, TooManyQuestions
from web.pages.links import reader_link
from web.pages.page_state import MAX_EXTRACTS

PATH = "/mcp"
MAX_CHARACTERS = 20_000
"""Of an article's text in one reply: an assistant reads on from `next`."""
INSTRUCTIONS = (
    "Extracts are word for word. Quote them as they are, name the source with each, and say that the "
    "articles do not answer when `abstained` is true."
)

Number = Annotated[int, Field(ge=1, le=MAX_EXTRACTS)]
Texts = Annotated[tuple[str, ...], Field(max_length=50)]


class Quoted(BaseModel):
    """An extract: whole sentences, the answering ones in `answer`, and where they stand."""

    rank: int
    text: str
    answer: str
    band: str
    article_id: str
    title: str
    author: str
    publisher: str
    published: str
    source: str
    start: int
    end: int
    reader: str = Field(description="Address of the passage in the service's reader, relative to its root.")


class Found(BaseModel):
    """The extracts that answer, best first; none when the articles do not, with the nearest passages."""

    abstained: bool
    generation: str
    extracts: list[Quoted]
    nearest: list[Quoted]


class Read(BaseModel):
    """A part of an article's canonical text; `next` is where the rest begins, None at the end."""

    article_id: str
    title: str
    generation: str
    sha256: str
    start: int
    text: str
    next: int | None


def build_mcp_server(site: ServiceContext) -> Any:
    """The server of both tools: an `mcp.server.MCPServer`. Raises NoTools without the library."""
    try:
        from mcp.server import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
    except ImportError as error:
        raise McpNotInstalled from error
    server = MCPServer(
        site.settings.name, instructions=INSTRUCTIONS, version=package_version(), log_level="WARNING"
    )

    @server.tool(
        description=f"Ask the articles of {site.settings.name} a question; get word-for-word extracts."
    )
    async def ask(
        question: str,
        k: Number = DEFAULT_EXTRACTS,
        publishers: Texts = (),
        authors: Texts = (),
        years: Texts = (),
    ) -> Found:
        where = Filter(publishers=publishers, authors=authors, years=years)
        try:
            answer = (await site.answers.ask(question, k, where)).answer
        except (QuestionError, StoreUnavailable, TooManyQuestions, AnsweringFailed) as error:
            raise ToolError(str(error)) from error
        return Found(
            abstained=answer.abstained,
            generation=answer.generation,
            extracts=[_quoted(extract_record(one)) for one in answer.extracts],
            nearest=[_quoted(extract_record(one)) for one in answer.nearest],
        )

    @server.tool(description="Read an article's text by the id that `ask` gives, from a character on.")
    async def read_article(article_id: str, start: Annotated[int, Field(ge=0)] = 0) -> Read:
        generation = site.answers.assistant.generation
        found = generation.facets.article(article_id)
        if found is None:
            raise ToolError("no article has this id: ask first, and take the article_id of an extract")
        end = start + MAX_CHARACTERS
        return Read(
            article_id=found.id,
            title=found.display_title,
            generation=generation.id,
            sha256=found.sha256,
            start=start,
            text=found.text[start:end],
            next=end if end < len(found.text) else None,
        )

    return server


@dataclass(frozen=True, slots=True)
class McpApp:
    """The route of the tools, and what must be open while they are asked."""

    route: BaseRoute
    running: AbstractAsyncContextManager[None]


def build_mcp_app(server: Any) -> McpApp:
    """The tools of a server at `PATH`."""
    from mcp.server.transport_security import TransportSecuritySettings

    app = server.streamable_http_app(
        streamable_http_path=PATH,
        stateless_http=True,
        json_response=True,
        # Which hosts and origins are let in is decided once, for the whole service.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    (route,) = app.routes
    return McpApp(route, server.session_manager.run())


def _quoted(record: dict[str, Any]) -> Quoted:
    place = record["answer"]
    link = reader_link(record["article_id"], (place["start"], place["end"]))
    return Quoted(**{**record, "answer": place["text"], "reader": link})
