"""`qa serve`: runs the web service, and indexes articles first where there is no index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.index import SHIPPED_ARTICLES, publish_articles
from cli.options import with_settings
from cli.terminal import say

if TYPE_CHECKING:
    from web.service_settings import ServiceSettings


@with_settings(
    *("host", "port", "open", "data", "model", "device", "backend", "reranker"),
    settings_class="web.service_settings:ServiceSettings",
)
def serve(
    settings: ServiceSettings,
    articles: Annotated[
        Path | None, typer.Option(help="Index this folder first; unchanged text is not encoded again.")
    ] = None,
) -> None:
    """Serve the page and the API; indexes the shipped articles when there is no index yet."""
    from app import check_exposure
    from app import serve as run
    from qa.loading import load_encoder

    check_exposure(settings)
    say("Loading the model.")
    encoder = None
    published = _published_model(settings.data) if articles or not settings.engine else ""
    if articles or not (settings.engine or published):
        encoder = load_encoder(settings, published)
        publish_articles([articles or SHIPPED_ARTICLES], settings, encoder, strict=False)
    run(settings, encoder, announce=say)


def _published_model(data: Path) -> str:
    """The model of the index in the data folder, "" if there is no index."""
    from index.errors import NoIndex
    from index.generation.data_folder import DataFolder

    try:
        return DataFolder(data).manifest().model
    except NoIndex as error:
        if error.left:
            raise
        return ""
