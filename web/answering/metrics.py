"""Prometheus metrics by route and outcome; no label holds text that a person typed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from qa.answer import State
from qa.feedback.store import FeedbackStore
from web.answering.answer_service import AnswerService
from web.answering.health import Reason, health_reasons
from web.http.request_log import RequestRecord

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of `Metrics.text`."""
# Seconds: a cached answer takes a few milliseconds, one with a reranker a tenth of a second or two.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# The reason of a rejection without an annotated outcome.
_BY_STATUS = {413: "too large", 422: "not a question", 429: "too often", 503: "busy"}
_REJECTIONS = frozenset(_BY_STATUS.values())
_ANSWERS = frozenset(state.value for state in State)
_FAILED = "failed"


class Metrics:
    """Counters of one service, in a registry of its own. `count` is an observer of requests."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._requests = Counter("pullquote_requests", "Requests.", ("route", "status"), registry=registry)
        self._seconds = Histogram(
            "pullquote_request_seconds",
            "Until a reply was sent.",
            ("route",),
            registry=registry,
            buckets=BUCKETS,
        )
        self._answers = Counter(
            "pullquote_answers", "Questions with a reply.", ("outcome",), registry=registry
        )
        self._remembered = Counter("pullquote_remembered_answers", "Replies from memory.", registry=registry)
        self._rejections = Counter("pullquote_refusals", "Requests refused.", ("reason",), registry=registry)
        self._failures = Counter(
            "pullquote_failures", "Questions that a fault left alone.", registry=registry
        )
        # Present from the start: Prometheus computes no rate from a series that appears with its first count.
        for outcome in sorted(_ANSWERS):
            self._answers.labels(outcome)
        for reason in sorted(_REJECTIONS):
            self._rejections.labels(reason)
        ProcessCollector(registry=registry)

    def count(self, record: RequestRecord) -> None:
        """Count a finished request."""
        self._requests.labels(record.route, str(record.status)).inc()
        self._seconds.labels(record.route).observe(record.seconds)
        # The page shows a rejection with status 200: the annotation goes before the status.
        outcome = record.annotations.get("outcome") or _BY_STATUS.get(record.status, "")
        if outcome in _ANSWERS:
            self._answers.labels(outcome).inc()
        elif outcome in _REJECTIONS:
            self._rejections.labels(outcome).inc()
        elif outcome == _FAILED:
            self._failures.inc()
        if "remembered" in record.annotations:
            self._remembered.inc()

    def watch(
        self, answers: AnswerService, reasons: Iterable[Reason], feedback: FeedbackStore | None
    ) -> None:
        """Export the state of these as well, read at each scrape."""
        self._registry.register(_StateCollector(answers, reasons, feedback))

    def text(self) -> bytes:
        """All metrics, as `CONTENT_TYPE`."""
        return generate_latest(self._registry)


class _StateCollector(Collector):
    """Questions in progress, the current generation, reasons for `degraded`, and feedback lost."""

    def __init__(
        self, answers: AnswerService, reasons: Iterable[Reason], feedback: FeedbackStore | None
    ) -> None:
        self._answers = answers
        self._reasons = reasons
        self._feedback = feedback

    def collect(self) -> Iterator[Metric]:
        """The metrics of the current state."""
        answers, faults = self._answers, len(health_reasons(self._answers, self._reasons))
        yield GaugeMetricFamily("pullquote_questions_running", "Being answered.", answers.running)
        yield GaugeMetricFamily("pullquote_questions_waiting", "Waiting for their turn.", answers.waiting)
        yield GaugeMetricFamily("pullquote_questions_limit", "Let in at once.", answers.capacity)
        yield GaugeMetricFamily("pullquote_degraded", "Reasons why the service is degraded.", faults)
        generation = {"generation": answers.assistant.generation.id}
        yield InfoMetricFamily("pullquote_index", "The generation that answers.", generation)
        lost = self._feedback.lost if self._feedback else 0
        yield CounterMetricFamily("pullquote_feedback_lost", "Questions not recorded.", lost)
