"""`GET /admin`: usage statistics, behind the admin key; its tables as CSV below `/admin/export/`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from qa.errors import FeedbackFailure
from qa.feedback.safe_csv import csv_table
from qa.feedback.statistics import EVERYTHING, Usage, usage
from qa.feedback.store import FeedbackStore
from web.access.authentication import AdminKey
from web.context import ServiceContext
from web.http.client import client_of
from web.http.problems import problem_response
from web.i18n import Catalogue
from web.pages.admin_tables import BarChart, Table, days_chart, seconds_chart, tables

DAYS = 30
MOST_DAYS = 366
_CHOICES = (7, 30, 90, 365)
# Rows of a list on the page; a CSV has all of them.
_SHOWN = 50

Days = Annotated[int, Query(ge=1, le=MOST_DAYS)]


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the page; a chart of it is shown first, with the table folded away."""

    table: Table
    chart: BarChart | None

    @property
    def shortened(self) -> bool:
        """Whether the table may have more rows than the page shows."""
        return self.chart is None and len(self.table.rows) == _SHOWN


def admin_routes(site: ServiceContext) -> APIRouter:
    """The page and its tables; 404 without a key in the settings."""
    key = AdminKey(site.settings.admin_key)

    def check(request: Request) -> None:
        key.check(request.headers.get("Authorization", ""), client_of(request.scope))

    # A dependency runs before the parameters are validated: without the key, a bad `days` is a 401 too.
    router = APIRouter(include_in_schema=False, dependencies=[Depends(check)])

    # Not `async`: these read the disk, so they run in a thread.
    @router.get("/admin")
    def admin(days: Days = DAYS) -> Response:
        if site.feedback is None:
            return site.templates.page("admin.html", sections=())
        try:
            statistics = _usage(site.feedback, days, most=_SHOWN)
        except FeedbackFailure as error:
            return problem_response(503, str(error))
        return _page(site, site.feedback, statistics)

    @router.get("/admin/export/{name}.csv")
    def export(name: str, days: Days = DAYS) -> Response:
        if site.feedback is None:
            return problem_response(404, "no feedback is kept here")
        try:
            table = tables(_usage(site.feedback, days), site.catalogue).get(name)
        except FeedbackFailure as error:
            return problem_response(503, str(error))
        return _csv(table) if table else problem_response(404, "there is no such table")

    return router


def _usage(store: FeedbackStore, days: int, *, most: int = EVERYTHING) -> Usage:
    with store.reading() as feedback:
        return usage(feedback, days=days, today=datetime.now(UTC).date(), most=most)


def _csv(table: Table) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{table.name}.csv"',
        "Cache-Control": "no-store",
    }
    return Response(csv_table(table.columns, table.rows), media_type="text/csv", headers=headers)


def _page(site: ServiceContext, store: FeedbackStore, statistics: Usage) -> HTMLResponse:
    t = site.catalogue
    charts = {"days": days_chart(statistics.days, t), "seconds": seconds_chart(statistics.seconds, t)}
    return site.templates.page(
        "admin.html",
        sections=[Section(table, charts.get(name)) for name, table in tables(statistics, t).items()],
        first_day=statistics.days[0].day.isoformat(),
        last_day=statistics.days[-1].day.isoformat(),
        choices=_CHOICES,
        days=len(statistics.days),
        most_days=MOST_DAYS,
        lost=store.lost,
        fault=store.fault,
        figures=_figures(statistics, t),
        question_log=site.settings.question_log,
    )


def _figures(statistics: Usage, t: Catalogue) -> dict[str, str]:
    """Headline figures by the key of their label."""
    questions, declined = statistics.questions, statistics.declined
    share = f"{declined / questions:.0%}" if questions else t("admin.none")
    return {
        "admin.questions": t.number(questions),
        "admin.declined": t("admin.share", count=t.number(declined), share=share),
        "admin.median": _seconds(statistics.p50, t),
        "admin.slow": _seconds(statistics.p95, t),
    }


def _seconds(seconds: float | None, t: Catalogue) -> str:
    return t("admin.none") if seconds is None else t("admin.seconds_of", seconds=f"{seconds:.3f}")
