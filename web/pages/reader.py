"""The reader: the whole canonical article with the cited passage marked.

It works without a script. A link names the passage twice, `?c=40-95#c=40-95`: the query lets the server mark
it, the fragment lets the browser scroll there; `reader.js` adds the query to a link with the fragment alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from corpus.article import Article
from qa.answer import Answer, Extract
from qa.assistant import Assistant
from qa.errors import QuestionError
from web.citations.quotation import human_date, web_address
from web.context import ServiceContext
from web.errors import StoreUnavailable, TooManyQuestions
from web.html import document, escaped
from web.i18n import Catalogue
from web.pages.answer import quotation
from web.pages.links import read_span, reader_link
from web.pages.source_line import citation, reports

_OTHERS = 6
"""Extracts asked for to show what else answers: the cited one is usually among them."""

Span = tuple[int, int]
Cited = tuple[Article, Span | None]


def reader_routes(site: ServiceContext) -> APIRouter:
    """`GET /articles/{id}`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/articles/{identifier}")
    async def article(identifier: str, c: str = "", q: str = "") -> HTMLResponse:
        assistant = site.answers.assistant
        found = assistant.generation.facets.article(identifier)
        if found is None:
            return _gone(site, identifier)
        span = read_span(c)
        fits = span is not None and span[1] <= len(found.text)
        cited = found, span if fits else None
        others = await _others(site, q, cited, assistant=assistant)
        facts = _facts(found, assistant.generation.id, site.catalogue)
        body = _page(site.catalogue, cited, facts=facts, wrong=bool(c) and not fits)
        title = found.display_title
        whole = _navigation(site.catalogue) + body + _other_passages(others, q, site.catalogue)
        return document(site.catalogue, title, whole, root="../", scripts=("reader.js",))

    return router


async def _others(
    site: ServiceContext, question: str, cited: Cited, *, assistant: Assistant
) -> Sequence[Extract]:
    """What else answers the question a person came with; nothing when it cannot be asked now."""
    if not question:
        return ()
    try:
        reply = await site.answers.ask(question, _OTHERS, assistant=assistant)
    except (QuestionError, StoreUnavailable, TooManyQuestions):
        return ()
    answer: Answer = reply.answer
    return [one for one in answer.extracts if not _is_cited(one, cited)]


def _is_cited(extract: Extract, cited: Cited) -> bool:
    article, span = cited
    if extract.article.id != article.id or span is None:
        return False
    return extract.answer[0] < span[1] and span[0] < extract.answer[1]


def _navigation(words: Catalogue) -> str:
    return (
        f'<nav><a href="../">{escaped(words("reader.ask"))}</a> '
        f'<a href="../articles">{escaped(words("reader.articles"))}</a></nav>'
    )


def _page(words: Catalogue, cited: Cited, *, facts: str, wrong: bool) -> str:
    article, span = cited
    told = ""
    if wrong:
        told = f'<p class="alarm" role="alert">{escaped(words("reader.wrong_span"))}</p>'
    elif span:
        place = f"c={span[0]}-{span[1]}"
        jump = f'<a href="#{place}">{escaped(words("reader.jump"))}</a>'
        told = f'<p class="quiet jump">{escaped(words("reader.cited"))} {jump}</p>'
    # An article that does not begin with its title as a heading gets it above.
    titled = bool(article.headings) and article.headings[0][0] == 0
    heading = "" if titled else f"<h1>{escaped(article.display_title)}</h1>"
    return (
        f"<main>{told}<article>{heading}{marked_text(article, span)}</article>"
        f"{facts}{_dropped(article, words)}</main>"
    )


def _facts(article: Article, generation: str, words: Catalogue) -> str:
    address = web_address(article.url)
    link = f'<a href="{escaped(address)}" rel="noopener noreferrer">{escaped(address)}</a>' if address else ""
    rows = (
        ("title", escaped(article.title)),
        ("author", escaped(article.author)),
        ("publisher", escaped(article.publisher)),
        ("published", escaped(human_date(article.published, words))),
        ("source", escaped(article.source)),
        ("url", link),
        ("sha256", f"<code>{escaped(article.sha256)}</code>"),
        ("generation", f"<code>{escaped(generation)}</code>"),
    )
    table = "".join(
        f'<tr><th scope="row">{escaped(words(f"reader.{key}"))}</th><td>{value}</td></tr>'
        for key, value in rows
        if value
    )
    reported = reports(article.metadata, words)
    note = f'<p class="quiet">{reported}</p>' if reported else ""
    return f"<section><h2>{escaped(words('reader.facts'))}</h2>{note}<table>{table}</table></section>"


def _dropped(article: Article, words: Catalogue) -> str:
    if not article.dropped:
        return ""
    rows = "".join(
        f"<tr><td>{escaped(line.text)}</td><td>{escaped(line.reason)}</td></tr>" for line in article.dropped
    )
    heads = "".join(f'<th scope="col">{escaped(words(f"reader.{key}"))}</th>' for key in ("line", "why"))
    told = escaped(words.count("reader.dropped", len(article.dropped)))
    return f"<details><summary>{told}</summary><table><tr>{heads}</tr>{rows}</table></details>"


def _other_passages(extracts: Sequence[Extract], question: str, words: Catalogue) -> str:
    if not extracts:
        return ""
    entries = []
    for one in extracts:
        link = reader_link(one.article.id, one.answer, question=question).removeprefix("articles/")
        source = citation(one.article, words, link=link)
        entries.append(f"<li><blockquote>{quotation(one)}</blockquote><p>{source}</p></li>")
    asked = escaped(words("reader.asked", question=question))
    return (
        f'<aside class="others"><h2>{escaped(words("reader.others"))}</h2><p class="quiet">{asked}</p>'
        f"<ol>{''.join(entries)}</ol></aside>"
    )


def _gone(site: ServiceContext, identifier: str) -> HTMLResponse:
    words = site.catalogue
    told = escaped(words("reader.gone", article=identifier))
    heading = words("reader.gone_heading")
    body = f"{_navigation(words)}<main><h1>{escaped(heading)}</h1><p>{told}</p></main>"
    return document(words, heading, body, root="../", status=404)


_BREAK = "\n\n"


def marked_text(article: Article, span: tuple[int, int] | None = None) -> str:
    """Every paragraph and heading of the article; the first mark has the id "c=40-95" that links name."""
    title = article.headings[0] if article.headings and article.headings[0][0] == 0 else None
    parts, named = [], False
    for start, end in paragraphs(article.text):
        inside = _overlap((start, end), span)
        name = f' id="c={span[0]}-{span[1]}" tabindex="-1"' if span and inside and not named else ""
        named = named or bool(name)
        tag = "h1" if title == (start, end) else "h2" if (start, end) in article.headings else "p"
        parts.append(f"<{tag}>{_marked(article.text, (start, end), inside, name)}</{tag}>")
    return "".join(parts)


def paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Half-open spans of the paragraphs of a canonical text."""
    start = 0
    for paragraph in text.split(_BREAK):
        yield start, start + len(paragraph)
        start += len(paragraph) + len(_BREAK)


def _overlap(place: tuple[int, int], span: tuple[int, int] | None) -> tuple[int, int] | None:
    if span is None:
        return None
    start, end = max(place[0], span[0]), min(place[1], span[1])
    return (start, end) if start < end else None


def _marked(text: str, place: tuple[int, int], inside: tuple[int, int] | None, name: str) -> str:
    if inside is None:
        return escaped(text[slice(*place)])
    start, end = inside
    before, after = escaped(text[place[0] : start]), escaped(text[end : place[1]])
    return f"{before}<mark{name}>{escaped(text[start:end])}</mark>{after}"
