"""The web service: API, page and the service's own pages in one FastAPI app, behind one guard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from index.generation.data_folder import DataFolder
from index.published import Published
from qa.assistant import Assistant
from qa.feedback.store import FeedbackStore
from qa.settings import package_version
from web.access.gate import open_authenticator, open_gate
from web.access.guard import Guard
from web.access.rate_limits import RateLimit
from web.answering.answer_service import AnswerService
from web.answering.health import Reason
from web.answering.index_watcher import IndexWatcher
from web.api.articles import article_routes
from web.api.ask import add_exception_handlers, api_routes
from web.api.feedback import feedback_routes
from web.api.mcp_tools import build_mcp_app, build_mcp_server
from web.api.metrics import metrics_routes
from web.context import ServiceContext
from web.html import Templates
from web.http.request_log import RequestLog, log_request
from web.http.security_headers import SecurityHeaders
from web.http.static_files import file_routes
from web.i18n import load_catalogue
from web.pages.admin import admin_routes
from web.pages.article_list import shelf_routes
from web.pages.embed import embed_routes
from web.pages.evidence import evidence_routes
from web.pages.gradio_page import mount_page
from web.pages.login import login_routes
from web.pages.reader import reader_routes
from web.settings import Settings

Announce = Callable[[str], None]
"""Takes one line that an operator should read."""


def build_app(
    assistant: Assistant,
    settings: Settings,
    *,
    templates: Templates | None = None,
    feedback: FeedbackStore | None = None,
    announce: Announce | None = None,
    reasons: tuple[Reason, ...] = (),
    source: Published | None = None,
) -> FastAPI:
    """The app that answers with this assistant and records in this store, which stays its caller's to close.

    `templates` replace those of the settings' language; `reasons` tell `/health` what is amiss. With
    `announce` it follows `source`, or else the settings' data folder, and tells what it takes and refuses.
    Takes seconds, as it imports Gradio.
    """
    recorder = feedback.record if feedback else None
    desk = AnswerService(assistant, remembered=settings.cache, recorder=recorder)
    follow = None
    if announce and settings.reload:
        follow = IndexWatcher(
            desk, source or DataFolder(settings.data), seconds=settings.reload, announce=announce
        )
    templates = templates or Templates(load_catalogue(settings.language))
    site = ServiceContext(
        desk,
        settings,
        templates.catalogue,
        feedback,
        watcher=follow,
        reasons=reasons,
        environment=templates.environment,
    )
    app = own_app(site)
    mount_page(app, site)
    return app


def own_app(site: ServiceContext) -> FastAPI:
    """The app without Gradio's page: API, reader, list of articles, evidence, feedback and admin page."""
    settings = site.settings
    door = open_authenticator(settings)
    # The documentation pages of FastAPI load scripts from another host.
    tools = build_mcp_app(build_mcp_server(site)) if settings.mcp else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with site.watcher.running() if site.watcher else nullcontext():
            async with tools.running if tools else nullcontext():
                yield

    app = FastAPI(
        title=settings.name, version=package_version(), docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.include_router(api_routes(site.answers, site.reasons))
    app.include_router(article_routes(site.answers))
    app.include_router(file_routes())
    for routes in (
        reader_routes,
        shelf_routes,
        evidence_routes,
        embed_routes,
        feedback_routes,
        admin_routes,
        metrics_routes,
    ):
        app.include_router(routes(site))
    app.include_router(login_routes(site, door))
    if tools:
        app.router.routes.append(tools.route)
    add_exception_handlers(app)
    # Added from the inside out. Gradio lets any origin in with credentials unless the app that holds it has a
    # CORSMiddleware of its own: this one is needed even with an empty list.
    app.add_middleware(Guard, open_gate(settings, door), origins=settings.origins)
    if settings.rate:
        app.add_middleware(RateLimit, settings.rate)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.origins,
        allow_methods=("GET", "POST"),
        allow_headers=("Authorization",),
        expose_headers=("Retry-After",),
        allow_credentials=False,
    )
    app.add_middleware(SecurityHeaders, origins=settings.origins)
    app.add_middleware(RequestLog, (log_request, site.metrics.count))
    return app
