"""Articles over the JSON API: `GET /api/articles` and `GET /api/articles/{id}`.

The routes are plain functions, which FastAPI runs in threads: articles are read from disk or from Milvus.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, Field

from corpus.article import Article
from index.retrieval.filter import Filter
from web.answering.answer_service import LONGEST_VALUE, MOST_VALUES, AnswerService
from web.api.ask import Value
from web.http.problems import problem_responses, set_version

MAX_PAGE = 500

Texts = Annotated[list[Value], Query(default_factory=list, max_length=MOST_VALUES)]


class ArticleEntry(BaseModel):
    """Metadata of an article, "" where its file has none. `characters` counts code points of its text."""

    id: str = Field(examples=["9f2c4e7ab01d"])
    title: str
    author: str
    publisher: str
    published: str = Field(examples=["2004-05-06"], description="ISO 8601 date, year-month or year.")
    source: str = Field(description="File the article was read from.")
    url: str
    sha256: str = Field(description="Of the canonical text in UTF-8.")
    characters: int


class ArticlePage(BaseModel):
    """A page of the articles that pass the filter, by title; `total` counts all of them."""

    generation: str
    total: int
    articles: list[ArticleEntry]


class ArticleText(ArticleEntry):
    """An article with its canonical text, to which all offsets refer."""

    generation: str
    text: str
    headings: list[tuple[int, int]]


def article_routes(answers: AnswerService) -> APIRouter:
    """The routes of the articles."""
    router = APIRouter(dependencies=[Depends(set_version)])

    @router.get("/api/articles", summary="List articles")
    def articles(
        publisher: Texts,
        author: Texts,
        year: Texts,
        title: Annotated[str, Query(max_length=LONGEST_VALUE, description="Words of the title.")] = "",
        first: Annotated[int, Query(ge=0, description="Articles to skip.")] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    ) -> ArticlePage:
        """The articles in the index, ordered by title."""
        generation = answers.assistant.generation
        where = Filter(publishers=tuple(publisher), authors=tuple(author), years=tuple(year))
        total, listed = generation.facets.list_articles(where, title, offset=first, limit=limit)
        entries = [ArticleEntry(**_metadata(article)) for article in listed]
        return ArticlePage(generation=generation.id, total=total, articles=entries)

    @router.get("/api/articles/{identifier}", summary="Read an article", responses=problem_responses(404))
    def article(identifier: str) -> ArticleText:
        """The canonical text that every extract is a part of, word for word."""
        generation = answers.assistant.generation
        match = generation.facets.article(identifier)
        if match is None:
            raise HTTPException(404, "no article has this id: GET /api/articles lists those there are")
        headings = list(match.headings)
        return ArticleText(**_metadata(match), generation=generation.id, text=match.text, headings=headings)

    return router


def _metadata(article: Article) -> dict[str, Any]:
    names = ("id", "title", "author", "publisher", "published", "source", "url", "sha256")
    return {name: getattr(article, name) for name in names} | {"characters": len(article.text)}
