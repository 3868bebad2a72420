"""Renders `web/templates/*.html` with Jinja2: every value is escaped, and a name without a value raises.

Links are relative, so that a proxy may serve pages under any path; the policy allows nothing inline.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.ext import Extension

from web.i18n import Catalogue

__all__ = ["Environment", "Templates", "environment"]

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
