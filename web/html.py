"""The service's own pages: plain HTML that works without a script, and the files they link to.

Every page links to its style and script by an address relative to itself, so that any path of a proxy may
stand before it. Their policy (`web.http.security_headers`) allows files of this service and nothing inline.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from html import escape
from importlib import resources

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from web.i18n import Catalogue

FILES = "/files/"
_KINDS = {".css": "text/css", ".js": "text/javascript"}
# Files of `web/static/` that pages may load; Gradio's page carries its own.
SERVED = (
    *("document.css", "reader.js", "evidence.js"),
    *("embed.css", "embed.js", "frame.js", "demo.js"),
)
# Long enough for a visit, short enough that a new version is seen the same day.
_KEPT = "public, max-age=3600"


def document(
    catalogue: Catalogue,
    title: str,
    body: str,
    *,
    root: str = "",
    scripts: Sequence[str] = (),
    status: int = 200,
    refresh: int = 0,
) -> HTMLResponse:
    """A whole page. `title` is text, `body` is HTML already; `root` leads to the service's root: "../"."""
    files = escaped(f"{root}{FILES.lstrip('/')}")
    again = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    loaded = "".join(f'<script src="{files}{name}" defer></script>' for name in scripts)
    return HTMLResponse(
        f'<!doctype html><html lang="{escaped(catalogue.language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{again}'
        f"<title>{escaped(title)}</title>"
        f'<link rel="stylesheet" href="{files}document.css">{loaded}</head><body>{body}</body></html>',
        status_code=status,
        headers={"Cache-Control": "no-store"},
    )


def file_routes() -> APIRouter:
    """`GET /files/NAME` for the files in `SERVED`."""
    router = APIRouter(include_in_schema=False)
    for name in SERVED:
        router.add_api_route(f"{FILES}{name}", _serving(name), methods=["GET"])
    return router


@lru_cache
def web_file(name: str) -> str:
    """The text of a file of this room."""
    return resources.files("web").joinpath("static", name).read_text(encoding="utf-8")


def _serving(name: str) -> Callable[[], Awaitable[Response]]:
    kind = next(kind for suffix, kind in _KINDS.items() if name.endswith(suffix))

    async def serve() -> Response:
        return Response(web_file(name), media_type=kind, headers={"Cache-Control": _KEPT})

    return serve


def escaped(text: str) -> str:
    """The text so that a browser shows it as it is, between tags and inside a quoted attribute."""
    return escape(text, quote=True)
