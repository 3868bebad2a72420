"""The log: one JSON object a line, from this service and from the libraries it is made of.

No line holds what a person typed. A library's message may be made of anything, so of those only the fixed
words are kept; of an exception its kind and the places it went through, not its message.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from web.http.request_log import request_id

if TYPE_CHECKING:
    from web.http.request_log import RequestRecord

LOGGER = "pullquote"
_MAX_TEXT = 200  # characters of a library's words
_MAX_CAUSES = 5
_SERVER_FAULT = 500
_PLACE = re.compile(r'\s+File "')

Fields = dict[str, Any]


def log_event(level: int, event: str, *, error: BaseException | None = None, **facts: object) -> None:
    """Log an event of the service's own, with facts that hold nothing a person typed."""
    logging.getLogger(LOGGER).log(level, event, extra={"facts": facts}, exc_info=error)


def log_request(record: RequestRecord) -> None:
    """An observer of requests: a line for each."""
    level = logging.ERROR if record.status == _SERVER_FAULT else logging.INFO
    log_event(
        level,
        "request",
        request=record.id,
        route=record.route,
        method=record.method,
        status=record.status,
        ms=round(record.seconds * 1000, 1),
        bytes=record.sent,
        **dict[str, Any](record.annotations),
    )


class JsonLine(logging.Formatter):
    """A record as a line of JSON in ASCII, so that nothing in it ends the line or disturbs a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Time in UTC, level, logger, event, then the facts and the failure if there are any."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: Fields = {"time": at, "level": record.levelname.lower(), "logger": record.name}
        line["event"] = record.msg if record.name == LOGGER else _format_string(record.msg)
        if request_id():
            line["request"] = request_id()
        line |= getattr(record, "facts", {})
        if record.exc_info and record.exc_info[1]:
            line |= error_fields(record.exc_info[1])
        return json.dumps(line, default=str)


def error_fields(error: BaseException) -> Fields:
    """What kind of failure, what it came from, and through which lines of code; never its message.

    An OSError's message is the system's and tells the reason: "OSError (No space left on device)".
    """
    kinds: list[str] = []
    frames = traceback.extract_tb(error.__traceback__)
    cause: BaseException | None = error
    while cause is not None and len(kinds) < _MAX_CAUSES:
        kinds.append(_kind(cause))
        frames = traceback.extract_tb(cause.__traceback__) or frames
        inner = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else None
        cause = inner or cause.__cause__ or cause.__context__
    places = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    return {"error": kinds[0], "causes": kinds[1:], "traceback": places}


def _kind(error: BaseException) -> str:
    name = type(error).__qualname__
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else ""
    return f"{name} ({reason})" if reason else name


def _format_string(message: object) -> str:
    """The first line of a library's message, the values it would be filled with left out."""
    lines = str(message).splitlines() if isinstance(message, str) else []
    return lines[0][:_MAX_TEXT] if lines else type(message).__qualname__


class StderrRedirect(io.TextIOBase):
    """In place of standard error: what a library prints becomes lines of the log, its words left out.

    Of a traceback the places are kept, and of its last line the kind of error.
    """

    def __init__(self) -> None:
        self._rest = ""

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Log every line that is whole."""
        *lines, self._rest = (self._rest + text).split("\n")
        self._rest = self._rest[-_MAX_TEXT:]
        for line in lines:
            told = _redact(line)
            if told:
                log_event(logging.WARNING, "stray output", text=told)
        return len(text)


def _redact(line: str) -> str:
    if _PLACE.match(line):
        return line.strip()
    kind = re.match(r"([A-Za-z_.]+(?:Error|Exception|Warning|Interrupt|Exit))\b", line)
    return kind.group(1) if kind else ""


@contextmanager
def logging_to(stream: TextIO, level: str = "info") -> Iterator[None]:
    """Inside the block all that is logged, warned or printed to standard error goes to `stream` as JSON.

    The service's own events from `level` on, libraries' from WARNING on.
    """
    root, own = logging.getLogger(), logging.getLogger(LOGGER)
    before = root.handlers[:], root.level, own.level, logging.raiseExceptions
    others = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    ways = [(one, one.handlers, one.propagate) for one in others]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLine())
    root.handlers[:] = [handler]
    for one in others:  # a library that writes by itself would write what it was given
        one.handlers, one.propagate = [], True
    root.setLevel(logging.WARNING)
    own.setLevel(level.upper())
    logging.raiseExceptions = False  # a reader that went away is no reason to stop
    try:
        with warnings.catch_warnings(), redirect_stderr(StderrRedirect()):
            warnings.showwarning = _log_warning
            yield
    finally:
        root.handlers[:], root.level, own.level, logging.raiseExceptions = before
        for one, handlers, propagate in ways:
            one.handlers, one.propagate = handlers, propagate


def _log_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object, **__: object
) -> None:
    log_event(logging.WARNING, "warning", kind=category.__name__, place=f"{filename}:{lineno}")
