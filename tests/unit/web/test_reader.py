"""The reader: whole articles, the cited span marked, without a script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from corpus.article import Article, Dropped
from qa.answer import Answer
from tests.support.cost import LINEAR, SHAPES, growth
from tests.support.fake_assistant import FakeAssistant, abstained, answered, extract, watch_columns
from tests.support.fakes import article
from tests.support.html_text import HOSTILE_TEXTS, HtmlText
from tests.support.templates import macro
from web.answering.answer_service import AnswerService
from web.context import ServiceContext
from web.i18n import load_catalogue
from web.pages.reader import Span, marked_paragraphs, paragraphs
from web.service import own_app
from web.service_settings import ServiceSettings

QUAYS = replace(
    article("quays", "The quay was cheap. Dredging cost more.", "Nobody paid.", heading="The quays"),
    published="2004-05",
    dropped=(Dropped("Share this page", "navigation"), Dropped("<b>", "navigation")),
)
ECHO = article("echo", "They say that dredging cost more.")
START = QUAYS.text.index("Dredging")
SPAN = f"{START}-{START + len('Dredging cost more.')}"
FOUND = answered(
    extract(QUAYS, "Dredging cost more."), extract(ECHO, "They say that dredging cost more.", rank=2)
)


def client(answer: Answer = FOUND) -> TestClient:
    return reading(QUAYS, ECHO, answer=answer)


def reading(*articles: Article, answer: Answer = FOUND) -> TestClient:
    return client_of(FakeAssistant(answer, *articles))


def client_of(assistant: FakeAssistant) -> TestClient:
    return TestClient(own_app(ServiceContext(AnswerService(assistant), ServiceSettings(), load_catalogue())))


def test_the_whole_article_is_shown_with_the_cited_span_marked() -> None:
    page = client().get(f"/articles/quays?c={SPAN}")
    assert page.status_code == 200
    assert (
        "<article><h1>The quays</h1><p>The quay was cheap. "
        f'<mark id="c={SPAN}" tabindex="-1">Dredging cost more.</mark></p><p>Nobody paid.</p></article>'
    ) in page.text
    assert f'<a href="#c={SPAN}">Go to the cited passage</a>' in page.text


def test_the_facts_of_the_article_stand_below() -> None:
    text = HtmlText(client().get("/articles/quays").text).text
    for fact in (
        "TitleThe quays",
        "AuthorAda Lovelace",
        "PublisherThe Gazette",
        "PublishedMay 2004",
        "Source filequays.md",
        "Addresshttps://example.org/quays",
        f"SHA-256 of the text{QUAYS.sha256}",
        "Indexgen-7-00ff",
        "What cleaning left out: 2 lines",
        "Share this pagenavigation",
        "<b>navigation",
    ):
        assert fact in text, fact


def test_what_else_answers_the_question_is_listed_and_the_cited_passage_is_not() -> None:
    page = client().get(f"/articles/quays?c={SPAN}&q=What+cost+more%3F").text
    others = page[page.index("What else answers this question") :]
    assert "Question: What cost more?" in others
    assert "<mark>They say that dredging cost more.</mark>" in others
    assert 'href="echo?c=0-33&amp;q=What+cost+more%3F#c=0-33"' in others
    assert others.count("<li>") == 1


@pytest.mark.parametrize(
    ("site", "destination", "asks"),
    [
        ("", "", True),
        ("cross-site", "document, prefetched", False),
        ("none", "document", True),
        ("same-origin", "document", True),
        ("same-origin", "iframe", True),
        ("cross-site", "document", True),
        *(("cross-site", kind, False) for kind in ("image", "iframe", "script", "empty", "")),
        ("same-site", "image", False),
        ("nonsense", "image", False),
    ],
)
def test_no_element_of_another_sites_page_asks(site: str, destination: str, asks: bool) -> None:
    destination, prefetched, _ = destination.partition(", prefetched")
    purpose = "prefetch;prerender" if prefetched else ""
    sent = {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": destination, "Sec-Purpose": purpose}
    headers = {name: value for name, value in sent.items() if value}
    context = ServiceContext(AnswerService(assistant := FakeAssistant()), ServiceSettings(), load_catalogue())
    with TestClient(own_app(context)) as client:
        assert client.get("/articles/harbour?q=Why", headers=headers).status_code == 200
    assert len(assistant.asked) == asks


def test_nothing_else_is_claimed_to_answer() -> None:
    for answer, query in ((abstained(), "q=why"), (FOUND, "q=%3F"), (FOUND, "")):
        assert "What else answers" not in client(answer).get(f"/articles/quays?{query}").text


def test_a_span_that_is_not_there_is_told_and_the_article_shown() -> None:
    for wrong in ("0-9999", "9-3", "x"):
        page = client().get(f"/articles/quays?c={wrong}")
        assert page.status_code == 200
        assert "not in this article as it is now: nothing is marked" in page.text
        assert "<mark" not in page.text


def test_an_article_that_has_left_says_so() -> None:
    page = client().get("/articles/a%20%3Cb%3E?c=1-2")
    assert page.status_code == 404
    assert "This article is not in the index any more." in page.text
    assert "The link named it a &lt;b&gt;." in page.text
    assert '<a href="../articles">All articles</a>' in page.text


def test_an_article_without_a_heading_is_called_by_its_title_or_its_file() -> None:
    nameless = replace(ECHO, title="")
    page = reading(nameless).get("/articles/echo").text
    assert "<title>echo.md</title>" in page
    assert "<article><h1>echo.md</h1><p>They say" in page


def test_hostile_articles_stay_text() -> None:
    for text in HOSTILE_TEXTS:
        told = replace(article("x", text), title=text, author=text, publisher=text, source=text, url=text)
        told = replace(told, dropped=(Dropped(text, text),), metadata={"original_title": text})
        page = reading(told).get("/articles/x", params={"q": text})
        found = HtmlText(page.text)
        assert found.text.count(text) >= 7
        assert found.tags.count("script") == 1
        assert not set(found.tags) & {"img", "svg", "iframe", "style", "base", "math", "template", "form"}
        assert "trusted-types" in page.headers["Content-Security-Policy"]


def test_the_pages_files_are_served_and_no_others() -> None:
    service = client()
    assert service.get("/files/document.css").headers["content-type"].startswith("text/css")
    assert service.get("/files/reader.js").headers["content-type"].startswith("text/javascript")
    for path in ("/files/page.py", "/files/../settings.py", "/files/"):
        assert service.get(path).status_code == 404


def marked_text(of: Article, span: Span | None = None) -> str:
    return macro("fragments/article_text.html", "article_text", list(marked_paragraphs(of, span)))


TOLD = article("told", "One. Two.", "Three & four.", heading="The title")


def test_paragraphs_are_their_spans() -> None:
    assert [TOLD.text[start:end] for start, end in paragraphs(TOLD.text)] == [
        "The title",
        "One. Two.",
        "Three & four.",
    ]


def test_an_article_is_its_heading_and_paragraphs() -> None:
    assert marked_text(TOLD) == "<h1>The title</h1><p>One. Two.</p><p>Three &amp; four.</p>"


def test_a_span_over_a_paragraph_break_is_marked_in_both_and_named_once() -> None:
    start, end = TOLD.text.index("Two."), TOLD.text.index(" four")
    assert marked_text(TOLD, (start, end)) == (
        f'<h1>The title</h1><p>One. <mark id="c={start}-{end}" tabindex="-1">Two.</mark></p>'
        "<p><mark>Three &amp;</mark> four.</p>"
    )


@pytest.mark.parametrize("hostile", HOSTILE_TEXTS)
def test_text_comes_back_word_for_word(hostile: str) -> None:
    told = article("x", hostile, f"Before {hostile} after")
    start = told.text.index("Before ") + len("Before ")
    page = HtmlText(marked_text(told, (start, start + len(hostile))))
    assert page.text == f"{hostile}Before {hostile} after"
    assert page.tags == ["p", "p", "mark"]


@pytest.mark.parametrize("shape", ["headings", "list", "one paragraph"])
def test_twice_the_article_takes_twice_the_time(shape: str) -> None:
    def rendered(size: int) -> Callable[[], object]:
        long = SHAPES[shape](size)
        return lambda: marked_text(long, (0, 5))

    assert growth(rendered, 100_000) < LINEAR


def test_the_article_is_read_and_rendered_outside_the_event_loop() -> None:
    assistant = FakeAssistant(FOUND, QUAYS, ECHO)
    columns = watch_columns(assistant)
    assert client_of(assistant).get("/articles/quays?q=why").status_code == 200
    assert (columns.on_loop, columns.in_threads) == ([], ["article"])
