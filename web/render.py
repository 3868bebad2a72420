"""An answer as HTML. Nothing of an article, a file name or a question gets in but through `html.escape`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest

from corpus.article import Article
from qa.answer import Answer, Extract
from qa.errors import EmptyQuestion, LongQuestion, QuestionError
from web.catalogue import Catalogue
from web.desk import Reply
from web.errors import Away, Busy, NotAnswered
from web.escape import escaped
from web.extracts import Shown, render_extract
from web.view import Sort, View

EXAMPLES = 5
# Questions tried for the examples: one costs a tenth of a second before the service is ready.
_TRIED = 10


def render_reply(reply: Reply, view: View, words: Catalogue, *, private: bool = False) -> str:
    """The extracts that answer, or the statement that none does with the nearest ones folded away."""
    answer = reply.answer
    shown = Shown(words, "" if private else answer.question)
    changed = view.generation not in ("", answer.generation)
    parts = (
        _paragraph("changed", words("page.changed")) if changed else "",
        _also_searched(answer, words),
        _abstention(answer, view, shown) if answer.abstained else extract_list(answer.extracts, view, shown),
        _none_of_these(words) if answer.extracts else "",
        _small_print(reply, words),
    )
    facts = f' data-asked="{escaped(reply.id)}" data-generation="{escaped(answer.generation)}"'
    return _section("answer", "".join(parts), words, facts)


def status_line(answer: Answer, words: Catalogue) -> str:
    """What a screen reader is told: "3 extracts found." or "No answer found."."""
    return words("page.none") if answer.abstained else words.count("page.found", len(answer.extracts))


def render_welcome(words: Catalogue, *, examples: bool) -> str:
    """What stands in place of an answer before the first question."""
    hint = words("page.welcome_examples" if examples else "page.welcome")
    return _section("welcome", _paragraph("", hint), words)


def render_error(error: QuestionError | Away | Busy | NotAnswered, words: Catalogue) -> str:
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


def extract_list(extracts: Sequence[Extract], view: View, shown: Shown) -> str:
    """Extracts in order, each an article of its own; those without a date are the oldest."""
    ordered = list(extracts)
    if view.sort is Sort.DATE:
        ordered.sort(key=lambda one: one.article.published, reverse=True)
    entries = "".join(f"<li>{render_extract(extract, shown)}</li>" for extract in ordered)
    return f'<ol class="extracts">{entries}</ol>'


def _suggestions(article: Article) -> list[str]:
    lines = [line.strip() for line in article.metadata.get("questions", "").split("\n")]
    return list(filter(None, lines)) or list(filter(None, [article.title]))


def _told(error: QuestionError | Away | Busy | NotAnswered, words: Catalogue) -> str:
    if isinstance(error, EmptyQuestion):
        return words("page.empty")
    if isinstance(error, LongQuestion):
        return words("page.long", limit=f"{error.limit:,}")
    if isinstance(error, NotAnswered):
        return words("page.failed")
    if isinstance(error, Away):
        return words("page.away")
    return words("page.busy") if isinstance(error, Busy) else str(error)


def _also_searched(answer: Answer, words: Catalogue) -> str:
    searched = ", ".join(f"<b>{escaped(word)}</b>" for word in answer.also_searched)
    return f'<p class="aside also">{escaped(words("page.also_searched"))} {searched}</p>' if searched else ""


def _abstention(answer: Answer, view: View, shown: Shown) -> str:
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
