"""Writes quotations with their sources, to paste elsewhere, as plain text, Markdown or HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from corpus.article import Article
from corpus.normalise import replace_surrogates
from qa.answer import Citation
from web.html import environment
from web.i18n import Catalogue, load_catalogue

# Characters with a meaning inside a line of Markdown or of a common extension.
_INLINE = re.compile(r"([\\`*_\[\]<>&|~$])")
# What makes a list, a heading or a rule of a line: "- ", "1. ", "# ", "===".
_LINE_START = re.compile(r"^([0-9]{1,9}(?=[.)])|(?=[#+=-]))")
_BACKSLASH = r"\\\1"
_IN_ADDRESS = re.compile(r"([\\<>&])")


@dataclass(frozen=True, slots=True)
class Export:
    """Citations to write to a file, and the addresses of those that are not in the index any more."""

    citations: tuple[Citation, ...]
    missing: tuple[str, ...]
    catalogue: Catalogue

    def note(self, citation: Citation) -> str:
        """The quotation's address in the index and the hash of the article's text."""
        sha256 = citation.article.sha256
        return self.catalogue("evidence.place", address=one_line(citation.address), sha256=sha256)

    @property
    def left_out(self) -> str:
        """The note that names missing citations; "" for none."""
        missing = ", ".join(self.missing)
        return self.catalogue("evidence.left_out", addresses=missing) if missing else ""


def plain_quotation(citation: Citation) -> str:
    """“Dredging cost more.”, and on the next line: — Quays, Ada Lovelace, The Gazette, 6 May 2024"""
    quoted = "\n\n".join(paragraphs(citation))
    return f"“{quoted}”\n— {', '.join(source_facts(citation.article))}"


def markdown_quotation(citation: Citation) -> str:
    """Quotation and source as Markdown that renders as the same text."""
    quoted = "\n>\n".join(f"> {markdown_line(paragraph)}" for paragraph in paragraphs(citation))
    *facts, last = map(_escape_markdown, source_facts(citation.article))
    url = web_address(citation.article.url)
    linked = f"[{last}](<{_IN_ADDRESS.sub(_BACKSLASH, url)}>)" if url else last
    return f"{quoted}\n\n— {', '.join([*facts, linked])}"


def html_quotation(citation: Citation) -> str:
    """Quotation and source as HTML."""
    *facts, last = source_facts(citation.article)
    template = environment().get_template("fragments/quotation.html")
    url = web_address(citation.article.url)
    return template.render(paragraphs=paragraphs(citation), facts=facts, last=last, url=url)


def quotations(citation: Citation) -> dict[str, str]:
    """All three, by the name of the form."""
    return {
        "plain": plain_quotation(citation),
        "markdown": markdown_quotation(citation),
        "html": html_quotation(citation),
    }


def paragraphs(citation: Citation) -> list[str]:
    """The quotation's paragraphs, without the white space around each."""
    return [line.strip() for line in citation.text.splitlines() if line.strip()]


def source_facts(article: Article) -> list[str]:
    """Title, names and date as far as known, then the address on the web or else the file name."""
    file = article.source if article.title else ""
    date = load_catalogue().date(article.published)
    facts = (article.display_title, *article.names, date, web_address(article.url) or file)
    return [one_line(fact) for fact in facts if fact]


def one_line(text: str) -> str:
    """The text on one line: file names may hold line breaks, and bytes that are not UTF-8."""
    return " ".join(replace_surrogates(text).split())


def markdown_line(text: str) -> str:
    """A line of Markdown that renders as this text."""
    return _LINE_START.sub(r"\1\\", _escape_markdown(text))


def _escape_markdown(text: str) -> str:
    return _INLINE.sub(_BACKSLASH, text)


def web_address(url: str) -> str:
    """The address if it is http or https, else "": never `javascript:` and the like."""
    try:
        address = urlsplit(url)
    except ValueError:
        return ""
    is_web = address.scheme in ("http", "https") and address.netloc
    return url if is_web and url.isprintable() else ""
