"""Loads the interface's texts: one catalogue a language, so that a translation is one more file.

`languages/TAG.json` maps keys to texts with {names} to fill in; one that counts has two, ".one" and ".other".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

from web.errors import NoLanguage

DEFAULT_LANGUAGE = "en"
_FOLDER = resources.files("web").joinpath("languages")


class Catalogue:
    """The interface in one language; `language` is its BCP 47 tag, for `lang` attributes."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = dict(texts)

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key with its {names} filled in; not escaped."""
        return self._texts[key].format(**values)

    def count(self, key: str, number: int, **values: object) -> str:
        """ "1 extract", "3 extracts": the form of `key` for a number, which fills {count}."""
        form = "one" if number == 1 else "other"
        return self(f"{key}.{form}", count=self.number(number), **values)

    def number(self, value: float) -> str:
        """1234 -> "1,234"."""
        return f"{value:,}"

    def date(self, published: str) -> str:
        """ "2026-11-23" -> "23 November 2026", "2005-09" -> "September 2005"; other texts are unchanged."""
        months = self("date.months").split("|")
        year, *month_and_day = published.split("-")
        if not month_and_day or not month_and_day[0].isdecimal():
            return published
        number, *day = month_and_day
        if not 1 <= int(number) <= len(months):
            return published
        month = months[int(number) - 1]
        if len(day) == 1 and day[0].isdecimal():
            return self("date.day", day=int(day[0]), month=month, year=year)
        return self("date.month", month=month, year=year)

    def section(self, name: str) -> dict[str, str]:
        """All texts whose key begins with "name.", by the rest of the key; not filled in."""
        prefix = f"{name}."
        return {key.removeprefix(prefix): text for key, text in self._texts.items() if key.startswith(prefix)}


@lru_cache
def load_catalogue(language: str = DEFAULT_LANGUAGE) -> Catalogue:
    """The catalogue of a language. Raises NoLanguage, which lists the languages that have a file."""
    if language not in languages():
        choices = ", ".join(languages())
        raise NoLanguage(f"there is no interface in {language!r}; set QA_LANGUAGE to one of {choices}")
    texts = _FOLDER.joinpath(f"{language}.json").read_text(encoding="utf-8")
    return Catalogue(language, json.loads(texts))


def languages() -> tuple[str, ...]:
    """Tags of all languages that have a file."""
    names = (file.name for file in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))
