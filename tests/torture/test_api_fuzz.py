"""Whatever is sent, the service answers and none of it is its own fault: no 5xx, and nothing long reaches the model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from index.building.build import build
from index.generation.data_folder import DataFolder
from index.retrieval.filter import NO_FILTER, Filter
from qa.answer import Answer
from qa.assistant import DEFAULT_EXTRACTS, Assistant
from qa.feedback.database import FEEDBACK
from qa.feedback.store import FeedbackStore
from qa.question import MAX_CHARACTERS
from tests.support.fakes import WordEncoder, article
from tests.support.sample_answers import SAMPLE_CALIBRATION
from tests.support.tiers import full
from web.access.middleware import BODY_LIMIT
from web.answering.answer_service import AnswerService
from web.context import ServiceContext
from web.http.routes import PAGE_EVENTS, RULES, Caller
from web.i18n import load_catalogue
from web.service import own_app
from web.service_settings import ServiceSettings

CASES = 300
OF_EACH_OPERATION = 130
JSON = {"Content-Type": "application/json"}
ALIKE = settings(
    max_examples=CASES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
# All of Unicode, surrogates too; hypothesis leaves them out unless asked.
TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
# What a JSON parser, a tokenizer, a query parser or a path may stumble over.
ODD = (
    *(
        "\x00",
        "\ud800",
        "\udfff\ud800",
        "\ufeff",
        "\u202e",
        "\u0301" * 500,
        "\U0010ffff",
        "ﷺ" * 300,
        '"' * 99,
    ),
    *(
        '"a',
        "\\",
        "NaN",
        "AND OR NOT",
        "title:x^2~",
        "[a TO b]",
        "{",
        "a" * MAX_CHARACTERS,
        "1e999",
        "-",
        "*?:/",
    ),
)
QUESTION = TEXT | st.sampled_from(ODD) | st.builds(str.__add__, TEXT, st.sampled_from(ODD))
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | QUESTION,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(QUESTION, inner, max_size=3),
    max_leaves=6,
)


class Counting(Assistant):
    """The real assistant with a model that counts words; `asked` lists what it was asked."""

    asked: list[str]

    def ask(self, question: str, k: int = DEFAULT_EXTRACTS, filters: Filter = NO_FILTER) -> Answer:
        self.asked.append(question)
        return super().ask(question, k, filters)


class Tried:
    """A service, how it answered, and what got as far as the model."""

    def __init__(self, app: FastAPI, encoder: WordEncoder, assistant: Counting) -> None:
        self.client = TestClient(app, raise_server_exceptions=False)
        self.app = app
        self.encoder = encoder
        self.assistant = assistant
        self.outcomes: Counter[tuple[str, int]] = Counter()

    def __call__(self, method: str, path: str, **sent: Any) -> int:
        status: int = self.client.request(method, path, **sent).status_code
        self.outcomes[method, status] += 1
        assert status < 500, (method, path, sent)
        return status

    def judge(self, *expected: int) -> None:
        """Print what came back; each kind of outcome that is meant to be there is."""
        print(f"\n{sum(self.outcomes.values())} cases: {dict(self.outcomes)}")
        assert set(expected) <= {status for _, status in self.outcomes}


@pytest.fixture
def tried(tmp_path: Path) -> Iterator[Tried]:
    encoder = WordEncoder()
    build([article("harbour", "The quay was cheap. Dredging cost more. Nobody paid.")], encoder, tmp_path)
    assistant = Counting(DataFolder(tmp_path).open(), encoder, calibration=SAMPLE_CALIBRATION)
    assistant.asked = []
    with closing(FeedbackStore(tmp_path / FEEDBACK)) as store:
        desk = AnswerService(assistant, recorder=store.record)
        app = own_app(ServiceContext(desk, ServiceSettings(admin_key="open sesame"), load_catalogue(), store))
        yield Tried(app, encoder, assistant)


@full
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_the_services_own_description_is_kept_to(tried: Tried, mode: str) -> None:
    """What OpenAPI lets one send, and what it does not, for every operation."""
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    schema = schemathesis.openapi.from_asgi("/openapi.json", tried.app)
    found = (
        schemathesis.GenerationMode.POSITIVE if mode == "positive" else schemathesis.GenerationMode.NEGATIVE
    )
    outcomes: Counter[tuple[str, int]] = Counter()
    for operation in (result.ok() for result in schema.get_all_operations()):
        if mode == "negative" and operation.label in ("GET /health", "GET /api/articles/{identifier}"):
            continue  # nothing that is sent there could be wrong

        @given(case=operation.as_strategy(found))
        @settings(ALIKE, max_examples=OF_EACH_OPERATION)
        def send(case: Any) -> None:
            outcomes[case.operation.label, case.call().status_code] += 1

        send()
    print(f"\n{sum(outcomes.values())} cases: {dict(outcomes)}")
    assert not [outcome for outcome in outcomes if outcome[1] >= 500]
    assert sum(outcomes.values()) >= 3 * OF_EACH_OPERATION
    wanted = (
        {("POST /api/ask", 200), ("GET /api/articles", 200)}
        if mode == "positive"
        else {("POST /api/ask", 422)}
    )
    assert wanted <= outcomes.keys()


def test_any_question_is_answered_or_told_what_is_wrong_with_it(tried: Tried) -> None:
    @given(QUESTION, st.lists(QUESTION, max_size=2), st.integers(-1, 25))
    @ALIKE
    def ask(question: str, values: list[str], k: int) -> None:
        # As JSON writes a surrogate: "\\ud800".
        filters = {"authors": values, "articles": [*values, "harbour.md"] if values else []}
        told = json.dumps({"question": question, "k": k, "filters": filters})
        tried("POST", "/api/ask", content=told, headers=JSON)

    ask()
    tried.judge(200, 422)
    assert tried.assistant.asked


def test_any_json_is_answered(tried: Tried) -> None:
    @given(st.sampled_from(["/api/ask", "/api/feedback"]), ANYTHING, st.booleans())
    @ALIKE
    def send(path: str, body: Any, ascii_only: bool) -> None:
        content = json.dumps(body, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        tried("POST", path, content=content, headers=JSON)

    send()
    tried.judge(422)


def test_any_bytes_are_answered(tried: Tried) -> None:
    paths = st.sampled_from(["/api/ask", "/api/feedback", "/login", PAGE_EVENTS])
    kinds = st.sampled_from(["application/json", "text/plain", "multipart/form-data; boundary=x", "a", ""])

    @given(paths, st.binary(max_size=200) | QUESTION.map(_coded), kinds)
    @ALIKE
    def send(path: str, body: bytes, kind: str) -> None:
        tried("POST", path, content=body, headers={"Content-Type": kind})

    send()
    tried.judge(422, 404)


def _coded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def test_any_address_is_answered(tried: Tried) -> None:
    looked_at = [rule.path for rule in RULES if "GET" in rule.methods and rule.caller is not Caller.ADMIN]
    names = st.sampled_from(
        ["q", "c", "k", "title", "year", "page", "first", "limit", "next", "days", "author"]
    )

    @given(st.sampled_from(looked_at), QUESTION, st.lists(st.tuples(names, QUESTION), max_size=3))
    @ALIKE
    def look(path: str, blank: str, query: list[tuple[str, str]]) -> None:
        filled = path.partition("{")
        end = filled[2].partition("}")[2]
        address = filled[0] + (quote(_coded(blank), safe="") + end if filled[1] else "")
        told = "&".join(f"{name}={quote(_coded(value))}" for name, value in query)
        tried("GET", f"{address}?{told}")

    look()
    tried.judge(200, 404)


LONG = (
    "a" * (MAX_CHARACTERS + 1),
    "a " * MAX_CHARACTERS,
    "\u0301" * 20_000,
    "é" * 30_000,
    "x" * (BODY_LIMIT - 50),
)


def over_long(tried: Tried) -> Iterator[int]:
    """Statuses of questions that are too long, by each way that a question comes."""
    for question in (*LONG, "x" * BODY_LIMIT, "x" * 10_000_000):
        told = json.dumps({"question": question}, ensure_ascii=False)
        yield tried("POST", "/api/ask", content=told, headers=JSON)
    for question in LONG[:2]:
        yield tried("GET", f"/articles/harbour?q={quote(question)}")


def test_what_is_too_long_is_refused_before_anything_reads_it(tried: Tried) -> None:
    encoded = len(tried.encoder.encoded)
    statuses = list(over_long(tried))
    assert statuses == [422, 422, 422, 422, 422, 413, 413, 200, 200]
    # The desk asks the assistant, which looks at the length before all else; no text of it is encoded.
    assert tried.encoder.encoded[encoded:] == []
    assert [len(question) for question in tried.assistant.asked if len(question) > BODY_LIMIT] == []


def test_without_the_limits_the_model_would_read_it(tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.question.MAX_CHARACTERS", 10**9)
    encoded = len(tried.encoder.encoded)
    list(over_long(tried))
    assert max(map(len, tried.encoder.encoded[encoded:])) > MAX_CHARACTERS
