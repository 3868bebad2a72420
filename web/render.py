"""An answer as HTML. Nothing of an article, a file name or a question gets in but through `html.escape`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from corpus.article import Article
from index.search import FUNCTION_TERMS
from qa.answer import Answer, Extract
from web.citation import also_in, citation, reports

EXAMPLES = 5
_WORD = re.compile(r"[^\W_]+")


def render_answer(answer: Answer, seconds: float) -> str:
    """The extracts that answer, or the statement that none does with the nearest ones folded away."""
    shown = _abstention(answer) if answer.abstained else extract_list(answer.extracts)
    return _section("answer", _also_searched(answer) + shown + _small_print(answer, seconds))


def status_line(answer: Answer) -> str:
    """What a screen reader is told: "3 extracts found." or "No answer found."."""
    return "No answer found." if answer.abstained else f"{count(len(answer.extracts), 'extract')} found."


def render_welcome(*, examples: bool) -> str:
    """What stands in place of an answer before the first question."""
    hint = "Type a question, or choose one of these." if examples else "Type a question to begin."
    return _section("welcome", f"<p>{hint}</p>")


def render_error(message: str) -> str:
    """What went wrong in one line; spoken at once."""
    sentence = message[:1].upper() + message[1:]
    return _section("error", f'<p role="alert">{escape(sentence, quote=True)}.</p>')


def example_questions(articles: Iterable[Article], limit: int = EXAMPLES) -> list[str]:
    """The first questions that the articles' front matter suggests, each once."""
    lines = (line for article in articles for line in article.metadata.get("questions", "").split("\n"))
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))[:limit]


def extract_list(extracts: Sequence[Extract]) -> str:
    """Extracts in order, each an article of its own."""
    entries = "".join(f"<li>{_extract(extract)}</li>" for extract in extracts)
    return f'<ol class="extracts">{entries}</ol>'


def quotation(extract: Extract) -> str:
    """The extract word for word, its answer marked. Paragraph breaks are line feeds that the style shows."""
    start, end = (offset - extract.start for offset in extract.answer)
    before, answer, after = extract.text[:start], extract.text[start:end], extract.text[end:]
    return f"{escape(before, quote=True)}<mark>{escape(answer, quote=True)}</mark>{escape(after, quote=True)}"


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


def count(number: int, noun: str) -> str:
    """ "1 extract", "3 extracts"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _stands_for(word: str, term: str) -> bool:
    plain = word.casefold()
    return plain.startswith(term) or (len(term) > 3 and term.endswith("i") and plain.startswith(term[:-1]))


def _extract(extract: Extract) -> str:
    article = extract.article
    words = ", ".join(escape(word, quote=True) for word in matched_words(extract))
    lines = (
        ("citation", citation(article)),
        ("aside", reports(article.metadata)),
        ("aside", also_in(extract)),
        ("aside", f"Matching words: {words}" if words else ""),
    )
    return (
        f'<article><p class="band {extract.band}">{extract.band.label}</p>'
        f"<blockquote>{quotation(extract)}</blockquote>"
        + "".join(f'<p class="{name}">{line}</p>' for name, line in lines if line)
        + "</article>"
    )


def _also_searched(answer: Answer) -> str:
    words = ", ".join(f"<b>{escape(word, quote=True)}</b>" for word in answer.also_searched)
    return f'<p class="aside also">Also searched: {words}</p>' if words else ""


def _abstention(answer: Answer) -> str:
    advice = "Try other words, or ask about one thing at a time."
    told = f"<h2>No answer found in these articles.</h2><p>{advice}</p>"
    if not answer.nearest:
        return told
    return f"{told}<details><summary>Closest passages</summary>{extract_list(answer.nearest)}</details>"


def _small_print(answer: Answer, seconds: float) -> str:
    found = "Searched" if answer.abstained else count(len(answer.extracts), "extract")
    index = escape(answer.generation, quote=True)
    rated = "" if answer.calibrated else ". Not calibrated for these models: matches are not rated"
    return f'<p class="small">{found} in {seconds:.2f} seconds, index {index}{rated}</p>'


def _section(name: str, content: str) -> str:
    # The browser's language becomes the page's: a voice would read English with another's sounds.
    return f'<section class="{name}" lang="en">{content}</section>'
