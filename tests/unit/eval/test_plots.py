from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from lxml import etree

from eval.abstention import ConfidenceBin
from eval.report.plots import by_type, latency, reliability_diagram, risk_coverage_curve
from eval.statistics import Estimate

NAN = float("nan")
BARS = {
    "hit@1": {"why": Estimate(0.5, 0.2, 0.8, 5), "$x$ <b>": Estimate(0.1, NAN, NAN, 1)},
    "hit@3": {"why": Estimate(0.7, 0.4, 0.9, 5)},
}
THRESHOLDS = {"unsure from": 1 / 11, "answered from": 0.75}
DRAWN: dict[str, Callable[[], str]] = {
    "types": lambda: by_type(BARS),
    "reliability": lambda: reliability_diagram(
        [ConfidenceBin(3, 0.15, 0.3), ConfidenceBin(9, 0.8, 0.9)], THRESHOLDS
    ),
    "one step": lambda: reliability_diagram([ConfidenceBin(1, 0.5, 1.0)], {}),
    "risk": lambda: risk_coverage_curve([(0.5, 0.1), (1.0, 0.4)], (0.7, 0.2)),
    "no risk": lambda: risk_coverage_curve([(1.0, 0.0)], None),
    "latency": lambda: latency([0.01, 0.02, 0.03], 0.02, 0.03),
    "one question": lambda: latency([0.0], 0.0, 0.0),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_is_one_element_that_loads_nothing(name: str) -> None:
    svg = DRAWN[name]()
    root = etree.fromstring(svg.encode())
    assert etree.QName(root).localname == "svg"
    assert (root.get("role"), bool(root.get("aria-label"))) == ("img", True)
    assert all(link.startswith("#") for link in re.findall(r'href="([^"]*)"', svg))
    assert "url(http" not in svg


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_numbers_make_the_same_picture(name: str) -> None:
    assert DRAWN[name]() == DRAWN[name]()


def test_pictures_of_one_page_share_no_id() -> None:
    ids = [
        set(re.findall(r'id="([^"]+)"', DRAWN[name]()))
        for name in ("types", "reliability", "risk", "latency")
    ]
    assert len(set.union(*ids)) == sum(map(len, ids))


def test_text_stays_text() -> None:
    root = etree.fromstring(by_type(BARS).encode())
    texts = {str(element.text).strip() for element in root.iter("{*}text")}
    assert {"why", "$x$ <b>", "hit@1", "hit@3"} <= texts
