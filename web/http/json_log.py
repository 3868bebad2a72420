"""JSON Lines log of the service's events and of what its libraries log, warn and print, through structlog.

No line holds text a person typed: of messages only the format is logged, of errors type and lines of code.
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
from typing import Any, TextIO

import structlog
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.typing import EventDict

LOGGER = "pullquote"
_MAX_TEXT = 200  # characters of a library's message
_MAX_CAUSES = 5
_FRAME = re.compile(r'\s+File "')
_ERROR_NAME = re.compile(r"[A-Za-z_.]+(?:Error|Exception|Warning|Interrupt|Exit)\b")

_events = structlog.wrap_logger(
    logging.getLogger(LOGGER), [ProcessorFormatter.wrap_for_formatter], wrapper_class=BoundLogger
)


def log_event(level: int, event: str, *, error: BaseException | None = None, **fields: object) -> None:
    """Log an event of the service; its fields must hold nothing a person typed."""
    _events.log(level, event, exc_info=error, **fields)


def _to_line(_: object, __: str, event: EventDict) -> EventDict:
    """Time (UTC), level, logger, event; then the request's id, the event's fields and its error's."""
    record: logging.LogRecord = event.pop("_record")
    is_own, text, error = event.pop("_from_structlog"), event.pop("event"), event.pop("exc_info", None)
    line: EventDict = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": text if is_own else _format_string(record.msg),
    }
    error = error[1] if isinstance(error, tuple) else error
    details = error_fields(error) if error else {}
    return {**line, **structlog.contextvars.get_contextvars(), **event, **details}


def error_fields(error: BaseException) -> dict[str, Any]:
    """Type, causes and lines of code of an exception; no message, but the system's reason of an OSError."""
    types: list[str] = []
    frames = traceback.extract_tb(error.__traceback__)
    cause: BaseException | None = error
    while cause is not None and len(types) < _MAX_CAUSES:
        types.append(_type_name(cause))
        frames = traceback.extract_tb(cause.__traceback__) or frames
        first = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else None
        cause = first or cause.__cause__ or cause.__context__
    places = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    return {"error": types[0], "causes": types[1:], "traceback": places}


def _type_name(error: BaseException) -> str:
    name = type(error).__qualname__
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else ""
    return f"{name} ({reason})" if reason else name


def _format_string(message: object) -> str:
    """The first line of a library's message, without the values that would be formatted into it."""
    lines = str(message).splitlines() if isinstance(message, str) else []
    return lines[0][:_MAX_TEXT] if lines else type(message).__qualname__


class StderrRedirect(io.TextIOBase):
    """Logs what libraries print to standard error: the frames of tracebacks and types of errors."""

    def __init__(self) -> None:
        self._incomplete = ""

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, text: str) -> int:
        """Log the complete lines."""
        *lines, self._incomplete = (self._incomplete + text).split("\n")
        self._incomplete = self._incomplete[-_MAX_TEXT:]
        for redacted in filter(None, map(_redact, lines)):
            log_event(logging.WARNING, "stray output", text=redacted)
        return len(text)


def _redact(line: str) -> str:
    if _FRAME.match(line):
        return line.strip()
    name = _ERROR_NAME.match(line)
    return name[0] if name else ""


@contextmanager
def logging_to(stream: TextIO, level: str = "info") -> Iterator[None]:
    """Send all that is logged, warned or printed to standard error to `stream` as JSON Lines.

    The service's own events from `level` on, libraries' from WARNING on.
    """
    root, service = logging.getLogger(), logging.getLogger(LOGGER)
    before = root.handlers[:], root.level, service.level, logging.raiseExceptions
    loggers = [item for item in root.manager.loggerDict.values() if isinstance(item, logging.Logger)]
    routing = [(logger, logger.handlers, logger.propagate) for logger in loggers]
    handler = logging.StreamHandler(stream)
    # ASCII: nothing in a line can end it or disturb a terminal.
    render = structlog.processors.JSONRenderer(json.dumps, default=str)
    handler.setFormatter(ProcessorFormatter(processors=[_to_line, render], use_get_message=False))
    root.handlers[:] = [handler]
    for logger in loggers:  # a library's own handler would write the message unredacted
        logger.handlers, logger.propagate = [], True
    root.setLevel(logging.WARNING)
    service.setLevel(level.upper())
    logging.raiseExceptions = False  # a closed stream must not stop the service
    try:
        with warnings.catch_warnings(), redirect_stderr(StderrRedirect()):
            warnings.showwarning = _log_warning
            yield
    finally:
        root.handlers[:], root.level, service.level, logging.raiseExceptions = before
        for logger, handlers, propagate in routing:
            logger.handlers, logger.propagate = handlers, propagate


def _log_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object, **__: object
) -> None:
    log_event(logging.WARNING, "warning", kind=category.__name__, place=f"{filename}:{lineno}")
