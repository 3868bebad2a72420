"""The architecture, read from the imports: rooms, arrows, one library in one file."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.repository import ROOT

ROOMS = ("corpus", "index", "qa", "web", "eval", "training", "bench", "fuzz")
# What each room may see besides itself; `cli.py` and `app.py` may see every room.
SEES = {
    "corpus": set(),
    "index": {"corpus"},
    "qa": {"corpus", "index"},
    "web": {"corpus", "index", "qa"},
    "eval": {"corpus", "index", "qa"},
    "training": {"corpus", "index", "qa", "eval"},
    "fuzz": {"corpus"},
    # What is measured is what is run: the doors too.
    "bench": {"corpus", "index", "qa", "web", "eval", "app", "terminal"},
}
DOORS = {
    "cli",
    "cli_access",
    "cli_batch",
    "cli_eval",
    "cli_feedback",
    "cli_ray",
    "cli_store",
    "terminal",
    "app",
}
ONE_FILE_EACH = {
    "faiss": "index/dense.py",
    "threadpoolctl": "index/threads.py",
    "tantivy": "index/lexical.py",
    "sentence_transformers": "index/transformer.py",
    "openvino": "index/openvino.py",
    "langchain_text_splitters": "corpus/passage.py",
    "trafilatura": "corpus/html.py",
    "lxml": "corpus/page.py",
    "markdown_it": "corpus/markdown.py",
    "pypdfium2": "corpus/pdf.py",
    "mammoth": "corpus/docx.py",
    "yaml": "corpus/markdown.py",
    "gradio": "web/page.py",
    "ir_measures": "eval/ranked.py",
    "scipy": "eval/statistics.py",
    "sklearn": "eval/calibrate.py",
    "matplotlib": "eval/plots.py",
    "jinja2": "eval/report.py",
    "rapidfuzz": "index/spelling.py",
    "mcp": "web/tools.py",
    "docx": "web/word.py",
    "rispy": "web/ris.py",
    "atheris": "fuzz/target.py",
    "prometheus_client": "web/metrics.py",
    "fsspec": "corpus/place.py",
    "pyarrow": "index/parquet.py",
    "ray": "index/cluster.py",
    "pymilvus": "index/milvus.py",
    "grpc": "index/milvus.py",
}
# Whose own environments hold other people's code, and which measures the libraries themselves.
BENCH = ROOT / "bench"
HOMELESS = {"utils", "util", "common", "helpers", "helper", "misc", "types"}


def files() -> list[Path]:
    doors = (ROOT / f"{door}.py" for door in DOORS)
    return sorted([*(path for room in ROOMS for path in room_files(room)), *doors])


def room_files(room: str) -> list[Path]:
    paths = (ROOT / room).rglob("*.py")
    return [path for path in paths if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path, *, top_only: bool = False) -> set[str]:
    """First parts of the modules a file imports when run, inside functions too unless `top_only`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for checking in (node for node in ast.walk(tree) if isinstance(node, ast.If)):
        if ast.unparse(checking.test) == "TYPE_CHECKING":
            checking.body = []
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_point_one_way(room: str) -> None:
    for path in room_files(room):
        seen = imports(path) & (set(ROOMS) | DOORS)
        assert seen <= SEES[room] | {room}, name_of(path)


@pytest.mark.parametrize(("library", "home"), ONE_FILE_EACH.items())
def test_a_library_is_imported_in_one_file(library: str, home: str) -> None:
    homes = (path for path in files() if library in imports(path))
    assert [name_of(path) for path in homes if not path.is_relative_to(BENCH)] == [home]


@pytest.mark.parametrize(
    "library",
    sorted(ONE_FILE_EACH.keys() - {"markdown_it"} | {"torch", "lxml", "fastapi", "uvicorn", "rich"}),
)
def test_heavy_libraries_load_when_first_used(library: str) -> None:
    eager = {name_of(path) for path in files() if library in imports(path, top_only=True)}
    # The page and the API are themselves imported by the service only.
    # A peer's script is run by itself and is nothing but its library.
    assert all(name.startswith(("web/", "bench/peers/")) or name == "app.py" for name in eager)


def test_commands_are_a_matter_of_the_doors() -> None:
    told = {name_of(path) for path in files() if "typer" in imports(path)}
    assert told == {
        "cli.py",
        "cli_access.py",
        "cli_batch.py",
        "cli_eval.py",
        "cli_feedback.py",
        "cli_store.py",
        "terminal.py",
    }


def test_bare_room_names_are_never_bound() -> None:
    for path in [*files(), *(ROOT / "tests").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not {alias.name for alias in node.names} & set(ROOMS), name_of(path)


def test_no_homeless_files() -> None:
    assert not [name_of(path) for path in files() if path.stem in HOMELESS]


def test_files_stay_readable() -> None:
    assert not [name_of(path) for path in files() if len(path.read_text(encoding="utf-8").splitlines()) > 400]


def test_no_pickle_and_no_broad_except() -> None:
    for path in files():
        assert "pickle" not in imports(path), name_of(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "everything"
                assert caught not in {"everything", "Exception", "BaseException"}, (
                    f"{name_of(path)}:{node.lineno}"
                )
