"""Paths of this repository and of the data sets beside it, with the marks that skip tests without them."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_ARTICLES = ROOT / "corpus" / "articles"
SHARED = ROOT.parent / "shared"
ARTICLES = SHARED / "articles"
GOLD = SHARED / "gold"
DATA = SHARED / "data"

needs_shared = pytest.mark.skipif(
    not ARTICLES.is_dir(), reason="the scraped articles are not beside this checkout (../shared/articles)"
)
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the public sets are not beside this checkout (../shared/data)"
)
