"""The page for people with a browser, in Gradio; no other file knows of it.

What is shown follows from one `PageState`, which the script on the page (`page.js`) keeps in the address and sends
as JSON. Filters and results are plain HTML: Gradio's own lists cannot be used with a screen reader.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from index.retrieval.facets import count_facets
from qa.assistant import Assistant
from qa.errors import QuestionError
from web.context import ServiceContext
from web.errors import AnsweringFailed, StoreUnavailable, TooManyQuestions
from web.html import escaped, web_file
from web.i18n import Catalogue
from web.pages.answer import example_questions, render_error, render_reply, render_welcome, status_line
from web.pages.filter_form import render_filters
from web.pages.page_state import PageState, read_view
from web.settings import Access

if TYPE_CHECKING:
    import gradio as gr

# A session holds copies of the components; nothing on this page differs between sessions.
SESSIONS = 100
# No event brings a file; should one ever be left, it goes after a day.
CACHED = 86_400  # seconds
SYSTEM_FONTS = ("system-ui", "sans-serif")
# Articles that may suggest the questions on the page; a million would all be read for five.
_EXAMPLES_FROM = 500


def mount_page(app: FastAPI, site: ServiceContext) -> None:
    """Put the page at `/` of the app; mount it last, as it takes every path that is left."""
    # Read while Gradio is imported: without it the server calls api.gradio.app and huggingface.co.
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
        run_history=False,  # would keep the questions in the browser's storage
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
    )


async def reply(site: ServiceContext, view: PageState) -> tuple[str, str, str]:
    """Status line, results and filters of a view; what a person can mend is shown, not raised."""
    words, assistant = site.catalogue, site.answers.assistant
    filters = _filters(assistant, view, words)
    try:
        replied = await site.answers.ask(view.question, view.k, view.where, assistant=assistant)
    except (QuestionError, StoreUnavailable, TooManyQuestions, AnsweringFailed) as error:
        return "", render_error(error, words), filters
    shown = render_reply(replied, view, words, private=site.settings.private_questions)
    return status_line(replied.answer, words), shown, filters


def _filters(assistant: Assistant, view: PageState, words: Catalogue) -> str:
    return render_filters(count_facets(assistant.generation.facets, view.where), view, words)


def _page(site: ServiceContext) -> gr.Blocks:
    import gradio as gr

    words, assistant = site.catalogue, site.answers.assistant
    examples = _example_questions(assistant)
    blocks = gr.Blocks(title=site.settings.name, analytics_enabled=False, delete_cache=(CACHED, CACHED))
    with blocks:
        _html(_heading(site))
        with gr.Row(elem_id="ask"):
            question = gr.Textbox(
                label=words("page.question"),
                autofocus=True,
                max_lines=1,
                elem_id="question",
                # Else a browser writes what was typed into the file it opens its tabs again from.
                html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
                scale=1,
                min_width=0,
            )
            button = gr.Button(
                words("page.ask"), variant="primary", elem_id="ask-button", scale=0, min_width=0
            )
        # There from the first paint: what came later would move the page, and the Tab key past it.
        filters = _html(_filters(assistant, PageState(), words), elem_id="filters")
        status = _html("", elem_id="status")
        results = _html(render_welcome(words, examples=bool(examples)), elem_id="results")
        shown = (question, status, results, filters)
        choices = _examples(examples)
        _connect(site, shown, asking=[question.submit, button.click], choices=choices)
        _restore(blocks, site, shown)
    if site.watcher:
        site.watcher.on_reload.append(_renewing(blocks, filters, choices, words))
    return blocks


def _renewing(
    blocks: gr.Blocks, filters: gr.HTML, choices: list[gr.Button], words: Catalogue
) -> Callable[[Assistant], None]:
    """What puts the facts and examples of another generation into the page that is served from then on."""

    def renew(assistant: Assistant) -> None:
        filters.value = _filters(assistant, PageState(), words)
        examples = [*_example_questions(assistant), *[""] * len(choices)]
        for choice, example in zip(choices, examples, strict=False):
            choice.value, choice.visible = example, bool(example)
        blocks.config = blocks.get_config_file()

    return renew


def _example_questions(assistant: Assistant) -> list[str]:
    articles = assistant.generation.articles[:_EXAMPLES_FROM]
    return example_questions(articles, lambda question: not assistant.ask(question).abstained)


def _heading(site: ServiceContext) -> str:
    """Name, promise, the way to all articles, and what the script needs to say and to know."""
    words = site.catalogue
    one, other = (words.section("page.evidence")[form] for form in ("one", "other"))
    told = {
        "private": "yes" if site.settings.private_questions else "",
        "copied": words("extract.copied"),
        "thanks": words("extract.thanks"),
        "not-noted": words("extract.not_noted"),
        "failed": words("page.failed"),
        "unreachable": words("page.unreachable"),
    }
    leave = ""
    if site.settings.access is Access.PASSWORD:
        leave = f' <a href="logout">{escaped(words("login.leave"))}</a>'
    facts = "".join(f' data-{name}="{escaped(text)}"' for name, text in told.items())
    return (
        f'<header lang="{escaped(words.language)}"{facts}>'
        f'<h1><a href="./">{escaped(site.settings.name)}</a></h1>'
        f'<p>{escaped(words("page.promise"))} <a href="articles">{escaped(words("page.articles"))}</a>'
        f"{leave}</p>"
        f'<p id="evidence" hidden data-one="{escaped(one)}" data-other="{escaped(other)}">'
        '<a class="button" href="evidence"></a></p>'
        '<p id="said" role="status"></p><p id="trouble" role="alert" hidden></p></header>'
    )


def _examples(questions: list[str]) -> list[gr.Button]:
    import gradio as gr

    if not questions:
        return []
    with gr.Column(elem_id="examples"):
        return [gr.Button(question, size="sm") for question in questions]


def _connect(
    site: ServiceContext, shown: tuple[Any, Any, Any, Any], *, asking: list[Any], choices: list[gr.Button]
) -> None:
    """Asking by hand leaves the text box alone: a person may be typing on. A choice fills it."""
    import gradio as gr

    question, status, results, filters = shown

    async def ask(sent: str | None) -> tuple[str, str, str]:
        return await reply(site, read_view(sent or ""))

    async def choose(sent: str | None) -> tuple[str, str, str, str]:
        view = read_view(sent or "")
        return view.question, *await reply(site, view)

    # Gradio's default drops a question that is sent while another is under way.
    last = {"trigger_mode": "always_last", **_quiet(results)}
    again = gr.Button("", visible="hidden", elem_id="again")
    gr.on([*asking, again.click], ask, [question], [status, results, filters], js=_script("ask"), **last)
    for choice in choices:
        choice.click(choose, [choice], list(shown), js=_script("choose"), **last)


def _restore(blocks: gr.Blocks, site: ServiceContext, shown: tuple[Any, Any, Any, Any]) -> None:
    """Show what the address says, when the page is opened and when a person goes back or forward."""
    import gradio as gr

    async def restore(sent: str | None) -> tuple[Any, ...]:
        view = read_view(sent or "")
        if view.question:
            return view.question, *await reply(site, view)
        # An empty text here would erase what a person has begun to type.
        return gr.skip(), gr.skip(), gr.skip(), _filters(site.answers.assistant, view, site.catalogue)

    question = shown[0]
    blocks.load(restore, [question], list(shown), js=web_file("page.js"), **_quiet())
    back = gr.Button("", visible="hidden", elem_id="back")
    back.click(restore, [question], list(shown), js=_script("restore"), **_quiet(shown[2]))


def _script(step: str) -> str:
    """What the browser runs before an event: a function of `page.js`, given the event's input."""
    return f"(value) => [window.pullquote.{step}(value)]"


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
