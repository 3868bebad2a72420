"""`qa ask`: answers one question, or a file of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import with_settings
from cli.terminal import fail, say

if TYPE_CHECKING:
    from index.retrieval.filter import Filter
    from qa.answer import Answer, Extract
    from qa.assistant import Assistant
    from qa.settings import Settings

_MALFORMED = 'not a JSON object with "id" and "question"'


@with_settings("data", "model", "device", "backend", "reranker")
def ask(
    settings: Settings,
    question: Annotated[str, typer.Argument(help='The question; a "quoted phrase" must occur.')] = "",
    k: Annotated[int, typer.Option("-k", min=1, max=50, help="Extracts at most.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    batch: Annotated[
        str, typer.Option(help='JSON lines with "id" and "question"; - reads standard input.')
    ] = "",
    article: Annotated[list[str] | None, typer.Option(help="Only this article (id or file name).")] = None,
    publisher: Annotated[list[str] | None, typer.Option(help="Only this publisher.")] = None,
    author: Annotated[list[str] | None, typer.Option(help="Only this author.")] = None,
    year: Annotated[list[str] | None, typer.Option(help="Only this year.")] = None,
) -> None:
    """Answer one question, or a file of them."""
    if bool(question) == bool(batch):
        fail("nothing to ask: give one question in quotation marks, or --batch FILE (not both)")
    from index.retrieval.filter import Filter
    from qa.loading import open_assistant

    where = Filter(
        articles=tuple(article or ()),
        publishers=tuple(publisher or ()),
        authors=tuple(author or ()),
        years=tuple(year or ()),
    )
    assistant = open_assistant(settings)
    allowed = assistant.generation.facets.allowed(where)
    if allowed is not None and not allowed.any():
        fail("no article matches this filter; `qa doctor` lists the articles")
    if batch:
        _answer_batch(assistant, batch, k=k, where=where)
    elif as_json:
        _print_json(assistant.ask(question, k, where), indent=2)
    else:
        _print_answer(assistant.ask(question, k, where))


def _answer_batch(assistant: Assistant, batch: str, *, k: int, where: Filter) -> None:
    """Print one answer a line; exit with 2 if a line is malformed or a question cannot be asked."""
    from corpus.json_lines import number_lines
    from qa.errors import QuestionError

    failed = False
    for number, line in number_lines(_lines(batch)):
        query = _parse(line)
        if query is None:
            failed = True
            say(f"qa: {batch}, line {number}: {_MALFORMED}", error=True)
            continue
        identifier, question = query
        try:
            answer = assistant.ask(question, k, where)
        except QuestionError as error:
            failed = True
            answer = assistant.decline(question)
            say(f"qa: {batch}, line {number} ({identifier}): {error}", error=True)
        _print_json(answer, identifier)
    if failed:
        raise typer.Exit(2)


def _parse(line: str) -> tuple[str, str] | None:
    """Id and question of a line, None if it has none."""
    try:
        query = json.loads(line)
        identifier, question = query["id"], query["question"]
    except (json.JSONDecodeError, KeyError, TypeError, RecursionError):
        return None
    sound = isinstance(identifier, str | int) and isinstance(question, str)
    return (str(identifier), question) if sound else None


def _lines(batch: str) -> Iterable[str]:
    """Lines of standard input as they come, or of a file; they end at a line feed alone, as JSON requires."""
    if batch == "-":
        return sys.stdin
    try:
        return Path(batch).read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{batch} cannot be read: {error}")


def _print_json(answer: Answer, identifier: str = "", *, indent: int | None = None) -> None:
    from qa.answer_json import answer_record

    record = answer_record(answer, identifier).model_dump()
    print(json.dumps(record, ensure_ascii=False, indent=indent), flush=True)


def _print_answer(answer: Answer) -> None:
    from qa.answer import State

    if answer.state is State.UNSURE:
        say("Not sure: this may not answer the question. Closest passages:")
    elif answer.state is State.NONE:
        say("No answer found in these articles. Closest passages:" if answer.nearest else "No answer found.")
    if answer.expansions:
        say(f"Also searched: {', '.join(answer.expansions)}.")
    if answer.differing_extracts:
        first, second = answer.differing_extracts
        values = (first.article.display_title, first.key_text, second.article.display_title, second.key_text)
        say("Two articles differ: “{}” says “{}”, “{}” says “{}”.".format(*values))
    for extract in answer.extracts or answer.nearest:
        _print_extract(extract)
    if answer.abstained:
        say("\nTry other words, or fewer of them.")
    if not answer.calibrated:
        say("\nThere is no calibration for these models: matches are not rated and none is withheld.")


def _print_extract(extract: Extract) -> None:
    from rich.console import Console
    from rich.text import Text

    article, (start, end) = extract.article, extract.answer
    console = Console(highlight=False)
    console.soft_wrap = not console.is_terminal  # a pipe gets an extract without line breaks
    text = Text(extract.text)
    if console.is_terminal:
        text.stylize("bold reverse", start - extract.start, end - extract.start)
        if extract.key:
            text.stylize("underline", extract.key[0] - extract.start, extract.key[1] - extract.start)
    else:
        before, after = article.text[extract.start : start], article.text[end : extract.end]
        text = Text(f"{before}>>{extract.answer_text}<<{after}")
    metadata = (article.display_title, *article.names, article.published, article.source)
    console.print(Text(f"\n{extract.rank}. {extract.band.label}", style="bold"))
    console.print(text)
    console.print(Text("   " + ", ".join(filter(None, metadata)), style="dim"))
