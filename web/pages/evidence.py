"""`GET /evidence`: the evidence list, a page of quotations named in its address, and its downloads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from threading import BoundedSemaphore
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from corpus.article import Article
from qa.answer import Citation
from web.answering.answer_service import RETRY_AFTER
from web.citations.document_formats import FORMATS
from web.citations.export import Export
from web.citations.quotation import quotations
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
Find = Callable[[str], Article | None]
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
        faults=_faults(site.catalogue, cited),
        entries=[Entry(cited, number) for number in range(len(cited.citations))],
        formats=FORMATS,
        query=cited_query(cited.citations, cited.missing),
    )


def _download(site: ServiceContext, suffix: str, cited: CitationList) -> Response:
    faults = [*_malformed(site.catalogue, cited), *_too_many(site.catalogue, cited)]
    if not (faults or cited.citations or cited.missing):
        faults = [site.catalogue("evidence.nothing")]
    return problem_response(422, faults[0]) if faults else _file(site, suffix, cited)


def _read_request(site: ServiceContext, request: Request) -> CitationList:
    # One generation for all citations: another may be published between two.
    return read_cited(request.query_params.getlist("c"), site.answers.assistant.generation.facets.article)


def _faults(t: Catalogue, cited: CitationList) -> list[str]:
    """A line for each address that gave no citation."""
    missing = (t("evidence.missing", address=address) for address in cited.missing)
    return [*_malformed(t, cited), *missing, *_too_many(t, cited)]


def _malformed(t: Catalogue, cited: CitationList) -> list[str]:
    return [t("evidence.malformed", address=address[:_SHOWN]) for address in cited.malformed]


def _too_many(t: Catalogue, cited: CitationList) -> list[str]:
    limits = {"most": t.number(MAX_CITATIONS), "characters": t.number(MAX_CHARACTERS)}
    return [t("evidence.too_many", **limits)] if cited.too_many else []


def _file(site: ServiceContext, suffix: str, cited: CitationList) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="evidence.{suffix}"',
        "Cache-Control": "no-store",
    }
    content = FORMATS[suffix].write(Export(cited.citations, cited.missing, site.catalogue))
    return Response(content, media_type=FORMATS[suffix].media_type, headers=headers)


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


@dataclass(frozen=True, slots=True)
class Entry:
    """A citation of a list with what the page offers for it."""

    cited: CitationList
    number: int

    @property
    def citation(self) -> Citation:
        """The quotation."""
        return self.cited.citations[self.number]

    @property
    def link(self) -> str:
        """The reader at the quotation."""
        return reader_link(self.citation.article.id, (self.citation.start, self.citation.end))

    @property
    def source_link(self) -> str:
        """The quotation where it was published; "" where no text fragment finds it."""
        return fragment_link(self.citation.article, (self.citation.start, self.citation.end))

    @property
    def remaining(self) -> str:
        """Query of the list without this citation."""
        citations = self.cited.citations
        return cited_query(citations[: self.number] + citations[self.number + 1 :], self.cited.missing)

    @property
    def quotations(self) -> Mapping[str, str]:
        """The quotation with its source, to copy."""
        return quotations(self.citation)


def read_cited(addresses: Sequence[str], find: Find) -> CitationList:
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


def _citation(find: Find, identifier: str, start: int, end: int) -> Citation | None:
    article = find(identifier)
    return Citation(article, start, end) if article and end <= len(article.text) else None
