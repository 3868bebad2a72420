"""Renders `web/templates/*.html` with Jinja2: every value is escaped, and a name without a value raises.

Pages link to other addresses relative to themselves, so that a proxy may serve them under any path. Their
policy (`web.http.security_headers`) allows files of this service and nothing inline.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.ext import Extension

from web.i18n import Catalogue

__all__ = ["Environment", "Templates", "environment", "file_routes", "web_file"]

FILES = "/files/"
_KINDS = {".css": "text/css", ".js": "text/javascript"}
# Files of `web/static/` that pages may load; Gradio's page carries its own.
SERVED = (
    *("document.css", "reader.js", "evidence.js"),
    *("embed.css", "embed.js", "frame.js", "demo.js"),
)
# Long enough for a visit, short enough that a new version is seen the same day.
_KEPT = "public, max-age=3600"
# A line break between two tags, expressions or statements: white space there would show between buttons.
_BETWEEN_TAGS = re.compile(r"(?<=[>}])\s*\n\s*(?=[<{])")


class _NoBreaksBetweenTags(Extension):
    """Puts line breaks between tags into comments: no white space on the page, but correct line numbers."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return _BETWEEN_TAGS.sub(lambda space: f"{{#{space[0]}#}}", source)


@lru_cache
def environment(*, autoescape: bool = True) -> Environment:
    """The templates; without `autoescape`, a test can see what the policy alone stops."""
    return Environment(
        loader=PackageLoader("web"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        extensions=[_NoBreaksBetweenTags],
    )


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates in one language; a template calls the catalogue as `t("page.none")`."""

    catalogue: Catalogue
    environment: Environment = field(default_factory=environment)

    def render(self, name: str, **values: Any) -> str:
        """HTML of the template `name`."""
        return self.environment.get_template(name).render(t=self.catalogue, **values)

    def page(
        self, name: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> HTMLResponse:
        """A whole page that no cache stores."""
        body = self.render(name, **values)
        return HTMLResponse(body, status, {"Cache-Control": "no-store", **(headers or {})})


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
