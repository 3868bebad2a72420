from __future__ import annotations

from dataclasses import replace

from starlette.testclient import TestClient

from corpus.article import Article
from tests.support.fake_assistant import DREDGING, FakeAssistant
from tests.support.fakes import article
from tests.support.html_text import HOSTILE_TEXTS, HtmlText
from web.answering.answer_service import AnswerService
from web.context import ServiceContext
from web.i18n import load_catalogue
from web.pages.article_list import PAGE
from web.service import own_app
from web.service_settings import ServiceSettings


def client(*articles: Article) -> TestClient:
    return TestClient(
        own_app(
            ServiceContext(
                AnswerService(FakeAssistant(DREDGING, *articles)), ServiceSettings(), load_catalogue()
            )
        )
    )


HARBOUR = replace(article("harbour", "x"), title="The old harbour", publisher="The Post", published="2004")
QUAY = replace(article("quay", "y"), title="A quay", publisher="The Gazette", published="2005-02")


def test_all_articles_are_listed_by_title_and_lead_to_the_reader() -> None:
    page = client(HARBOUR, QUAY).get("/articles").text
    assert "2 articles" in page
    assert page.index('href="articles/quay"') < page.index('href="articles/harbour"')


def test_title_and_facts_narrow_the_list() -> None:
    shelf = client(HARBOUR, QUAY)
    for query in ("title=HARBOUR+old", "publisher=The+Post", "year=2004"):
        page = shelf.get(f"/articles?{query}").text
        assert "1 article<" in page, query
        assert 'href="articles/harbour"' in page
    assert (
        '<option value="The Post" selected>The Post (1)</option>'
        in shelf.get("/articles?publisher=The+Post").text
    )
    assert "No article has these facts." in shelf.get("/articles?title=canal").text


def test_words_of_a_title_are_found_without_case_and_in_file_names_where_there_is_none() -> None:
    pages = client(HARBOUR, replace(QUAY, title=""))
    for query, listed in (("OLD+the", ["harbour"]), ("quay.md", ["quay"]), ("++", ["harbour", "quay"])):
        page = pages.get(f"/articles?title={query}").text
        assert [name for name in ("harbour", "quay") if f'href="articles/{name}"' in page] == listed


def test_long_lists_have_pages() -> None:
    many = [replace(article(f"n{n}", "x"), title=f"Title {n:03}") for n in range(PAGE + 1)]
    shelf = client(*many)
    first, second = shelf.get("/articles?title=title").text, shelf.get("/articles?title=title&page=2").text
    assert first.count("<li>") == PAGE
    assert 'href="?title=title&amp;page=2">Next page' in first
    assert second.count("<li>") == 1
    assert f'start="{PAGE + 1}"' in second
    assert shelf.get("/articles?page=none").status_code == 200


def test_hostile_titles_and_queries_stay_text() -> None:
    for text in HOSTILE_TEXTS:
        told = replace(article("x", "y"), title=text, publisher=text, source=text)
        page = client(told).get("/articles", params={"title": text, "publisher": text})
        assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        found = set(HtmlText(page.text).tags)
        assert not found & {"script", "img", "svg", "iframe", "style", "base", "math", "template"}
