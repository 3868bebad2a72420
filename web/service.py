"""Assembles the web service: API, Gradio page, the service's own pages and all middleware."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from index.generation.data_folder import DataFolder
from index.published import Published
from qa.assistant import Assistant
from qa.feedback.store import FeedbackStore
from qa.settings import package_version
from web.access.authentication import Authenticator, open_authenticator, open_gate
from web.access.middleware import AccessMiddleware
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
from web.pages.article_list import article_list_routes
from web.pages.embed import embed_routes
from web.pages.evidence import evidence_routes
from web.pages.gradio_page import mount_page
from web.pages.login import login_routes
from web.pages.reader import reader_routes
from web.service_settings import ServiceSettings


def build_app(
    assistant: Assistant,
    settings: ServiceSettings,
    *,
    templates: Templates | None = None,
    feedback: FeedbackStore | None = None,
    announce: Callable[[str], None] | None = None,
    reasons: tuple[Reason, ...] = (),
    source: Published | None = None,
) -> FastAPI:
    """The app that answers with this assistant and records in `feedback`, which the caller closes.

    `templates` replace those of the settings' language; `reasons` say in `/health` what is wrong. With
    `announce` it follows what `source`, by default the data folder, publishes, and announces each change.
    Takes seconds, as it imports Gradio.
    """
    recorder = feedback.record if feedback else None
    answers = AnswerService(assistant, remembered=settings.cache, rate=settings.rate, recorder=recorder)
    watcher = None
    if announce and settings.reload:
        watcher = IndexWatcher(
            answers, source or DataFolder(settings.data), seconds=settings.reload, announce=announce
        )
    templates = templates or Templates(load_catalogue(settings.language))
    context = ServiceContext(
        answers,
        settings,
        templates.catalogue,
        feedback,
        watcher=watcher,
        reasons=reasons,
        environment=templates.environment,
    )
    app = own_app(context)
    mount_page(app, context)
    return app


def own_app(context: ServiceContext) -> FastAPI:
    """The app without Gradio's page."""
    settings = context.settings
    authenticator = open_authenticator(settings)
    mcp = build_mcp_app(build_mcp_server(context)) if settings.mcp else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with context.watcher.running() if context.watcher else nullcontext():
            async with mcp.router.lifespan_context(mcp) if mcp else nullcontext():
                yield

    app = FastAPI(
        title=settings.name,
        version=package_version(),
        docs_url=None,  # these pages would load scripts from another host
        redoc_url=None,
        lifespan=lifespan,
        middleware=_middleware(context, authenticator),
    )
    app.include_router(api_routes(context.answers, context.reasons))
    app.include_router(article_routes(context.answers))
    app.include_router(file_routes())
    pages = reader_routes, article_list_routes, evidence_routes, embed_routes, admin_routes
    for routes in (*pages, feedback_routes, metrics_routes):
        app.include_router(routes(context))
    app.include_router(login_routes(context, authenticator))
    if mcp:
        app.router.routes.extend(mcp.routes)
    add_exception_handlers(app)
    return app


def _middleware(context: ServiceContext, authenticator: Authenticator | None) -> list[Middleware]:
    """Outermost first. Before all of it, also while the service warms up: `web.access.hosts`."""
    settings = context.settings
    # Gradio allows every origin with credentials unless the app has a CORSMiddleware, if with an empty list.
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.origins,
        allow_methods=("GET", "POST"),
        allow_headers=("Authorization",),
        expose_headers=("Retry-After",),
        allow_credentials=False,
    )
    return [
        Middleware(RequestLog, (log_request, context.metrics.count)),
        Middleware(SecurityHeaders, origins=settings.origins),
        cors,
        Middleware(AccessMiddleware, open_gate(settings, authenticator), origins=settings.origins),
    ]
