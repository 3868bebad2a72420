"""A reading process: `python -m corpus.sandbox.worker SECONDS MEMORY ANSWER`, started by `corpus.sandbox.pool`.

It takes files from its standard input and gives an answer for each on what was its standard output; what
libraries print goes nowhere. It ends with its input, or with a failure that may have left something behind.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from corpus.article import Unreadable
from corpus.formats.read_bytes import read_article
from corpus.sandbox.limits import Limits, allow_seconds, confine
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
    """Answer until the input ends."""
    limits = Limits(*map(int, sys.argv[1:]))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.dont_write_bytecode = True
    confine(limits)
    _say(answers, b"")
    while content := _frame(sys.stdin.buffer):
        number, suffix, source = read_question(content)
        sys.excepthook = _LastWords(answers, number)
        allow_seconds(limits)
        _say(answers, _answer(number, suffix, source, limits))


def _answer(number: int, suffix: str, source: str, limits: Limits) -> bytes:
    try:
        answer = article_answer(number, read_article(suffix, _frame(sys.stdin.buffer), source))
        if len(answer) <= limits.answer:
            return answer
        return refusal_answer(number, too_much_text(limits))
    except Unreadable as error:
        return refusal_answer(number, str(error))
    except MemoryError:
        pass  # what was read so far is given back before anything else is done
    return fault_answer(number, f"needs more than {limits.memory >> 20:,} MB of memory to read; split it")


def too_much_text(limits: Limits) -> str:
    """Why an answer is not sent, or not taken."""
    return f"holds more than {limits.answer // 1_000_000:,} MB of text; split it"


class _LastWords:
    """What Python calls when an error ends the process: it still tells which, and where."""

    def __init__(self, answers: BinaryIO, number: int) -> None:
        self._answers = answers
        self._number = number

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Answers with the error and the last line of this project that it passed."""
        own = Path(__file__).parent
        place = ""
        while trace:
            path = Path(trace.tb_frame.f_code.co_filename)
            if path.parent == own:
                place = f" in corpus/{path.name}, line {trace.tb_lineno}"
            trace = trace.tb_next
        _say(self._answers, fault_answer(self._number, f"stopped its reader ({kind.__name__}{place})"))


def _frame(questions: BinaryIO) -> bytes:
    """The content of the next frame, b"" when there is none."""
    header = questions.read(HEADER)
    return questions.read(frame_length(header)) if len(header) == HEADER else b""


def _say(answers: BinaryIO, content: bytes) -> None:
    answers.write(frame(content))
    answers.flush()


if __name__ == "__main__":
    main()
