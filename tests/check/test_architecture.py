"""The rules of the architecture, read from the imports: arrows, circles, libraries, sizes and names."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.architecture import (
    PRODUCT,
    ROOMS,
    ROOT,
    circle,
    import_graph,
    imported_names,
    line_count,
    parse,
    report,
    room_graph,
    source_files,
    unit,
    unit_graph,
)

ROOM_IMPORTS = {
    "corpus": set(),
    "index": {"corpus"},
    "qa": {"corpus", "index"},
    "web": {"corpus", "index", "qa"},
    "eval": {"corpus", "index", "qa"},
    "training": {"corpus", "index", "qa", "eval"},
    "fuzz": {"corpus"},
    "app.py": {"corpus", "index", "qa", "web"},
    "cli": {*PRODUCT, "app.py"} - {"cli"},
    "bench": {*PRODUCT, "app.py"},
}
# From the bottom to the top: a folder or file imports only what stands in a line above it. Files that lie directly in
# a room and are not named here are at the bottom, below the first line. Nothing in a line imports its neighbours.
LAYERS = {
    "corpus": ("cleaning", "formats", "sandbox sources", "read.py"),
    "index": ("storage", "retrieval", "embedding", "generation", "building search", "engine", "published.py"),
    "qa": ("feedback", "loading.py"),
    "web": ("http", "access", "answering", "context.py", "api citations", "pages warmup.py", "service.py"),
    "eval": ("beir report",),
    "cli": (),
}
ENGINE_LIBRARIES = {"grpc", "milvus", "pyarrow", "pymilvus", "ray"}

# A library is imported in one file of a room, but for these: frameworks that a room is built on, and the layers of torch.
FRAMEWORKS = {"numpy", "fastapi", "starlette", "pydantic", "typer", "rich", "uvicorn"}
FRAMEWORKS |= {"structlog", "torch", "transformers", "tokenizers", "safetensors", "lxml"}
# Quick to import, or imported by files that only the running service loads.
QUICK = {
    "cachetools", "fastapi", "h11", "itsdangerous", "jinja2", "markdown_it", "markupsafe", "numpy", "prometheus_client",
    "pydantic", "pydantic_settings", "rispy", "starlette", "structlog", "typer", "uvicorn",
}  # fmt: skip

MOST_LINES = 400
MOST_FILES = 16
HOMELESS = {"utils", "util", "common", "helpers", "helper", "misc", "types"}
# Words that name nothing: the thing itself has a name (hits, article, parameters, response, row, reason, path).
EMPTY_NAMES = set(
    "told said one some held taken own way ways found given known kept wanted lying rest about place asked "
    "telling there again which who whose".split()
)
# How often each room binds one of them; lower a number when it has become too high, never raise it.
MOST_EMPTY_NAMES = {
    "corpus": 0, "index": 34, "qa": 55, "web": 8, "eval": 1, "cli": 14, "training": 1, "bench": 1, "fuzz": 0,
    "app.py": 0,
}  # fmt: skip

FILES = source_files()
GRAPH = import_graph(FILES)
UNITS = unit_graph(FILES, GRAPH)
PRODUCT_FILES = [path for path in FILES.values() if path.parts[0] in (*PRODUCT, "app.py")]


def libraries(path: Path, *, at_import: bool = False) -> set[str]:
    """Top-level packages of others that a file imports; with `at_import` those loaded when the file is."""
    tree = parse(path)
    names = {
        name.split(".")[0] for name in imported_names(loaded_nodes(tree) if at_import else ast.walk(tree))
    }
    return names - sys.stdlib_module_names - {*ROOMS, "app", "docs", "tests"}


def loaded_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes that run when a module is loaded: all but functions and what stands under TYPE_CHECKING."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from loaded_nodes(child)


def layer(name: str, layers: tuple[str, ...]) -> int:
    return next((number for number, names in enumerate(layers) if name in names.split()), -1)


def test_every_source_file_lies_in_a_room() -> None:
    assert {path.parts[0] for path in FILES.values()} == {*ROOMS, "app.py"}


@pytest.mark.parametrize("room", ROOM_IMPORTS)
def test_rooms_import_only_rooms_to_their_left(room: str) -> None:
    assert room_graph(UNITS)[room] <= ROOM_IMPORTS[room]


@pytest.mark.parametrize("room", LAYERS)
def test_folders_of_a_room_import_only_lower_ones(room: str) -> None:
    wrong = set()
    for origin, targets in UNITS.items():
        for target in targets:
            if origin.split("/")[0] == target.split("/")[0] == room:
                above = layer(origin.removeprefix(f"{room}/"), LAYERS[room])
                below = layer(target.removeprefix(f"{room}/"), LAYERS[room])
                if below >= above and (above, below) != (-1, -1):
                    wrong.add((origin, target))
    assert wrong == set()


def test_layers_name_what_exists() -> None:
    named = {
        f"{room}/{name}" for room, layers in LAYERS.items() for names in layers for name in names.split()
    }
    assert {name for name in named if not (ROOT / name).exists()} == set()
    folders = {name for name in UNITS if name.split("/")[0] in PRODUCT and not name.endswith(".py")}
    assert folders <= named


def test_no_circle_between_files() -> None:
    assert circle(GRAPH) == []


def test_no_circle_between_folders() -> None:
    assert circle(UNITS) == []


def test_a_circle_is_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


def test_only_one_file_and_the_commands_open_engines() -> None:
    engine = "index/engine"
    importers = {
        origin
        for origin, targets in UNITS.items()
        if engine in targets and origin.split("/")[0] not in ("cli", "bench")
    }
    assert importers == {"index/published.py"}
    users = {unit(path) for path in PRODUCT_FILES if libraries(path) & ENGINE_LIBRARIES}
    assert users == {"index/engine"}


def test_a_library_is_imported_in_one_file_of_a_room() -> None:
    homes = defaultdict(list)
    for path in FILES.values():
        if "peers" not in path.parts:
            for library in libraries(path) - FRAMEWORKS:
                homes[path.parts[0], library].append(path.as_posix())
    assert {"faiss", "tantivy", "gradio", "trafilatura", "pymilvus"} <= {library for _, library in homes}
    assert [paths for paths in homes.values() if len(paths) > 1] == []


def test_heavy_libraries_load_when_first_used() -> None:
    # A peer's script in bench/peers and the training of the encoder are run by themselves and are nothing but
    # their library.
    eager = {
        path.as_posix(): libraries(path, at_import=True) - QUICK
        for path in FILES.values()
        if "peers" not in path.parts and path.parts[:2] != ("training", "encoder")
    }
    assert {name: heavy for name, heavy in eager.items() if heavy} == {}


def test_the_web_framework_stays_in_its_room() -> None:
    web = {"fastapi", "starlette", "uvicorn", "gradio"}
    rooms = {path.parts[0] for path in PRODUCT_FILES if libraries(path) & web}
    assert rooms <= {"web", "app.py"}
    assert {path.parts[0] for path in PRODUCT_FILES if "typer" in libraries(path)} == {"cli"}


def test_bare_room_names_are_never_bound() -> None:
    for path in [*FILES.values(), *(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py"))]:
        bound = {
            alias.name
            for node in ast.walk(parse(path))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert not bound & set(ROOMS), path


def test_tests_import_support_and_no_other_test() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        names = imported_names(ast.walk(parse(path.relative_to(ROOT))))
        imported = {name for name in names if name.split(".")[0] == "tests"}
        assert {name for name in imported if not name.startswith("tests.support.")} == set(), path


def test_no_homeless_files() -> None:
    assert [path for path in FILES.values() if path.stem in HOMELESS] == []


def test_files_and_folders_stay_readable() -> None:
    assert [path for path in FILES.values() if line_count(path) > MOST_LINES] == []
    folders = Counter(path.parent for path in PRODUCT_FILES if path.stem != "__init__")
    assert {folder: count for folder, count in folders.items() if count > MOST_FILES} == {}


def empty_names(path: Path) -> list[str]:
    """Variables, parameters and functions of a file whose name says nothing."""
    bound = []
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.append(node.id)
        elif isinstance(node, ast.arg):
            bound.append(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            bound.append(node.name)
    return [name for name in bound if name.strip("_") in EMPTY_NAMES]


@pytest.mark.parametrize("room", MOST_EMPTY_NAMES)
def test_names_say_what_they_hold(room: str) -> None:
    bound = Counter(name for path in FILES.values() if path.parts[0] == room for name in empty_names(path))
    assert bound.total() <= MOST_EMPTY_NAMES[room], bound.most_common()


def test_no_pickle_and_no_broad_except() -> None:
    for path in FILES.values():
        tree = parse(path)
        assert "pickle" not in {name.split(".")[0] for name in imported_names(ast.walk(tree))}, path
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "everything"
                assert caught not in {"everything", "Exception", "BaseException"}, f"{path}:{node.lineno}"


def test_the_drawing_is_made_from_the_imports() -> None:
    page = report()
    assert "web --> qa" in page
    assert "storage --> errors.py" in page
    command = [sys.executable, "-c", "import docs.architecture"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
