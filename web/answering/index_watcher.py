"""Hot reload: verifies each newly published generation in a thread, then lets it answer.

The published pointer, in the data folder or in Milvus, is compared with the current one every few seconds. A
generation that is damaged, or was built with another model, is refused: the old one answers on, and
`AnswerService.fault` gives the reason until it is repaired.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from index.errors import IndexFailure, Unreachable
from index.generation.data_folder import Pointer
from index.generation.generation import Generation
from index.generation.manifest import manifest_bytes
from index.generation.self_check import check_probes
from index.published import Published
from qa.assistant import Assistant
from web.answering.answer_service import UNAVAILABLE_RETRY_AFTER, AnswerService
from web.errors import StoreUnavailable

RETRY_POLLS = 12
"""Polls until a refused generation is tried again, which hashes all its files; by default a minute."""

_JOIN_SECONDS = 2  # for a poll that is under way when the service stops


class IndexWatcher:
    """Keeps an answer service on the generation that `source` publishes.

    Each function of `on_reload` gets an assistant before it answers. `announce` gets one line for each
    change, and must raise nothing.
    """

    def __init__(
        self, answers: AnswerService, source: Published, *, seconds: float, announce: Callable[[str], None]
    ) -> None:
        self.on_reload: list[Callable[[Assistant], None]] = []
        self._answers = answers
        self._source = source
        self._seconds = seconds
        self._announce = announce
        self._current = _pointer_of(answers.assistant.generation)
        self._refused: Pointer | None = None
        self._polls_since_refusal = 0

    def poll(self) -> bool:
        """Compare the published pointer once; true if another generation answers now."""
        pointer = None
        try:
            pointer = self._source.current()
            if self._answers.unavailable:
                self._source.probe(self._answers.assistant.generation)
                self._answers.unavailable = ""
                self._announce("The engine answers again.")
            if pointer == self._current:
                self._clear_fault()
            elif pointer != self._refused or self._is_retry_due():
                self._switch()
                return True
        except Unreachable as error:
            self._mark_unavailable(error)
        except (IndexFailure, OSError) as error:
            self._refuse(pointer, error)
        return False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Poll every few seconds while the block runs."""
        stopped = threading.Event()
        thread = threading.Thread(target=self._poll_until, args=(stopped,), name="reload", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join(_JOIN_SECONDS)

    def _poll_until(self, stopped: threading.Event) -> None:
        try:
            while not stopped.wait(self._seconds):
                self.poll()
        finally:
            if not stopped.is_set():  # a bug ended the thread: /health shows it
                self._answers.fault = "new generations are not looked for any more; start the service again"

    def _switch(self) -> None:
        generation = self._source.open()
        check_probes(generation)
        assistant = self._answers.assistant.with_generation(generation)
        for observe in self.on_reload:
            observe(assistant)
        self._answers.assistant = assistant
        self._current = _pointer_of(generation)
        self._clear_fault()
        self._announce(f"{generation.id} answers now: {len(generation.articles):,} articles.")

    def _mark_unavailable(self, error: Unreachable) -> None:
        """Milvus does not respond: no question can be answered, though nothing is wrong with the index."""
        if not self._answers.unavailable:
            self._announce(f"Questions are not answered: {error}")
        self._answers.unavailable = str(StoreUnavailable(UNAVAILABLE_RETRY_AFTER))

    def _clear_fault(self) -> None:
        self._answers.fault, self._refused = "", None

    def _is_retry_due(self) -> bool:
        self._polls_since_refusal += 1
        return self._polls_since_refusal >= RETRY_POLLS

    def _refuse(self, pointer: Pointer | None, error: IndexFailure | OSError) -> None:
        self._refused, self._polls_since_refusal = pointer, 0
        location = self._source.location
        fault = str(error).replace(f"{location}/", "").replace(location, "the data folder")
        if fault != self._answers.fault:
            current = self._answers.assistant.generation.id
            self._announce(f"{current} answers on, and what was published is refused: {error}")
        self._answers.fault = fault


def _pointer_of(generation: Generation) -> Pointer:
    """The content of `CURRENT` while this generation is published."""
    return Pointer(generation.id, hashlib.sha256(manifest_bytes(generation.manifest)).hexdigest())
