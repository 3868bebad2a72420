"""`GET /admin`: usage statistics, behind the admin key; its tables as CSV below `/admin/export/`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse, Response

from qa.feedback.safe_csv import csv_table
from qa.feedback.statistics import EVERYTHING, Usage, usage
from qa.feedback.store import FeedbackStore
from web.access.authentication import AdminKey
from web.context import ServiceContext
from web.http.problems import problem_response
from web.i18n import Catalogue
from web.pages.admin_tables import cell_kind, cell_text, days_chart, seconds_chart, tables

DAYS = 30
MOST_DAYS = 366
_CHOICES = (7, 30, 90, 365)
# Rows of a list on the page; a CSV has all of them.
_SHOWN = 50

Days = Annotated[int, Query(ge=1, le=MOST_DAYS)]


def admin_routes(site: ServiceContext) -> APIRouter:
    """The page and its tables; 404 without a key in the settings."""
    check = AdminKey(site.settings.admin_key, tries=site.admin_tries).check
    # A dependency runs before the parameters are validated: without the key, a bad `days` is a 401 too.
    router = APIRouter(include_in_schema=False, dependencies=[Depends(check)])

    # Not `async`: these read the disk, so they run in a thread.
    @router.get("/admin")
    def admin(days: Days = DAYS) -> Response:
        if site.feedback is None:
            return site.templates.page("admin.html", sections=())
        return _page(site, site.feedback, _usage(site.feedback, days, most=_SHOWN))

    @router.get("/admin/export/{name}.csv")
    def export(name: str, days: Days = DAYS) -> Response:
        if site.feedback is None:
            return problem_response(404, "no feedback is kept here")
        table = tables(_usage(site.feedback, days), site.catalogue).get(name)
        if table is None:
            return problem_response(404, "there is no such table")
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
        return Response(csv_table(table.columns, table.rows), media_type="text/csv", headers=headers)

    return router


def _usage(store: FeedbackStore, days: int, *, most: int = EVERYTHING) -> Usage:
    with store.reading() as feedback:
        return usage(feedback, days=days, today=datetime.now(UTC).date(), most=most)


def _page(site: ServiceContext, store: FeedbackStore, statistics: Usage) -> HTMLResponse:
    t = site.catalogue
    charts = {"days": days_chart(statistics.days, t), "seconds": seconds_chart(statistics.seconds, t)}
    return site.templates.page(
        "admin.html",
        sections=[(table, charts.get(name)) for name, table in tables(statistics, t).items()],
        shown=_SHOWN,
        kind=cell_kind,
        text=cell_text,
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
    questions = sum(day.questions for day in statistics.days)
    declined = sum(day.declined for day in statistics.days)
    share = f"{declined / questions:.0%}" if questions else t("admin.none")
    return {
        "admin.questions": t.number(questions),
        "admin.declined": t("admin.share", count=t.number(declined), share=share),
        "admin.median": _seconds(statistics.p50, t),
        "admin.slow": _seconds(statistics.p95, t),
    }


def _seconds(seconds: float | None, t: Catalogue) -> str:
    return t("admin.none") if seconds is None else t("admin.seconds_of", seconds=f"{seconds:.3f}")
