"""Showing an article of twice the size takes twice the time, by every route and with the largest queries."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from _pytest.mark.structures import ParameterSet
from starlette.testclient import TestClient

from corpus.article import Article, Unreadable
from corpus.formats.registry import read_article
from fuzz.regressions import kept_files
from fuzz.seeds import FORMATS
from index.building.build import build
from index.generation.data_folder import DataFolder
from qa.assistant import Assistant
from qa.question import MAX_CHARACTERS
from tests.support.browser_page import running
from tests.support.cost import LINEAR, SHAPES, growth
from tests.support.fake_assistant import FakeAssistant, answered, extract
from tests.support.fakes import WordEncoder, article
from tests.support.tiers import full
from web.answering.answer_service import LONGEST_VALUE, MAX_EXTRACTS, MOST_VALUES, AnswerService
from web.citations.document_formats import FORMATS as DOWNLOADS
from web.context import ServiceContext
from web.i18n import load_catalogue
from web.pages.evidence import MAX_CITATIONS
from web.pages.gradio_page import reply
from web.pages.page_state import read_view
from web.pages.reader import paragraphs as spans
from web.service import own_app
from web.service_settings import ServiceSettings

SIZE = 40_000
"""Characters of the smaller article."""
QUESTION = ("Why cost the quay? " * MAX_CHARACTERS)[:MAX_CHARACTERS]
VALUES = [f"{number} {'x' * LONGEST_VALUE}"[:LONGEST_VALUE] for number in range(MOST_VALUES - 1)]
# What a page may have, for each character of its article and each of what is listed beside it.
_LARGEST = 40


def _kept(kind: str) -> Callable[[int], Article]:
    """The texts of the kept fuzz files of a format, repeated to a size."""

    def shaped(size: int) -> Article:
        kept = [one for raw in kept_files(kind).values() if (one := _read(kind, raw))]
        paragraphs = [
            (one.text[slice(*span)], span in one.headings) for one in kept for span in spans(one.text)
        ]
        enough = size // sum(len(text) + 2 for text, _ in paragraphs) + 1
        text, headings = "", []
        for paragraph, heading in paragraphs * enough:
            start = len(text) + 2 if text else 0
            text = f"{text}\n\n{paragraph}" if text else paragraph
            if heading:
                headings.append((start, len(text)))
        return replace(article("x", text), headings=tuple(headings))

    return shaped


def _read(kind: str, raw: bytes) -> Article | None:
    try:
        return read_article(f".{kind}", raw, f"a.{kind}")
    except Unreadable:
        return None


def _cases() -> list[ParameterSet]:
    """The generated shapes, of which the smaller tiers take one each, and the kept files of each format."""
    tiers = {"headings": [], "last of many": [full]}
    shapes = [
        pytest.param(shape, id=name, marks=tiers.get(name, [pytest.mark.torture]))
        for name, shape in SHAPES.items()
    ]
    return [*shapes, *(pytest.param(_kept(kind), id=kind, marks=pytest.mark.torture) for kind in FORMATS)]


Send = Callable[[], int]
"""Sends a request; the number of bytes that came back."""


def requests(site: ServiceContext, size: int) -> dict[str, Send]:
    """The largest request of each route that shows an article "x" of so many characters."""
    client = TestClient(own_app(site))
    cited = urlencode([("c", f"x:{number}-{size // 2 + number}") for number in range(MAX_CITATIONS)])
    one = urlencode({"c": f"x:0-{min(size, 60_000)}"})
    narrowed = {"articles": [*VALUES, "x"], "authors": [*VALUES, "Ada Lovelace"]}
    ask = {"question": QUESTION, "k": MAX_EXTRACTS}
    view = read_view(json.dumps({"q": QUESTION, "k": MAX_EXTRACTS, "article": [*VALUES, "x"]}))

    def get(address: str, status: int = 200) -> Send:
        def send() -> int:
            response = client.get(address)
            assert response.status_code == status, response.text[:200]
            return len(response.content)

        return send

    def post(body: object) -> Send:
        return lambda: len(client.post("/api/ask", json=body).raise_for_status().content)

    return {
        "reader": get(f"/articles/x?{urlencode({'c': f'{size // 3}-{size // 2}', 'q': QUESTION})}"),
        "list": get(f"/articles?{urlencode({'title': 'x ' * 150, 'author': VALUES[0]})}"),
        "evidence": get(f"/evidence?{cited}"),
        **{suffix: get(f"/evidence/download.{suffix}?{one}") for suffix in DOWNLOADS},
        "article": get("/api/articles/x"),
        "ask": post(ask),
        "ask with filters": post({**ask, "filters": narrowed}),
        "page": lambda: len("".join(asyncio.run(reply(site, view)))),
    }


@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("shape", _cases())
def test_twice_the_article_takes_twice_the_time_by_every_route(
    shape: Callable[[int], Article], tmp_path: Path
) -> None:
    sites = {size: indexed(shape(size), tmp_path / str(size)) for size in (SIZE, 2 * SIZE)}
    lengths = {size: len(site.answers.assistant.generation.articles[0].text) for size, site in sites.items()}
    sent = {size: requests(site, lengths[size]) for size, site in sites.items()}

    def growth_of(name: str) -> float:
        return growth(lambda size: sent[size][name], SIZE)

    ratios = {name: growth_of(name) for name in sent[SIZE]}
    print({name: round(ratio, 2) for name, ratio in ratios.items()})
    assert not {name: ratio for name, ratio in ratios.items() if ratio >= LINEAR}
    written = {name: send() for name, send in sent[2 * SIZE].items()}
    assert not {name: size for name, size in written.items() if size > _LARGEST * (2 * SIZE + 50_000)}


def indexed(one: Article, data: Path) -> ServiceContext:
    """The service over an index of this article, which caches no answer."""
    build([replace(one, id="x"), article("other", "Dredging cost more.")], WordEncoder(), data)
    assistant = Assistant(DataFolder(data).open(), WordEncoder())
    return ServiceContext(AnswerService(assistant), ServiceSettings(), load_catalogue())


LONG = replace(SHAPES["headings"](300_000), id="long")


@pytest.mark.parametrize("path", ["articles/long?c=0-8", "evidence?c=long:0-99999"])
def test_health_is_answered_while_an_article_is_shown(path: str) -> None:
    """In a real service: how often, from the moment a request is read until its reply is there."""
    assistant = FakeAssistant(answered(extract(LONG, "Title it")), LONG)
    site = ServiceContext(AnswerService(assistant), ServiceSettings(), load_catalogue())
    with running(own_app(site)) as address, ThreadPoolExecutor(1) as pool:
        done = threading.Event()

        def show() -> list[int]:
            try:
                return [len(urlopen(address + path).read()) for _ in range(5)]
            finally:
                done.set()

        shown = pool.submit(show)
        waiting = takewhile(lambda _: not done.is_set(), iter(lambda: urlopen(f"{address}health").status, 0))
        answers = sum(1 for _ in waiting)
        sizes = shown.result()
    print(f"{path}: {answers} times while {len(sizes)} pages of {sizes[0]:,} bytes were made")
    assert answers >= 3 * len(sizes)
