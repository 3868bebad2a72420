"""The embed kit: `/widget.js` with the element `<pull-quote>`, `/embed` for frames, and a demo of both.

There is no build step: `widget.js` is served as written, with the interface's texts put in.
"""

from __future__ import annotations

import base64
import hashlib
import json

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from web.context import ServiceContext
from web.html import Templates
from web.http.static_files import CACHED_AN_HOUR, web_file
from web.i18n import Catalogue, languages, load_catalogue

_TEXTS = "const BUILT_IN = {};"
# Any page may load the script, with `integrity` too; `QA_ORIGINS` says which pages may ask.
_ANY_PAGE = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}


def embed_routes(site: ServiceContext) -> APIRouter:
    """`/widget.js`, its texts in other languages, `/embed` and `/embed/demo`."""
    router = APIRouter(include_in_schema=False)
    script = widget_script(site.catalogue)
    integrity = widget_integrity(site.catalogue)
    tag = f'"{hashlib.sha256(script.encode()).hexdigest()[:32]}"'

    @router.get("/widget.js")
    async def widget(request: Request) -> Response:
        headers = {**CACHED_AN_HOUR, "ETag": tag, **_ANY_PAGE}
        # A proxy that compresses makes a tag weak ("W/…").
        tags = request.headers.get("if-none-match", "").split(",")
        if tag in {other.strip().removeprefix("W/") for other in tags}:
            return Response(status_code=304, headers=headers)
        return Response(script, media_type="text/javascript", headers=headers)

    @router.get("/widget/{language}.json")
    async def texts(language: str) -> JSONResponse:
        return JSONResponse(widget_texts(_nearest(language)), headers=CACHED_AN_HOUR)

    @router.get("/embed")
    async def embed() -> HTMLResponse:
        return site.templates.page("embed.html", service=site.settings.name, integrity=integrity)

    @router.get("/embed/demo")
    async def demo(request: Request) -> HTMLResponse:
        # The address that the browser used: the server knows a proxy's scheme and root path.
        root = str(request.base_url)
        return site.templates.page(
            "embed_demo.html",
            integrity=integrity,
            element_snippet=site.templates.render(
                "fragments/element_snippet.html", root=root, integrity=integrity
            ),
            frame_snippet=frame_snippet(root, site.templates),
        )

    return router


def widget_script(catalogue: Catalogue) -> str:
    """`widget.js` as it is served: in this language, unless the element's `lang` names another."""
    return web_file("widget.js").replace(_TEXTS, f"const BUILT_IN = {json.dumps(widget_texts(catalogue))};")


def widget_integrity(catalogue: Catalogue) -> str:
    """The `integrity` of the script as served, "sha384-…"; it changes with version and language."""
    digest = hashlib.sha384(widget_script(catalogue).encode()).digest()
    return f"sha384-{base64.b64encode(digest).decode()}"


def widget_texts(catalogue: Catalogue) -> dict[str, str]:
    """The element's texts, and their language as "lang"; the element fills in the {names}."""
    bands = {f"band.{band}": label for band, label in catalogue.section("band").items()}
    return {"lang": catalogue.language} | catalogue.section("embed") | bands


def frame_snippet(root: str, templates: Templates) -> str:
    """HTML that puts the page for frames in a page, as high as its content; `root` ends with a slash."""
    frame = templates.render("fragments/frame_snippet.html", root=root)
    return f"{frame}\n<script>\n{web_file('frame.js')}</script>"


def _nearest(language: str) -> Catalogue:
    """The catalogue of "pt-BR", or else of "pt"."""
    for tag in (language, language.split("-")[0]):
        if tag in languages():
            return load_catalogue(tag)
    raise HTTPException(404, f"no texts in {language!r}; choose one of {', '.join(languages())}")
