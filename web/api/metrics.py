"""`GET /metrics` for Prometheus, with the admin key by HTTP Basic (any user name, the key as password).

`QA_METRICS=local` also lets in programs of this machine that connect directly, without a key; `off` nobody.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from web.access.authentication import AdminKey
from web.answering.metrics import CONTENT_TYPE
from web.context import ServiceContext
from web.service_settings import Scraping

# Headers of a proxy; a program that connects directly does not send them.
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))


def metrics_routes(context: ServiceContext) -> APIRouter:
    """The route of the metrics."""
    router = APIRouter(include_in_schema=False)
    key = AdminKey(context.settings.admin_key, tries=context.admin_tries)
    context.metrics.watch(context.answers, context.reasons, context.feedback)

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        _check(request, key, context.settings.metrics)
        headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
        return Response(context.metrics.text(), headers=headers)

    return router


def _check(request: Request, key: AdminKey, access: Scraping) -> None:
    """Raises HTTPException unless the caller may read the metrics."""
    if access is Scraping.OFF:
        raise HTTPException(404, "there is nothing at this address")
    if not (access is Scraping.LOCAL and is_local(request)):
        key.check(request)


def is_local(request: Request) -> bool:
    """Whether a program of this machine sent the request, directly.

    Requests through a proxy on this machine have its headers. A page whose host name was made to resolve to
    this machine asks for that name (DNS rebinding).
    """
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        host = urlsplit(f"//{request.headers.get('Host', '')}").hostname
        return host in _NAMES and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
