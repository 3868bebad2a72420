"""Where the shared articles, gold questions and public sets lie beside a checkout, if they do."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"
ARTICLES = SHARED / "articles"
GOLD = SHARED / "gold"
DATA = SHARED / "data"

needs_shared = pytest.mark.skipif(
    not ARTICLES.is_dir(), reason="the scraped articles are not beside this checkout (../shared/articles)"
)
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the public sets are not beside this checkout (../shared/data)"
)
