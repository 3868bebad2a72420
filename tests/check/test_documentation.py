"""The README and docs/ name folders, pages, commands and options that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.main import app
from tests.support.documentation import commands, pages
from tests.support.repository import ROOT

README = ROOT / "README.md"
PAGES = [path.relative_to(ROOT).as_posix() for path in pages()]


def unknown_in_command(command: str) -> str:
    """The first word that `qa` does not know as a command or an option, "" when it knows all."""
    node: Any = typer.main.get_command(app)
    for word in command.replace("[", "").replace("]", "").split()[1:]:
        options = {
            "--help",
            *(name for parameter in node.params for name in (*parameter.opts, *parameter.secondary_opts)),
        }
        if word.startswith("-") and len(word) > 1 and word.partition("=")[0] not in options:
            return word
        subcommands = getattr(node, "commands", {})
        if subcommands and re.fullmatch(r"[a-z][a-z-]*", word):
            if word not in subcommands:
                return word
            node = subcommands[word]
    return ""


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) <= 8_192


def test_folders_of_the_readme_exist() -> None:
    folders = re.findall(r"`([\w./-]+/)`", pages()[README])
    assert {"corpus/", "index/", "qa/", "web/", "eval/", "cli/", "tests/"} <= set(folders)
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\((?!https?:|mailto:)([^)#\s]+)[^)]*\)", pages()[ROOT / page])
    assert [target for target in targets if not ((ROOT / page).parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_have_help(page: str) -> None:
    unknown = {
        command: unknown_in_command(command)
        for command in commands(pages()[ROOT / page], "qa")
        if "->" not in command
    }
    assert {command: word for command, word in unknown.items() if word} == {}


@pytest.mark.parametrize("page", PAGES)
def test_make_has_the_targets(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w.-]+):", makefile, re.MULTILINE))
    named = {word for command in commands(pages()[ROOT / page], "make") for word in command.split()[1:]}
    plain = {word for word in named if re.fullmatch(r"[a-z-]+", word)}
    assert plain <= targets


def test_commands_are_found_and_an_unknown_one_is_seen() -> None:
    text = "Run `qa index --data x`, or:\n\n    QA_X=1 .venv/bin/qa ask hello  # a comment\n    make test && qa frobnicate\n"
    assert list(commands(text, "qa")) == ["qa index --data x", "qa ask hello"]
    assert list(commands(text, "make")) == ["make test"]
    assert unknown_in_command("qa index --data x") == unknown_in_command("qa eval run GOLD --out RUN") == ""
    assert unknown_in_command("qa frobnicate") == "frobnicate"
    assert unknown_in_command("qa index --frobnicate x") == "--frobnicate"


def test_modules_that_the_pages_run_exist() -> None:
    modules = {name for text in pages().values() for name in re.findall(r"python -m ([\w.]+)", text)}
    assert "docs.architecture" in modules
    paths = [Path(name.replace(".", "/")) for name in modules - {"pytest", "venv"}]
    assert [
        path
        for path in paths
        if not (ROOT / path).with_suffix(".py").exists() and not (ROOT / path / "__main__.py").exists()
    ] == []
