"""Opens what the settings name: the published index, the models, the calibration and the feedback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from index.embedding.encoder import Encoder
    from index.generation.generation import Generation
    from index.published import Published
    from index.search.rerank import Reranking
    from qa.assistant import Assistant
    from qa.feedback.store import FeedbackStore
    from qa.settings import Settings

UNCALIBRATED = (
    "There is no calibration for these models: answers are not rated and none is withheld; "
    "fit one with `qa eval calibrate GOLD`"
)
NO_QUESTIONS = "QA_QUESTION_LOG has no effect while QA_FEEDBACK is off: questions are kept with the feedback"


def open_index(settings: Settings) -> Generation:
    """The published generation, of the store or else of the data folder. Raises IndexFailure."""
    from index.published import open_published

    return open_published(settings.data, settings.engine).open()


def load_encoder(settings: Settings, model: str = "") -> Encoder:
    """The encoder of the settings, else `model`, else the shipped one. Raises ModelRefused."""
    from index.embedding.load import load_encoder as load
    from index.embedding.shipped_models import MODELS

    return load(
        settings.model or model or None,
        device=settings.device or None,
        models=settings.data / MODELS,
        backend=settings.backend,
    )


def load_reranking(settings: Settings) -> Reranking | None:
    """The reranker of the settings and how it is used. Raises ModelRefused."""
    from index.search.rerank import Reranking, load_reranker

    reranker = load_reranker(settings.reranker, device=settings.device or None, batch=settings.batch)
    return Reranking(reranker, depth=settings.depth) if reranker else None


def open_assistant(
    settings: Settings,
    encoder: Encoder | None = None,
    *,
    calibrated: bool = True,
    source: Published | None = None,
) -> Assistant:
    """The assistant of the published generation, with the calibration for its models if there is one.

    The generation comes from `source`, by default from the place in the settings; the encoder is by default
    the one the index was built with. `calibrated=False` ignores calibrations, so that a new one can be
    fitted where the old one is damaged. Raises IndexFailure and CalibrationRefused.
    """
    from index.embedding.dynamic_batching import DynamicBatchingEncoder
    from index.published import open_published
    from qa.assistant import Assistant
    from qa.confidence import calibration_for

    one_thread_for_numpy()
    source = source or open_published(settings.data, settings.engine)
    with ThreadPoolExecutor(1) as threads:
        opening = threads.submit(source.open)
        try:
            if encoder is None:
                encoder = load_encoder(settings, "" if settings.model else source.manifest().model)
            reranking = load_reranking(settings)
        finally:
            generation = opening.result()  # a fault of the index is reported before one of the models
    reranker = reranking.reranker.fingerprint if reranking else ""
    return Assistant(
        generation,
        DynamicBatchingEncoder(encoder),
        reranking=reranking,
        calibration=calibration_for(encoder.fingerprint, reranker, settings.data) if calibrated else None,
        costs=settings.costs,
    )


@contextmanager
def open_feedback(settings: Settings, *, announce: Callable[[str], None]) -> Iterator[FeedbackStore | None]:
    """The feedback store; None if it is switched off, or if its file cannot be used, which is announced."""
    from qa.errors import FeedbackRefused
    from qa.feedback.database import FEEDBACK
    from qa.feedback.store import FeedbackStore

    file = settings.data / FEEDBACK
    if not settings.feedback:
        if settings.question_log:
            announce(NO_QUESTIONS)
        if not file.exists():
            yield None
            return
    try:
        store = FeedbackStore(
            file,
            keep_questions=settings.question_log,
            keep_days=settings.question_log_days,
        )
    except FeedbackRefused as error:
        announce(f"No feedback is kept: {error}")
        yield None
        return
    with closing(store):
        # A store that is switched off is opened only to delete what is older than `question_log_days`.
        yield store if settings.feedback else None


def one_thread_for_numpy() -> None:
    """Limit NumPy's BLAS to one thread for the rest of the process. NumPy must be loaded already.

    A question's products take microseconds, but OpenBLAS threads spin for some 20 ms after each, on the cores
    on which the network encodes the next question: encoding took 60 ms beside them on two cores, and takes 7
    without.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")
