"""Reads files in a sandboxed process: `python -m corpus.sandbox.worker SECONDS MEMORY ANSWER`.

Files come on standard input, answers go to the original standard output; what libraries print is discarded.
The first frame is empty, or the reason why nothing is read.
The process exits at the end of its input, or after a failure that may have left it damaged.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from corpus.article import CorpusError, Unreadable
from corpus.formats.registry import read_article
from corpus.sandbox.confinement import confine
from corpus.sandbox.limits import Limits, allow_seconds
from corpus.sandbox.protocol import (
    HEADER,
    article_answer,
    fault_answer,
    frame,
    frame_length,
    read_question,
    refusal_answer,
)


def main() -> None:
    """Answer files until the input ends."""
    limits = Limits(*map(int, sys.argv[1:]))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.dont_write_bytecode = True
    try:
        confine(limits)
    except CorpusError as error:
        _send(answers, str(error).encode())
        return
    _send(answers, b"")
    while content := _frame(sys.stdin.buffer):
        number, suffix, source = read_question(content)
        sys.excepthook = partial(_report_crash, answers, number)
        allow_seconds(limits)
        _send(answers, _answer(number, suffix, source, limits))


def _answer(number: int, suffix: str, source: str, limits: Limits) -> bytes:
    try:
        answer = article_answer(number, read_article(suffix, _frame(sys.stdin.buffer), source))
        if len(answer) <= limits.answer:
            return answer
        return refusal_answer(number, f"holds more than {limits.answer // 1_000_000:,} MB of text; split it")
    except Unreadable as error:
        return refusal_answer(number, str(error))
    except MemoryError:
        pass  # leaves this scope first, which frees what was read so far
    return fault_answer(number, f"needs more than {limits.memory >> 20:,} MB of memory to read; split it")


def _report_crash(
    answers: BinaryIO, number: int, kind: type[BaseException], _: BaseException, trace: TracebackType | None
) -> None:
    """Answers with the error and the last line of this room that it passed; for `sys.excepthook`."""
    from traceback import walk_tb

    root = Path(__file__).parents[2]
    location = ""
    for called, line in walk_tb(trace):
        path = Path(called.f_code.co_filename)
        if path.is_relative_to(root / "corpus"):
            location = f" in {path.relative_to(root).as_posix()}, line {line}"
    _send(answers, fault_answer(number, f"stopped its reader ({kind.__name__}{location})"))


def _frame(questions: BinaryIO) -> bytes:
    """The content of the next frame; b"" at the end of the input."""
    header = questions.read(HEADER)
    return questions.read(frame_length(header)) if len(header) == HEADER else b""


def _send(answers: BinaryIO, content: bytes) -> None:
    answers.write(frame(content))
    answers.flush()


if __name__ == "__main__":
    main()
