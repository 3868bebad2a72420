"""The embed kit: the element `<pull-quote>` for other people's pages, a page of it for frames, both shown.

No build step: `widget.js` is served as it is written, with the interface's words put in.
"""

from __future__ import annotations

import base64
import hashlib
import json

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from web.context import ServiceContext
from web.html import document, escaped, web_file
from web.i18n import Catalogue, languages, load_catalogue

_WORDS = "const BUILT_IN = {};"
# Short enough that a new version is seen the same day; then an unchanged one is not sent again.
_KEPT = "public, max-age=3600"
# Any page may load the script, with `integrity` too; who may ask is a matter of `QA_ORIGINS`.
_FOR_ANYBODY = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}


def embed_routes(site: ServiceContext) -> APIRouter:
    """`/widget.js`, its words in other languages, `/embed` and `/embed/demo`."""
    router = APIRouter(include_in_schema=False)
    script = widget_script(site.catalogue)

    @router.get("/widget.js")
    async def widget(request: Request) -> Response:
        return _kept(script, request.headers.get("if-none-match", ""))

    @router.get("/widget/{language}.json")
    async def words(language: str) -> JSONResponse:
        return JSONResponse(widget_words(_nearest(language)), headers={"Cache-Control": _KEPT})

    @router.get("/embed")
    async def embed() -> HTMLResponse:
        return document(site.catalogue, site.settings.name, _framed(site.catalogue), scripts=("embed.js",))

    @router.get("/embed/demo")
    async def demo(request: Request) -> HTMLResponse:
        # As the browser used it: a proxy's scheme and the root path are the server's to know.
        return _demo(site.catalogue, str(request.base_url))

    return router


def widget_script(catalogue: Catalogue) -> str:
    """`widget.js` as it is served: in this language, unless an attribute says another."""
    return web_file("widget.js").replace(_WORDS, f"const BUILT_IN = {json.dumps(widget_words(catalogue))};")


def widget_integrity(catalogue: Catalogue) -> str:
    """The `integrity` of the script as served: "sha384-…". Another version or language has another."""
    digest = hashlib.sha384(widget_script(catalogue).encode()).digest()
    return f"sha384-{base64.b64encode(digest).decode()}"


def widget_words(catalogue: Catalogue) -> dict[str, str]:
    """What the element says, the language of it as "lang"; the element fills in the {names}."""
    bands = {f"band.{band}": label for band, label in catalogue.section("band").items()}
    return {"lang": catalogue.language} | catalogue.section("embed") | bands


def element_snippet(root: str, catalogue: Catalogue) -> str:
    """What puts the element in a page; `root` is the service's address with a slash at its end."""
    return (
        f'<script src="{escaped(root)}widget.js" defer\n'
        f'  integrity="{widget_integrity(catalogue)}" crossorigin="anonymous"></script>\n'
        "<pull-quote></pull-quote>"
    )


def frame_snippet(root: str, catalogue: Catalogue) -> str:
    """What puts the page for frames in a page, as high as it is."""
    title = escaped(catalogue("embed_page.frame_title"))
    return (
        f'<iframe src="{escaped(root)}embed" title="{title}" width="100%" height="200" '
        f'style="border: 0"></iframe>\n'
        f"<script>\n{web_file('frame.js')}</script>"
    )


def _framed(words: Catalogue) -> str:
    title, without = (escaped(words(f"embed_page.{key}")) for key in ("frame_title", "without_script"))
    elsewhere = f'<p><a href="./" target="_blank" rel="noopener">{without}</a></p>'
    return (
        f'{_loaded("", words)}<main class="framed"><h1 class="unseen">{title}</h1>'
        f"<noscript>{elsewhere}</noscript></main>"
    )


def _demo(words: Catalogue, root: str) -> HTMLResponse:
    def said(key: str) -> str:
        return escaped(words(f"embed_page.{key}"))

    body = (
        f"{_loaded('../', words)}<main><h1>{said('title')}</h1><p>{said('intro')}</p>"
        f"<h2>{said('element')}</h2><pull-quote></pull-quote>"
        f"{_copied(element_snippet(root, words), words)}<p>{said('integrity')}</p>"
        f'<h2>{said("frame")}</h2><iframe src="../embed" title="{said("frame_title")}" height="200"></iframe>'
        f"{_copied(frame_snippet(root, words), words)}<p>{said('height')}</p></main>"
    )
    return document(words, words("embed_page.title"), body, root="../", scripts=("frame.js", "demo.js"))


def _loaded(root: str, words: Catalogue) -> str:
    return (
        f'<link rel="stylesheet" href="{root}files/embed.css">'
        f'<script src="{root}widget.js" defer integrity="{widget_integrity(words)}" '
        f'crossorigin="anonymous"></script>'
    )


def _copied(snippet: str, words: Catalogue) -> str:
    copy, copied = (escaped(words(f"embed_page.{key}")) for key in ("copy", "copied"))
    return f'<pre data-copy="{copy}" data-copied="{copied}"><code>{escaped(snippet)}</code></pre>'


def _nearest(language: str) -> Catalogue:
    """The catalogue of "pt-BR", or else of "pt"."""
    known = languages()
    for tag in (language, language.split("-")[0]):
        if tag in known:
            return load_catalogue(tag)
    raise HTTPException(404, f"there are no words in {language!r}: there are {', '.join(known)}")


def _kept(script: str, seen: str) -> Response:
    """The script, or that it has not changed; a proxy that compresses makes a seen tag weak ("W/…")."""
    tag = f'"{hashlib.sha256(script.encode()).hexdigest()[:32]}"'
    headers = {"Cache-Control": _KEPT, "ETag": tag} | _FOR_ANYBODY
    if tag in {one.strip().removeprefix("W/") for one in seen.split(",")}:
        return Response(status_code=304, headers=headers)
    return Response(script, media_type="text/javascript", headers=headers)
