"""What every part of the web side is built from."""

from __future__ import annotations

from dataclasses import dataclass, field

from qa.feedback import FeedbackStore
from web.catalogue import Catalogue
from web.desk import Desk
from web.health import Reason
from web.metrics import Metrics
from web.reload import Reloading
from web.settings import Settings


@dataclass(frozen=True, slots=True)
class Site:
    """The desk that answers, the settings, the words of the interface, and if there are any, where feedback
    is kept and what follows the index; then what tells what is amiss, and the counts.
    """

    desk: Desk
    settings: Settings
    catalogue: Catalogue
    feedback: FeedbackStore | None = None
    reloading: Reloading | None = None
    reasons: tuple[Reason, ...] = ()
    metrics: Metrics = field(default_factory=Metrics)
