"""Every word of the interface, from one catalogue: a translation is one more file in `languages/`.

A file maps keys such as "page.ask" to texts with {names} to be filled in. What counts has two forms, "….one"
and "….other". Articles, questions and file names are data and are in no catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

from web.errors import NoLanguage

DEFAULT_LANGUAGE = "en"


class Catalogue:
    """The interface in one language; `language` is its BCP 47 tag, for the `lang` of what is shown."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = dict(texts)

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key with its {names} filled in. Not escaped: whoever makes HTML of it does that."""
        return self._texts[key].format(**values)

    def count(self, key: str, number: int, **values: object) -> str:
        """ "1 extract", "3 extracts": the form of `key` for a number, which fills {count}."""
        form = "one" if number == 1 else "other"
        return self(f"{key}.{form}", count=f"{number:,}", **values)

    def section(self, name: str) -> dict[str, str]:
        """All texts whose key begins with "name.", by the rest of the key; not filled in."""
        prefix = f"{name}."
        return {key.removeprefix(prefix): text for key, text in self._texts.items() if key.startswith(prefix)}


@lru_cache
def load_catalogue(language: str = DEFAULT_LANGUAGE) -> Catalogue:
    """The catalogue of a language that has a file. Raises NoLanguage, which lists those that have one."""
    known = languages()
    if language not in known:
        raise NoLanguage(language, known)
    written = resources.files("web").joinpath("languages", f"{language}.json").read_text(encoding="utf-8")
    return Catalogue(language, json.loads(written))


def languages() -> tuple[str, ...]:
    """The tags of all languages there is a file for."""
    files = resources.files("web").joinpath("languages").iterdir()
    return tuple(sorted(file.name.removesuffix(".json") for file in files if file.name.endswith(".json")))
