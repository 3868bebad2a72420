"""Writes docs/architecture.md from the source: import arrows, circles, and sizes by room.

Run it with `python -m docs.architecture`. tests/check/test_architecture.py checks rules on the same graph.
Imports inside functions and under TYPE_CHECKING count like all others.
"""

from __future__ import annotations

import ast
import graphlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("corpus", "index", "qa", "web", "eval", "cli")
ROOMS = (*PRODUCT, "training", "bench", "fuzz")

Graph = Mapping[str, Set[str]]
"""Module or unit -> what it imports."""


def source_files() -> dict[str, Path]:
    """Dotted module name -> path relative to the repository, for all rooms and the modules at the root."""
    paths = [*ROOT.glob("*.py"), *(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))]
    relative = sorted(path.relative_to(ROOT) for path in paths)
    return {
        ".".join(path.with_suffix("").parts).removesuffix(".__init__"): path
        for path in relative
        if not any(part.startswith(".") for part in path.parts)
    }


@cache
def parse(path: Path) -> ast.Module:
    """The syntax tree of a file of this repository."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def imported_names(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """`a.b` for `import a.b`, `a.b.c` for `from a.b import c`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def import_graph(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """Module -> modules of this project that it imports."""
    graph: dict[str, set[str]] = {}
    for module, path in files.items():
        names = set(imported_names(ast.walk(parse(path))))
        targets = {name if name in files else name.rpartition(".")[0] for name in names}
        graph[module] = {target for target in targets if target in files and target != module}
    return graph


def unit(path: Path) -> str:
    """The sub-package of a file, or the file itself where it lies directly in a room."""
    return path.parent.as_posix() if len(path.parts) > 2 else path.as_posix()


def unit_graph(files: Mapping[str, Path], graph: Graph) -> dict[str, set[str]]:
    """Unit -> other units that its files import."""
    units: dict[str, set[str]] = defaultdict(set)
    for module, targets in graph.items():
        origin = unit(files[module])
        units[origin] |= {unit(files[target]) for target in targets} - {origin}
    return dict(units)


def circle(graph: Graph) -> list[str]:
    """A circle of imports, first node repeated at the end; empty if there is none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        nodes: list[str] = error.args[1]
        return nodes
    return []


def functions(path: Path) -> Iterator[tuple[int, str]]:
    """Lines and `path:name` of every function."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield node.end_lineno - node.lineno + 1, f"{path.as_posix()}:{node.name}"


def line_count(path: Path) -> int:
    """Lines of a file, blank ones included."""
    return len((ROOT / path).read_text(encoding="utf-8").splitlines())


def drawing(units: Graph) -> str:
    """A Mermaid flowchart; an arrow is left out where two others imply it."""
    arrows = [
        f"  {origin} --> {target}"
        for origin, targets in sorted(units.items())
        for target in sorted(targets)
        if not any(target in units.get(other, ()) for other in targets - {target})
    ]
    return "\n".join(["```mermaid", "flowchart LR", *arrows, "```"])


def room_graph(units: Graph) -> dict[str, set[str]]:
    """Room (or module at the root) -> other rooms that it imports."""
    rooms: dict[str, set[str]] = defaultdict(set)
    for origin, targets in units.items():
        room = origin.split("/")[0]
        rooms[room] |= {target.split("/")[0] for target in targets} - {room}
    return dict(rooms)


def inside(room: str, units: Graph) -> dict[str, set[str]]:
    """The unit graph of one room, names without the room."""
    prefix = f"{room}/"
    return {
        origin.removeprefix(prefix): {
            target.removeprefix(prefix) for target in targets if target.startswith(prefix)
        }
        for origin, targets in units.items()
        if origin.startswith(prefix)
    }


def sizes(files: Mapping[str, Path]) -> str:
    """A Markdown table: files, lines and longest function of each room."""
    rows = ["| room | files | lines | longest function | its lines |", "|---|---|---|---|---|"]
    for room in (*ROOMS, "app.py"):
        paths = [path for path in files.values() if path.parts[0] == room]
        lines, name = max(function for path in paths for function in functions(path))
        rows.append(f"| {room} | {len(paths)} | {sum(map(line_count, paths)):,} | `{name}` | {lines} |")
    product = [path for path in files.values() if path.parts[0] in (*PRODUCT, "app.py")]
    rows.append(
        f"| {' + '.join(PRODUCT)} + app.py | {len(product)} | {sum(map(line_count, product)):,} | | |"
    )
    return "\n".join(rows)


def report() -> str:
    """The whole page."""
    files = source_files()
    graph = import_graph(files)
    units = unit_graph(files, graph)
    circles = [" -> ".join(nodes) for nodes in (circle(graph), circle(units)) if nodes]
    parts = [
        "# Architecture",
        'Written by `python -m docs.architecture` from the imports; do not edit. An arrow reads "imports".',
        f"Circles between files or folders: {'; '.join(circles) or 0}.",
        "## Sizes",
        sizes(files),
        "## Rooms",
        drawing(
            {room: targets for room, targets in room_graph(units).items() if room in (*PRODUCT, "app.py")}
        ),
    ]
    for room in PRODUCT:
        parts += [f"## {room}", drawing(inside(room, units))]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write the page beside this file."""
    page = ROOT / "docs" / "architecture.md"
    page.write_text(report(), encoding="utf-8")
    print(page.relative_to(ROOT))


if __name__ == "__main__":
    main()
