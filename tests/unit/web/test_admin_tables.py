"""Bars as SVG, measured."""

from __future__ import annotations

import re

from tests.support.templates import macro
from web.pages.admin_tables import Bar, BarChart


def bars(drawn: list[Bar], label: str) -> str:
    return macro("fragments/bar_chart.html", "bar_chart", BarChart(drawn, label))


def test_bars_are_as_high_as_their_share_of_the_highest() -> None:
    drawn = bars([Bar("a", 4, 1), Bar("b", 2), Bar("c", 0)], 'two "bars"')
    heights = re.findall(
        r'<rect class="(\w+)" x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', drawn
    )
    # 148 from the upper line at 14 to the lower at 162.
    assert heights == [("whole", "14.0", "148.0"), ("part", "125.0", "37.0"), ("whole", "88.0", "74.0")]
    assert 'role="img" aria-label="two &#34;bars&#34;"' in drawn
    assert [label for label in ("a", "b", "c") if f">{label}</text>" in drawn] == ["a", "b", "c"]


def test_nothing_to_draw_is_an_empty_plot_and_many_bars_have_two_labels() -> None:
    assert "<rect" not in bars([Bar("a", 0)], "none")
    assert "<rect" not in bars([], "none")
    assert re.findall(r">([^<]+)</text>", bars([Bar(str(n), 1) for n in range(30)], "many")) == [
        "1",
        "0",
        "0",
        "29",
    ]
