"""Every template escapes every value: each is rendered with one hostile text in all places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jinja2 import Template, UndefinedError
from jinja2.meta import find_undeclared_variables

from tests.support.html_text import HOSTILE_TEXTS, HtmlText
from tests.support.repository import ROOT
from tests.support.templates import TEMPLATES
from web.html import Templates, environment
from web.i18n import Catalogue

FOLDER = ROOT / "web" / "templates"
SOURCES = {
    path.relative_to(FOLDER).as_posix(): path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.html")
}
NAMES = set().union(
    *(find_undeclared_variables(TEMPLATES.environment.parse(source)) for source in SOURCES.values())
)


class Hostile:
    """Stands for any value: each attribute, item, call and element of it is hostile too."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __iter__(self) -> Iterator[Hostile]:
        yield from (self, self)

    def __len__(self) -> int:
        return 2

    def __call__(self, *_: Any, **__: Any) -> Hostile:
        return self

    __getitem__ = __add__ = __sub__ = __call__

    def __getattr__(self, name: str) -> Hostile:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __gt__(self, other: object) -> bool:
        return True

    def items(self) -> list[tuple[Hostile, Hostile]]:
        return [(self, self)]


class Shown(HtmlText):
    """Also the values of attributes, which a browser does not show."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        self.text += "".join(f"\n{value}\n" for _, value in attrs if value)


def rendered(name: str, text: str, *, autoescape: bool = True) -> Shown:
    """A template, and each macro of it, with a hostile text for every value, those of the catalogue too."""
    template = environment(autoescape=autoescape).get_template(name)
    values = dict.fromkeys(NAMES, Hostile(text))
    return Shown(template.render(values) + "".join(macros(template, values)))


def macros(template: Template, values: dict[str, Hostile]) -> Iterator[str]:
    source = SOURCES[template.name or ""]
    if "{% extends" not in source:
        module = template.make_module(values)
        for name in re.findall(r"{% macro (\w+)", source):
            macro = getattr(module, name)
            yield str(macro(*[values["t"]] * len(macro.arguments)))


def written_tags(name: str) -> set[str]:
    """The elements that a template, and what it extends or imports, writes itself."""
    others = re.findall(r'{% (?:extends|from) "([^"]+)"', SOURCES[name])
    return set(re.findall(r"<([\w-]+)", SOURCES[name])).union(*map(written_tags, others))


@pytest.mark.parametrize("name", SOURCES)
def test_every_template_escapes_every_value(name: str) -> None:
    for text in HOSTILE_TEXTS:
        page = rendered(name, text)
        assert set(page.tags) <= written_tags(name), text
        assert not [attribute for attribute in page.attributes if attribute.startswith("on")], text
        assert text in page.text or "{{" not in SOURCES[name], text


def test_without_escaping_the_same_check_fails_for_every_template_with_values() -> None:
    for name, source in SOURCES.items():
        if "{{" in source:
            page = rendered(name, '" onclick="alert(1)"><b onclick=alert(1)>', autoescape=False)
            assert "onclick" in page.attributes, name


@pytest.mark.parametrize("name", SOURCES)
def test_no_template_goes_around_the_escaping(name: str) -> None:
    source = SOURCES[name]
    assert TEMPLATES.environment.autoescape is True
    assert not re.search(r"\|\s*safe\b|autoescape|Markup", source)
    # Every attribute is between double quotes: a bare value could end at its first blank.
    written = re.sub(r"{[{%#].*?[#%}]}", "", source, flags=re.DOTALL)
    assert not re.search(r"<[^>]*=", re.sub(r'="[^"]*"', "", written))
    # The policy allows neither an inline script or style nor a handler; the snippets are for other pages.
    if "snippet" not in name:
        assert not re.search(r"<style|style=|<script(?! src=)|\son\w+=", source)


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="text"):
        TEMPLATES.render("fragments/notice.html", kind="welcome")


def test_line_breaks_between_tags_are_no_white_space() -> None:
    catalogue = Catalogue("xx", {"a": "A"})
    template = Templates(catalogue).environment.from_string(
        '<p>\n  {{ "a" }}\n</p>\n{% if true %}\n<b>kept: a</b> <i>b\nc</i>\n{% endif %}'
    )
    assert template.render() == "<p>a</p><b>kept: a</b> <i>b\nc</i>"


def test_an_error_in_a_template_names_its_line() -> None:
    template = TEMPLATES.environment.from_string("<p>\n<b>\n{{ missing }}\n</b></p>")
    with pytest.raises(UndefinedError) as raised:
        template.render()
    assert [entry.lineno + 1 for entry in raised.traceback if entry.name == "top-level template code"] == [3]
