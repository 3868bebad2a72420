"""`/login` and `/logout` of `QA_ACCESS=password`; both work without a script."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from web.access.authentication import Authenticator
from web.access.credentials import Credential, Kind
from web.access.sessions import SESSION_SECONDS, cookie_name
from web.context import ServiceContext
from web.http.client import client_of
from web.http.problems import problem_response
from web.http.routes import LOGIN, LOGOUT, PAGE, Caller, root_path, rule_of

_FIELDS = 4


def login_routes(site: ServiceContext, authenticator: Authenticator | None) -> APIRouter:
    """Both pages; 404 where there is no authenticator."""
    router = APIRouter(include_in_schema=False)

    @router.get(LOGIN)
    async def show_login(request: Request) -> Response:
        return _login(site, request.query_params.get("next", "")) if authenticator else _not_here()

    @router.post(LOGIN)
    async def log_in(request: Request) -> Response:
        if authenticator is None:
            return _not_here()
        fields = _form(await request.body())
        target = fields.get("next", "")
        credential = await authenticator.authenticate(
            Kind.PASSWORD, fields.get("password", ""), client_of(request.scope)
        )
        if isinstance(credential, Credential):
            location = root_path(request.scope) + safe_next(target)
            response = RedirectResponse(location, 303, {"Cache-Control": "no-store"})
            session = authenticator.sessions.begin(credential.credential_id)
            return _with_cookie(response, request, session, seconds=SESSION_SECONDS)
        if credential:  # seconds to wait
            message = site.catalogue.count("login.wait", credential)
            return _login(site, target, message, status=429, headers={"Retry-After": str(credential)})
        return _login(site, target, site.catalogue("login.wrong"), status=403)

    @router.get(LOGOUT)
    async def show_logout() -> Response:
        return site.templates.page("logout.html") if authenticator else _not_here()

    @router.post(LOGOUT)
    async def log_out(request: Request) -> Response:
        if authenticator is None:
            return _not_here()
        authenticator.sessions.end(request.cookies.get(cookie_name(request.scope), ""))
        response = RedirectResponse(root_path(request.scope) + LOGIN, 303)
        return _with_cookie(response, request, "", seconds=0)

    return router


def safe_next(target: str) -> str:
    """The page to open after the login: a route of this service that needs one, or else the first page."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return PAGE
    path = unquote(parts.path)
    rule = rule_of(path) if target.startswith("/") and not (parts.scheme or parts.netloc) else None
    if rule is None or rule.caller is not Caller.USER or "GET" not in rule.methods:
        return PAGE
    query = quote(parts.query, safe="=&%+:;,/?@!$'()*~-._")
    return quote(path) + (f"?{query}" if query else "")


def _login(site: ServiceContext, target: str, message: str = "", **options: Any) -> Response:
    return site.templates.page(
        "login.html", service=site.settings.name, message=message, next=safe_next(target), **options
    )


def _with_cookie(response: Response, request: Request, session: str, *, seconds: int) -> Response:
    # "lax": a link in a mail opens the article, a form on another site sends no cookie. Browsers ignore a
    # prefixed cookie that is not Secure, also one that is to delete another.
    response.set_cookie(
        cookie_name(request.scope),
        session,
        max_age=seconds,
        path=root_path(request.scope) or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


def _form(body: bytes) -> dict[str, str]:
    """The fields of a form, the first of each name; {} where the body is not a form."""
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _not_here() -> Response:
    return problem_response(404, "there is nothing at this address")
