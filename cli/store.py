"""The `qa store` commands: copy, list. A door like `cli.py`; exit codes: 0 done, 2 bad input."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.terminal import fail, one_line_errors, print_table, progress, say

if TYPE_CHECKING:
    from index.engine.address import Address
    from index.engine.collections import MilvusStore
    from index.engine.upload import UploadResult

app = typer.Typer(
    help="The engine that QA_STORE names, and moving an index into one and back.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

_PLACE = "A data folder, milvus://HOST:PORT/NAME, or a file that ends in .db."


@app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help=_PLACE)],
    target: Annotated[str, typer.Argument(metavar="TO", help=_PLACE)],
) -> None:
    """Publish in one place what is published in another; nothing is encoded again."""
    with one_line_errors():
        one, other = _address(source), _address(target)
        if one is None and other is None:
            fail("both are folders: copy them as files, or name an engine")
        if one is None and other is not None:
            _carry(Path(source), other)
        elif other is None and one is not None:
            _bring(one, Path(target))
        elif one is not None and other is not None:
            with tempfile.TemporaryDirectory() as between:
                _bring(one, Path(between) / "data")
                _carry(Path(between) / "data", other)


@app.command(name="list")
def list_() -> None:
    """The generations in the engine, and which of them is published."""
    with one_line_errors():
        from index.errors import NoIndex
        from web.settings import read_store

        address = read_store()
        if address is None:
            fail("no engine is named; set QA_STORE=milvus://HOST:PORT/NAME")
        store = _store(address)
        try:
            published = store.published()
        except NoIndex:
            published = ""
        rows = [(name, "published" if name == published else "") for name in store.generations()]
        print_table((address.shown, ""), rows)


def publish_in_engine(data: Path) -> None:
    """Publish what a build has just published in the folder in the engine too, if one is named."""
    from web.settings import read_store

    address = read_store()
    if address is not None:
        _carry(data, address)


def print_store() -> None:
    """Where the index is read from when that is an engine."""
    from web.settings import read_store

    address = read_store()
    if address is not None:
        say(f"store: {address.shown}, held {address.replicas} times")


def _carry(data: Path, address: Address) -> None:
    from index.engine.upload import upload
    from index.generation.data_folder import DataFolder

    generation, store = DataFolder(data).open(), _store(address)
    with progress("Sending") as advance:
        carried = upload(generation, store, progress=advance)
    store.close()
    say(_told(carried, address))


def _told(carried: UploadResult, address: Address) -> str:
    if carried.unchanged:
        return f"{carried.generation} is published at {address.shown} already."
    return (
        f"Published {carried.generation} at {address.shown}: {carried.records:,} texts, "
        f"{carried.sent:,} sent now; recall@10 {carried.recall:.3f}."
    )


def _bring(address: Address, data: Path) -> None:
    from index.engine.download import download

    store = _store(address)
    name = download(store, data)
    store.close()
    say(f"Published {name} in {data}, from {address.shown}.")


def _address(written: str) -> Address | None:
    from index.engine.address import is_address
    from web.settings import read_store

    return read_store(written=written) if is_address(written) else None


def _store(address: Address) -> MilvusStore:
    from index.engine.collections import MilvusStore

    return MilvusStore(address)
