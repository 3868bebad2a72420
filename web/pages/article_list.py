"""The list of all articles at `/articles`: found by title, narrowed by publisher, author and year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from corpus.article import Article
from index.retrieval.facets import Facet, Value, count_facets
from index.retrieval.filter import Filter
from web.context import ServiceContext
from web.html import document, escaped
from web.i18n import Catalogue
from web.pages.links import reader_link
from web.pages.page_state import NAMES
from web.pages.source_line import citation

PAGE = 100
"""Articles on one page of the list."""
_OFFERED = (Facet.PUBLISHER, Facet.AUTHOR, Facet.YEAR)


@dataclass(frozen=True, slots=True)
class ArticleQuery:
    """Which articles are wanted: words of the title, one value of a facet each ("" is any), and the page."""

    title: str = ""
    publisher: str = ""
    author: str = ""
    year: str = ""
    page: int = 1

    @property
    def where(self) -> Filter:
        """The facets as a filter."""
        return Filter(
            publishers=tuple(filter(None, (self.publisher,))),
            authors=tuple(filter(None, (self.author,))),
            years=tuple(filter(None, (self.year,))),
        )

    def address(self, page: int) -> str:
        """The address of another page of the same list."""
        told = {"title": self.title, "publisher": self.publisher, "author": self.author, "year": self.year}
        return "?" + urlencode({name: value for name, value in told.items() if value} | {"page": page})


def shelf_routes(site: ServiceContext) -> APIRouter:
    """`GET /articles`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/articles")
    def articles(
        title: str = "", publisher: str = "", author: str = "", year: str = "", page: str = "1"
    ) -> HTMLResponse:
        number = int(page) if page.isascii() and page.isdecimal() and len(page) < 8 else 1
        wanted = ArticleQuery(title, publisher, author, year, max(1, number))
        return _page(site, wanted)

    return router


def _page(site: ServiceContext, wanted: ArticleQuery) -> HTMLResponse:
    words = site.catalogue
    columns = site.answers.assistant.generation.facets
    total, shown = columns.list_articles(
        wanted.where, wanted.title, offset=(wanted.page - 1) * PAGE, limit=PAGE
    )
    heading = words("articles.heading")
    body = (
        f'<nav><a href="./">{escaped(words("reader.ask"))}</a></nav><main><h1>{escaped(heading)}</h1>'
        f"{_form(wanted, count_facets(columns, wanted.where, wanted.title), words)}"
        f'<p role="status">{escaped(words.count("articles.count", total))}</p>'
        f"{_list(total, shown, wanted, words)}{_pages(total, wanted, words)}</main>"
    )
    return document(words, heading, body)


def _form(wanted: ArticleQuery, facets: Mapping[Facet, Sequence[Value]], words: Catalogue) -> str:
    chosen = {name: getattr(wanted, name) for name in ("publisher", "author", "year")}
    lists = "".join(_choice(NAMES[facet], facets[facet], chosen[NAMES[facet]], words) for facet in _OFFERED)
    return (
        f'<form class="shelf" action="articles"><label>{escaped(words("articles.search"))} '
        f'<input type="search" name="title" value="{escaped(wanted.title)}"></label>{lists}'
        f"<button>{escaped(words('articles.apply'))}</button></form>"
    )


def _choice(name: str, values: Sequence[Value], chosen: str, words: Catalogue) -> str:
    options = [f'<option value="">{escaped(words("articles.any"))}</option>']
    for one in values:
        label = words("filters.value", label=one.label, count=f"{one.count:,}")
        selected = " selected" if one.value == chosen else ""
        options.append(f'<option value="{escaped(one.value)}"{selected}>{escaped(label)}</option>')
    label = escaped(words(f"filters.{name}"))
    return f'<label>{label} <select name="{name}">{"".join(options)}</select></label>'


def _list(total: int, shown: Sequence[Article], wanted: ArticleQuery, words: Catalogue) -> str:
    if not total:
        return f"<p>{escaped(words('articles.none'))}</p>"
    entries = "".join(f"<li>{citation(one, words, link=reader_link(one.id))}</li>" for one in shown)
    return f'<ol class="articles" start="{(wanted.page - 1) * PAGE + 1}">{entries}</ol>'


def _pages(number: int, wanted: ArticleQuery, words: Catalogue) -> str:
    pages = max(1, -(-number // PAGE))
    if pages == 1:
        return ""
    steps = ((wanted.page - 1, "articles.previous"), (wanted.page + 1, "articles.next"))
    links = " ".join(
        f'<a href="{escaped(wanted.address(page))}">{escaped(words(key))}</a>'
        for page, key in steps
        if 1 <= page <= pages
    )
    return f"<nav><p>{escaped(words('articles.page', page=wanted.page, pages=pages))} {links}</p></nav>"
