"""`GET /evidence`: a list of citations to be checked, copied and taken away as a file.

The list is in the address alone, "?c=ab12:40-95&c=…": whoever has the address has the list.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from web.api import failure
from web.cited import MOST, Cited, read_cited
from web.document import document
from web.evidence_page import evidence_body
from web.export import Export
from web.formats import FORMATS
from web.site import Site


def evidence_routes(site: Site) -> APIRouter:
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
            return failure(404, site.catalogue("evidence.no_format", known=", ".join(FORMATS)))
        fault = _fault(site, cited)
        return failure(422, fault) if fault else _file(site, suffix, cited)

    return router


def _cited(site: Site, request: Request) -> Cited:
    # One generation for all of them: another may be published between two.
    return read_cited(request.query_params.getlist("c"), site.desk.assistant.generation.facts.article)


def _fault(site: Site, cited: Cited) -> str:
    """Why there is no file of these; "" when there is one."""
    if cited.malformed:
        return site.catalogue("evidence.malformed", address=cited.malformed[0][:100])
    if cited.too_many:
        return site.catalogue("evidence.too_many", most=MOST)
    return "" if cited.citations or cited.missing else site.catalogue("evidence.nothing")


def _file(site: Site, suffix: str, cited: Cited) -> Response:
    export = Export(cited.citations, cited.missing, site.catalogue)
    return Response(
        FORMATS[suffix].write(export),
        media_type=FORMATS[suffix].media_type,
        headers={
            "Content-Disposition": f'attachment; filename="evidence.{suffix}"',
            "Cache-Control": "no-store",
        },
    )
