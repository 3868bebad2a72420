from __future__ import annotations

from dataclasses import replace

from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.support.fake_assistant import DREDGING, FakeAssistant, watch_columns
from tests.support.fakes import article
from web.answering.answer_service import AnswerService
from web.api.articles import article_routes
from web.api.ask import add_exception_handlers

HARBOUR = replace(
    article("harbour", "It silted up.", heading="The harbour"), publisher="The Post", published="2004"
)
QUAY = replace(article("quay", "Cheap."), title="A quay", author="Bob", published="2005")


def client(assistant: FakeAssistant | None = None) -> TestClient:
    app = FastAPI()
    app.include_router(article_routes(AnswerService(assistant or FakeAssistant(DREDGING, HARBOUR, QUAY))))
    add_exception_handlers(app)
    return TestClient(app)


def test_articles_are_listed_by_title_with_their_facts() -> None:
    reply = client().get("/api/articles")
    assert reply.headers["API-Version"] == "1"
    listing = reply.json()
    assert (listing["generation"], listing["total"]) == ("gen-7-00ff", 2)
    assert [one["id"] for one in listing["articles"]] == ["quay", "harbour"]
    assert listing["articles"][1] == {
        "id": "harbour",
        "title": "The harbour",
        "author": "Ada Lovelace",
        "publisher": "The Post",
        "published": "2004",
        "source": "harbour.md",
        "url": "https://example.org/harbour",
        "sha256": HARBOUR.sha256,
        "characters": len(HARBOUR.text),
    }


def test_facts_title_and_place_narrow_the_list() -> None:
    api = client()

    def ids(query: str) -> list[str]:
        return [one["id"] for one in api.get(f"/api/articles?{query}").json()["articles"]]

    assert ids("publisher=the+post") == ["harbour"]
    assert ids("year=2004&year=2005") == ["quay", "harbour"]
    assert ids("author=Bob&title=QUAY") == ["quay"]
    assert ids("first=1&limit=1") == ["harbour"]
    assert api.get("/api/articles?limit=0").json()["detail"] == (
        "query.limit: Input should be greater than or equal to 1"
    )


def test_an_article_is_its_canonical_text() -> None:
    body = client().get("/api/articles/harbour").json()
    assert body["text"] == HARBOUR.text
    assert body["headings"] == [[0, len("The harbour")]]


def test_an_article_that_is_not_there_is_a_problem() -> None:
    reply = client().get("/api/articles/none")
    assert reply.status_code == 404
    assert reply.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "no article has this id: GET /api/articles lists those there are",
    }


def test_only_the_listed_articles_are_read_and_no_article_on_the_event_loop() -> None:
    assistant = FakeAssistant(DREDGING, *(article(f"article{n}", f"Text {n}.") for n in range(300)))
    columns = watch_columns(assistant)
    assistant.generation.articles = None  # type: ignore[misc, assignment]
    api = client(assistant)
    assert len(api.get("/api/articles?first=100&limit=2&title=article").json()["articles"]) == 2
    assert api.get("/api/articles/article7").json()["text"] == "Text 7."
    assert (columns.on_loop, columns.in_threads) == ([], ["list_articles", "article"])
