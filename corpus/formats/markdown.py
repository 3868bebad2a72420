"""Reads Markdown: YAML front matter for the metadata, CommonMark with tables for the text.

Markup is removed and words are kept: `**trust**` is "trust", `[the Act](https://…)` is "the Act",
`![a photo](x.png)` is nothing, and the footnote `[^1]: See chapter 4.` is the block "[1] See chapter 4."
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.reference import reference
from markdown_it.token import Token

from corpus.article import Unreadable
from corpus.draft import Block, Draft, Kind, Metadata
from corpus.formats.html_blocks import html_blocks

_FACTS = {
    "title": ("title",),
    "author": ("author", "byline", "authors"),
    "publisher": ("publisher", "source", "site"),
    "published": ("published", "date"),
    "url": ("url", "link"),
}
_NOTHING = ("", "~", "null")
_ISO_DATE = re.compile(r"(\d{4}(?:-\d\d(?:-\d\d)?)?)(?:[T ]\d.*)?")
_ISO_FORMATS = {4: "%Y", 7: "%Y-%m", 10: "%Y-%m-%d"}
_WRITTEN_DATES = (("%d %B %Y", 10), ("%d %b %Y", 10), ("%B %d, %Y", 10), ("%b %d, %Y", 10), ("%B %Y", 7))
# As in Pandoc, "---" with an empty line below it is a thematic break, not front matter.
_FRONT = re.compile(r"---[ \t]*\n(?=[^\s])")
_FRONT_END = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)
_KEY = re.compile(r"[\w\"'-][^:\n]*:(?:\s|$)")
_FOOTNOTE = re.compile(r"\[\^([^\]\s]+)\]:?")
_NEXT_FOOTNOTE = re.compile(r"\n(?=\[\^[^\]\s]+\]:)")
# The parser silently drops deeper nesting; its default limit is 20. A hundred levels are far from Python's
# recursion limit.
_NESTING = 100
_CONTAINERS = ("blockquote_open", "list_item_open")
# PyYAML reads about 100 kB a second; front matter is a few hundred characters.
_LONGEST_FRONT = 65_536
# Nested brackets take PyYAML quadratic time.
_MOST_BRACKETS = 500


def markdown_draft(text: str) -> Draft:
    """The blocks and metadata of a Markdown file. Raises Unreadable with the line of broken front matter."""
    values, body = _front_matter(text.removeprefix("\ufeff"))
    facts, metadata = _facts(values)
    tokens = _parser().parse(body)
    if any(token.level >= _NESTING - 1 and token.type in _CONTAINERS for token in tokens):
        raise Unreadable(f"is nested {_NESTING} levels deep; take out the surplus > or list marks")
    while tokens and tokens[0].type == "html_block" and not html_blocks(tokens[0].content):
        tokens = tokens[1:]
    title = _line(_plain(tokens[1])) if tokens and tokens[0].tag == "h1" else ""
    if title and facts.title.casefold() in ("", title.casefold()):
        facts = replace(facts, title=facts.title or title)
        tokens = tokens[3:]
    return Draft(tuple(_Blocks().read(tokens)), facts, MappingProxyType(metadata))


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": _NESTING}).enable(["table", "strikethrough"])
    parser.block.ruler.at("reference", _reference, {"alt": []})
    return parser


def _reference(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Leave footnotes: CommonMark takes "[^1]: Ibid." for a link definition and would drop it."""
    if state.src.startswith("[^", state.bMarks[start] + state.tShift[start]):
        return False
    return reference(state, start, end, silent)


def _front_matter(text: str) -> tuple[Mapping[object, object], str]:
    opening = _FRONT.match(text)
    if not opening:
        return {}, text
    closing = _FRONT_END.search(text, opening.end())
    if not closing and _KEY.match(text, opening.end()):
        raise Unreadable("line 1: the front matter never ends; close it with a line of ---")
    if not closing:
        return {}, text
    if closing.start() > _LONGEST_FRONT:
        raise Unreadable("line 1: the front matter is longer than 64 KB; shorten it")
    front = text[opening.end() : closing.start()]
    if sum(map(front.count, "[{")) > _MOST_BRACKETS:
        raise Unreadable("line 2: the front matter is nested too deeply")
    values = _yaml(front) or {}
    if not isinstance(values, Mapping):
        return {}, text
    return values, text[closing.end() :].lstrip("\n")


def _yaml(front: str) -> object:
    """Front matter with every value as text: 2004-05-13, No and 0012 stay as they are written."""
    import yaml

    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(front, yaml.SafeLoader)):
            raise Unreadable("line 2: the front matter repeats a value by *name; write the value out")
        return yaml.load(front, yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 2 if mark else 2
        raise Unreadable(
            f"line {line}: the front matter is not YAML ({error.problem}); quote the value"
        ) from error
    except yaml.YAMLError as error:
        raise Unreadable("line 2: the front matter holds a character that YAML forbids; remove it") from error
    except RecursionError as error:
        raise Unreadable("line 2: the front matter is nested too deeply") from error


def _facts(values: Mapping[object, object]) -> tuple[Metadata, dict[str, str]]:
    """The five bibliographic fields, and all others; an invalid date stays among the others."""
    written = {str(key): _written(value) for key, value in values.items()}
    fields: dict[str, str] = {}
    for fact, keys in _FACTS.items():
        for key in keys:
            text = written.get(key, "")
            value = _date(text) if fact == "published" else " ".join(text.split())
            if fact == "author":
                value = ", ".join(text.split("\n"))
            if value not in _NOTHING and fact not in fields:
                fields[fact] = value
                del written[key]
    return Metadata(**fields), {key: value for key, value in written.items() if value not in _NOTHING}


def _written(value: object) -> str:
    """A value as text: list items a line each, a person by name, other mappings as "key: value" lines."""
    if isinstance(value, Mapping):
        named = value.get("name")
        return named if isinstance(named, str) else "\n".join(f"{k}: {_written(v)}" for k, v in value.items())
    if isinstance(value, list):
        return "\n".join(map(_written, value))
    return str(value)


def _date(text: str) -> str:
    """ISO date, year-month or year of "2004-05-13 09:00", "13 May 2004" or "May 2004"; else ""."""
    iso = _ISO_DATE.fullmatch(text)
    candidates = [(_ISO_FORMATS[len(iso[1])], len(iso[1]), iso[1])] if iso else []
    for form, length, written in candidates or [(form, length, text) for form, length in _WRITTEN_DATES]:
        try:
            return datetime.strptime(written, form).date().isoformat()[:length]
        except ValueError:
            continue
    return ""


class _Blocks:
    """Tokens to blocks; a list item's marker waits for the first paragraph inside the item."""

    def __init__(self) -> None:
        self._marker = ""
        self._cells: list[str] = []

    def read(self, tokens: Sequence[Token]) -> Iterator[Block]:
        """The blocks of a parsed text, in order."""
        above = ""
        for token in tokens:
            if token.type == "inline":
                yield from self._inline(token, above)
            elif token.type == "list_item_open":
                self._marker = f"{token.info}. " if token.info else "- "
            elif token.type == "list_item_close":
                self._marker = ""
            elif token.type == "tr_close":
                yield from self._marked(" | ".join(self._cells) if any(self._cells) else "")
                self._cells = []
            elif token.type in ("fence", "code_block"):
                yield from self._marked(token.content.strip("\n"))
            elif token.type == "html_block":
                yield from html_blocks(token.content)
            above = token.type

    def _inline(self, token: Token, above: str) -> Iterator[Block]:
        line = _line(_plain(token))
        if above == "heading_open":
            yield from [Block(line, Kind.HEADING)] if line else []
        elif above in ("th_open", "td_open"):
            self._cells.append(line)
        else:
            for paragraph in _NEXT_FOOTNOTE.split(_plain(token)):
                yield from self._marked(_line(paragraph))

    def _marked(self, text: str) -> Iterator[Block]:
        if text:
            yield Block(self._marker + text)
            self._marker = ""


def _line(text: str) -> str:
    return _FOOTNOTE.sub(r"[\1]", " ".join(text.split()))


def _plain(token: Token) -> str:
    """The words of inline Markdown; line breaks stay, to separate consecutive footnotes."""
    words = []
    for child in token.children or ():
        if child.type in ("softbreak", "hardbreak"):
            words.append("\n")
        elif child.type in ("text", "code_inline"):
            words.append(child.content)
        elif child.type == "html_inline" and child.content.lower().startswith("<br"):
            words.append(" ")
    return "".join(words)
