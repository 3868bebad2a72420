"""Over a hundred attacks in every place where a text of an article, a file, a question or an address is shown.

Three runs in a real browser: as the service is, where each text must come back word for word; with escaping off,
where the policy alone must hold; and with neither, where scripts run, so that the first two can fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from fastapi import FastAPI, Request, Response
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Error, Frame, Page, Route, expect
from playwright.sync_api import TimeoutError as HeldUp

from corpus.article import Article, Dropped
from index.retrieval.filter import NO_FILTER, Filter
from qa.answer import Answer, Citation, Extract
from qa.assistant import DEFAULT_EXTRACTS
from qa.feedback.store import FeedbackStore, Judgement, Verdict
from tests.support.browser_page import running
from tests.support.chromium import needs_chromium
from tests.support.embedding_site import Site, ask, element
from tests.support.fake_assistant import FakeAssistant, abstained, answered, extract
from tests.support.fakes import article
from tests.support.html_text import ADMIN_KEY, basic_credentials
from tests.support.tiers import full, samples
from tests.support.xss_payloads import EVIL, PAYLOADS, REFRESHES
from web.html import Templates, environment
from web.http.security_headers import SecurityHeaders
from web.i18n import load_catalogue
from web.pages.evidence import MAX_CITATIONS
from web.service import build_app
from web.service_settings import ServiceSettings

pytestmark = [pytest.mark.browser, pytest.mark.slow, needs_chromium]

# What a person's mouse and keyboard would set off; the links that are meant to be there are left alone.
POKE = r"""(root) => {
    for (const one of (root ?? document).querySelectorAll("*")) {
        for (const kind of ["mouseover", "pointerenter", "focus"]) one.dispatchEvent(new Event(kind));
        const handled = one.getAttributeNames().some((name) => name.startsWith("on"));
        // From within a link that one would be followed; an SVG's has no `href` but as an attribute.
        const link = one.closest("a[href], a[*|href]");
        const script = link && /^(java|vb|data)/i.test((link.getAttribute("href") ?? "").replace(/\s/g, ""));
        if (script || (handled && !link)) one.dispatchEvent(new MouseEvent("click"));
    }
}"""
# Pages of the service in frames of one of them, as many as there are: what each has by these selectors.
FRAMES = """async ([addresses, selectors]) => {
    const poke = POKE;
    const read = (page, selector) =>
        Array.from(page.querySelectorAll(selector), (one) =>
            one.localName === "input" ? one.value : one.textContent);
    return Promise.all(addresses.map((address) => new Promise((seen) => {
        const frame = document.createElement("iframe");
        frame.onload = () => {
            const page = frame.contentDocument;
            if (page) poke(page);
            seen(page ? selectors.map((selector) => read(page, selector)) : null);
        };
        frame.src = address;
        document.body.append(frame);
    })));
}""".replace("POKE", POKE)
# One question after the other, each when the last one is answered: what the links of each answer say was asked.
QUESTIONS = """async (texts) => {
    const poke = POKE;
    const box = document.querySelector("#question textarea, #question input");
    const results = document.querySelector("#results");
    const asked = [];
    const shown = () => results.querySelector("section.answer")?.dataset.answerId;
    for (const text of texts) {
        const before = shown();
        const answered = new Promise((seen) => {
            const watch = new MutationObserver(() => {
                if (!shown() || shown() === before) return;
                watch.disconnect();
                seen();
            });
            watch.observe(results, { childList: true, subtree: true });
        });
        box.value = text;
        box.dispatchEvent(new Event("input", { bubbles: true }));
        await new Promise((next) => setTimeout(next));
        document.querySelector("#ask-button").click();
        await answered;
        poke(results);
        const link = results.querySelector("a.read");
        asked.push([box.value, link ? new URL(link.href).searchParams.get("q") : ""]);
    }
    return asked;
}""".replace("POKE", POKE)


NAME = "</h1></header><b onmouseover=alert(1)>Answers</b>"


class Evil:
    """Another host: `asked` lists the paths that anybody came for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.address = ""

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.add_api_route("/{path:path}", self._serve, methods=["GET", "POST", "HEAD"])
        return app

    async def _serve(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        return Response(
            "alert(1)", media_type="text/javascript", headers={"Access-Control-Allow-Origin": "*"}
        )

    def put_in(self, payload: str) -> str:
        """A payload that leads here."""
        return payload.replace(EVIL, self.address.rstrip("/"))


@dataclass
class Witness:
    """What a page did: scripts that ran, pages it went to, and what the browser stopped or complained of."""

    ran: list[str] = field(default_factory=list)
    went: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page, home: str) -> None:
        page.on("dialog", self._dialog)
        page.on("console", self._console)
        page.on("pageerror", self._error)

        def navigated(frame: Frame) -> None:
            if not frame.url.startswith((home, "about:", "chrome-error:", "data:text/html")):
                self.went.append(frame.url)

        page.on("framenavigated", navigated)
        page.on("popup", lambda opened: self.went.append(opened.url))

    def _dialog(self, dialog: Dialog) -> None:
        self.ran.append(dialog.message)
        dialog.dismiss()

    def _console(self, said: ConsoleMessage) -> None:
        # A page that is not there is told with its status, and said to be so.
        if said.type == "error" and "status of 404" not in said.text:
            self.complaints.append(said.text)

    def _error(self, error: Error) -> None:
        self.complaints.append(str(error))


class Attacked(FakeAssistant):
    """Gives every extract to "all", and to any other question the one whose number it has, or the first."""

    extracts: tuple[Extract, ...]

    def ask(self, question: str, k: int = DEFAULT_EXTRACTS, filters: Filter = NO_FILTER) -> Answer:
        number = int(question) if question.isascii() and question.isdecimal() else 0
        chosen = self.extracts if question == "all" else (self.extracts[number],)
        self.answer = replace(answered(*chosen), expansions=(self.extracts[number].answer_text,))
        return super().ask(question, k, filters)


@dataclass
class Stage:
    """The service full of attacks, the host they lead to, and what they are."""

    address: str
    evil: Evil
    texts: tuple[str, ...]
    friend: Site

    @contextmanager
    def page(self, browser: Browser, **options: Any) -> Iterator[tuple[Page, Witness]]:
        """A page that is watched; whatever came to the other host is forgotten before."""
        self.evil.asked.clear()
        witness = Witness()
        with browser.new_context(**options) as context:
            page = context.new_page()
            witness.watch(page, self.address)
            yield page, witness

    @contextmanager
    def quiet_page(self, browser: Browser, **options: Any) -> Iterator[Page]:
        """The same, and at the end nothing must have happened; not even something to be stopped."""
        with self.page(browser, **options) as (page, witness):
            yield page
            page.evaluate(POKE)
        assert (witness.ran, witness.went, witness.complaints, self.evil.asked) == ([], [], [], [])


def told_by(number: int, text: str, evil: Evil) -> Article:
    """An article that says an attack in its text and in every fact."""
    metadata = {f"original_{fact}": text for fact in ("title", "author", "publisher", "published")}
    plain = article(f"a{number}", f"Before it. {text} After it.")
    return replace(
        plain,
        title=text,
        source=text,
        author=text,
        publisher=f"{text}!",
        published=text,
        url=f"{evil.address}?{text}",
        dropped=(Dropped(text, text),),
        metadata=metadata | {"questions": text},
    )


def assistant_of(texts: tuple[str, ...], evil: Evil) -> Attacked:
    articles = [told_by(number, text, evil) for number, text in enumerate(texts)]
    extracts = tuple(
        replace(
            extract(one, text, rank=number + 1, matched=(text.casefold(),), shown=text),
            context=(0, len(one.text)),
            also_in=(Citation(articles[number - 1], 0, 5),),
        )
        for number, (one, text) in enumerate(zip(articles, texts, strict=True))
    )
    assistant = Attacked(answered(*extracts), *articles)
    assistant.extracts = extracts
    return assistant


@contextmanager
def staged(folder: Path, payloads: tuple[str, ...] = PAYLOADS, *, autoescape: bool = True) -> Iterator[Stage]:
    """All of it, served from threads of this process."""
    evil, friend = Evil(), Site()
    with ExitStack() as stack:
        evil.address = stack.enter_context(running(evil.app()))
        friend.origin = stack.enter_context(running(friend.app())).rstrip("/")
        texts = tuple(map(evil.put_in, payloads))
        store = stack.enter_context(closing(FeedbackStore(folder / "feedback.sqlite", keep_questions=True)))
        for number, text in enumerate(texts):
            store.record(
                f"q{number}", answered(extract(told_by(number, text, evil), text), question=text), 0.1
            )
            store.judge(Judgement(f"q{number}", Verdict.USEFUL, f"a{number}", 0, 5, text))
            store.record(f"n{number}", abstained(question=f"{text}?"), 0.1)
        settings = ServiceSettings(
            name=NAME, admin_key=ADMIN_KEY, question_log=True, cache=0, origins=(friend.origin,)
        )
        templates = Templates(load_catalogue(), environment(autoescape=autoescape))
        service = build_app(assistant_of(texts, evil), settings, templates=templates, feedback=store)
        yield Stage(stack.enter_context(running(service)), evil, texts, friend)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("kept")) as stage:
        yield stage


def texts_of(page: Page, selector: str) -> list[str]:
    """The text of every such element, each as the document holds it."""
    found = page.eval_on_selector_all(selector, "all => all.map(one => one.textContent)")
    assert isinstance(found, list)
    return found


def framed(page: Page, stage: Stage, paths: list[str], *selectors: str) -> list[list[list[str]]]:
    """For each path, for each selector: the texts of its elements."""
    page.goto(f"{stage.address}articles/none")
    found = page.evaluate(FRAMES, [[stage.address + path for path in paths], selectors])
    assert isinstance(found, list)
    return found


def test_there_are_over_a_hundred_attacks() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) > 100


@full
def test_the_page_shows_every_article_word_for_word(browser: Browser, stage: Stage) -> None:
    with stage.quiet_page(browser) as page:
        # Facets show their commonest values, and those that are chosen, fifty of each.
        authors = [("author", text) for text in stage.texts[:50]]
        publishers = [("publisher", f"{text}!") for text in stage.texts[50:100]]
        articles = [("article", f"a{number}") for number in range(100, len(stage.texts))]
        page.goto(f"{stage.address}?" + urlencode([("q", "all"), *authors, *publishers, *articles]))
        expect(page.locator("#results ol.extracts > li")).to_have_count(len(stage.texts), timeout=60_000)
        quoted = texts_of(page, "#results li article > blockquote")
        assert quoted == list(stage.texts)
        assert texts_of(page, "#results li article > blockquote mark") == quoted
        assert texts_of(page, "#results .context blockquote") == [
            f"Before it. {text} After it." for text in stage.texts
        ]
        cited = texts_of(page, "#results li > article > .citation")
        reported = texts_of(page, "#results li > article > .aside:nth-of-type(3)")
        assert len(cited) == len(stage.texts)
        for text, line, aside in zip(stage.texts, cited, reported, strict=True):
            assert line.startswith(f"{text}, {text}, {text}!, ")
            assert line.endswith(f", {text}")
            assert aside == f"Reports: {text}, {text}, {text}, {text}"
        assert texts_of(page, "h1") == [NAME]
        assert texts_of(page, "#results .also b") == [stage.texts[0]]
        facets = "\n".join(texts_of(page, "#filters label"))
        assert all(text in facets for text in stage.texts)
        copied = page.eval_on_selector_all("#results [data-copy]", "all => all.map(one => one.dataset.copy)")
        assert all(copied[3 * number].startswith(f"“{text}”") for number, text in enumerate(stage.texts))
        links = page.eval_on_selector_all("#results a.source", "all => all.map(one => one.href)")
        assert len(links) > 100
        assert all(link.startswith(f"{stage.evil.address}?") for link in links)


@samples("step", 12, 8, 1)
def test_the_page_shows_every_question_word_for_word(browser: Browser, stage: Stage, step: int) -> None:
    texts = stage.texts[::step]
    with stage.quiet_page(browser) as page:
        page.goto(f"{stage.address}?q={quote(stage.texts[0])}")
        expect(page.get_by_label("Question")).to_have_value(stage.texts[0], timeout=60_000)
        expect(page.locator("#results ol.extracts > li")).to_have_count(1)
        asked = page.evaluate(QUESTIONS, list(texts))
        assert asked == [[text, " ".join(text.split())] for text in texts]
        assert page.evaluate("new URL(location.href).searchParams.get('q')") == texts[-1]
        examples = [" ".join(one.split()) for one in texts_of(page, "#examples button")]
        assert examples == [" ".join(text.split()) for text in stage.texts[:5]]


@full
def test_the_reader_shows_articles_facts_and_questions_word_for_word(browser: Browser, stage: Stage) -> None:
    paths = [f"articles/a{n}?c=11-{11 + len(text)}&q={quote(text)}" for n, text in enumerate(stage.texts)]
    selectors = ("main > article > p", "mark", "title", "main > section td", "details td", ".others > .quiet")
    with stage.quiet_page(browser) as page:
        shown = framed(page, stage, paths, *selectors)
    for number, (text, (whole, marked, title, facts, dropped, asked)) in enumerate(
        zip(stage.texts, shown, strict=True)
    ):
        assert (whole, marked[0], title) == ([f"Before it. {text} After it."], text, [text])
        assert (facts[:5], dropped) == ([text, text, f"{text}!", text, text], [text, text])
        assert asked == [f"Question: {text}"] * (number != 0)


@full
def test_lists_and_errors_show_addresses_word_for_word(browser: Browser, stage: Stage) -> None:
    lists = [f"articles?{urlencode({'title': text, 'page': text})}" for text in stage.texts]
    gone = [f"articles/{quote(text, safe='')}" for text in stage.texts]
    with stage.quiet_page(browser) as page:
        listed = framed(page, stage, lists, "input[name=title]", "ol.articles li")
        told = framed(page, stage, gone, "main p")
        pages = framed(page, stage, ["articles", "articles?page=2"], "ol.articles li")
    for text, ([title], found) in zip(stage.texts, listed, strict=True):
        assert title == text
        assert any(text in line for line in found)
    assert [len(found) for (found,) in pages] == [100, len(stage.texts) - 100]
    # An address with a slash in it is no article's; what answers then is JSON.
    plain = [(text, line) for text, (lines,) in zip(stage.texts, told, strict=True) for line in lines]
    assert len(plain) > 30
    assert all(line.endswith(f"The link named it {text}.") for text, line in plain)


@full
def test_the_evidence_page_shows_quotations_and_faults_word_for_word(browser: Browser, stage: Stage) -> None:
    shown, told = [], []
    with stage.quiet_page(browser) as page:
        for first in range(0, len(stage.texts), MAX_CITATIONS):
            some = list(enumerate(stage.texts))[first : first + MAX_CITATIONS]
            page.goto(
                f"{stage.address}evidence?"
                + urlencode([("c", f"a{number}:11-{11 + len(text)}") for number, text in some])
            )
            shown += texts_of(page, "li > blockquote")
            assert len(texts_of(page, "textarea")) == 3 * len(some)
            page.evaluate(POKE)
            page.goto(f"{stage.address}evidence?" + urlencode([("c", text) for _, text in some]))
            told += texts_of(page, ".alarm")
    assert shown == list(stage.texts)
    assert [line[1:].split("” is not a citation")[0] for line in told] == [text[:100] for text in stage.texts]


@full
def test_the_admin_page_shows_what_people_wrote_word_for_word(browser: Browser, stage: Stage) -> None:
    with stage.quiet_page(browser, extra_http_headers=basic_credentials(ADMIN_KEY)) as page:
        page.goto(f"{stage.address}admin")
        shown = texts_of(page, "td.text")
        assert sum(text in shown for text in stage.texts) >= 50
        assert sum(f"{text}?" in shown for text in stage.texts) >= 40


@full
def test_the_element_shows_extracts_failures_and_attributes_word_for_word(
    browser: Browser, stage: Stage
) -> None:
    said = iter(stage.texts)

    def fail(route: Route) -> None:
        route.fulfill(
            status=422, json={"detail": f"x{next(said)}"}, headers={"Access-Control-Allow-Origin": "*"}
        )

    world: Any = stage
    world.service = stage.address
    stage.friend.body = element(world)
    stage.friend.policy = (
        f"default-src 'none'; script-src {stage.address}widget.js; connect-src {stage.address}; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    stage.evil.asked.clear()
    witness = Witness()
    with browser.new_context() as context:
        page = context.new_page()
        witness.watch(page, stage.friend.origin)
        page.goto(f"{stage.friend.origin}/")
        ask(page, "all")
        expect(page.locator("pull-quote li")).to_have_count(len(stage.texts), timeout=60_000)
        assert page.locator("pull-quote blockquote").evaluate_all("a => a.map(o => o.textContent)") == list(
            stage.texts
        )
        cited = page.locator("pull-quote .citation").evaluate_all("a => a.map(o => o.textContent)")
        assert cited == [f"{text}, {text}, {text}!, {text}" for text in stage.texts]
        labels = page.evaluate(
            """texts => texts.map((text) => {
                const one = document.querySelector("pull-quote");
                for (const name of ["label", "placeholder", "theme", "authors"]) one.setAttribute(name, text);
                const [label, input] = ["label", "input"].map((name) => one.shadowRoot.querySelector(name));
                return [label.textContent, input.placeholder];
            })""",
            list(stage.texts),
        )
        assert labels == [[text, text] for text in stage.texts]
        page.route("**/api/ask", fail)
        for text in stage.texts:
            page.locator("pull-quote input").press("Enter")
            expect(page.locator("pull-quote [role=status]")).to_have_text(f"X{text}.")
    complaints = [one for one in witness.complaints if "status of 422" not in one]
    assert (witness.ran, witness.went, complaints, stage.evil.asked) == ([], [], [], [])


@pytest.mark.parametrize("step", [pytest.param(8, marks=full), pytest.param(1, marks=pytest.mark.torture)])
def test_the_page_for_frames_shows_its_address_word_for_word(
    browser: Browser, stage: Stage, step: int
) -> None:
    names = ("label", "placeholder", "theme", "endpoint", "onload")
    texts = stage.texts[::step]
    paths = [f"embed?{urlencode(dict.fromkeys(names, text))}" for text in texts]
    with stage.quiet_page(browser) as page:
        framed(page, stage, paths, "pull-quote")
        labels = "one => [one.shadowRoot.querySelector('label').textContent, one.getAttributeNames().join()]"
        frames = [frame for frame in page.frames if "/embed?" in frame.url]
        shown = [frame.eval_on_selector("pull-quote", labels) for frame in frames]
    assert sorted(shown) == sorted([text, "label,placeholder,theme"] for text in texts)


# Three pages of the service and Gradio's; a policy cannot keep a page from being left by a refresh.
# The last one takes the place of what the test looks for.
UNESCAPED = tuple(payload for payload in PAYLOADS[:-1] if payload not in REFRESHES)
# Gradio tells who writes a page that scripts in it do not run.
told_of_scripts = pytest.mark.filterwarnings("ignore:A `<script>` tag was found:UserWarning")
PATHS = (
    "articles/a{number}",
    "evidence?c=a{number}:11-{end}",
    "articles?title={text}",
    "articles/{text}",
)


def look_everywhere(page: Page, stage: Stage) -> None:
    """Every attack in an answer on the page and in each of the service's own pages, each in one of its own."""
    page.goto(f"{stage.address}?q=0")
    expect(page.locator("#results section.answer").first).to_be_attached(timeout=60_000)
    page.evaluate(QUESTIONS, [str(number) for number in range(len(stage.texts))])
    for path in PATHS:
        filled = [
            path.format(number=number, text=quote(text, safe=""), end=11 + len(text))
            for number, text in enumerate(stage.texts)
        ]
        framed(page, stage, filled)


@told_of_scripts
@pytest.mark.parametrize("step", [pytest.param(6, marks=full), pytest.param(1, marks=pytest.mark.torture)])
def test_the_policy_alone_holds_when_nothing_is_escaped(browser: Browser, tmp_path: Path, step: int) -> None:
    attacks = UNESCAPED[::step]
    with (
        staged(tmp_path, attacks, autoescape=False) as stage,
        stage.page(browser) as (page, seen),
    ):
        look_everywhere(page, stage)
    stopped = [one for one in seen.complaints if "Content Security Policy" in one]
    print(f"\n{len(attacks)} attacks unescaped: {len(stopped)} times stopped by the policy")
    assert len(stopped) > len(attacks)
    assert (seen.ran, seen.went, stage.evil.asked) == ([], [], [])


@full
@told_of_scripts
def test_without_escaping_and_policy_scripts_run_and_others_are_asked(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A base would send the page's own requests to the other host, and nothing would come after it.
    few = tuple(payload for payload in UNESCAPED[::12] if "<base" not in payload)
    monkeypatch.setattr(SecurityHeaders, "_headers", lambda self, policy: {})
    with (
        staged(tmp_path, few, autoescape=False) as stage,
        stage.page(browser) as (page, seen),
        suppress(HeldUp),  # by an attack that opens a window of its own: what ran until then is told
    ):
        look_everywhere(page, stage)
    print(f"\n{len(few)} attacks, no policy: {len(seen.ran)} ran, {len(stage.evil.asked)} requests")
    assert len(seen.ran) > 5
    assert len(stage.evil.asked) > 3
