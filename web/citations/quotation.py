"""A citation to be pasted elsewhere: the quotation word for word, then where it is from.

In plain text, for example:

    “Dredging cost more.”
    — Quays, Ada Lovelace, The Gazette, 6 May 2024, https://example.org/quays
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from corpus.article import Article
from corpus.normalise import replace_surrogates
from qa.answer import Citation
from web.html import environment
from web.i18n import load_catalogue

# Characters that Markdown, or a common extension of it, takes for more than themselves inside a line.
_INLINE = re.compile(r"([\\`*_\[\]<>&|~$])")
# What makes a list, a heading or a rule of the line it begins: "- ", "1. ", "# ", "===".
_LINE_START = re.compile(r"^([0-9]{1,9}(?=[.)])|(?=[#+=-]))")
_BACKSLASH = r"\\\1"
_IN_ADDRESS = re.compile(r"([\\<>&])")


def plain_quotation(citation: Citation) -> str:
    """Quotation and source as plain text."""
    quoted = "\n\n".join(paragraphs(citation))
    return f"“{quoted}”\n— {', '.join(source_facts(citation.article))}"


def markdown_quotation(citation: Citation) -> str:
    """Quotation and source as Markdown that renders as the same text."""
    quoted = "\n>\n".join(f"> {markdown_line(paragraph)}" for paragraph in paragraphs(citation))
    *facts, place = map(_escaped, source_facts(citation.article))
    url = web_address(citation.article.url)
    linked = f"[{place}](<{_IN_ADDRESS.sub(_BACKSLASH, url)}>)" if url else place
    return f"{quoted}\n\n— {', '.join([*facts, linked])}"


def html_quotation(citation: Citation) -> str:
    """Quotation and source as HTML."""
    *facts, place = source_facts(citation.article)
    template = environment().get_template("fragments/quotation.html")
    url = web_address(citation.article.url)
    return template.render(paragraphs=paragraphs(citation), facts=facts, place=place, url=url)


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
    """Title, author, publisher and date as far as known, then the address on the web or else the file's name.

    An article without a title is called by its file name, a publisher that signs its articles is named once.
    """
    file = article.source if article.title else ""
    facts = (
        article.display_title,
        *dict.fromkeys((article.author, article.publisher)),
        load_catalogue().date(article.published),
        web_address(article.url) or file,
    )
    return [one_line(fact) for fact in facts if fact]


def one_line(text: str) -> str:
    """A fact on one line: file names may hold line breaks, and bytes that are no text."""
    return " ".join(replace_surrogates(text).split())


def markdown_line(text: str) -> str:
    """A line of Markdown that renders as this text."""
    return _LINE_START.sub(r"\1\\", _escaped(text))


def _escaped(text: str) -> str:
    return _INLINE.sub(_BACKSLASH, text)


def web_address(url: str) -> str:
    """The address when it is one of the web, else "": never `javascript:` and its like."""
    try:
        address = urlsplit(url)
    except ValueError:
        return ""
    is_web = address.scheme in ("http", "https") and address.netloc
    return url if is_web and url.isprintable() else ""
