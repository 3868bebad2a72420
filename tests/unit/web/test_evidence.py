"""The evidence list: its page, its downloads, and both in a browser."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlencode

import docx
import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, expect
from starlette.responses import Response
from starlette.testclient import TestClient

from corpus.article import Article
from qa.answer import Citation
from tests.support.browser_page import PageWitness, running
from tests.support.chromium import needs_chromium
from tests.support.fake_assistant import DREDGING, ECHO, HARBOUR, FakeAssistant, WatchedColumns
from tests.support.fakes import article
from tests.support.html_text import HOSTILE_TEXTS, HtmlText
from tests.support.tiers import mostly_full
from web.access.middleware import AccessMiddleware
from web.answering.answer_service import AnswerService
from web.citations.document_formats import FORMATS
from web.citations.quotation import html_quotation, markdown_quotation, plain_quotation
from web.context import ServiceContext
from web.http.security_headers import SecurityHeaders
from web.http.static_files import file_routes
from web.i18n import load_catalogue
from web.pages.evidence import RUNNING, evidence_routes, read_cited
from web.service import build_app, own_app
from web.service_settings import ServiceSettings

# "Dredging cost more." and "They say that dredging cost more."
COST, SAID = "harbour:20-39", "echo:0-33"
OTHERS = [
    replace(
        article(f"x{number}", f"Before it. {text} After it."),
        title=text,
        source=text,
        author=text,
        publisher=f"{text}!",
        published=text,
        url=f"https://e.example/{text}",
    )
    for number, text in enumerate(HOSTILE_TEXTS)
]
SHELF = {one.id: one for one in (HARBOUR, ECHO, *OTHERS)}


def service(*others: Article) -> FastAPI:
    """The list behind the access rules and the policy of the whole service, without Gradio."""
    assistant = FakeAssistant(DREDGING, *SHELF.values(), *others)
    app = FastAPI()
    app.include_router(file_routes())
    app.include_router(
        evidence_routes(ServiceContext(AnswerService(assistant), ServiceSettings(), load_catalogue()))
    )
    app.add_api_route("/favicon.ico", lambda: Response(status_code=204), methods=["GET"])
    app.add_middleware(AccessMiddleware)
    app.add_middleware(SecurityHeaders)
    return app


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(service()) as client:
        yield client


def listed(*addresses: str) -> str:
    return f"/evidence?{urlencode([('c', address) for address in addresses])}"


def download(suffix: str, *addresses: str) -> str:
    return listed(*addresses).replace("/evidence", f"/evidence/download.{suffix}")


def test_a_list_has_each_citation_once_and_in_order() -> None:
    cited = read_cited([SAID, COST, SAID, "echo:00-33"], SHELF.get)
    assert cited.citations == (Citation(ECHO, 0, 33), Citation(HARBOUR, 20, 39))
    assert [citation.text for citation in cited.citations] == [ECHO.text, "Dredging cost more."]
    assert (cited.missing, cited.malformed, cited.too_many) == ((), (), 0)


def test_what_is_not_in_the_index_costs_nothing_else() -> None:
    cited = read_cited(
        ["gone:1-2", COST, f"echo:0-{len(ECHO.text) + 1}", f"echo:0-{len(ECHO.text)}"], SHELF.get
    )
    assert [citation.address for citation in cited.citations] == [COST, SAID]
    assert cited.missing == ("gone:1-2", "echo:0-34")


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            ":",
            "harbour",
            "harbour:",
            "harbour:1",
            "harbour:1-",
            ":1-2",
            "harbour:2-1",
            "harbour:1-1",
            "harbour:-1-2",
        ),
        *(
            "harbour:1-2-3",
            "harbour:a-b",
            "harbour:1-٢",
            "harbour:1-9999999999",
            "a b:1-2",
            "<b>:1-2",
            "x\n:1-2",
            "é:1-2",
        ),
        *(f"{'a' * 201}:1-2", "@misc{x:1-2", "%0a:1-2", "x\x00:1-2"),
    ],
)
def test_what_is_no_address_is_told(address: str) -> None:
    cited = read_cited([address, COST], SHELF.get)
    assert cited.malformed == (address,)
    assert [citation.address for citation in cited.citations] == [COST]


def test_a_list_holds_fifty() -> None:
    spans = [f"harbour:0-{end}" for end in range(1, 53)]
    cited = read_cited(spans, SHELF.get)
    assert (len(cited.citations), cited.too_many) == (50, 2)


LONG = [article(f"long{number}", "<&\"' " * 12_000) for number in range(3)]


def test_a_list_quotes_a_hundred_thousand_characters() -> None:
    shelf = {one.id: one for one in LONG}
    cited = read_cited(["long0:0-60000", "gone:0-9999999", "long1:0-40000", "long2:0-1"], shelf.get)
    assert [citation.address for citation in cited.citations] == ["long0:0-60000", "long1:0-40000"]
    assert (cited.missing, cited.too_many) == (("gone:0-9999999",), 1)


def test_an_address_of_a_kilobyte_gives_a_bounded_page_and_file() -> None:
    with TestClient(service(*LONG)) as client:
        addresses = [f"long0:{number}-60000" for number in range(50)]
        page = client.get(listed(*addresses))
        assert "A list holds 50 citations and 100,000 quoted characters at most" in page.text
        assert page.text.count("<blockquote>") == 1
        assert len(page.content) < 25 * 100_000  # four texts, in each the sign with the longest name
        for suffix in FORMATS:
            assert client.get(download(suffix, *addresses)).status_code == 422
            assert len(client.get(download(suffix, addresses[0])).content) < 25 * 100_000


def test_four_lists_are_written_at_once_and_a_fifth_is_told_when_to_come_back() -> None:
    """Each waits within the service until all four are there."""
    assistant = FakeAssistant(DREDGING, *SHELF.values())
    arrived, leave = threading.Semaphore(0), threading.Event()

    class SlowColumns(WatchedColumns):
        def article(self, identifier: str) -> Article | None:
            arrived.release()
            assert leave.wait(60)
            return SHELF.get(identifier)

    assistant.generation.facets = SlowColumns(assistant.generation.facets)  # type: ignore[misc, assignment]
    app = own_app(ServiceContext(AnswerService(assistant), ServiceSettings(), load_catalogue()))
    with TestClient(app) as client, ThreadPoolExecutor(RUNNING) as pool:
        slow = [pool.submit(client.get, address) for address in (listed(COST), download("md", COST)) * 2]
        for _ in range(RUNNING):
            assert arrived.acquire(timeout=60)
        refused = [client.get(listed(SAID)), client.get(download("docx", SAID))]
        leave.set()
        assert [reply.result().status_code for reply in slow] == [200] * RUNNING
        assert client.get(listed(SAID)).status_code == 200
    for reply in refused:
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "2")


def test_the_page_quotes_cites_and_links(client: TestClient) -> None:
    page = client.get(listed(COST, SAID)).text
    assert page.count("<blockquote>") == 2
    assert (
        '<li><blockquote>Dredging cost more.</blockquote><p class="citation">'
        "<cite>harbour.md</cite>, "
        'Ada Lovelace, The Gazette, <time datetime="2024-05-06">6 May 2024</time></p>'
        '<p class="beside"><a href="articles/harbour?c=20-39#c=20-39">Read in the article</a> '
        '<a href="https://example.org/harbour#:~:text=Dredging%20cost%20more." rel="noopener noreferrer">'
        "Open at the source</a> "
        '<a href="evidence?c=echo%3A0-33" aria-label="Remove quotation 1">Remove</a></p>'
    ) in page
    assert '<a href="evidence/download.ris?c=harbour%3A20-39&amp;c=echo%3A0-33" download>RIS</a>' in page


def test_the_page_is_named_and_loads_its_own_files(client: TestClient) -> None:
    answer = client.get(listed(COST))
    assert "<title>Evidence list – Pullquote</title>" in answer.text
    assert '<script src="files/evidence.js" defer></script>' in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert client.get("/files/evidence.js").headers["content-type"].startswith("text/javascript")


def test_no_address_of_the_page_begins_at_the_root(client: TestClient) -> None:
    page = client.get(listed(COST, SAID, "gone:1-2")).text
    assert not [start for start in ('href="/', 'src="/', 'action="/') if start in page]


def test_an_empty_list_says_how_to_fill_it(client: TestClient) -> None:
    for address in ("/evidence", "/evidence?x=1"):
        page = HtmlText(client.get(address).text)
        assert "The list is empty. Add an extract from an answer, or a passage" in page.text
        assert "Download" not in page.text


def test_every_fault_has_its_line_and_the_rest_is_listed(client: TestClient) -> None:
    answer = client.get(listed("gone:1-2", "<b>&", COST, "harbour:0-999"))
    assert answer.status_code == 200
    assert '<p class="alarm">gone:1-2 is not in the index any more.</p>' in answer.text
    assert '<p class="alarm">harbour:0-999 is not in the index any more.</p>' in answer.text
    assert (
        '<p class="alarm">“&lt;b&gt;&amp;” is not a citation; write ARTICLE:START-END, such as '
        in answer.text
    )
    assert answer.text.count("<blockquote>") == 1


def test_more_than_fifty_are_told(client: TestClient) -> None:
    page = client.get(listed(*(f"harbour:0-{end}" for end in range(1, 52)))).text
    assert page.count("<blockquote>") == 50
    assert (
        "A list holds 50 citations and 100,000 quoted characters at most; what is beyond was left out."
        in page
    )


def test_a_quotation_can_be_copied_in_three_forms(client: TestClient) -> None:
    page = HtmlText(client.get(listed(COST)).text)
    cost = Citation(HARBOUR, 20, 39)
    for written in (plain_quotation(cost), markdown_quotation(cost), html_quotation(cost)):
        assert written in page.text


def test_hostile_articles_make_no_element_of_their_own(client: TestClient) -> None:
    plain = {*HtmlText(client.get(listed(COST)).text).tags, "span"}
    for other in OTHERS:
        page = HtmlText(client.get(listed(f"{other.id}:0-{len(other.text)}")).text)
        assert set(page.tags) <= plain
        assert other.text in page.text


@pytest.mark.parametrize(
    ("suffix", "media_type"),
    [
        ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("md", "text/markdown; charset=utf-8"),
        ("csv", "text/csv; charset=utf-8"),
        ("ris", "application/x-research-info-systems"),
        ("bib", "application/x-bibtex; charset=utf-8"),
        ("json", "application/vnd.citationstyles.csl+json"),
    ],
)
def test_a_download_says_what_it_is(client: TestClient, suffix: str, media_type: str) -> None:
    answer = client.get(download(suffix, COST, "gone:1-2", SAID))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="evidence.{suffix}"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors")


def test_downloads_hold_what_is_there(client: TestClient) -> None:
    addresses = (COST, "gone:1-2", SAID)
    document = docx.Document(io.BytesIO(client.get(download("docx", *addresses)).content))
    paragraphs = [paragraph.text for paragraph in document.paragraphs]
    assert [paragraphs[1], paragraphs[4], paragraphs[-1]] == [
        "Dredging cost more.",
        ECHO.text,
        "Not in the index any more, and left out: gone:1-2",
    ]
    read = json.loads(client.get(download("json", *addresses)).content)
    assert [reference["id"] for reference in read] == ["harbour-20-39", "echo-0-33"]


@pytest.mark.parametrize(
    ("address", "status", "detail"),
    [
        (download("ris"), 422, "the list is empty; add c=ARTICLE:START-END for each citation"),
        (
            download("ris", COST, "nonsense"),
            422,
            "“nonsense” is not a citation; write ARTICLE:START-END, such as quays-3f9a01c2:40-95",
        ),
        (
            download("csv", *(f"harbour:0-{end}" for end in range(1, 52))),
            422,
            "A list holds 50 citations and 100,000 quoted characters at most; what is beyond was left out.",
        ),
        (
            download("exe", COST),
            404,
            "there is no such kind of file; choose one of docx, md, csv, ris, bib, json",
        ),
    ],
)
def test_what_cannot_be_downloaded_is_told_in_one_line(
    client: TestClient, address: str, status: int, detail: str
) -> None:
    answer = client.get(address)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["detail"]) == (status, detail)


def test_the_whole_service_has_the_list_and_does_not_describe_it() -> None:
    with TestClient(build_app(FakeAssistant(), ServiceSettings(name="Kept"))) as client:
        assert "<title>Evidence list – Kept</title>" in client.get(listed(COST)).text
        assert client.get(download("md", COST)).status_code == 200
        assert not [path for path in client.get("/openapi.json").json()["paths"] if "evidence" in path]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running(service()) as address:
        yield address


@contextmanager
def shown(context: BrowserContext, address: str, *cited: str) -> Iterator[Page]:
    """The list in a page; whatever it did in secret fails the test at the end."""
    page = context.new_page()
    witness = PageWitness(page, address)
    page.goto(f"{address.rstrip('/')}{listed(*cited)}")
    yield page
    assert witness.seen == []


@pytest.mark.browser
@needs_chromium
def test_a_button_copies_the_quotation(browser: Browser, address: str) -> None:
    with (
        browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context,
        shown(context, address, COST) as page,
    ):
        page.get_by_text("Copy with its source").click()
        page.get_by_role("button", name="Copy: Markdown").click()
        expect(page.get_by_role("status")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == markdown_quotation(
            Citation(HARBOUR, 20, 39)
        )


@pytest.mark.browser
@needs_chromium
def test_a_list_is_shortened_and_taken_away_by_keyboard(browser: Browser, address: str) -> None:
    with browser.new_context() as context, shown(context, address, COST, SAID) as page:
        page.get_by_role("link", name="Remove quotation 1").focus()
        page.keyboard.press("Enter")
        expect(page.locator("blockquote")).to_have_text([ECHO.text])
        page.get_by_role("link", name="BibTeX").focus()
        with page.expect_download() as saved:
            page.keyboard.press("Enter")
        assert saved.value.suggested_filename == "evidence.bib"
        assert "@misc{echo-0-33," in saved.value.path().read_text(encoding="utf-8")


@pytest.mark.browser
@needs_chromium
def test_quotations_can_be_copied_without_a_script(browser: Browser, address: str) -> None:
    with browser.new_context(java_script_enabled=False) as context, shown(context, address, COST) as page:
        page.get_by_text("Copy with its source").click()
        expect(page.get_by_label("Plain text")).to_have_value(plain_quotation(Citation(HARBOUR, 20, 39)))
        assert page.get_by_role("button").count() == 0


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("scheme", mostly_full(["light", "dark"], "dark"))
def test_hostile_articles_are_quoted_word_for_word(browser: Browser, address: str, scheme: str) -> None:
    cited = [f"{other.id}:0-{len(other.text)}" for other in OTHERS]
    with (
        browser.new_context(viewport={"width": 390, "height": 800}) as context,
        shown(context, address, *cited) as page,
    ):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert page.locator("blockquote").all_text_contents() == [other.text for other in OTHERS]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for number in range(len(OTHERS)):
            page.get_by_text("Copy with its source").nth(number).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        citation = Citation(OTHERS[0], 0, len(OTHERS[0].text))
        expect(page.locator("#html-0")).to_have_value(html_quotation(citation))
