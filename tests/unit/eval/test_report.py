from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from eval.beir.runs import retrieval_runs
from eval.report.report import render_report
from eval.run import JudgedText, Run, evaluate
from qa.answer import State
from tests.support.chromium import needs_chromium
from tests.support.sample_runs import ANSWERS, COLLECTION, GOLD, RAIN, RANKINGS, SUN

RUN = replace(evaluate(ANSWERS.__getitem__, GOLD, [RAIN, SUN]), facts={"gold": "g.jsonl", "model": "words"})
NASTY = '<img src=x onerror=1> ${1} {{x}} </script><script>alert(1)</script> "q" C:\\users'


def test_the_page_holds_the_numbers_the_questions_and_the_evidence() -> None:
    page = render_report(RUN, name="first run")
    for text in (
        "first run",
        "3 questions of g.jsonl",
        "wrongly without an answer",
        "It hailed in July, said Ada",
        "words",
    ):
        assert text in page
    assert page.count('<details class="question"') == 3
    assert page.count("<svg") == 4


def test_thresholds_are_drawn_where_the_run_says_them() -> None:
    facts = {"unsure_from": "0.0909", "answered_from": "0.75", "strong_from": "0.9"}
    page = render_report(replace(RUN, facts=facts), name="run")
    for name in ("unsure from", "answered from", "strong from"):
        assert name in page
        assert name not in render_report(RUN, name="run")


def test_each_state_has_its_heading() -> None:
    unsure = replace(RUN.rows[1], state=State.UNSURE)
    page = render_report(Run((*RUN.rows, unsure), 5), name="run")
    for heading in ("Shown", "Unsure; the closest passages", "No answer; the closest passages"):
        assert f"<h3>{heading}</h3>" in page


def test_rankings_of_documents_have_a_page_too() -> None:
    page = render_report(retrieval_runs(COLLECTION, RANKINGS, k=10, facts={})["dense"], name="weather")
    assert "dense ranking, each judged by its first 10 documents" in page
    assert page.count("<svg") == 1


def test_a_run_without_confidence_has_no_picture_of_it() -> None:
    rows = tuple(replace(row, confidence=None) for row in RUN.rows)
    assert "Does confidence mean" not in render_report(Run(rows, 5), name="bare")


def nasty() -> Run:
    cited = (JudgedText(NASTY, NASTY, 2, 9, 0),)
    rows = tuple(
        replace(
            row, question=NASTY, type=NASTY, id=NASTY, note=NASTY, error=NASTY, evidence=cited, shown=cited
        )
        for row in RUN.rows
    )
    return Run(rows, 5, facts={NASTY: NASTY, "gold": NASTY})


class Witness:
    """What a page asks for, and what it says that it should not."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.complaints: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))


@pytest.mark.browser
@needs_chromium
def test_nothing_is_loaded_and_nothing_runs_but_the_pages_own_script(
    browser: Browser, tmp_path: Path
) -> None:
    for name, run in (("plain", RUN), ("nasty", nasty())):
        path = tmp_path / f"{name}.html"
        path.write_text(render_report(run, name=NASTY), encoding="utf-8")
        witness = Witness()
        with browser.new_page() as page:
            witness.watch(page)
            page.goto(path.as_uri())
            assert page.locator("#count").inner_text() == "3 of 3 questions"
        assert witness.asked == [path.as_uri()]
        assert witness.complaints == []


@pytest.mark.browser
@needs_chromium
def test_the_list_is_filtered_sorted_and_searched(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_report(RUN, name="run"), encoding="utf-8")
    with browser.new_page() as page:
        page.goto(path.as_uri())

        def shown() -> Any:
            return page.locator("details.question:visible .asked").all_inner_texts()

        assert shown() == ["When did it rain?", "Who spoke of hail?", "Why did it thunder?"]
        page.select_option("#outcome", "failure")
        assert shown() == ["Who spoke of hail?", "Why did it thunder?"]
        page.select_option("#outcome", "wrongly answered")
        assert shown() == ["Why did it thunder?"]
        page.select_option("#outcome", "")
        page.select_option("#sort", "rank")
        assert shown() == ["Why did it thunder?", "Who spoke of hail?", "When did it rain?"]
        page.select_option("#sort", "confidence")
        assert shown()[0] == "When did it rain?"
        page.select_option("#type", "who")
        assert shown() == ["Who spoke of hail?"]
        page.select_option("#type", "")
        page.fill("#words", "thunder")
        assert shown() == ["Why did it thunder?"]
        assert page.locator("#count").inner_text() == "1 of 3 questions"
        page.locator("details.question:visible summary").click()
        assert "still an answer was given" in page.locator("details.question:visible .why").inner_text()
