"""Where an extract comes from, as HTML: whatever an article says passes through `html.escape`."""

from __future__ import annotations

from collections.abc import Mapping

from corpus.article import Article
from qa.answer import Extract
from web.citations.quotation import human_date
from web.html import escaped
from web.i18n import Catalogue
from web.pages.links import reader_link


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
    return f"<cite>{escaped(article.display_title)}</cite>"


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


def _time(published: str, words: Catalogue) -> str:
    shown = escaped(human_date(published, words))
    return f'<time datetime="{escaped(published)}">{shown}</time>'


def _known(metadata: Mapping[str, str], fact: str) -> str:
    """A fact about the original article; people write "unknown", also with a remark behind it."""
    value = metadata.get(f"original_{fact}", "").strip()
    return "" if value.casefold().startswith("unknown") else value
