"""The log: JSON a line, from everybody, and never what a person typed."""

from __future__ import annotations

import asyncio
import errno
import gc
import io
import json
import logging
import sys
import traceback
import warnings
from typing import Any

import pytest
from starlette.testclient import TestClient

from qa.errors import WrongSetting
from tests.support.fake_assistant import FakeAssistant
from web.http.json_log import LOGGER, error_fields, log_event, logging_to
from web.service import build_app
from web.service_settings import ServiceSettings

CANARY = "zzyzx\n\u2028canary"


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def failure() -> ValueError:
    """One with a cause, whose messages are what must not be told."""
    try:
        try:
            raise OSError(errno.ENOSPC, CANARY, CANARY)
        except OSError as cause:
            secret = CANARY
            raise ValueError(secret) from cause
    except ValueError as error:
        return error


def test_an_event_is_a_line_with_its_facts(stream: io.StringIO) -> None:
    with logging_to(stream):
        log_event(logging.INFO, "ready", generation="gen-1", articles=3)
        log_event(logging.DEBUG, "not told")
    assert stream.getvalue().count("\n") == 1
    (line,) = lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "pullquote",
        "event": "ready",
        "generation": "gen-1",
        "articles": 3,
    }


def test_lines_for_requests_can_be_left_out(stream: io.StringIO) -> None:
    with logging_to(stream, ServiceSettings.from_environment({"QA_LOG": "warning"}).log):
        log_event(logging.INFO, "request")
        log_event(logging.ERROR, "failed")
    assert [line["event"] for line in lines(stream)] == ["failed"]
    with pytest.raises(WrongSetting, match=r"^QA_LOG is 'debug'; give one of: info, warning$"):
        ServiceSettings.from_environment({"QA_LOG": "debug"})


def test_a_failure_is_told_by_kind_and_place_without_its_message(stream: io.StringIO) -> None:
    with logging_to(stream):
        log_event(logging.ERROR, "failed", error=failure())
        logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=failure())
    assert "zzyzx" not in stream.getvalue()
    for line in lines(stream):
        assert (line["error"], line["causes"]) == ("ValueError", ["OSError (No space left on device)"])
        assert line["traceback"][-1].startswith(f"{__file__}:")
        assert line["traceback"][-1].endswith(" in failure")
    assert lines(stream)[1]["event"] == "Exception in ASGI application"


def test_of_a_group_the_first_is_told() -> None:
    facts = error_fields(ExceptionGroup(CANARY, [failure()]))
    assert [facts["error"], *facts["causes"]] == [
        "ExceptionGroup",
        "ValueError",
        "OSError (No space left on device)",
    ]


def test_libraries_are_told_by_their_fixed_words(stream: io.StringIO) -> None:
    with logging_to(stream):
        logging.getLogger("some.library").warning("cannot read %r", CANARY)
        logging.getLogger("some.library").warning("%s", CANARY)
        logging.getLogger("some.library").warning(ValueError(CANARY))
        logging.getLogger("some.library").info("not told")
        warnings.simplefilter("always")
        warnings.warn(f"odd: {CANARY}", UserWarning, stacklevel=1)
    assert "zzyzx" not in stream.getvalue()
    logged = lines(stream)
    assert [line["event"] for line in logged] == ["cannot read %r", "%s", "ValueError", "warning"]
    assert (logged[3]["kind"], logged[3]["place"].split(":")[0]) == ("UserWarning", __file__)


def test_a_task_that_nobody_waited_for_is_told_without_its_message(stream: io.StringIO) -> None:
    async def fails() -> None:
        raise ValueError(CANARY)

    async def forgetful() -> None:
        task = asyncio.ensure_future(fails())
        await asyncio.sleep(0.01)
        del task
        gc.collect()

    with logging_to(stream):
        asyncio.run(forgetful())
    assert "zzyzx" not in stream.getvalue()
    (line,) = lines(stream)
    assert (line["event"], line["error"]) == ("Task exception was never retrieved", "ValueError")


def test_what_is_printed_to_standard_error_is_a_line_without_its_words(stream: io.StringIO) -> None:
    with logging_to(stream):
        try:
            raise failure()
        except ValueError:
            traceback.print_exc()
        print("a question was", CANARY, file=sys.stderr)
    assert "zzyzx" not in stream.getvalue()
    logged = [line["text"] for line in lines(stream)]
    assert "ValueError" in logged
    assert any(text.endswith(", in failure") for text in logged)


def test_everything_is_as_before_afterwards(stream: io.StringIO) -> None:
    root, before = logging.getLogger(), sys.stderr
    handlers = root.handlers[:]
    with logging_to(stream):
        assert root.handlers != handlers
    assert (root.handlers, sys.stderr) == (handlers, before)
    assert logging.getLogger(LOGGER).level == logging.NOTSET


def test_a_reader_that_went_away_stops_nothing() -> None:
    stream = io.StringIO()
    with logging_to(stream):
        stream.close()
        log_event(logging.INFO, "ready")


class Failing(FakeAssistant):
    def ask(self, question: str, *_: Any) -> Any:
        raise ValueError(f"cannot read {question}")


def test_a_failing_assistant_is_logged_and_told_to_the_person(stream: io.StringIO) -> None:
    page = {"data": [json.dumps({"q": CANARY})], "fn_index": 0, "session_hash": "s"}
    lacking = {"data": [], "fn_index": 0, "session_hash": CANARY}
    # An assistant that fails has no examples to offer either.
    app = build_app(assistant := FakeAssistant(), ServiceSettings())
    assistant.__class__ = Failing
    with logging_to(stream), TestClient(app) as client:
        response = client.post("/api/ask", json={"question": CANARY})
        shown = client.post("/gradio_api/run/predict", json=page)
        assert client.post("/gradio_api/run/predict", json=lacking).status_code == 422
    assert response.status_code == 500
    assert response.json()["detail"].startswith("the question could not be answered because of a fault")
    assert "The service could not answer. Try again in a moment." in shown.text
    assert "zzyzx" not in stream.getvalue()
    logged = lines(stream)
    failed = [line for line in logged if line["event"] == "question not answered"]
    assert [line["error"] for line in failed] == ["ValueError", "ValueError"]
    requests = [line for line in logged if line["event"] == "request"]
    assert [line["status"] for line in requests] == [500, 200, 422]
    assert [line["request"] for line in failed] == [line["request"] for line in requests[:2]]
    assert requests[0]["level"] == "error"
    assert requests[1]["outcome"] == "failed"


def test_the_checks_would_see_a_message_that_is_told(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.http.json_log._format_string", lambda message: str(message))
    monkeypatch.setattr("web.http.json_log._redact", lambda line: line)
    monkeypatch.setattr("web.http.json_log.error_fields", lambda error: {"error": repr(error)})
    with logging_to(stream):
        logging.getLogger("some.library").warning(f"cannot read {CANARY}")
        log_event(logging.ERROR, "failed", error=failure())
        print(CANARY, file=sys.stderr)
    assert stream.getvalue().count("zzyzx") == 3
