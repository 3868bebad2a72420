"""Where an extract comes from, as HTML: whatever an article says passes through `html.escape`."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from corpus.article import Article
from qa.answer import Extract
from web.catalogue import Catalogue, load_catalogue
from web.escape import escaped
from web.links import reader_link


def citation(article: Article, words: Catalogue, *, link: str = "") -> str:
    """Title, author, publisher, date and file name; the title links to `link`, the reader's page.

    For example `<cite>Cafés</cite>, A. Smith, The Post, <time datetime="2005-03">March 2005</time>,
    <span class="file">cafes.md</span>`. An article without a title is called by its file name.
    """
    title = cite(article)
    parts = [f'<a class="read" href="{escaped(link)}">{title}</a>' if link else title]
    parts += [escaped(name) for name in article.names]
    if article.published:
        parts.append(_time(article.published, words))
    if article.title:
        parts.append(f'<span class="file">{escaped(article.source)}</span>')
    return ", ".join(parts)


def cite(article: Article) -> str:
    """The article's name as a citation: its title, or its file name when it has none."""
    return f"<cite>{escaped(article.title or article.source)}</cite>"


def reports(metadata: Mapping[str, str], words: Catalogue) -> str:
    """The article that this one reports on: "Reports: <cite>title</cite>, author, publisher, date"; or ""."""
    title, author, publisher = (_known(metadata, key) for key in ("title", "author", "publisher"))
    published = _known(metadata, "published")
    parts = [f"<cite>{escaped(title)}</cite>"] if title else []
    parts += [escaped(name) for name in (author, publisher) if name]
    parts += [_time(published, words)] if published else []
    return labelled(words("citation.reports"), parts)


def also_in(extract: Extract, words: Catalogue) -> str:
    """The other articles that say the same, each opened there: "Also in: <cite>one</cite>, …"; or ""."""
    places = {place.article.id: place for place in extract.also_in if place.article.id != extract.article.id}
    links = {other: reader_link(other, (place.start, place.end)) for other, place in places.items()}
    named = [
        f'<a class="read" href="{escaped(links[other])}">{cite(place.article)}</a>'
        for other, place in places.items()
    ]
    return labelled(words("citation.also_in"), named)


def labelled(label: str, parts: list[str]) -> str:
    """ "Label: one, two", of HTML already; "" of nothing."""
    return f"{escaped(label)} {', '.join(parts)}" if parts else ""


def human_date(published: str, words: Catalogue | None = None) -> str:
    """A date as people write it: "2026-11-23" is 23 November 2026, "2005-09" September 2005, "2005" 2005."""
    say = words or load_catalogue()
    months = say("date.months").split("|")
    year, *rest = published.split("-")
    if not rest or not rest[0].isdecimal() or not 1 <= int(rest[0]) <= len(months):
        return published
    month = months[int(rest[0]) - 1]
    if len(rest) == 2 and rest[1].isdecimal():
        return say("date.day", day=int(rest[1]), month=month, year=year)
    return say("date.month", month=month, year=year)


def web_address(url: str) -> str:
    """The address when it is one of the web, else "": never `javascript:` and its like."""
    try:
        address = urlsplit(url)
    except ValueError:
        return ""
    is_web = address.scheme in ("http", "https") and address.netloc
    return url if is_web and url.isprintable() else ""


def _time(published: str, words: Catalogue) -> str:
    shown = escaped(human_date(published, words))
    return f'<time datetime="{escaped(published)}">{shown}</time>'


def _known(metadata: Mapping[str, str], fact: str) -> str:
    """A fact about the original article; people write "unknown", also with a remark behind it."""
    value = metadata.get(f"original_{fact}", "").strip()
    return "" if value.casefold().startswith("unknown") else value
