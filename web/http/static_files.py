"""Serves `web/static/` at `/files/`, through starlette's `StaticFiles`."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from os.path import splitext

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles

from web.http.routes import FILES

CACHED_AN_HOUR = {"Cache-Control": "public, max-age=3600"}
"""Long enough for a visit, short enough that a new version is seen the same day."""
# Written out: what `mimetypes` says of .js depends on Python's release and on what Gradio has registered.
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


def file_routes() -> APIRouter:
    """`GET /files/NAME`; 404 for a file that is not there."""
    router = APIRouter(include_in_schema=False)
    files = StaticFiles(packages=[("web", "static")])

    @router.get(FILES)
    async def file(path: str, request: Request) -> Response:
        content_type = _TYPES.get(splitext(path)[1])
        if content_type is None:
            raise HTTPException(404, "there is nothing at this address")
        response = await files.get_response(path, request.scope)
        response.headers.update({**CACHED_AN_HOUR, "Content-Type": content_type})
        return response

    return router


@lru_cache
def web_file(name: str) -> str:
    """The text of a file of `web/static/`."""
    return resources.files("web").joinpath("static", name).read_text(encoding="utf-8")
