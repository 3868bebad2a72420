"""`qa ask --batch`: a file of questions, one answer a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli.terminal import fail, say

if TYPE_CHECKING:
    from index.retrieval.filter import Filter
    from qa.assistant import Assistant


def ask_batch(assistant: Assistant, batch: str, *, k: int, where: Filter) -> None:
    """One answer a line; a question that cannot be asked is declined, named, and told by the exit code."""
    from qa.answer_json import answer_record
    from qa.errors import QuestionError

    refused = 0
    for number, identifier, question in _questions(batch):
        try:
            answer = assistant.ask(question, k, where)
        except QuestionError as error:
            refused += 1
            answer = assistant.decline(question)
            say(f"qa: {batch}, line {number} ({identifier}): {error}", error=True)
        print(json.dumps(answer_record(answer, identifier), ensure_ascii=False), flush=True)
    if refused:
        raise typer.Exit(2)


def _questions(batch: str) -> Iterator[tuple[int, str, str]]:
    """Line number, id and question of each line that is not blank."""
    for number, line in enumerate(_lines_of(batch), start=1):
        if line.strip():
            try:
                asked = json.loads(line)
                identifier, question = asked["id"], asked["question"]
                if not isinstance(identifier, str | int) or not isinstance(question, str):
                    raise TypeError
            except (json.JSONDecodeError, KeyError, TypeError, RecursionError):
                fail(f'{batch}, line {number}: not a JSON object with "id" and "question"')
            yield number, str(identifier), question


def _lines_of(batch: str) -> Iterator[str]:
    """Lines end at a line feed alone: JSON allows all other separators inside a string."""
    try:
        if batch == "-":
            yield from sys.stdin
        else:
            yield from Path(batch).read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{batch} cannot be read: {error}")
