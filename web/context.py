"""What every part of the web side is built from."""

from __future__ import annotations

from dataclasses import dataclass, field

from qa.feedback.store import FeedbackStore
from web.answering.answer_service import AnswerService
from web.answering.health import Reason
from web.answering.index_watcher import IndexWatcher
from web.answering.metrics import Metrics
from web.i18n import Catalogue
from web.settings import Settings


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """The desk that answers, the settings, the words of the interface, and if there are any, where feedback
    is kept and what follows the index; then what tells what is amiss, and the counts.
    """

    answers: AnswerService
    settings: Settings
    catalogue: Catalogue
    feedback: FeedbackStore | None = None
    watcher: IndexWatcher | None = None
    reasons: tuple[Reason, ...] = ()
    metrics: Metrics = field(default_factory=Metrics)
