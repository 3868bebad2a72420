"""Renders an answer, or the reason why there is none, as HTML for the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from corpus.article import Article
from index.retrieval.lexical_index import FUNCTION_TERMS
from qa.answer import Answer, Citation, Extract, State
from qa.errors import EmptyQuestion, LongQuestion, QuestionError
from web.answering.answer_service import Reply
from web.citations.quotation import quotations, web_address
from web.citations.text_fragment import fragment_link
from web.errors import AnsweringFailed, StoreUnavailable, TooManyQuestions, TooOften
from web.html import Templates
from web.http.links import reader_link
from web.i18n import Catalogue
from web.pages.page_state import PageState, Sort

EXAMPLES = 5
# Questions tried for the examples: each delays the start of the service by a tenth of a second.
_TRIED = 10
_WORD = re.compile(r"[^\W_]+")
AnswerError = QuestionError | StoreUnavailable | TooManyQuestions | AnsweringFailed


def render_reply(reply: Reply, view: PageState, templates: Templates, *, private: bool = False) -> str:
    """The extracts, or the nearest passages: the closest one open if unsure, the others folded away.

    `private` keeps the question out of links.
    """
    answer = reply.answer
    extracts = list(answer.extracts or answer.nearest)
    if view.sort is Sort.DATE:  # articles without a date are the oldest
        # The closest passage of an unsure answer stays first: it is the one that is shown open.
        first = int(answer.state is State.UNSURE)
        extracts[first:] = sorted(
            extracts[first:], key=lambda extract: extract.article.published, reverse=True
        )
    return templates.render(
        "fragments/answer.html",
        id=reply.id,
        answer=answer,
        items=[_item(extract, "" if private else answer.question) for extract in extracts],
        differ=_differ(answer, templates.catalogue),
        changed=view.generation not in ("", answer.generation),
        filtered=bool(view.where),
        small_print=_small_print(reply, templates.catalogue),
    )


def status_line(answer: Answer, t: Catalogue) -> str:
    """What a screen reader says: "3 extracts found.", "Not sure: …" or "No answer found."."""
    match answer.state:
        case State.ANSWERED:
            return t.count("page.found", len(answer.extracts))
        case State.UNSURE:
            return t("page.unsure")
        case State.NONE:
            return t("page.none")


def render_welcome(templates: Templates, *, examples: bool) -> str:
    """The hint shown before the first question."""
    text = templates.catalogue("page.welcome_examples" if examples else "page.welcome")
    return templates.render("fragments/notice.html", kind="welcome", text=text)


def render_error(error: AnswerError, templates: Templates) -> str:
    """What went wrong, in one line that a screen reader says at once."""
    text = _error_text(error, templates.catalogue)
    return templates.render("fragments/notice.html", kind="error", text=text)


def example_questions(articles: Iterable[Article], answers: Callable[[str], bool]) -> list[str]:
    """Answered questions, of as many articles as possible: those in their front matter, or else titles."""
    rounds = zip_longest(*map(_suggestions, articles))
    candidates = dict.fromkeys(question for suggestions in rounds for question in suggestions if question)
    examples: list[str] = []
    for _, question in zip(range(_TRIED), candidates, strict=False):
        if len(examples) < EXAMPLES and answers(question):
            examples.append(question)
    return examples


def _suggestions(article: Article) -> list[str]:
    lines = [line.strip() for line in article.metadata.get("questions", "").split("\n")]
    return list(filter(None, lines)) or list(filter(None, [article.title]))


def _error_text(error: AnswerError, t: Catalogue) -> str:
    match error:
        case EmptyQuestion():
            return t("page.empty")
        case LongQuestion():
            return t("page.long", limit=t.number(error.limit))
        case AnsweringFailed():
            return t("page.failed")
        case StoreUnavailable():
            return t("page.away")
        case TooOften():
            return t.count("page.too_often", error.retry_after)
        case TooManyQuestions():
            return t("page.busy")
    return str(error)


def _differ(answer: Answer, t: Catalogue) -> str:
    """Two titles and the words in which their articles differ; "" where none do."""
    if not answer.differing_extracts:
        return ""
    first, second = answer.differing_extracts
    titles = {"first": first.article.display_title, "second": second.article.display_title}
    return t("page.differ", **titles, one=first.key_text, other=second.key_text)


def _small_print(reply: Reply, t: Catalogue) -> str:
    answer = reply.answer
    values = {"seconds": f"{reply.seconds:.2f}", "generation": answer.generation}
    if answer.abstained:
        text = t("page.small_none", **values)
    else:
        text = t.count("page.small", len(answer.extracts), **values)
    return text if answer.calibrated else f"{text}. {t('page.unrated')}"


class Original(NamedTuple):
    """The article that another article reports on; "" for what is not known."""

    title: str
    names: tuple[str, ...]
    published: str


def original_of(metadata: Mapping[str, str]) -> Original | None:
    """The `original_*` fields of an article's metadata; None where nothing is known."""
    title, author, publisher, published = (
        _known(metadata.get(f"original_{name}", "")) for name in ("title", "author", "publisher", "published")
    )
    names = tuple(filter(None, (author, publisher)))
    return Original(title, names, published) if title or names or published else None


def _known(value: str) -> str:
    """The value; "" for "unknown", also with a remark behind it."""
    return "" if value.strip().casefold().startswith("unknown") else value.strip()


def _item(extract: Extract, question: str) -> dict[str, Any]:
    """What the page shows of an extract; links take the question along, "" for none."""
    article, citation = extract.article, Citation(extract.article, *extract.answer)
    words = ", ".join(matched_words(extract))
    complete = extract.hit is not None and extract.hit.complete
    # By words where it has all of the question's, by meaning where it has none.
    found_by = ("words" if complete else "both") if words else "meaning"
    return {
        "extract": extract,
        "link": reader_link(article.id, extract.answer, question=question),
        "context": None if extract.context == (extract.start, extract.end) else extract.context,
        "original": original_of(article.metadata),
        "also_in": also_in(extract),
        "matched_words": words,
        "match_key": f"extract.found_{found_by}",
        "quotations": quotations(citation),
        "address": citation.address,
        # Where it was published, at the quotation if a text fragment finds it.
        "source_link": fragment_link(article, extract.answer) or web_address(article.url),
    }


def also_in(extract: Extract) -> Sequence[tuple[str, Article]]:
    """The other articles that say the same, each with a link to its last such passage."""
    citations = {citation.article.id: citation for citation in extract.also_in}
    citations.pop(extract.article.id, None)
    others = citations.values()
    return [(reader_link(other.article.id, (other.start, other.end)), other.article) for other in others]


def matched_words(extract: Extract) -> list[str]:
    """The words of the answer behind the matched terms, as the article spells them.

    Terms are stems, such as "servic" or "author": a word matches a term that it begins with, also without
    the term's last "i" ("trusti" and "trusty"). Function words are left out.
    """
    words = list(dict.fromkeys(_WORD.findall(extract.answer_text)))
    matched: dict[str, str] = {}
    for term in extract.matched:
        if term not in FUNCTION_TERMS:
            word = next((word for word in words if _has_stem(word, term)), term)
            matched.setdefault(word.casefold(), word)
    return list(matched.values())


def _has_stem(word: str, term: str) -> bool:
    folded = word.casefold()
    return folded.startswith(term) or (len(term) > 3 and term.endswith("i") and folded.startswith(term[:-1]))
