"""Macros of the page templates, called from tests."""

from __future__ import annotations

from typing import Any

from web.html import Templates
from web.i18n import load_catalogue

TEMPLATES = Templates(load_catalogue())


def macro(template: str, name: str, *values: Any) -> str:
    """HTML of a macro in a file of `web/templates`, with these arguments."""
    module = TEMPLATES.environment.get_template(template).make_module({"t": TEMPLATES.catalogue})
    return str(getattr(module, name)(*values))
