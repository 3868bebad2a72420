"""The page for people with a browser, in Gradio; no other file imports it.

What is shown follows from one `PageState`, which `page.js` keeps in the address and sends as JSON. Filters
and results are plain HTML: Gradio's own lists cannot be used with a screen reader.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from index.retrieval.facets import Facet, Value, count_facets
from qa.assistant import Assistant
from qa.errors import QuestionError
from web.access.middleware import replay
from web.context import ServiceContext
from web.errors import AnsweringFailed, StoreUnavailable, TooManyQuestions
from web.html import Templates
from web.http.problems import problem_response
from web.http.routes import PAGE_EVENTS, local_path
from web.http.static_files import web_file
from web.pages.answer import example_questions, render_error, render_reply, render_welcome, status_line
from web.pages.page_state import NAMES, PageState, Sort, read_view
from web.service_settings import Access

if TYPE_CHECKING:
    import gradio as gr

# A session holds copies of the components; nothing on this page differs between sessions.
SESSIONS = 100
# Gradio deletes cached files after a day; no event of this page makes one.
CACHED = 86_400  # seconds
SYSTEM_FONTS = ("system-ui", "sans-serif")
# Articles that may suggest example questions: reading a million for five examples would delay the start.
_EXAMPLES_FROM = 500
# Numbers of extracts to choose from.
_EXTRACT_NUMBERS = (5, 10, 20)
# By the theme's variable: in light and in dark mode.
_COLOURS = {
    "body_background_fill": ("#faf9f6", "#14181d"),
    "body_text_color": ("#1c232b", "#e8eaed"),
    "block_background_fill": ("transparent", "transparent"),
    "block_title_text_color": ("#1c232b", "#e8eaed"),
    "input_background_fill": ("#ffffff", "#1e242b"),
    "input_border_color": ("#75808c", "#8b96a3"),
    "input_border_color_focus": ("#0b5563", "#8fd3e0"),
    "button_primary_background_fill": ("#0b5563", "#8fd3e0"),
    "button_primary_background_fill_hover": ("#083f4a", "#b5e4ec"),
    "button_primary_border_color": ("#0b5563", "#8fd3e0"),
    "button_primary_border_color_hover": ("#083f4a", "#b5e4ec"),
    "button_primary_text_color": ("#ffffff", "#0d2a30"),
    "button_secondary_background_fill": ("#ffffff", "#1e242b"),
    "button_secondary_background_fill_hover": ("#eef4f5", "#28303a"),
    "button_secondary_text_color": ("#0b5563", "#8fd3e0"),
}
_HOST_CLAIMS = (b"x-forwarded-host", b"x-forwarded-proto", b"x-gradio-server")
# Question, status line, results and filters.
Outputs = tuple[Any, Any, Any, Any]


def mount_page(app: FastAPI, site: ServiceContext) -> None:
    """Put the page at `/` of the app; mount it last, as it takes every remaining path."""
    # Gradio reads it when imported; without it the server calls api.gradio.app and huggingface.co.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio

    blocks = _page(site)
    blocks.state_session_capacity = SESSIONS
    gradio.mount_gradio_app(
        app,
        blocks,
        path="/",
        theme=_theme(),
        css=web_file("page.css"),
        footer_links=[],
        run_history=False,  # it stores questions in the browser
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
        app_kwargs={"middleware": [Middleware(EventCheck, blocks)]},
    )


class EventCheck:
    """ASGI middleware before Gradio that answers 422 to anything but an event of the page with one text.

    Gradio fails on an event that it does not have, fetches a file reference among the inputs, and believes
    anybody's `X-Forwarded-Host`; the `Host` header has been checked.
    """

    def __init__(self, app: ASGIApp, blocks: gr.Blocks) -> None:
        self._app = app
        self._blocks = blocks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if scope["type"] == "http":
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in _HOST_CLAIMS]
        if scope["type"] == "http" and local_path(scope) == PAGE_EVENTS:
            body = await Request(scope, receive).body()
            if not _is_event(body, self._blocks.fns):
                response = problem_response(422, "the page has no such event: reload it")
                return await response(scope, receive, send)
            receive = replay(body, receive)
        await self._app(scope, receive, send)


def _is_event(body: bytes, events: Container[int]) -> bool:
    try:
        event = json.loads(body)
        (text,) = event["data"]
        return isinstance(text, str | None) and event["fn_index"] in events
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


async def reply(site: ServiceContext, view: PageState) -> tuple[str, str, str]:
    """Status line, results and filters of a view; an error that a person can act on is shown, not raised."""
    assistant, templates, status = site.answers.assistant, site.templates, ""
    try:
        response = await site.answers.ask(view.question, view.k, view.where, assistant=assistant)
    except (QuestionError, StoreUnavailable, TooManyQuestions, AnsweringFailed) as error:
        results = render_error(error, templates)
    else:
        private = site.settings.private_questions
        # In a thread, as are the filters: text fragments and long lists take time.
        results = await asyncio.to_thread(render_reply, response, view, templates, private=private)
        status = status_line(response.answer, site.catalogue)
    return status, results, await asyncio.to_thread(_filters, site, view, assistant)


def _filters(site: ServiceContext, view: PageState, assistant: Assistant) -> str:
    return render_filters(count_facets(assistant.generation.facets, view.where), view, site.templates)


def render_filters(values: Mapping[Facet, Sequence[Value]], view: PageState, templates: Templates) -> str:
    """The form, folded unless it was open; its heading counts the filters that are set."""
    return templates.render(
        "fragments/filters.html",
        facets={name: values[facet] for facet, name in NAMES.items() if values[facet]},
        chosen=sum(value.chosen for facet in values.values() for value in facet),
        open=view.filters_open,
        orders=tuple(Sort),
        sort=view.sort,
        numbers=sorted({*_EXTRACT_NUMBERS, view.k}),
        k=view.k,
    )


def _page(site: ServiceContext) -> gr.Blocks:
    import gradio as gr

    t, assistant = site.catalogue, site.answers.assistant
    examples = _example_questions(assistant)
    blocks = gr.Blocks(title=site.settings.name, analytics_enabled=False, delete_cache=(CACHED, CACHED))
    with blocks:
        heading = site.templates.render(
            "fragments/heading.html",
            service=site.settings.name,
            private=site.settings.private_questions,
            logout=site.settings.access is Access.PASSWORD,
            evidence=t.section("page.evidence"),
        )
        _html(heading)
        with gr.Row(elem_id="ask"):
            question = gr.Textbox(
                label=t("page.question"),
                autofocus=True,
                max_lines=1,
                elem_id="question",
                # Without it a browser saves the question in the file that restores its tabs.
                html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
                scale=1,
                min_width=0,
            )
            button = gr.Button(t("page.ask"), variant="primary", elem_id="ask-button", scale=0, min_width=0)
        # Shown from the first paint: a later form would move the page, and the Tab key would skip it.
        filters = _html(_filters(site, PageState(), assistant), elem_id="filters")
        status = _html("", elem_id="status")
        results = _html(render_welcome(site.templates, examples=bool(examples)), elem_id="results")
        outputs = (question, status, results, filters)
        choices = []
        if examples:
            with gr.Column(elem_id="examples"):
                choices = [gr.Button(example, size="sm") for example in examples]
        _connect(site, outputs, triggers=[question.submit, button.click], choices=choices)
        _restore(blocks, site, outputs)

    def update(assistant: Assistant) -> None:
        """Put filters and examples of a new generation into the page served from then on."""
        filters.value = _filters(site, PageState(), assistant)
        examples = [*_example_questions(assistant), *[""] * len(choices)]
        for choice, example in zip(choices, examples, strict=False):
            choice.value, choice.visible = example, bool(example)
        blocks.config = blocks.get_config_file()

    if site.watcher:
        site.watcher.on_reload.append(update)
    return blocks


def _example_questions(assistant: Assistant) -> list[str]:
    articles = assistant.generation.articles[:_EXAMPLES_FROM]
    return example_questions(articles, lambda question: not assistant.ask(question).abstained)


def _connect(
    site: ServiceContext, outputs: Outputs, *, triggers: list[Any], choices: list[gr.Button]
) -> None:
    """Asking leaves the text box alone, as a person may be typing on; a chosen example fills it."""
    import gradio as gr

    question, status, results, filters = outputs

    async def ask(state: str | None) -> tuple[str, str, str]:
        return await reply(site, read_view(state or ""))

    async def choose(state: str | None) -> tuple[str, str, str, str]:
        view = read_view(state or "")
        return view.question, *await reply(site, view)

    # Gradio's default drops a question that is sent while another is being answered.
    options = {"trigger_mode": "always_last", **_event_options(results)}
    refresh = gr.Button("", visible="hidden", elem_id="again")
    gr.on(
        [*triggers, refresh.click], ask, [question], [status, results, filters], js=_script("ask"), **options
    )
    for choice in choices:
        choice.click(choose, [choice], list(outputs), js=_script("choose"), **options)


def _restore(blocks: gr.Blocks, site: ServiceContext, outputs: Outputs) -> None:
    """Show what the address says when the page opens and when a person goes back or forward."""
    import gradio as gr

    async def restore(state: str | None) -> tuple[Any, ...]:
        view = read_view(state or "")
        if view.question:
            return view.question, *await reply(site, view)
        filters = await asyncio.to_thread(_filters, site, view, site.answers.assistant)
        # An empty text would erase what a person has begun to type.
        return gr.skip(), gr.skip(), gr.skip(), filters

    question, _, results, _ = outputs
    blocks.load(restore, [question], list(outputs), js=web_file("page.js"), **_event_options())
    back = gr.Button("", visible="hidden", elem_id="back")
    back.click(restore, [question], list(outputs), js=_script("restore"), **_event_options(results))


def _script(step: str) -> str:
    """JavaScript before an event: a function of `page.js`, called with the event's input."""
    return f"(value) => [window.pullquote.{step}(value)]"


def _event_options(progress: Any = None) -> dict[str, Any]:
    """Options of every event. Gradio's queue is off: the answer service has limits of its own."""
    return {
        "queue": False,
        "api_visibility": "private",
        "show_progress": "minimal" if progress else "hidden",
        "show_progress_on": progress,
    }


def _html(content: str, **options: Any) -> gr.HTML:
    """HTML as it is, without Gradio's styles and click handler."""
    import gradio as gr

    return gr.HTML(content, apply_default_css=False, js_on_load=None, **options)


def _theme() -> gr.themes.Base:
    """Gradio's plainest theme with system fonts and colours of a contrast of at least 4.5 to 1."""
    import gradio as gr

    light = {name: colours[0] for name, colours in _COLOURS.items()}
    dark = {f"{name}_dark": colours[1] for name, colours in _COLOURS.items()}
    return gr.themes.Base(font=SYSTEM_FONTS, font_mono=("ui-monospace", "monospace")).set(
        block_border_width="0px",
        block_label_text_color="#1c232b",
        input_border_width="1px",
        input_placeholder_color="#5c6670",
        **light,
        **dark,
    )
