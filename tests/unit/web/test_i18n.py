from __future__ import annotations

import re

import pytest

from tests.support.repository import ROOT
from web.errors import NoLanguage
from web.i18n import DEFAULT_LANGUAGE, Catalogue, languages, load_catalogue

WEB = ROOT / "web"


def test_names_are_filled_in_and_numbers_have_their_form() -> None:
    words = Catalogue("xx", {"a.b": "{who} asks", "n.one": "{count} thing", "n.other": "{count} things"})
    assert words("a.b", who="Ada {x}") == "Ada {x} asks"
    assert [words.count("n", number) for number in (0, 1, 1234)] == ["0 things", "1 thing", "1,234 things"]
    assert words.section("n") == {"one": "{count} thing", "other": "{count} things"}


def test_a_language_without_a_file_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(NoLanguage, match=r"no interface in 'xx'; set QA_LANGUAGE to one of en"):
        load_catalogue("xx")


@pytest.mark.parametrize("language", languages())
def test_every_language_has_all_texts_with_the_same_names_to_fill(language: str) -> None:
    default, other = (load_catalogue(one)._texts for one in (DEFAULT_LANGUAGE, language))
    assert default.keys() == other.keys()
    for key, text in default.items():
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", other[key])), key


def test_every_text_is_used() -> None:
    """A key stands in the code as it is, or as a beginning and an end that an expression completes."""
    suffixes = (".py", ".js", ".html")
    code = "\n".join(path.read_text(encoding="utf-8") for path in WEB.rglob("*") if path.suffix in suffixes)
    for key in load_catalogue()._texts:
        key = re.sub(r"\.(one|other)$", "", key)
        section, _, name = key.partition(".")
        stem = name.rpartition("_")[0]
        starts = [key, f"{section}.{{", *([f"{section}.{stem}_{{"] if stem else [])]
        joined = [f'"{section}." ~', *([f'"{section}.{stem}_" ~'] if stem else [])]
        literal = any(f"{mark}{start}" in code for start in starts for mark in "\"'")
        assert literal or any(start in code for start in joined) or f'section("{section}' in code, key
