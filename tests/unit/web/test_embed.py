"""The embed kit as it is served: the script and its hash, words by language, snippets with the browser's address."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.testclient import TestClient

from tests.support.documentation import examples
from tests.support.fake_assistant import FakeAssistant
from web.access.middleware import AccessMiddleware
from web.answering.answer_service import AnswerService
from web.api.ask import add_exception_handlers
from web.context import ServiceContext
from web.http.security_headers import SecurityHeaders
from web.http.static_files import file_routes
from web.i18n import Catalogue, load_catalogue
from web.pages.embed import embed_routes, widget_integrity, widget_script, widget_texts
from web.service_settings import ServiceSettings

FRIEND, STRANGER = "https://intranet.example", "https://evil.example"


def kit(catalogue: Catalogue | None = None) -> FastAPI:
    """The service without Gradio's page."""
    settings = ServiceSettings(origins=(FRIEND,))
    app = FastAPI()
    app.include_router(file_routes())
    app.include_router(
        embed_routes(ServiceContext(AnswerService(FakeAssistant()), settings, catalogue or load_catalogue()))
    )
    add_exception_handlers(app)
    app.add_middleware(AccessMiddleware)
    app.add_middleware(CORSMiddleware, allow_origins=settings.origins)
    app.add_middleware(SecurityHeaders, origins=settings.origins)
    return app


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(kit()) as client:
        yield client


def snippets(client: TestClient, address: str = "/embed/demo") -> list[str]:
    """What the demonstration prints, as a browser copies it."""
    found = re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", client.get(address).text, re.DOTALL)
    return [html.unescape(one) for one in found]


def test_the_script_carries_the_words_of_the_interface(client: TestClient) -> None:
    reply = client.get("/widget.js")
    (written,) = re.findall(r"const BUILT_IN = (.*);\n", reply.text)
    words = json.loads(written)
    assert words == widget_texts(load_catalogue())
    assert (words["lang"], words["ask"], words["band.unrated"]) == ("en", "Ask", "match, not rated")
    assert not [key for key in words if key.startswith("page")]
    assert reply.headers["Content-Type"] == "text/javascript; charset=utf-8"


def test_every_word_the_script_says_is_in_the_catalogue() -> None:
    script, words = widget_script(load_catalogue()), widget_texts(load_catalogue())
    said = set(re.findall(r"texts\.(\w+)", script)) - {"lang"}
    assert said
    assert said <= words.keys()
    unsaid = {key for key in words if "." not in key} - said - {"lang"}
    assert unsaid == set()


def test_the_script_is_in_the_services_language() -> None:
    other = Catalogue("de", {"embed.ask": "Fragen </script> \u2028", "band.weak": "schwach", "page.ask": "?"})
    with TestClient(kit(other)) as client:
        (written,) = re.findall(r"const BUILT_IN = (.*);\n", client.get("/widget.js").text)
    assert json.loads(written) == {"lang": "de", "ask": "Fragen </script> \u2028", "band.weak": "schwach"}
    assert "\u2028" not in written


@pytest.mark.parametrize("origin", [FRIEND, STRANGER])
def test_any_page_may_load_the_script_and_check_it(client: TestClient, origin: str) -> None:
    reply = client.get("/widget.js", headers={"Origin": origin})
    assert reply.headers["Access-Control-Allow-Origin"] in ("*", FRIEND if origin == FRIEND else "*")
    assert "Access-Control-Allow-Credentials" not in reply.headers
    assert reply.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    digest = base64.b64encode(hashlib.sha384(reply.content).digest()).decode()
    assert widget_integrity(load_catalogue()) == f"sha384-{digest}"


def test_a_script_that_was_seen_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/widget.js")
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    for seen in (tag, f"W/{tag}", f'"old", {tag}'):
        again = client.get("/widget.js", headers={"If-None-Match": seen})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    for seen in ("", '"old"', tag.strip('"')):
        assert client.get("/widget.js", headers={"If-None-Match": seen}).status_code == 200


def test_words_of_a_language_are_those_of_its_catalogue(client: TestClient) -> None:
    words = widget_texts(load_catalogue())
    for tag in ("en", "en-GB"):
        assert client.get(f"/widget/{tag}.json").json() == words
    assert (
        client.get("/widget/en.json", headers={"Origin": FRIEND}).headers["Access-Control-Allow-Origin"]
        == FRIEND
    )


@pytest.mark.parametrize("tag", ["xx", "xx-en", "EN", "", "..%2f..%2fsettings", "%00", "en.json%00", "<b>"])
def test_a_language_without_a_catalogue_is_a_problem(client: TestClient, tag: str) -> None:
    reply = client.get(f"/widget/{tag}.json")
    assert reply.status_code == 404
    assert reply.headers["Content-Type"] == "application/problem+json"


def test_an_unknown_language_is_told_those_there_are(client: TestClient) -> None:
    assert client.get("/widget/xx.json").json()["detail"].startswith("no texts in 'xx'; choose one of en")


def test_the_page_for_frames_may_be_framed_by_listed_sites_alone(client: TestClient) -> None:
    policy = client.get("/embed").headers["Content-Security-Policy"]
    assert policy.endswith(f"frame-ancestors 'self' {FRIEND}")
    assert "script-src 'self'; style-src 'self'; connect-src 'self'" in policy
    assert "X-Frame-Options" not in client.get("/embed").headers


@pytest.mark.parametrize("page", ["/embed", "/embed/demo"])
def test_the_pages_load_what_there_is(client: TestClient, page: str) -> None:
    text = client.get(page).text
    loaded = re.findall(r'<(?:script src|link rel="stylesheet" href)="([^"]*)"', text)
    assert len(loaded) > 3
    for address in loaded:
        assert not address.startswith(("/", "http"))
        assert client.get(str(client.base_url.join(page).join(address))).status_code == 200
    assert "<style" not in text
    assert " style=" not in re.sub("<pre.*?</pre>", "", text, flags=re.DOTALL)


def test_nothing_of_an_address_gets_into_the_page_for_frames(client: TestClient) -> None:
    assert client.get('/embed?label="><script>alert(1)</script>').text == client.get("/embed").text


def test_snippets_have_the_address_the_browser_used() -> None:
    for base, root, address in (
        ("http://127.0.0.1:7860", "", "http://127.0.0.1:7860/"),
        ("https://answers.example", "/ask", "https://answers.example/ask/"),
    ):
        with TestClient(kit(), base_url=base, root_path=root) as client:
            element, frame = snippets(client, f"{root}/embed/demo")
        assert element == (
            f'<script src="{address}widget.js" defer\n'
            f'  integrity="{widget_integrity(load_catalogue())}" crossorigin="anonymous"></script>\n'
            "<pull-quote></pull-quote>"
        )
        assert frame.startswith(f'<iframe src="{address}embed" title="Ask the articles" ')


def test_a_hostile_host_stays_text(client: TestClient) -> None:
    page = client.get("/embed/demo", headers={"Host": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in page


def test_the_documentation_shows_what_the_demonstration_prints() -> None:
    shown = [example.rstrip("\n") for example in examples("docs/widget.md", "html")]
    with TestClient(kit(), base_url="https://intranet.example", root_path="/ask") as client:
        element, frame = snippets(client, "/ask/embed/demo")
    checked = re.sub(r'\n  integrity="[^"]*" crossorigin="anonymous"', "", element)
    assert shown == [checked, frame]
