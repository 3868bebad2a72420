"""`GET /articles`: all articles by title, with filters by title, publisher, author and year."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from index.retrieval.facets import Facet, count_facets
from index.retrieval.filter import Filter
from web.answering.answer_service import LONGEST_VALUE
from web.context import ServiceContext
from web.http.links import reader_link
from web.pages.page_state import NAMES

PAGE = 100
"""Articles on one page of the list."""
_OFFERED = (Facet.PUBLISHER, Facet.AUTHOR, Facet.YEAR)


@dataclass(frozen=True, slots=True)
class ArticleQuery:
    """Words of the title, one value of each facet ("" is any), and the page."""

    title: str = ""
    publisher: str = ""
    author: str = ""
    year: str = ""
    page: int = 1

    @property
    def where(self) -> Filter:
        """The facets as a filter."""
        values = {facet.value: getattr(self, NAMES[facet]) for facet in _OFFERED}
        return Filter(**{name: (value,) for name, value in values.items() if value})

    def address(self, page: int) -> str:
        """The address of another page of the same list."""
        fields = asdict(self) | {"page": page}
        return "?" + urlencode({name: value for name, value in fields.items() if value})


def article_list_routes(site: ServiceContext) -> APIRouter:
    """`GET /articles`."""
    router = APIRouter(include_in_schema=False)

    # Not `async`: it runs in a thread, as it reads the articles it shows.
    @router.get("/articles")
    def articles(
        title: str = "", publisher: str = "", author: str = "", year: str = "", page: str = "1"
    ) -> HTMLResponse:
        number = int(page) if page.isascii() and page.isdecimal() and len(page) < 8 else 1
        title, publisher, author, year = (text[:LONGEST_VALUE] for text in (title, publisher, author, year))
        return _page(site, ArticleQuery(title, publisher, author, year, max(1, number)))

    return router


def _page(site: ServiceContext, query: ArticleQuery) -> HTMLResponse:
    columns = site.answers.assistant.generation.facets
    start = (query.page - 1) * PAGE
    total, articles = columns.list_articles(query.where, query.title, offset=start, limit=PAGE)
    values = count_facets(columns, query.where, query.title)
    pages = max(1, -(-total // PAGE))
    steps = {"previous": query.page - 1, "next": query.page + 1}
    return site.templates.page(
        "articles.html",
        query=query,
        facets={NAMES[facet]: values[facet] for facet in _OFFERED},
        total=total,
        first=start + 1,
        articles=[(reader_link(article.id), article) for article in articles],
        pages=pages,
        steps={key: query.address(page) for key, page in steps.items() if 1 <= page <= pages},
    )
