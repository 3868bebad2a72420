"""MCP tools `ask` and `read_article` at `/mcp`, for assistants that quote extracts with their sources.

Enabled by `QA_MCP=1`; stateless, like the JSON API. The library is an extra (`pip install 'pullquote[mcp]'`).
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from pydantic import BaseModel, Field
from starlette.applications import Starlette

from index.retrieval.filter import Filter
from qa.answer import State
from qa.answer_json import ExtractRecord, extract_record
from qa.assistant import DEFAULT_EXTRACTS
from qa.errors import QuestionError
from qa.settings import package_version
from web.answering.answer_service import MAX_EXTRACTS
from web.api.ask import Values
from web.context import ServiceContext
from web.errors import AnsweringFailed, McpNotInstalled, StoreUnavailable, TooManyQuestions
from web.http.links import reader_link

PATH = "/mcp"
MAX_CHARACTERS = 20_000
"""Of an article's text in one response; `next` is where to continue."""
INSTRUCTIONS = (
    "Extracts are word for word. Quote them as they are and name the source with each. Say that the nearest "
    'passage may not answer when `state` is "unsure", and that the articles do not answer when it is "none".'
)

Number = Annotated[int, Field(ge=1, le=MAX_EXTRACTS)]


class McpExtract(BaseModel):
    """An extract: whole sentences, the answer sentences among them, and the source."""

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


class McpAnswer(BaseModel):
    """The extracts that answer, best first; unless the state is answered, the nearest passages instead."""

    state: State
    abstained: bool
    generation: str
    extracts: list[McpExtract]
    nearest: list[McpExtract]


class ArticlePart(BaseModel):
    """A part of an article's canonical text; the next part starts at `next`, None at the end."""

    article_id: str
    title: str
    generation: str
    sha256: str
    start: int
    text: str
    next: int | None


def build_mcp_server(context: ServiceContext) -> Any:
    """An `mcp.server.MCPServer` with both tools. Raises McpNotInstalled."""
    try:
        from mcp.server import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
    except ImportError as error:
        cure = "run `pip install mcp`, or set QA_MCP=0"
        raise McpNotInstalled(f"QA_MCP=1 needs another library; {cure}") from error
    server = MCPServer(
        context.settings.name, instructions=INSTRUCTIONS, version=package_version(), log_level="WARNING"
    )

    @server.tool(
        description=f"Ask the articles of {context.settings.name} a question; get word-for-word extracts."
    )
    async def ask(
        question: str,
        k: Number = DEFAULT_EXTRACTS,
        publishers: Values = (),
        authors: Values = (),
        years: Values = (),
    ) -> McpAnswer:
        where = Filter(publishers=publishers, authors=authors, years=years)
        try:
            answer = (await context.answers.ask(question, k, where)).answer
        except (QuestionError, StoreUnavailable, TooManyQuestions, AnsweringFailed) as error:
            raise ToolError(str(error)) from error
        return McpAnswer(
            state=answer.state,
            abstained=answer.abstained,
            generation=answer.generation,
            extracts=[_quoted(extract_record(extract)) for extract in answer.extracts],
            nearest=[_quoted(extract_record(extract)) for extract in answer.nearest],
        )

    @server.tool(description="Read an article's text from a character on, by the id that `ask` returns.")
    async def read_article(article_id: str, start: Annotated[int, Field(ge=0)] = 0) -> ArticlePart:
        generation = context.answers.assistant.generation
        article = await asyncio.to_thread(generation.facets.article, article_id)
        if article is None:
            raise ToolError("no article has this id: ask first, and take the article_id of an extract")
        end = start + MAX_CHARACTERS
        return ArticlePart(
            article_id=article.id,
            title=article.display_title,
            generation=generation.id,
            sha256=article.sha256,
            start=start,
            text=article.text[start:end],
            next=end if end < len(article.text) else None,
        )

    return server


def build_mcp_app(server: Any) -> Starlette:
    """The app with the route of a server at `PATH`; its lifespan must run while the route is called."""
    from mcp.server.transport_security import TransportSecuritySettings

    app: Starlette = server.streamable_http_app(
        streamable_http_path=PATH,
        stateless_http=True,
        json_response=True,
        # `web.access` checks hosts and origins for the whole service.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return app


def _quoted(record: ExtractRecord) -> McpExtract:
    link = reader_link(record.article_id, (record.answer.start, record.answer.end))
    return McpExtract(**{**dict(record), "answer": record.answer.text, "reader": link})
