"""Writes docs/settings.md from the settings classes: `python -m docs.settings`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from qa.settings import PREFIX, Settings, allowed
from web.service_settings import ServiceSettings

PAGE = Path(__file__).with_name("settings.md")
_INTRODUCTION = """\
# Settings

Settings are environment variables, read once when a command or the service starts. An option of a command
replaces the variable of the same name. A variable that is empty counts as not set. A wrong value ends the
command with one line that names the variable and the values it takes.

This page is generated: `python -m docs.settings`.
"""


def page() -> str:
    """The page as Markdown."""
    answering = list(Settings.model_fields)
    service = [name for name in ServiceSettings.model_fields if name not in answering]
    return "\n".join(
        (
            _INTRODUCTION,
            "## Index, models and feedback\n",
            _table(answering),
            "## Web service\n",
            _table(service),
        )
    )


def _table(names: Iterable[str]) -> str:
    rows = ["| variable | default | values | |", "|---|---|---|---|", *map(_row, names)]
    return "\n".join(rows) + "\n"


def _row(name: str) -> str:
    field = ServiceSettings.model_fields[name]
    cells = (
        f"`{PREFIX}{name.upper()}`",
        _shown(field.default),
        allowed(ServiceSettings, name),
        field.description,
    )
    return f"| {' | '.join(map(str, cells))} |"


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "`on`" if default else "`off`"
    text = " ".join(default) if isinstance(default, tuple) else str(default)
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
