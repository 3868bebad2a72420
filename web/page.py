"""The page for people with a browser, in Gradio; no other file knows of it."""

from __future__ import annotations

import os
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from qa.errors import QuestionError
from web.desk import Desk
from web.errors import Busy
from web.render import example_questions, render_answer, render_error, render_welcome, status_line
from web.site import Site

if TYPE_CHECKING:
    import gradio as gr

PROMISE = "Answers are word-for-word extracts from the articles. Nothing is generated."
# A session holds copies of the components; nothing on this page differs between sessions.
SESSIONS = 100
SYSTEM_FONTS = ("system-ui", "sans-serif")


def mount_page(app: FastAPI, site: Site) -> None:
    """Put the page at `/` of the app; mount it last, as it takes every path that is left."""
    # Read while Gradio is imported: without it the server calls api.gradio.app and huggingface.co.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio

    blocks = _page(site.desk, site.settings.name)
    blocks.state_session_capacity = SESSIONS
    gradio.mount_gradio_app(
        app,
        blocks,
        path="/",
        theme=_theme(),
        css=_file("page.css"),
        footer_links=[],
        run_history=False,  # would keep the questions in the browser's storage
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
    )


async def reply(desk: Desk, question: str) -> tuple[str, str]:
    """The status line and the results for a question; what a person can mend is shown, not raised."""
    try:
        replied = await desk.ask(question)
    except (QuestionError, Busy) as error:
        return "", render_error(str(error))
    return status_line(replied.answer), render_answer(replied.answer, replied.seconds)


def _page(desk: Desk, name: str) -> gr.Blocks:
    import gradio as gr

    examples = example_questions(desk.assistant.generation.articles)
    blocks = gr.Blocks(title=name, analytics_enabled=False)
    with blocks:
        _html(_heading(name))
        with gr.Row(elem_id="ask"):
            question = gr.Textbox(
                label="Question", autofocus=True, max_lines=1, elem_id="question", scale=1, min_width=0
            )
            button = gr.Button("Ask", variant="primary", elem_id="ask-button", scale=0, min_width=0)
        status = _html("", elem_id="status")
        results = _html(render_welcome(examples=bool(examples)), elem_id="results")
        choices = _examples(examples)
        _connect(desk, (question, status, results), asking=[question.submit, button.click], choices=choices)
        _ask_on_load(blocks, desk, (question, status, results))
    return blocks


def _heading(name: str) -> str:
    title = f'<h1><a href="./">{escape(name, quote=True)}</a></h1>'
    return f'<header lang="en">{title}<p>{PROMISE}</p></header>'


def _examples(questions: list[str]) -> list[gr.Button]:
    import gradio as gr

    if not questions:
        return []
    with gr.Column(elem_id="examples"):
        return [gr.Button(question, size="sm") for question in questions]


def _connect(desk: Desk, parts: tuple[Any, Any, Any], *, asking: list[Any], choices: list[gr.Button]) -> None:
    import gradio as gr

    question, status, results = parts

    async def ask(asked: str | None) -> tuple[str, str]:
        return await reply(desk, asked or "")

    async def choose(chosen: str | None) -> tuple[str, str, str]:
        return chosen or "", *await reply(desk, chosen or "")

    before = _file("page.js")
    # Gradio's default drops a question that is sent while another is under way.
    last = {"trigger_mode": "always_last", **_quiet(results)}
    gr.on(asking, ask, [question], [status, results], js=before, **last)
    for choice in choices:
        choice.click(choose, [choice], [question, status, results], js=before, **last)


def _ask_on_load(blocks: gr.Blocks, desk: Desk, parts: tuple[Any, Any, Any]) -> None:
    import gradio as gr

    question, status, results = parts

    async def ask(asked: str | None) -> tuple[Any, Any, Any]:
        if not asked:
            # An empty text here would erase what a person has begun to type.
            return gr.skip(), gr.skip(), gr.skip()
        return asked, *await reply(desk, asked)

    blocks.load(ask, [question], [question, status, results], js=_file("load.js"), **_quiet())


def _quiet(waiting: Any = None) -> dict[str, Any]:
    """What every event of the page has in common. Gradio's queue would only add to the desk's limits."""
    return {
        "queue": False,
        "api_visibility": "private",
        "show_progress": "minimal" if waiting else "hidden",
        "show_progress_on": waiting,
    }


def _html(content: str, **options: Any) -> gr.HTML:
    """HTML as it is, with Gradio's own styles and its click handler left out."""
    import gradio as gr

    return gr.HTML(content, apply_default_css=False, js_on_load=None, **options)


def _theme() -> gr.themes.Base:
    """Gradio's plainest theme without its fonts, in colours whose contrast is at least 4.5 to 1."""
    import gradio as gr

    return gr.themes.Base(font=SYSTEM_FONTS, font_mono=("ui-monospace", "monospace")).set(
        body_background_fill="#faf9f6",
        body_background_fill_dark="#14181d",
        body_text_color="#1c232b",
        body_text_color_dark="#e8eaed",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_label_text_color="#1c232b",
        block_title_text_color="#1c232b",
        block_title_text_color_dark="#e8eaed",
        input_background_fill="#ffffff",
        input_background_fill_dark="#1e242b",
        input_border_color="#75808c",
        input_border_color_dark="#8b96a3",
        input_border_color_focus="#0b5563",
        input_border_color_focus_dark="#8fd3e0",
        input_border_width="1px",
        input_placeholder_color="#5c6670",
        button_primary_background_fill="#0b5563",
        button_primary_background_fill_hover="#083f4a",
        button_primary_background_fill_dark="#8fd3e0",
        button_primary_background_fill_hover_dark="#b5e4ec",
        button_primary_border_color="#0b5563",
        button_primary_border_color_hover="#083f4a",
        button_primary_border_color_dark="#8fd3e0",
        button_primary_border_color_hover_dark="#b5e4ec",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#0d2a30",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_hover="#eef4f5",
        button_secondary_background_fill_dark="#1e242b",
        button_secondary_background_fill_hover_dark="#28303a",
        button_secondary_text_color="#0b5563",
        button_secondary_text_color_dark="#8fd3e0",
    )


def _file(name: str) -> str:
    return resources.files("web").joinpath(name).read_text(encoding="utf-8")
