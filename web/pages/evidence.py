"""The page of an evidence list as HTML: articles and addresses pass through `html.escape`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from corpus.article import Article
from qa.answer import Citation
from web.citations.document_formats import FORMATS
from web.citations.export import Export
from web.citations.quotation import quotations
from web.citations.text_fragment import fragment_link
from web.context import ServiceContext
from web.html import document, escaped
from web.http.problems import problem_response
from web.i18n import Catalogue
from web.pages.links import read_span, reader_link
from web.pages.source_line import citation as source_line

# What is shown of an address that is none.
_SHOWN = 100  # characters


def evidence_body(catalogue: Catalogue, cited: CitationList) -> str:
    """Everything inside the page's body."""
    words = {name: escaped(text) for name, text in catalogue.section("evidence").items()}
    script = "".join(f' data-{name}="{words[name]}"' for name in ("copy", "copied", "press"))
    articles = escaped(catalogue("reader.articles"))
    return (
        f'<nav class="beside"><a href="./">{words["ask"]}</a> <a href="articles">{articles}</a></nav>'
        f'<main class="evidence"{script}><h1>{words["title"]}</h1>{_faults(catalogue, cited)}'
        f"{_list(catalogue, cited)}</main>"
        '<p class="spoken" role="status"></p>'
    )


def _faults(catalogue: Catalogue, cited: CitationList) -> str:
    """A line for each address that gave nothing."""
    lines = [
        *(catalogue("evidence.malformed", address=address[:_SHOWN]) for address in cited.malformed),
        *(catalogue("evidence.missing", address=address) for address in cited.missing),
        *([catalogue("evidence.too_many", most=MAX_CITATIONS)] if cited.too_many else []),
    ]
    return "".join(f'<p class="alarm">{escaped(line)}</p>' for line in lines)


def _list(catalogue: Catalogue, cited: CitationList) -> str:
    if not cited.citations:
        return f"<p>{escaped(catalogue('evidence.empty'))}</p>"
    kept = escaped(catalogue("evidence.kept"))
    entries = "".join(_entry(catalogue, cited, number) for number in range(len(cited.citations)))
    return f'{_downloads(catalogue, cited)}<ol>{entries}</ol><p class="quiet">{kept}</p>'


def _downloads(catalogue: Catalogue, cited: CitationList) -> str:
    """Links to the list as a file; what is missing goes along, so that the file can tell of it."""
    query = escaped(cited_query(cited.citations, cited.missing))
    links = " ".join(
        f'<a href="evidence/download.{suffix}?{query}" download>{kind.name}</a>'
        for suffix, kind in FORMATS.items()
    )
    heading = escaped(catalogue("evidence.download"))
    return f'<nav class="beside" aria-label="{heading}">{heading}: {links}</nav>'


def _entry(catalogue: Catalogue, cited: CitationList, number: int) -> str:
    citation = cited.citations[number]
    return (
        f"<li><blockquote>{escaped(citation.text)}</blockquote>"
        f'<p class="citation">{source_line(citation.article, catalogue)}</p>'
        f'<p class="beside">{_read(catalogue, citation)} {_remove(catalogue, cited, number)}</p>'
        f"{_copies(catalogue, citation, number)}</li>"
    )


def _read(catalogue: Catalogue, citation: Citation) -> str:
    """Links to the quotation in the reader, and on the web if it can be told where."""
    span = citation.start, citation.end
    reader = escaped(reader_link(citation.article.id, span))
    web = escaped(fragment_link(citation.article, span))
    read, source = (escaped(catalogue(f"evidence.{name}")) for name in ("read", "source"))
    at_source = f' <a href="{web}" rel="noopener noreferrer">{source}</a>' if web else ""
    return f'<a href="{reader}">{read}</a>{at_source}'


def _remove(catalogue: Catalogue, cited: CitationList, number: int) -> str:
    """A link to the list without this citation."""
    query = cited_query(cited.citations[:number] + cited.citations[number + 1 :], cited.missing)
    address = escaped(f"evidence?{query}" if query else "evidence")
    label, which = (
        escaped(catalogue(f"evidence.{name}", number=number + 1)) for name in ("remove", "remove_which")
    )
    return f'<a href="{address}" aria-label="{which}">{label}</a>'


def _copies(catalogue: Catalogue, citation: Citation, number: int) -> str:
    """The quotation with its source, ready to be copied, folded away."""
    fields = "".join(
        f'<label for="{kind}-{number}">{escaped(catalogue(f"evidence.{kind}"))}</label>'
        f'<textarea id="{kind}-{number}" rows="4" readonly>{escaped(text)}</textarea>'
        for kind, text in quotations(citation).items()
    )
    summary = escaped(catalogue("evidence.copies"))
    return f"<details><summary>{summary}</summary>{fields}</details>"


def evidence_routes(site: ServiceContext) -> APIRouter:
    """The page and its downloads."""
    router = APIRouter(include_in_schema=False)

    # Plain functions run in threads: trying out links and writing files takes some time for a long list.
    @router.get("/evidence")
    def page(request: Request) -> HTMLResponse:
        title = f"{site.catalogue('evidence.title')} – {site.settings.name}"
        body = evidence_body(site.catalogue, _cited(site, request))
        return document(site.catalogue, title, body, scripts=["evidence.js"])

    @router.get("/evidence/download.{suffix}")
    def download(suffix: str, request: Request) -> Response:
        cited = _cited(site, request)
        if suffix not in FORMATS:
            return problem_response(404, site.catalogue("evidence.no_format", known=", ".join(FORMATS)))
        fault = _fault(site, cited)
        return problem_response(422, fault) if fault else _file(site, suffix, cited)

    return router


def _cited(site: ServiceContext, request: Request) -> CitationList:
    # One generation for all of them: another may be published between two.
    return read_cited(request.query_params.getlist("c"), site.answers.assistant.generation.facets.article)


def _fault(site: ServiceContext, cited: CitationList) -> str:
    """Why there is no file of these; "" when there is one."""
    if cited.malformed:
        return site.catalogue("evidence.malformed", address=cited.malformed[0][:100])
    if cited.too_many:
        return site.catalogue("evidence.too_many", most=MAX_CITATIONS)
    return "" if cited.citations or cited.missing else site.catalogue("evidence.nothing")


def _file(site: ServiceContext, suffix: str, cited: CitationList) -> Response:
    export = Export(cited.citations, cited.missing, site.catalogue)
    return Response(
        FORMATS[suffix].write(export),
        media_type=FORMATS[suffix].media_type,
        headers={
            "Content-Disposition": f'attachment; filename="evidence.{suffix}"',
            "Cache-Control": "no-store",
        },
    )


MAX_CITATIONS = 50
"""Citations in one list: an address of more would be too long for some browsers and proxies."""
Find = Callable[[str], Article | None]
_ARTICLE = re.compile(r"[A-Za-z0-9._-]{1,200}")


@dataclass(frozen=True, slots=True)
class CitationList:
    """What was named, each once and in order.

    `missing` are addresses of what is not in the index any more, `malformed` what is no address at all,
    `too_many` the number of those after the first 50.
    """

    citations: tuple[Citation, ...]
    missing: tuple[str, ...]
    malformed: tuple[str, ...]
    too_many: int


def read_cited(written: Sequence[str], find: Find) -> CitationList:
    """The citations of a list of addresses; `find` knows the articles by id."""
    different = list(dict.fromkeys(written))
    places = {address: _parse_citation(address) for address in different[:MAX_CITATIONS]}
    found = {address: _found(find, *place) for address, place in places.items() if place}
    return CitationList(
        citations=tuple(dict.fromkeys(citation for citation in found.values() if citation)),
        missing=tuple(address for address, citation in found.items() if not citation),
        malformed=tuple(address for address, place in places.items() if not place),
        too_many=max(len(different) - MAX_CITATIONS, 0),
    )


def cited_query(citations: Iterable[Citation], missing: Iterable[str] = ()) -> str:
    """The query of the address of a list: "c=ab12%3A40-95&c=…"."""
    return urlencode([("c", address) for address in (*(c.address for c in citations), *missing)])


def _parse_citation(address: str) -> tuple[str, int, int] | None:
    article, _, written = address.rpartition(":")
    span = read_span(written)
    return (article, *span) if span and _ARTICLE.fullmatch(article) else None


def _found(find: Find, article: str, start: int, end: int) -> Citation | None:
    known = find(article)
    return Citation(known, start, end) if known and end <= len(known.text) else None
