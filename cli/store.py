"""The `qa store` commands: copy and list. Exit codes: 0 done, 2 bad input."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import command_group
from cli.terminal import fail, one_line_errors, print_table, progress, say

if TYPE_CHECKING:
    from index.engine.address import Address
    from index.engine.collections import MilvusStore
    from index.engine.upload import UploadResult
    from qa.settings import Settings

app = command_group("Copy an index to and from a Milvus engine, and list what is there.")

_LOCATION = "A data folder, milvus://HOST:PORT/NAME, or a file that ends in .db."


@app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help=_LOCATION)],
    target: Annotated[str, typer.Argument(metavar="TO", help=_LOCATION)],
) -> None:
    """Publish an index of one place in another; nothing is encoded again."""
    with one_line_errors():
        from_engine, to_engine = _address(source), _address(target)
        if from_engine and to_engine:
            with tempfile.TemporaryDirectory() as folder:
                _download(from_engine, Path(folder) / "data")
                _upload(Path(folder) / "data", to_engine)
        elif from_engine:
            _download(from_engine, Path(target))
        elif to_engine:
            _upload(Path(source), to_engine)
        else:
            fail("both are folders: copy them as files, or name an engine")


@app.command(name="list")
def list_() -> None:
    """List the generations in the engine of QA_STORE, and which one is published."""
    with one_line_errors():
        from index.errors import NoIndex
        from qa.settings import Settings

        address = Settings.from_environment().engine
        if address is None:
            fail("no engine is named; set QA_STORE=milvus://HOST:PORT/NAME")
        store = _store(address)
        try:
            published = store.published()
        except NoIndex:
            published = ""
        rows = [(name, "published" if name == published else "") for name in store.generations()]
        print_table((address.shown, ""), rows)


def publish_in_engine(settings: Settings) -> None:
    """Upload the generation in the data folder to the engine of the settings, if they name one."""
    if settings.engine is not None:
        _upload(settings.data, settings.engine)


def _upload(data: Path, address: Address) -> None:
    from index.engine.upload import upload
    from index.generation.data_folder import DataFolder

    generation, store = DataFolder(data).open(), _store(address)
    with progress("Sending") as advance:
        result = upload(generation, store, progress=advance)
    store.close()
    say(_summary(result, address))


def _summary(result: UploadResult, address: Address) -> str:
    if result.unchanged:
        repaired = f"; {result.repaired} damaged files replaced" if result.repaired else ""
        return f"{result.generation} is published at {address.shown} already{repaired}."
    return (
        f"Published {result.generation} at {address.shown}: {result.records:,} texts, "
        f"{result.sent:,} sent now; recall@10 {result.recall:.3f}."
    )


def _download(address: Address, data: Path) -> None:
    from index.engine.download import download

    store = _store(address)
    name = download(store, data)
    store.close()
    say(f"Published {name} in {data}, from {address.shown}.")


def _address(location: str) -> Address | None:
    from index.engine.address import is_address
    from qa.settings import Settings

    return Settings.from_environment().engine_at(location) if is_address(location) else None


def _store(address: Address) -> MilvusStore:
    from index.engine.collections import MilvusStore

    return MilvusStore(address)
