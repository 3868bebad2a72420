"""The `qa store` commands: copy and list. Exit codes: 0 done, 2 bad input."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import command_group, with_settings
from cli.terminal import fail, print_table, progress, say

if TYPE_CHECKING:
    from index.engine.address import Address
    from qa.settings import Settings

app = command_group("Copy an index to and from a Milvus engine, and list what is there.")

_LOCATION = "A data folder, milvus://HOST:PORT/NAME, or a file that ends in .db."


@app.command()
@with_settings()
def copy(
    settings: Settings,
    source: Annotated[str, typer.Argument(metavar="FROM", help=_LOCATION)],
    target: Annotated[str, typer.Argument(metavar="TO", help=_LOCATION)],
) -> None:
    """Publish an index of one place in another; nothing is encoded again."""
    from index.engine.address import is_address

    from_engine, to_engine = (
        settings.engine_at(location) if is_address(location) else None for location in (source, target)
    )
    if not from_engine and not to_engine:
        fail("both are folders: copy them as files, or name an engine")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        if from_engine:
            _download(from_engine, data if to_engine else Path(target))
        if to_engine:
            _upload(data if from_engine else Path(source), to_engine)


@app.command(name="list")
@with_settings()
def list_generations(settings: Settings) -> None:
    """List the generations in the engine of QA_STORE, and which one is published."""
    from index.engine.collections import MilvusStore
    from index.errors import NoIndex

    if settings.engine is None:
        fail("no engine is named; set QA_STORE=milvus://HOST:PORT/NAME")
    store = MilvusStore(settings.engine)
    try:
        published = store.published()
    except NoIndex:
        published = ""
    rows = [(name, "published" if name == published else "") for name in store.generations()]
    print_table((settings.engine.shown, ""), rows)


def publish_in_engine(settings: Settings) -> None:
    """Upload the generation in the data folder to the engine of the settings, if they name one."""
    if settings.engine is not None:
        _upload(settings.data, settings.engine)


def _upload(data: Path, address: Address) -> None:
    from index.engine.collections import MilvusStore
    from index.engine.upload import upload
    from index.generation.data_folder import DataFolder

    generation, store = DataFolder(data).open(), MilvusStore(address)
    with closing(store), progress("Sending") as advance:
        result = upload(generation, store, progress=advance)
    if result.unchanged:
        repaired = f"; {result.repaired} damaged files replaced" if result.repaired else ""
        say(f"{result.generation} is published at {address.shown} already{repaired}.")
    else:
        say(
            f"Published {result.generation} at {address.shown}: {result.records:,} sentences, "
            f"{result.sent:,} sent now; recall@10 {result.recall:.3f}."
        )


def _download(address: Address, data: Path) -> None:
    from index.engine.collections import MilvusStore
    from index.engine.download import download

    with closing(MilvusStore(address)) as store:
        say(f"Published {download(store, data)} in {data}, from {address.shown}.")
