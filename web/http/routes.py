"""The table of routes: which paths and methods exist, and who may call them.

A path outside the table answers 404, so that a route that a new release of Gradio adds stays closed until
somebody has read about it. A test compares the table with the app's real routes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from starlette.routing import compile_path
from starlette.types import Scope

PAGE = "/"
PAGE_EVENTS = "/gradio_api/run/predict"
LOGIN = "/login"
LOGOUT = "/logout"
FILES = "/files/{path:path}"
"""Scripts and styles: the same for everybody, without a word of any article."""

_TABLE = f"""
public GET      /health
public GET      /favicon.ico
public GET      {FILES}
public GET      /widget.js
public GET      /widget/{{language}}.json
public GET,POST {LOGIN}
public GET,POST {LOGOUT}
user   GET      /openapi.json
user   POST     /api/ask
user   GET      /api/articles
user   GET      /api/articles/{{identifier}}
user   POST     /api/feedback
user   GET      /articles
user   GET      /articles/{{identifier}}
user   GET      /evidence
user   GET      /evidence/download.{{suffix}}
user   GET      /embed
user   GET      /embed/demo
user   POST     /mcp
user   GET      {PAGE}
user   POST     {PAGE_EVENTS}
user   GET      /theme.css
user   GET      /assets/{{path:path}}
user   GET      /static/{{path:path}}
admin  GET      /admin
admin  GET      /metrics
admin  GET      /admin/export/{{name}}.csv
"""


class Caller(StrEnum):
    """Who may call a route: everybody, whom `QA_ACCESS` accepts, or whoever has the key of the admin page."""

    PUBLIC = "public"
    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Rule:
    """A path as the router writes it, its methods (HEAD counts as GET) and who may call it."""

    caller: Caller
    methods: frozenset[str]
    path: str


_ROWS = map(str.split, _TABLE.strip().splitlines())
RULES = tuple(Rule(Caller(caller), frozenset(methods.split(",")), path) for caller, methods, path in _ROWS)
_EXACT = {rule.path: rule for rule in RULES if "{" not in rule.path}
_PATTERNS = tuple((compile_path(rule.path)[0], rule) for rule in RULES if "{" in rule.path)
# In a decoded path: a dot segment, a backslash, a control character, an empty segment.
_TRAVERSAL = re.compile(r"(?:^|/)\.\.?(?:/|$)|[\\\x00-\x1f\x7f]|//")


def rule_of(path: str) -> Rule | None:
    """The rule of a path, decoded and below the service's root; None if it is not in the table."""
    exact = _EXACT.get(path)
    if exact or _TRAVERSAL.search(path):
        return exact
    return next((rule for pattern, rule in _PATTERNS if pattern.match(path)), None)


def root_path(scope: Scope) -> str:
    """The prefix that a proxy serves the app under, without a slash at its end; "" for none."""
    return str(scope.get("root_path", "")).rstrip("/")


def local_path(scope: Scope) -> str:
    """The path below the prefix."""
    return str(scope.get("path", "")).removeprefix(root_path(scope))
