"""`GET /metrics`, for who knows the admin key (any user name, the key as password).

`QA_METRICS=local` also lets in programs of this machine without a key, when they ask directly; `off` nobody.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from web.access.admin_key import AdminKey
from web.access.gate import client_address
from web.answering.health import health_reasons
from web.answering.metrics import CONTENT_TYPE, ServiceState
from web.context import ServiceContext
from web.settings import Scraping

# What a proxy adds, and a program that asks by itself does not.
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))


def metrics_routes(site: ServiceContext) -> APIRouter:
    """The route of the metrics."""
    router, key = APIRouter(include_in_schema=False), AdminKey(site.settings.admin_key)
    site.metrics.watch_state(lambda: service_state(site))

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        _check(request, key, site.settings.metrics)
        headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
        return Response(site.metrics.text(), headers=headers)

    return router


def service_state(site: ServiceContext) -> ServiceState:
    """How the service stands now."""
    desk = site.answers
    return ServiceState(
        running=desk.running,
        waiting=desk.waiting,
        limit=desk.capacity,
        generation=desk.assistant.generation.id,
        faults=len(health_reasons(desk, site.reasons)),
        feedback_lost=site.feedback.lost if site.feedback else 0,
    )


def _check(request: Request, key: AdminKey, who: Scraping) -> None:
    """Raises HTTPException unless the caller may see the metrics."""
    if who is Scraping.OFF:
        raise HTTPException(404, "there is nothing at this address")
    if not (who is Scraping.LOCAL and is_local(request)):
        key.check(request.headers.get("Authorization", ""), client_address(request.scope))


def is_local(request: Request) -> bool:
    """Whether a program of this machine asks, directly.

    A proxy on this machine comes from here, too: its headers tell it. A page that was given this machine's
    address under a name of its own asks for that name.
    """
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        host = urlsplit(f"//{request.headers.get('Host', '')}").hostname
        return host in _NAMES and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
