"""`GET /evidence`: the evidence list, a page of quotations named in its address, and its downloads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from corpus.article import Article
from qa.answer import Citation
from web.answering.answer_service import RETRY_AFTER
from web.citations.document_formats import FORMATS
from web.citations.quotation import Export, quotations
from web.citations.text_fragment import fragment_link
from web.context import ServiceContext
from web.errors import TooManyQuestions
from web.http.links import read_span, reader_link
from web.http.problems import problem_response
from web.i18n import Catalogue

MAX_CITATIONS = 50
"""Citations in one list: some browsers and proxies reject the address of a longer one."""
MAX_CHARACTERS = 100_000
"""Characters quoted in one list: an address of 1 KB can cite fifty whole articles."""
RUNNING = 4
"""Lists rendered or written at once; another waits for two seconds, then it is told to come back."""
_ARTICLE = re.compile(r"[A-Za-z0-9._-]{1,200}")
# Characters shown of a malformed address.
_SHOWN = 100


def evidence_routes(site: ServiceContext) -> APIRouter:
    """The page and its downloads."""
    places = BoundedSemaphore(RUNNING)

    @contextmanager
    def place() -> Iterator[None]:
        if not places.acquire(timeout=RETRY_AFTER):
            raise TooManyQuestions(RETRY_AFTER)
        try:
            yield
        finally:
            places.release()

    router = APIRouter(include_in_schema=False)

    # Not `async`: checking text fragments and writing files takes time, so they run in threads.
    @router.get("/evidence")
    def page(request: Request) -> HTMLResponse:
        with place():
            return _page(site, _read_request(site, request))

    @router.get("/evidence/download.{suffix}")
    def download(suffix: str, request: Request) -> Response:
        if suffix not in FORMATS:
            return problem_response(404, site.catalogue("evidence.no_format", known=", ".join(FORMATS)))
        with place():
            return _download(site, suffix, _read_request(site, request))

    return router


def _page(site: ServiceContext, cited: CitationList) -> HTMLResponse:
    return site.templates.page(
        "evidence.html",
        service=site.settings.name,
        faults=_faults(site.catalogue, cited, cited.missing),
        entries=[_entry(cited, number) for number in range(len(cited.citations))],
        formats=FORMATS,
        query=cited_query(cited.citations, cited.missing),
    )


def _entry(cited: CitationList, number: int) -> dict[str, Any]:
    """What the page shows of a citation; `remaining` is the query of the list without it."""
    citation, others = cited.citations[number], cited.citations[:number] + cited.citations[number + 1 :]
    span = citation.start, citation.end
    return {
        "citation": citation,
        "link": reader_link(citation.article.id, span),
        "source_link": fragment_link(citation.article, span),
        "remaining": cited_query(others, cited.missing),
        "quotations": quotations(citation),
    }


def _download(site: ServiceContext, suffix: str, cited: CitationList) -> Response:
    faults = _faults(site.catalogue, cited)
    if not (faults or cited.citations or cited.missing):
        faults = [site.catalogue("evidence.nothing")]
    if faults:
        return problem_response(422, faults[0])
    content = FORMATS[suffix].write(Export(cited.citations, cited.missing, site.catalogue))
    attachment = f'attachment; filename="evidence.{suffix}"'
    headers = {"Content-Disposition": attachment, "Cache-Control": "no-store"}
    return Response(content, media_type=FORMATS[suffix].media_type, headers=headers)


def _read_request(site: ServiceContext, request: Request) -> CitationList:
    # One generation for all citations: another may be published between two.
    return read_cited(request.query_params.getlist("c"), site.answers.assistant.generation.facets.article)


def _faults(t: Catalogue, cited: CitationList, missing: Iterable[str] = ()) -> list[str]:
    """A line for each malformed or missing address, and one for those beyond the limits."""
    limits = {"most": t.number(MAX_CITATIONS), "characters": t.number(MAX_CHARACTERS)}
    return [
        *(t("evidence.malformed", address=address[:_SHOWN]) for address in cited.malformed),
        *(t("evidence.missing", address=address) for address in missing),
        *([t("evidence.too_many", **limits)] if cited.too_many else []),
    ]


@dataclass(frozen=True, slots=True)
class CitationList:
    """The citations of a list, each once and in order.

    `missing` are addresses of what is not in the index any more, `malformed` texts that are no address,
    `too_many` the number of addresses after the first 50, and of citations after MAX_CHARACTERS.
    """

    citations: tuple[Citation, ...]
    missing: tuple[str, ...]
    malformed: tuple[str, ...]
    too_many: int


def read_cited(addresses: Sequence[str], find: Callable[[str], Article | None]) -> CitationList:
    """The citations of a list of addresses; `find` gets an article by its id."""
    distinct = list(dict.fromkeys(addresses))
    parsed = {address: _parse_citation(address) for address in distinct[:MAX_CITATIONS]}
    citations = {address: _citation(find, *parts) for address, parts in parsed.items() if parts}
    present = list(filter(None, citations.values()))
    quoted = accumulate(citation.end - citation.start for citation in present)
    within_limit = present[: sum(total <= MAX_CHARACTERS for total in quoted)]
    return CitationList(
        citations=tuple(dict.fromkeys(within_limit)),
        missing=tuple(address for address, citation in citations.items() if not citation),
        malformed=tuple(address for address, parts in parsed.items() if not parts),
        too_many=len(distinct) - len(parsed) + len(present) - len(within_limit),
    )


def cited_query(citations: Iterable[Citation], missing: Iterable[str] = ()) -> str:
    """The query of a list's address: "c=ab12%3A40-95&c=…"."""
    return urlencode([("c", address) for address in (*(c.address for c in citations), *missing)])


def _parse_citation(address: str) -> tuple[str, int, int] | None:
    article, _, span_text = address.rpartition(":")
    span = read_span(span_text)
    return (article, *span) if span and _ARTICLE.fullmatch(article) else None


def _citation(
    find: Callable[[str], Article | None], identifier: str, start: int, end: int
) -> Citation | None:
    article = find(identifier)
    return Citation(article, start, end) if article and end <= len(article.text) else None
