"""An answer as HTML. Nothing of an article, a file name or a question gets in but through `html.escape`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from corpus.article import Article
from index.search.searcher import FUNCTION_TERMS
from qa.answer import Answer, Citation, Extract
from qa.errors import EmptyQuestion, LongQuestion, QuestionError
from web.answering.answer_service import Reply
from web.citations.quotation import quotations, web_address
from web.citations.text_fragment import fragment_link
from web.errors import AnsweringFailed, StoreUnavailable, TooManyQuestions
from web.html import escaped
from web.i18n import Catalogue
from web.pages.links import reader_link
from web.pages.page_state import PageState, Sort
from web.pages.source_line import also_in, citation, reports

EXAMPLES = 5
# Questions tried for the examples: one costs a tenth of a second before the service is ready.
_TRIED = 10


def render_reply(reply: Reply, view: PageState, words: Catalogue, *, private: bool = False) -> str:
    """The extracts that answer, or the statement that none does with the nearest ones folded away."""
    answer = reply.answer
    shown = RenderContext(words, "" if private else answer.question)
    changed = view.generation not in ("", answer.generation)
    parts = (
        _paragraph("changed", words("page.changed")) if changed else "",
        _expansions(answer, words),
        _abstention(answer, view, shown) if answer.abstained else extract_list(answer.extracts, view, shown),
        _none_of_these(words) if answer.extracts else "",
        _small_print(reply, words),
    )
    facts = f' data-answer-id="{escaped(reply.id)}" data-generation="{escaped(answer.generation)}"'
    return _section("answer", "".join(parts), words, facts)


def status_line(answer: Answer, words: Catalogue) -> str:
    """What a screen reader is told: "3 extracts found." or "No answer found."."""
    return words("page.none") if answer.abstained else words.count("page.found", len(answer.extracts))


def render_welcome(words: Catalogue, *, examples: bool) -> str:
    """What stands in place of an answer before the first question."""
    hint = words("page.welcome_examples" if examples else "page.welcome")
    return _section("welcome", _paragraph("", hint), words)


def render_error(
    error: QuestionError | StoreUnavailable | TooManyQuestions | AnsweringFailed, words: Catalogue
) -> str:
    """What went wrong in one line; spoken at once."""
    return _section("error", f'<p role="alert">{escaped(_told(error, words))}</p>', words)


def example_questions(
    articles: Iterable[Article], answers: Callable[[str], bool], limit: int = EXAMPLES
) -> list[str]:
    """Questions that have an answer, from as many articles as there are.

    Taken are the questions that front matter suggests, then the titles of articles that suggest none.
    """
    suggested = [_suggestions(article) for article in articles]
    mixed = (question for turn in zip_longest(*suggested) for question in turn if question)
    found: list[str] = []
    for _, question in zip(range(_TRIED), dict.fromkeys(mixed), strict=False):
        if len(found) < limit and answers(question):
            found.append(question)
    return found


def extract_list(extracts: Sequence[Extract], view: PageState, shown: RenderContext) -> str:
    """Extracts in order, each an article of its own; those without a date are the oldest."""
    ordered = list(extracts)
    if view.sort is Sort.DATE:
        ordered.sort(key=lambda one: one.article.published, reverse=True)
    entries = "".join(f"<li>{render_extract(extract, shown)}</li>" for extract in ordered)
    return f'<ol class="extracts">{entries}</ol>'


def _suggestions(article: Article) -> list[str]:
    lines = [line.strip() for line in article.metadata.get("questions", "").split("\n")]
    return list(filter(None, lines)) or list(filter(None, [article.title]))


def _told(
    error: QuestionError | StoreUnavailable | TooManyQuestions | AnsweringFailed, words: Catalogue
) -> str:
    if isinstance(error, EmptyQuestion):
        return words("page.empty")
    if isinstance(error, LongQuestion):
        return words("page.long", limit=f"{error.limit:,}")
    if isinstance(error, AnsweringFailed):
        return words("page.failed")
    if isinstance(error, StoreUnavailable):
        return words("page.away")
    return words("page.busy") if isinstance(error, TooManyQuestions) else str(error)


def _expansions(answer: Answer, words: Catalogue) -> str:
    searched = ", ".join(f"<b>{escaped(word)}</b>" for word in answer.expansions)
    return f'<p class="aside also">{escaped(words("page.expansions"))} {searched}</p>' if searched else ""


def _abstention(answer: Answer, view: PageState, shown: RenderContext) -> str:
    words = shown.words
    advice = words("page.none_advice") + (f" {words('page.none_filtered')}" if view.where else "")
    told = f"<h2>{escaped(words('page.none_heading'))}</h2>{_paragraph('', advice)}"
    if not answer.nearest:
        return told
    nearest = extract_list(answer.nearest, view, shown)
    return f"{told}<details><summary>{escaped(words('page.nearest'))}</summary>{nearest}</details>"


def _none_of_these(words: Catalogue) -> str:
    """The way to say that nothing listed answers, with a reason if one likes."""
    label, reason, send = (escaped(words(f"extract.{key}")) for key in ("none", "reason", "send"))
    return (
        f'<details class="none-of-these"><summary>{label}</summary><p><label>{reason} '
        f'<input type="text" maxlength="500" class="reason"></label> '
        f'<button type="button" data-judge="none">{send}</button></p></details>'
    )


def _small_print(reply: Reply, words: Catalogue) -> str:
    answer = reply.answer
    facts = {"seconds": f"{reply.seconds:.2f}", "generation": answer.generation}
    if answer.abstained:
        told = words("page.small_none", **facts)
    else:
        told = words.count("page.small", len(answer.extracts), **facts)
    return _paragraph("small", told if answer.calibrated else f"{told}. {words('page.unrated')}")


def _paragraph(name: str, text: str) -> str:
    return f'<p class="{name}">{escaped(text)}</p>' if name else f"<p>{escaped(text)}</p>"


def _section(name: str, content: str, words: Catalogue, facts: str = "") -> str:
    # The browser's language becomes the page's: a voice would read English with another's sounds.
    return f'<section class="{name}" lang="{escaped(words.language)}"{facts}>{content}</section>'


_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class RenderContext:
    """How extracts are shown: the interface's words, and the question that links take along ("": none)."""

    words: Catalogue
    question: str = ""


def render_extract(extract: Extract, shown: RenderContext) -> str:
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
