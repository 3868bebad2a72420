"""Nothing that runs what a file holds is imported or called: no pickles, no code of a model's folder."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOT

PICKLING = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "jsonpickle", "marshal", "shelve"}
CALLS = {
    "eval", "exec", "os.system", "os.popen", "torch.load", "torch.jit.load", "torch.hub.load", "yaml.unsafe_load",
    "yaml.full_load", "pd.read_pickle", "pandas.read_pickle",
}  # fmt: skip
OFF = {"trust_remote_code", "allow_pickle", "allow_dangerous_deserialization", "shell"}
LOADERS = {"yaml.SafeLoader", "yaml.BaseLoader"}
# Whose defaults allow what is not wanted, and what must therefore be said.
SAID = {"np.load": "allow_pickle", "np.save": "allow_pickle", "BertModel.from_pretrained": "use_safetensors"}


def sources() -> list[Path]:
    """Every Python file of the project but the tests, which make what is refused."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in {"tests", "build"}]
        found += [Path(folder, name) for name in names if name.endswith(".py")]
    return sorted(found)


def unsafe(source: str) -> list[str]:
    """What a source text does that it should not, each with its line."""
    return [f"{line}: {fault}" for node in ast.walk(ast.parse(source)) for line, fault in _faults(node)]


def _faults(node: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        names = [f"{module}.{alias.name}" for alias in node.names]
        yield from ((node.lineno, name.strip(".")) for name in names if set(name.split(".")) & PICKLING)
    elif isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        given = {word.arg: ast.unparse(word.value) for word in node.keywords if word.arg}
        wrong = [f"{word}={given[word]}" for word in OFF & given.keys() if given[word] != "False"]
        if name in CALLS or (name == "yaml.load" and not LOADERS & {ast.unparse(one) for one in node.args}):
            wrong.append(name)
        if SAID.get(name, "allow_pickle") not in given and name in SAID:
            wrong.append(f"{name} without {SAID[name]}")
        yield from ((node.lineno, one) for one in wrong)


def test_nothing_runs_what_a_file_holds() -> None:
    paths = {path.relative_to(ROOT).as_posix(): path for path in sources()}
    found = {name: unsafe(path.read_text(encoding="utf-8")) for name, path in paths.items()}
    for name in (
        name for name in found if name.startswith("bench/")
    ):  # arrays of numbers that it made itself
        found[name] = [fault for fault in found[name] if " without " not in fault]
    print(f"{len(found)} files")
    # As that library documents it, for what it has itself written the moment before.
    (allowed,) = found.pop("bench/peers/langchain.py")
    assert allowed.endswith(": allow_dangerous_deserialization=True")
    assert {name: faults for name, faults in found.items() if faults} == {}
    rooms = {name.partition("/")[0] for name in found}
    assert rooms >= {
        "corpus",
        "index",
        "qa",
        "web",
        "eval",
        "training",
        "bench",
        "requirements",
        "app.py",
        "cli",
    }
    assert len(found) > 150


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("import pickle", "pickle"),
        ("def f():\n    from joblib import load", "joblib.load"),
        ("from sklearn.externals import joblib", "sklearn.externals.joblib"),
        ("import marshal as m, json", "marshal"),
        ("torch.load(path)", "torch.load"),
        ("np.load(path, allow_pickle=True)", "allow_pickle=True"),
        ("np.load(path, allow_pickle=chosen)", "allow_pickle=chosen"),
        ("np.load(path)", "np.load without allow_pickle"),
        ("np.save(path, array)", "np.save without allow_pickle"),
        ("SentenceTransformer(name, trust_remote_code=True)", "trust_remote_code=True"),
        ("BertModel.from_pretrained(folder)", "BertModel.from_pretrained without use_safetensors"),
        ("FAISS.load_local(x, allow_dangerous_deserialization=True)", "allow_dangerous_deserialization=True"),
        ("yaml.load(text)", "yaml.load"),
        ("yaml.load(text, yaml.Loader)", "yaml.load"),
        ("subprocess.run(line, shell=True)", "shell=True"),
        ("eval(text)", "eval"),
    ],
)
def test_what_should_not_be_there_is_seen(source: str, fault: str) -> None:
    (found,) = unsafe(source)
    assert found.partition(": ")[2] == fault


@pytest.mark.parametrize(
    "source",
    [
        "np.load(path, mmap_mode='r', allow_pickle=False)",
        "yaml.load(text, yaml.BaseLoader)",
        "SentenceTransformer(name, trust_remote_code=False)",
        "import json\nfrom eval.gold import load",
        "model.eval()",
        "BertModel.from_pretrained(folder, use_safetensors=True)",
    ],
)
def test_what_is_safe_is_let_through(source: str) -> None:
    assert unsafe(source) == []
