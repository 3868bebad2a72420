"""Hot reload: what `qa index` publishes beside the running service is verified, and then answers.

What is published, in the data folder or in an engine, is looked at every few seconds, in a thread of its own.
A new generation is hashed, opened and probed while the old one answers; then one reference is replaced. What
is not sound, or was built with another model, is refused and told, the old one answers on, and `Desk.fault`
says why until it is mended.
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

MOST_SKIPPED = 64
"""Looks at most before a refused generation is tried again: it may have been mended, or the disk may be."""

_JOIN_SECONDS = 2  # seconds that a look under way gets to end when the service stops

ReloadObserver = Callable[[Assistant], None]


class IndexWatcher:
    """Follows what is published where a desk's assistant comes from.

    `reloads` and `refusals` count; each of `renewed` is told of an assistant before it answers.
    `announce` gets one line for each change, and must raise nothing.
    """

    def __init__(
        self, answers: AnswerService, source: Published, *, seconds: float, announce: Callable[[str], None]
    ) -> None:
        self.reloads = 0
        self.refusals = 0
        self.on_reload: list[ReloadObserver] = []
        self._answers = answers
        self._source = source
        self._seconds = seconds
        self._announce = announce
        self._current = _pointer_of(answers.assistant.generation)
        self._refused: Pointer | None = None
        self._skip = self._skipped = 0

    @property
    def generation(self) -> str:
        """The generation that answers."""
        return self._answers.assistant.generation.id

    @property
    def fault(self) -> str:
        """Why the one published last does not answer, "" when it does; paths are inside the data folder."""
        return self._answers.fault

    def poll(self) -> bool:
        """Look once at what is published, and take it; true when another generation answers now."""
        pointer = None
        try:
            pointer = self._source.current()
            if self._answers.unavailable:
                self._source.probe(self._answers.assistant.generation)
                self._answers.unavailable = ""
                self._announce("The engine answers again.")
            if pointer == self._current:
                self._clear_fault()
            elif pointer != self._refused or self._retry_due():
                self._switch_to(pointer)
                return True
        except Unreachable as error:
            self._mark_unavailable(error)
        except (IndexFailure, OSError) as error:
            self._refuse(pointer, error)
        return False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look again and again while the block runs."""
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
            if not stopped.is_set():  # a mistake of ours: better told than silent
                self._answers.fault = "new generations are not looked for any more; start the service again"

    def _switch_to(self, pointer: Pointer) -> None:
        generation = self._source.open()
        check_probes(generation)
        assistant = self._answers.assistant.with_generation(generation)
        for renew in self.on_reload:
            renew(assistant)
        self._answers.assistant = assistant
        self._current = _pointer_of(generation)
        self.reloads += 1
        self._clear_fault()
        self._announce(f"{generation.id} answers now: {len(generation.articles):,} articles.")

    def _mark_unavailable(self, error: Unreachable) -> None:
        """The engine is away: nobody can be answered until it is back; nothing is wrong with the index."""
        if not self._answers.unavailable:
            self._announce(f"Questions are not answered: {error}")
        self._answers.unavailable = str(StoreUnavailable(UNAVAILABLE_RETRY_AFTER))

    def _clear_fault(self) -> None:
        self._answers.fault, self._refused = "", None
        self._skip = 0

    def _retry_due(self) -> bool:
        """Whether a refused generation is tried again: after 1 look, then 2, 4, and so on."""
        self._skipped += 1
        return self._skipped > self._skip

    def _refuse(self, pointer: Pointer | None, error: IndexFailure | OSError) -> None:
        again = pointer is not None and pointer == self._refused
        self._skip = min(MOST_SKIPPED, 2 * self._skip + 1) if again else 0
        self._refused, self._skipped = pointer, 0
        location = self._source.location
        fault = str(error).replace(f"{location}/", "").replace(location, "the data folder")
        if fault != self._answers.fault:
            self.refusals += 1
            self._announce(f"{self.generation} answers on, and what was published is refused: {error}")
        self._answers.fault = fault


def _pointer_of(generation: Generation) -> Pointer:
    """What `CURRENT` says while this generation is published."""
    return Pointer(generation.id, hashlib.sha256(manifest_bytes(generation.manifest)).hexdigest())
