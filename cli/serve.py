"""`qa serve`: runs the web service, and indexes articles first where there is no index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.index import SHIPPED_ARTICLES, publish_articles
from cli.options import Backend, Data, Device, Model, Reranker
from cli.terminal import one_line_errors, say


def serve(
    articles: Annotated[
        Path | None, typer.Option(help="Index this folder first; unchanged text is not encoded again.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; else QA_HOST, else 127.0.0.1.")] = "",
    port: Annotated[
        int | None, typer.Option(max=65535, help="Port to listen on; else QA_PORT, else 7860.")
    ] = None,
    open_to_all: Annotated[
        bool, typer.Option("--open", help="Let everybody in who reaches the address.")
    ] = False,
    data: Data = None,
    model: Model = "",
    device: Device = "",
    backend: Backend = "",
    reranker: Reranker = "",
) -> None:
    """Serve the page and the API; indexes the shipped articles when there is no index yet."""
    with one_line_errors(data):
        from app import check_exposure
        from app import serve as run
        from qa.loading import load_encoder
        from web.service_settings import ServiceSettings

        settings = ServiceSettings.from_environment(
            data=data,
            host=host,
            port=port,
            open=open_to_all or None,
            model=model,
            device=device,
            backend=backend,
            reranker=reranker,
        )
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
