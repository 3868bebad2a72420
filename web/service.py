"""The web service: API and page in one FastAPI app, behind one guard."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from qa.assistant import Assistant
from web.api import answer_failures, api_routes
from web.catalogue import load_catalogue
from web.desk import Desk
from web.document import file_routes
from web.guard import Guard
from web.headers import SecurityHeaders
from web.page import mount_page
from web.settings import Settings, package_version
from web.site import Site


def build_app(assistant: Assistant, settings: Settings) -> FastAPI:
    """The app that answers with this assistant; takes seconds, as it imports Gradio."""
    # The documentation pages of FastAPI load scripts from another host.
    app = FastAPI(title=settings.name, version=package_version(), docs_url=None, redoc_url=None)
    desk = Desk(assistant)
    site = Site(desk, settings, load_catalogue(settings.language))
    app.include_router(api_routes(desk))
    app.include_router(file_routes())
    answer_failures(app)
    # Added from the inside out. Gradio lets any origin in with credentials unless the app that holds it has a
    # CORSMiddleware of its own: this one is needed even with an empty list.
    app.add_middleware(Guard)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.origins,
        allow_methods=("GET", "POST"),
        allow_credentials=False,
    )
    app.add_middleware(SecurityHeaders, origins=settings.origins)
    mount_page(app, site)
    return app
