"""Every route of the service and who may call it: the one table that the guard keeps to.

`anybody` needs no credentials in any setting, `known` is whoever the setting of `QA_ACCESS` lets in,
`admin` whoever knows the admin page's own key, `nobody` is a route that Gradio brings and this service has
no use for. What is not in the table answers 404 too, so that a route that a new release brings is closed
until somebody has read about it; a test compares the table with the app's real routes.
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


class Caller(StrEnum):
    """Who may call a route."""

    PUBLIC = "anybody"
    USER = "known"
    ADMIN = "admin"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Rule:
    """A path as the router writes it, its methods (HEAD counts as GET) and who may call it."""

    caller: Caller
    methods: frozenset[str]
    path: str


# What the page was seen to request in a browser, the API, and the service's own pages. Scripts and styles
# are the same for everybody and hold nothing of any article.
_OWN = f"""
anybody GET      /health
anybody GET      /favicon.ico
anybody GET      /files/document.css
anybody GET      /files/reader.js
anybody GET      /files/evidence.js
anybody GET      /files/embed.css
anybody GET      /files/embed.js
anybody GET      /files/frame.js
anybody GET      /files/demo.js
anybody GET      /widget.js
anybody GET      /widget/{{language}}.json
anybody GET,POST {LOGIN}
anybody GET,POST {LOGOUT}
known   GET      /openapi.json
known   POST     /api/ask
known   GET      /api/articles
known   GET      /api/articles/{{identifier}}
known   POST     /api/feedback
known   GET      /articles
known   GET      /articles/{{identifier}}
known   GET      /evidence
known   GET      /evidence/download.{{suffix}}
known   GET      /embed
known   GET      /embed/demo
known   POST     /mcp
known   GET      {PAGE}
known   POST     {PAGE_EVENTS}
known   GET      /theme.css
known   GET      /assets/{{path:path}}
known   GET      /static/{{path:path}}
admin   GET      /admin
admin   GET      /metrics
admin   GET      /admin/export/{{name}}.csv
"""

# Gradio's: uploads, files by path or address, a proxy, queues, monitoring, its own login, code edited from
# the page.
_CLOSED = """
/config /config/ /login/ /manifest.json /monitoring /monitoring/summary /monitoring/{key}
/pwa_icon /pwa_icon/{size} /robots.txt /svelte/{path:path}
/gradio_api/api/{api_name} /gradio_api/api/{api_name}/ /gradio_api/app_id /gradio_api/app_id/
/gradio_api/call/{api_name} /gradio_api/call/{api_name}/ /gradio_api/call/{api_name}/{event_id}
/gradio_api/call/v2/{api_name} /gradio_api/call/v2/{api_name}/ /gradio_api/call/v2/{api_name}/{event_id}
/gradio_api/cancel /gradio_api/component_server /gradio_api/component_server/
/gradio_api/custom_component/{id}/{environment}/{type}/{file_name} /gradio_api/deep_link
/gradio_api/dev/reload
/gradio_api/file/{path:path} /gradio_api/file={path_or_url:path} /gradio_api/heartbeat/{session_hash}
/gradio_api/info /gradio_api/info/ /gradio_api/login_check /gradio_api/login_check/ /gradio_api/openapi.json
/gradio_api/process_recording /gradio_api/proxy={url_path:path} /gradio_api/queue/data /gradio_api/queue/join
/gradio_api/queue/status /gradio_api/reset /gradio_api/reset/ /gradio_api/run/{api_name}
/gradio_api/run/{api_name}/
/gradio_api/runs /gradio_api/runs/ /gradio_api/startup-events /gradio_api/stream/{event_id}
/gradio_api/stream/{event_id}/close /gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file
/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8
/gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext} /gradio_api/theme.css
/gradio_api/token
/gradio_api/token/ /gradio_api/undo-vibe-edit /gradio_api/undo-vibe-edit/ /gradio_api/upload
/gradio_api/upload_progress /gradio_api/user /gradio_api/user/ /gradio_api/vibe-code /gradio_api/vibe-code/
/gradio_api/vibe-edit /gradio_api/vibe-edit/ /gradio_api/vibe-starter-queries
/gradio_api/vibe-starter-queries/
"""


def _read(row: str) -> Rule:
    caller, methods, path = row.split()
    return Rule(Caller(caller), frozenset(methods.split(",")), path)


OPEN = tuple(map(_read, _OWN.strip().splitlines()))
CLOSED = tuple(Rule(Caller.NOBODY, frozenset(), path) for path in _CLOSED.split())
TABLE = OPEN + CLOSED

_EXACT = {rule.path: rule for rule in OPEN if "{" not in rule.path}
_PATTERNS = tuple((compile_path(rule.path)[0], rule) for rule in OPEN if "{" in rule.path)
# Of a decoded path: a step upwards, another system's separator, what no address has.
_ASTRAY = re.compile(r"(?:^|/)\.\.?(?:/|$)|[\\\x00-\x1f\x7f]|//")


def rule_of(path: str) -> Rule | None:
    """The rule of a path, decoded and below the service's root; None where nobody may go."""
    exact = _EXACT.get(path)
    if exact or _ASTRAY.search(path):
        return exact
    return next((rule for pattern, rule in _PATTERNS if pattern.match(path)), None)


def local_path(scope: Scope) -> str:
    """The path below the prefix that a proxy serves the app under."""
    path: str = scope.get("path", "")
    return path.removeprefix(scope.get("root_path", "").rstrip("/"))
