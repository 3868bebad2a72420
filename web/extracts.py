"""One extract as HTML: what is quoted, where it stands, why it was found, and what can be done with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from index.search import FUNCTION_TERMS
from qa.answer import Extract
from qa.citation import Citation
from web.catalogue import Catalogue
from web.citation import also_in, citation, reports, web_address
from web.escape import escaped
from web.fragment import fragment_link
from web.links import reader_link
from web.quotation import quotations

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Shown:
    """How extracts are shown: the interface's words, and the question that links take along ("": none)."""

    words: Catalogue
    question: str = ""


def render_extract(extract: Extract, shown: Shown) -> str:
    """The extract with everything a person may do with it."""
    words, article = shown.words, extract.article
    link = reader_link(article.id, extract.answer, question=shown.question)
    lines = (
        ("citation", citation(article, words, link=link)),
        ("aside", reports(article.metadata, words)),
        ("aside", also_in(extract, words)),
        ("aside", _found(extract, words)),
    )
    number = escaped(words("extract.number", rank=extract.rank))
    return (
        f'<article aria-label="{number}" data-article="{escaped(article.id)}" '
        f'data-start="{extract.answer[0]}" data-end="{extract.answer[1]}">'
        f'<p class="band {extract.band}">{escaped(words(f"band.{extract.band}"))}</p>'
        f"<blockquote>{quotation(extract)}</blockquote>"
        f"{_context(extract, words)}"
        + "".join(f'<p class="{name}">{line}</p>' for name, line in lines if line)
        + f'<div class="actions">{_actions(extract, words)}</div></article>'
    )


def quotation(extract: Extract, span: tuple[int, int] | None = None) -> str:
    """The extract, or a wider span, word for word, its answer marked. The style shows its line feeds."""
    start, end = span or (extract.start, extract.end)
    text, (first, last) = extract.article.text, extract.answer
    return f"{escaped(text[start:first])}<mark>{escaped(text[first:last])}</mark>{escaped(text[last:end])}"


def matched_words(extract: Extract) -> list[str]:
    """The words of the answer behind the matched terms, as the article spells them.

    Terms are stems, such as "servic" or "author": a word stands for a term it begins with, or begins with but
    for the term's last letter ("trusti" and "trusty"). Words that only ask or join are left out.
    """
    words = list(dict.fromkeys(_WORD.findall(extract.answer_text)))
    found: dict[str, str] = {}
    for term in extract.matched:
        if term not in FUNCTION_TERMS:
            word = next((word for word in words if _stands_for(word, term)), term)
            found.setdefault(word.casefold(), word)
    return list(found.values())


def _stands_for(word: str, term: str) -> bool:
    plain = word.casefold()
    return plain.startswith(term) or (len(term) > 3 and term.endswith("i") and plain.startswith(term[:-1]))


def _found(extract: Extract, words: Catalogue) -> str:
    """Why it was found: by its words when it has all of the question's, by meaning when it has none."""
    matched = ", ".join(matched_words(extract))
    if not matched:
        return escaped(words("extract.found_meaning"))
    alone = extract.hit is not None and extract.hit.complete
    return escaped(words("extract.found_words" if alone else "extract.found_both", words=matched))


def _context(extract: Extract, words: Catalogue) -> str:
    if extract.context in (None, (extract.start, extract.end)):
        return ""
    wider = quotation(extract, extract.context)
    summary = escaped(words("extract.context"))
    return f'<details class="context"><summary>{summary}</summary><blockquote>{wider}</blockquote></details>'


def _actions(extract: Extract, words: Catalogue) -> str:
    cited = Citation(extract.article, *extract.answer)
    return _copy(cited, words) + _collect(cited, words) + _source(cited, words) + _judge(words)


def _copy(cited: Citation, words: Catalogue) -> str:
    buttons = "".join(
        f'<button type="button" data-copy="{escaped(text)}">{escaped(words(f"extract.copy_{way}"))}</button>'
        for way, text in quotations(cited).items()
    )
    return f'<details class="copy"><summary>{escaped(words("extract.copy"))}</summary>{buttons}</details>'


def _collect(cited: Citation, words: Catalogue) -> str:
    label = escaped(words("extract.collect"))
    return (
        f'<label class="collect"><input type="checkbox" data-cite="{escaped(cited.address)}"> {label}</label>'
    )


def _source(cited: Citation, words: Catalogue) -> str:
    """A link to the article where it was published, at the quotation if its place there is sure."""
    address = fragment_link(cited.article, (cited.start, cited.end)) or web_address(cited.article.url)
    if not address:
        return ""
    label = escaped(words("extract.source"))
    return (
        f'<a class="source" href="{escaped(address)}" target="_blank" rel="noopener noreferrer">{label}</a>'
    )


def _judge(words: Catalogue) -> str:
    buttons = "".join(
        f'<button type="button" aria-pressed="false" data-judge="{verdict}">{escaped(words(key))}</button>'
        for verdict, key in (("useful", "extract.useful"), ("not useful", "extract.not_useful"))
    )
    return f'<span class="judge">{buttons}</span>'
