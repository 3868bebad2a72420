"""Where an extract comes from, as HTML: whatever an article says passes through `html.escape`."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import urlsplit

from corpus.article import Article
from qa.answer import Extract

# Written out, because the locale of a server is not the reader's.
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def citation(article: Article) -> str:
    """Title, author, publisher, date and file name; the title links to the article when it has an address.

    For example `<cite>Cafés</cite>, A. Smith, The Post, <time datetime="2005-03">March 2005</time>,
    <span class="file">cafes.md</span>`. An article without a title is called by its file name.
    """
    parts = [_linked(cite(article), article.url)]
    # A publisher that signs its own articles is named once.
    names = dict.fromkeys((article.author, article.publisher))
    parts += [escape(name, quote=True) for name in names if name]
    if article.published:
        parts.append(_time(article.published))
    if article.title:
        parts.append(f'<span class="file">{escape(article.source, quote=True)}</span>')
    return ", ".join(parts)


def cite(article: Article) -> str:
    """The article's name as a citation: its title, or its file name when it has none."""
    return f"<cite>{escape(article.title or article.source, quote=True)}</cite>"


def reports(metadata: Mapping[str, str]) -> str:
    """The article that this one reports on: "Reports: <cite>title</cite>, author, publisher, date"; or ""."""
    title, author, publisher = (_known(metadata, key) for key in ("title", "author", "publisher"))
    published = _known(metadata, "published")
    parts = [f"<cite>{escape(title, quote=True)}</cite>"] if title else []
    parts += [escape(name, quote=True) for name in (author, publisher) if name]
    parts += [_time(published)] if published else []
    return f"Reports: {', '.join(parts)}" if parts else ""


def also_in(extract: Extract) -> str:
    """The other articles that say the same: "Also in: <cite>one</cite>, <cite>two</cite>"; or ""."""
    others = (place.article for place in extract.also_in if place.article.id != extract.article.id)
    names = dict.fromkeys(map(cite, others))
    return f"Also in: {', '.join(names)}" if names else ""


def human_date(published: str) -> str:
    """A date as people write it: "2026-11-23" is 23 November 2026, "2005-09" September 2005, "2005" 2005."""
    year, *rest = published.split("-")
    if not rest or not rest[0].isdecimal() or not 1 <= int(rest[0]) <= len(MONTHS):
        return published
    month = f"{MONTHS[int(rest[0]) - 1]} {year}"
    return f"{int(rest[1])} {month}" if len(rest) == 2 and rest[1].isdecimal() else month


def _time(published: str) -> str:
    shown = escape(human_date(published), quote=True)
    return f'<time datetime="{escape(published, quote=True)}">{shown}</time>'


def _known(metadata: Mapping[str, str], fact: str) -> str:
    """A fact about the original article; people write "unknown", also with a remark behind it."""
    value = metadata.get(f"original_{fact}", "").strip()
    return "" if value.casefold().startswith("unknown") else value


def _linked(label: str, url: str) -> str:
    """The label as a link when the address is one of the web: never `javascript:` and its like."""
    try:
        address = urlsplit(url)
    except ValueError:
        return label
    if address.scheme not in ("http", "https") or not address.netloc:
        return label
    return f'<a href="{escape(url, quote=True)}" rel="noopener noreferrer">{label}</a>'
