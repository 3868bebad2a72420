"""The objects that every part of the web side is built from."""

from __future__ import annotations

from dataclasses import dataclass, field

from qa.feedback.store import FeedbackStore
from web.access.rate_limits import GuessLimit
from web.answering.answer_service import AnswerService
from web.answering.health import Reason
from web.answering.index_watcher import IndexWatcher
from web.answering.metrics import Metrics
from web.html import Environment, Templates, environment
from web.i18n import Catalogue
from web.service_settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """What all pages share; `feedback` and `watcher` are None where off, `reasons` say what is wrong.

    `admin_tries` counts wrong admin keys, those given to `/admin` and to `/metrics` together.
    """

    answers: AnswerService
    settings: ServiceSettings
    catalogue: Catalogue
    feedback: FeedbackStore | None = None
    watcher: IndexWatcher | None = None
    reasons: tuple[Reason, ...] = ()
    metrics: Metrics = field(default_factory=Metrics)
    environment: Environment = field(default_factory=environment)
    admin_tries: GuessLimit = field(default_factory=GuessLimit)

    @property
    def templates(self) -> Templates:
        """The service's pages in its language."""
        return Templates(self.catalogue, self.environment)
