"""The login page of `QA_ACCESS=password`: `/login` and `/logout`, pages like all others, without a script."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, unquote, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from web.access.credentials import Credential, Kind
from web.access.gate import Authenticator, client_address
from web.access.sessions import COOKIE, SESSION_SECONDS
from web.context import ServiceContext
from web.html import document, escaped
from web.http.problems import problem_response
from web.http.routes import LOGIN, LOGOUT, PAGE, Caller, rule_of
from web.i18n import Catalogue

_FIELDS = 4


def login_routes(site: ServiceContext, door: Authenticator | None) -> APIRouter:
    """Both pages; without a door they are not there."""
    router = APIRouter(include_in_schema=False)
    words = site.catalogue

    @router.get(LOGIN)
    async def ask(request: Request) -> Response:
        return _login(site, request.query_params.get("next", "")) if door else _nothing()

    @router.post(LOGIN)
    async def enter(request: Request) -> Response:
        if door is None:
            return _nothing()
        given = _form(await request.body())
        wanted = given.get("next", "")
        found = await door.authenticate(
            Kind.PASSWORD, given.get("password", ""), client_address(request.scope)
        )
        if isinstance(found, Credential):
            return _entered(request, door.sessions.begin(found.credential_id), wanted)
        if found:
            told, again = words.count("login.wait", found), {"Retry-After": str(found)}
            return _login(site, wanted, told=told, status=429, headers=again)
        return _login(site, wanted, told=words("login.wrong"), status=403)

    @router.get(LOGOUT)
    async def sure() -> Response:
        return _logout(words) if door else _nothing()

    @router.post(LOGOUT)
    async def leave(request: Request) -> Response:
        if door is None:
            return _nothing()
        door.sessions.end(request.cookies.get(COOKIE, ""))
        reply = RedirectResponse(_root(request) + LOGIN, 303)
        reply.delete_cookie(COOKIE, path=_root(request) or "/")
        return reply

    return router


def safe_next(wanted: str) -> str:
    """Where to go after the login: a page of this service that is for people who are let in, or else the
    first.

    What is not in the table of routes, such as another host, is no such page.
    """
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return PAGE
    path = unquote(parts.path)
    rule = rule_of(path) if wanted.startswith("/") and not (parts.scheme or parts.netloc) else None
    if rule is None or rule.caller is not Caller.USER or "GET" not in rule.methods:
        return PAGE
    query = quote(parts.query, safe="=&%+:;,/?@!$'()*~-._")
    return quote(path) + (f"?{query}" if query else "")


def _login(
    site: ServiceContext,
    wanted: str,
    *,
    told: str = "",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    words = site.catalogue
    alarm = f'<p class="alarm" role="alert" id="told">{escaped(told)}</p>' if told else ""
    described = ' aria-describedby="told" aria-invalid="true"' if told else ""
    then = escaped(safe_next(wanted))
    body = (
        f'<main class="login"><h1>{escaped(site.settings.name)}</h1>'
        f"<p>{escaped(words('login.told'))}</p>{alarm}"
        f'<form method="post" action="login"><input type="hidden" name="next" value="{then}">'
        f'<label for="password">{escaped(words("login.password"))}</label>'
        f'<input id="password" name="password" type="password" required autofocus '
        f'autocomplete="current-password"{described}>'
        f"<button>{escaped(words('login.enter'))}</button></form></main>"
    )
    page = document(words, f"{words('login.title')} – {site.settings.name}", body, status=status)
    page.headers.update(headers or {})
    return page


def _logout(words: Catalogue) -> Response:
    body = (
        f'<main class="login"><h1>{escaped(words("login.leave"))}</h1><p>{escaped(words("login.sure"))}</p>'
        f'<form method="post" action="logout"><button>{escaped(words("login.leave"))}</button></form>'
        f'<p><a href="./">{escaped(words("login.back"))}</a></p></main>'
    )
    return document(words, words("login.leave"), body)


def _entered(request: Request, session: str, wanted: str) -> Response:
    root = _root(request)
    reply = RedirectResponse(root + safe_next(wanted), 303, {"Cache-Control": "no-store"})
    # "lax": a link in a mail opens the article, a form on another site gets nowhere.
    reply.set_cookie(
        COOKIE,
        session,
        max_age=SESSION_SECONDS,
        path=root or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return reply


def _form(body: bytes) -> dict[str, str]:
    """The fields of a form, the first of a name; none when it is no form."""
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _root(request: Request) -> str:
    root: str = request.scope.get("root_path", "")
    return root.rstrip("/")


def _nothing() -> Response:
    return problem_response(404, "there is nothing at this address")
