"""`GET /admin`: how the service is used, for who knows the key; its tables as CSV below `/admin/export/`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from qa.errors import FeedbackFailure
from qa.feedback.safe_csv import sheet
from qa.feedback.statistics import EDGES, EVERYTHING, Bin, Day, Usage, usage
from qa.feedback.store import FeedbackStore
from web.access.admin_key import AdminKey
from web.access.gate import client_address
from web.context import ServiceContext
from web.html import document, escaped
from web.http.problems import problem_response
from web.i18n import Catalogue
from web.pages.admin_tables import Bar, Table, bars, render_table, tables

DAYS = 30
MOST_DAYS = 366
_CHOICES = (7, 30, 90, 365)
# Rows of a list on the page; a CSV has all of them.
_SHOWN = 50
# More bars than this are too thin to be told apart: then one stands for seven days.
_MOST_BARS = 92
_WEEK = 7

Days = Annotated[int, Query(ge=1, le=MOST_DAYS)]


def admin_routes(site: ServiceContext) -> APIRouter:
    """The page and its tables; 404 without a key in the settings."""
    key = AdminKey(site.settings.admin_key)

    def check(request: Request) -> None:
        key.check(request.headers.get("Authorization", ""), client_address(request.scope))

    # Before anything else is looked at, the number of days too.
    router = APIRouter(include_in_schema=False, dependencies=[Depends(check)])

    # Not `async`: these read the disk, so they run in a thread.
    @router.get("/admin")
    def admin(days: Days = DAYS) -> Response:
        if site.feedback is None:
            return _page(site.catalogue, _quiet(site.catalogue("admin.off")))
        try:
            used = _usage(site.feedback, days, most=_SHOWN)
        except FeedbackFailure as error:
            return problem_response(503, str(error))
        return _page(site.catalogue, _body(site, site.feedback, used))

    @router.get("/admin/export/{name}.csv")
    def export(name: str, days: Days = DAYS) -> Response:
        if site.feedback is None:
            return problem_response(404, "no feedback is kept here")
        try:
            found = tables(_usage(site.feedback, days), site.catalogue)
        except FeedbackFailure as error:
            return problem_response(503, str(error))
        return _csv(found[name]) if name in found else problem_response(404, "there is no such table")

    return router


def _usage(store: FeedbackStore, days: int, *, most: int = EVERYTHING) -> Usage:
    with store.reading() as feedback:
        return usage(feedback, days=days, today=datetime.now(UTC).date(), most=most)


def _csv(table: Table) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{table.name}.csv"',
        "Cache-Control": "no-store",
    }
    return Response(sheet(table.columns, table.rows), media_type="text/csv", headers=headers)


def _page(words: Catalogue, body: str) -> Response:
    title = words("admin.title")
    return document(words, title, f"<main><h1>{escaped(title)}</h1>{body}</main>")


def _body(site: ServiceContext, store: FeedbackStore, used: Usage) -> str:
    words = site.catalogue
    plots = {"days": _days_plot(used.days, words), "seconds": _seconds_plot(used, words)}
    sections = "".join(
        _section(table, plots.get(name, ""), len(used.days), words)
        for name, table in tables(used, words).items()
    )
    kept = "" if site.settings.question_log else _quiet(words("admin.texts_not_kept"))
    return f"{_span(used.days, words)}{_lost(store, words)}{_figures(used, words)}{kept}{sections}"


def _span(days: tuple[Day, ...], words: Catalogue) -> str:
    """The days shown, and the choice of others."""
    first, last = days[0].day.isoformat(), days[-1].day.isoformat()
    links = " ".join(
        f'<a class="button" href="admin?days={choice}"{_current(choice == len(days))}>'
        f"{escaped(words.count('admin.days_of', choice))}</a>"
        for choice in _CHOICES
    )
    return (
        f"{_quiet(words('admin.span', first=first, last=last))}"
        f'<nav class="choices" aria-label="{escaped(words("admin.choose"))}">{links}</nav>'
        f'<form action="admin"><p><label for="days">{escaped(words("admin.choose"))}</label> '
        f'<input id="days" name="days" type="number" min="1" max="{MOST_DAYS}" value="{len(days)}" required> '
        f"<button>{escaped(words('admin.show'))}</button></p></form>"
    )


def _current(is_current: bool) -> str:
    return ' aria-current="page"' if is_current else ""


def _lost(store: FeedbackStore, words: Catalogue) -> str:
    if not store.lost:
        return ""
    told = words.count("admin.lost", store.lost, fault=store.fault)
    return f'<p class="alarm">{escaped(told)}</p>'


def _figures(used: Usage, words: Catalogue) -> str:
    """The numbers that are asked for first."""
    share = f"{used.declined / used.questions:.0%}" if used.questions else words("admin.none")
    figures = {
        "admin.questions": f"{used.questions:,}",
        "admin.declined": words("admin.share", count=f"{used.declined:,}", share=share),
        "admin.median": _seconds(used.p50, words),
        "admin.slow": _seconds(used.p95, words),
    }
    told = (
        f"<div><dt>{escaped(words(key))}</dt><dd>{escaped(figure)}</dd></div>"
        for key, figure in figures.items()
    )
    return f'<dl class="figures">{"".join(told)}</dl>'


def _seconds(seconds: float | None, words: Catalogue) -> str:
    return words("admin.none") if seconds is None else words("admin.seconds_of", seconds=f"{seconds:.3f}")


def _section(table: Table, plot: str, days: int, words: Catalogue) -> str:
    shown = render_table(table, words)
    if plot and table.rows:
        shown = f"{plot}<details><summary>{escaped(words('admin.as_table'))}</summary>{shown}</details>"
    cut = len(table.rows) == _SHOWN and not plot
    more = _quiet(words("admin.first", count=_SHOWN)) if cut else ""
    link = (
        f'<p><a href="admin/export/{table.name}.csv?days={days}" '
        f'aria-label="{escaped(words("admin.csv_of", title=table.title))}">'
        f"{escaped(words('admin.csv'))}</a></p>"
    )
    return f"<section><h2>{escaped(table.title)}</h2>{shown}{more}{link}</section>"


def _days_plot(days: tuple[Day, ...], words: Catalogue) -> str:
    step = 1 if len(days) <= _MOST_BARS else _WEEK
    # Weeks are counted from today backwards, so that the last one is whole.
    ends = range(len(days), 0, -step)
    groups = [days[max(0, end - step) : end] for end in reversed(ends)]
    drawn = [_day_bar(group) for group in groups]
    key = "admin.days.plot" if step == 1 else "admin.weeks.plot"
    return _figure(drawn, words("admin.days"), words(key, most=_most(drawn)))


def _day_bar(days: tuple[Day, ...]) -> Bar:
    first = days[0].day.isoformat()
    return Bar(first, sum(day.questions for day in days), sum(day.declined for day in days))


def _seconds_plot(used: Usage, words: Catalogue) -> str:
    drawn = [Bar(_short(one), one.questions, one.questions) for one in used.seconds]
    return _figure(drawn, words("admin.seconds"), words("admin.seconds.plot", most=_most(drawn)))


def _short(one: Bin) -> str:
    """ "≤0.2", as wide as a bar."""
    return f">{EDGES[-1]:g}" if one.up_to is None else f"≤{one.up_to:g}"


def _figure(drawn: list[Bar], label: str, told: str) -> str:
    return f'<figure>{bars(drawn, label)}<figcaption class="quiet">{escaped(told)}</figcaption></figure>'


def _most(drawn: list[Bar]) -> str:
    return f"{max(bar.value for bar in drawn):,}"


def _quiet(text: str) -> str:
    return f'<p class="quiet">{escaped(text)}</p>'
