"""Citations as CSV for a spreadsheet, one row each, with every fact of the article and the index."""

from __future__ import annotations

import csv
import io

from qa.citation import Citation
from web.export import Export

COLUMNS = tuple("quote title author publisher published url source article_id start end sha256".split())
# What a spreadsheet takes for a formula, and would compute.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(export: Export) -> bytes:
    """The file, with the mark that tells Excel of UTF-8; what is not in the index any more is left out."""
    written = io.StringIO(newline="")
    rows = csv.writer(written)
    rows.writerow(COLUMNS)
    rows.writerows([harmless(value) for value in _row(citation)] for citation in export.citations)
    return written.getvalue().encode("utf-8-sig", "replace")


def harmless(value: str) -> str:
    """A cell that no spreadsheet computes: behind an apostrophe where it could be a formula."""
    return f"'{value}" if value.startswith(_FORMULA) else value


def _row(citation: Citation) -> list[str]:
    article = citation.article
    facts = (article.title, article.author, article.publisher, article.published, article.url, article.source)
    place = (article.id, str(citation.start), str(citation.end), article.sha256)
    return [citation.text, *facts, *place]
