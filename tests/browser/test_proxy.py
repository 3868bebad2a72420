"""The whole service under a path of a real nginx, with the lines of docs/deployment.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from qa.errors import WrongSetting
from tests.support.browser_page import open_page
from tests.support.chromium import needs_chromium
from tests.support.documentation import examples
from tests.support.proxied_service import needs_nginx, proxied, serving
from web.access.credentials import FILE, add
from web.i18n import load_catalogue
from web.pages.embed import widget_integrity, widget_script
from web.service_settings import Access, ServiceSettings

QUESTION = "What cost more?"


def documented_location() -> str:
    """The location block for nginx in docs/deployment.md."""
    (lines,) = examples("docs/deployment.md", "nginx")
    return lines


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a browser finds the service: a path of the proxy."""
    lines = documented_location()
    assert "127.0.0.1:7860" in lines
    with (
        serving(ServiceSettings(root_path="/ask")) as port,
        proxied(tmp_path_factory.mktemp("nginx"), lines.replace("7860", str(port))) as proxy,
    ):
        yield f"{proxy}/ask/"


@needs_nginx
def test_the_api_answers_under_the_path(address: str) -> None:
    assert httpx2.get(f"{address}health").json()["status"] == "ready"
    record = httpx2.post(f"{address}api/ask", json={"question": QUESTION}).json()
    assert record["extracts"][0]["answer"]["text"] == "Dredging cost more."
    assert httpx2.get(f"{address}openapi.json").json()["servers"] == [{"url": "/ask"}]


@needs_nginx
def test_what_is_closed_stays_closed_under_the_path(address: str) -> None:
    for path in ("config", "gradio_api/upload", "ask/health", "..%2fgradio_api/upload", "static/../config"):
        assert httpx2.get(f"{address}{path}").status_code == 404, path


@needs_nginx
def test_the_script_is_the_one_whose_hash_is_printed(address: str) -> None:
    reply = httpx2.get(f"{address}widget.js")
    assert reply.text == widget_script(load_catalogue())
    page = httpx2.get(f"{address}embed/demo").text
    assert f"{address}widget.js&#34; defer" in page
    assert f"src=&#34;{address}embed&#34;" in page
    assert widget_integrity(load_catalogue()) in page


@needs_nginx
def test_a_scheme_is_taken_from_the_proxy_on_this_machine(address: str, tmp_path: Path) -> None:
    lines = documented_location().replace("$scheme", "https")
    with (
        serving(ServiceSettings(root_path="/ask")) as port,
        proxied(tmp_path, lines.replace("7860", str(port))) as proxy,
    ):
        page = httpx2.get(f"{proxy}/ask/embed/demo").text
    assert f"src=&#34;{proxy.replace('http:', 'https:')}/ask/embed&#34;" in page


@needs_nginx
def test_only_whom_the_proxy_names_is_let_in(tmp_path: Path) -> None:
    """nginx comes from an address of its own, and what a client says of itself is no name."""
    lines = documented_location().replace(
        "proxy_set_header Host",
        "proxy_bind 127.0.0.2;\n    proxy_set_header X-Forwarded-User $arg_as;\n    proxy_set_header Host",
    )
    settings = ServiceSettings(root_path="/ask", access=Access.PROXY, proxy_addresses=("127.0.0.2",))
    forged = {"X-Forwarded-User": "root", "X-Forwarded-For": "127.0.0.2"}
    with serving(settings) as port, proxied(tmp_path, lines.replace("7860", str(port))) as proxy:
        assert httpx2.get(f"{proxy}/ask/articles?as=ada").status_code == 200
        assert httpx2.get(f"{proxy}/ask/articles?as=ada", headers=forged).status_code == 200
        assert httpx2.get(f"{proxy}/ask/articles", headers=forged).status_code == 401
        past = httpx2.get(f"http://127.0.0.1:{port}/articles", headers=forged)
        assert (past.status_code, past.json()["detail"]) == (
            403,
            "this service is reached through its proxy alone",
        )
        assert httpx2.get(f"http://127.0.0.1:{port}/health").status_code == 200


@needs_nginx
def test_people_log_in_under_the_path(tmp_path: Path) -> None:
    add(tmp_path / FILE, "staff", "correct horse battery")
    settings = ServiceSettings(data=tmp_path, root_path="/ask", access=Access.PASSWORD)
    lines = documented_location().replace("$scheme", "https")
    with (
        serving(settings) as port,
        proxied(tmp_path, lines.replace("7860", str(port))) as proxy,
        httpx2.Client(base_url=proxy, headers={"Accept": "text/html"}) as client,
    ):
        led = client.get("/ask/articles/harbour?q=a")
        assert led.headers["Location"] == "/ask/login?next=%2Farticles%2Fharbour%3Fq%3Da"
        form = {"password": "correct horse battery", "next": "/articles/harbour?q=a"}
        entered = client.post("/ask/login", data=form, headers={"Origin": proxy})
        assert (entered.status_code, entered.headers["Location"]) == (303, "/ask/articles/harbour?q=a")
        assert entered.headers["Set-Cookie"].endswith("; Path=/ask; SameSite=lax; Secure")
        cookie = entered.headers["Set-Cookie"].split(";")[0]
        assert client.get("/ask/articles/harbour", headers={"Cookie": cookie}).status_code == 200
        assert (
            client.post("/ask/login", data=form, headers={"Origin": "https://evil.example"}).status_code
            == 403
        )


@needs_nginx
def test_a_name_that_is_not_listed_is_refused(address: str) -> None:
    for name, status in (("evil.example", 400), ("localhost", 200)):
        assert httpx2.get(f"{address}health", headers={"Host": name}).status_code == status


@needs_nginx
@needs_chromium
@pytest.mark.browser
def test_the_page_answers_under_the_path(browser: Browser, address: str) -> None:
    with open_page(browser, address) as page:
        page.get_by_label("Question").fill(QUESTION)
        page.keyboard.press("Enter")
        expect(page.locator("#results mark")).to_have_text("Dredging cost more.")
        page.reload()
        expect(page.locator("#results mark")).to_have_text("Dredging cost more.")
        assert page.url.startswith(f"{address}?q=")


@needs_nginx
@needs_chromium
@pytest.mark.browser
def test_element_and_frame_answer_under_the_path(browser: Browser, address: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda sent: asked.append(sent.url))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(f"{address}embed/demo")
        for place in (
            page.locator("main > pull-quote"),
            page.frame_locator("iframe").locator("pull-quote"),
        ):
            place.get_by_label("Question").fill(QUESTION)
            place.get_by_role("button").click()
            expect(place.locator("mark")).to_have_text("Dredging cost more.")
            link = place.get_by_role("link").get_attribute("href")
            assert link == f"{address}articles/harbour?c=20-39#c=20-39"
        assert [url for url in asked if not url.startswith(address)] == []
        assert complaints == []


@needs_nginx
@needs_chromium
@pytest.mark.browser
def test_a_snippet_is_copied_as_it_stands(browser: Browser, address: str) -> None:
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        page.goto(f"{address}embed/demo")
        page.get_by_role("button", name="Copy").first.click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.locator("pre").first.text_content()
        assert copied.startswith(f'<script src="{address}widget.js" defer\n')


@pytest.mark.parametrize(
    ("written", "path"),
    [("", ""), ("/", ""), ("/ask", "/ask"), ("/ask/", "/ask"), ("/a-b/c.d_~", "/a-b/c.d_~")],
)
def test_a_root_path_is_read_without_its_last_slash(written: str, path: str) -> None:
    assert ServiceSettings.from_environment({"QA_ROOT_PATH": written}).root_path == path


@pytest.mark.parametrize(
    "written",
    [
        "ask",
        "https://a.example/ask",
        "/a b",
        "/a//b",
        "//evil.example",
        "/..",
        "/a/../b",
        "/a?b",
        "/é",
        "/a\n",
    ],
)
def test_a_root_path_that_is_no_path_is_refused(written: str) -> None:
    with pytest.raises(WrongSetting, match=r"^QA_ROOT_PATH is '"):
        ServiceSettings.from_environment({"QA_ROOT_PATH": written})
