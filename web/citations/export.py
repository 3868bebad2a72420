"""The citations of an export, also in the fields of reference managers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from qa.answer import Citation
from web.citations.quotation import one_line, paragraphs, web_address
from web.i18n import Catalogue


class Reference(NamedTuple):
    """A citation in the fields of reference managers, each on one line; "" or () for what is not known.

    `author` is as the article gives it, one person or several. `quote` joins the quotation's paragraphs by a
    space; `note` is the quotation's address in the index.
    """

    key: str
    title: str
    author: str
    publisher: str
    published: tuple[int, ...]
    url: str
    quote: str
    note: str


@dataclass(frozen=True, slots=True)
class Export:
    """Citations to write to a file, and the addresses of those that are not in the index any more."""

    citations: tuple[Citation, ...]
    missing: tuple[str, ...]
    catalogue: Catalogue

    def note(self, citation: Citation) -> str:
        """The quotation's address in the index and the hash of the article's text."""
        sha256 = citation.article.sha256
        return self.catalogue("evidence.place", address=one_line(citation.address), sha256=sha256)

    @property
    def left_out(self) -> str:
        """The note that names missing citations; "" for none."""
        missing = ", ".join(self.missing)
        return self.catalogue("evidence.left_out", addresses=missing) if missing else ""

    @property
    def references(self) -> list[Reference]:
        """The citations for a reference manager."""
        return [self._reference(citation) for citation in self.citations]

    def _reference(self, citation: Citation) -> Reference:
        article = citation.article
        return Reference(
            key=re.sub("[^A-Za-z0-9]+", "-", citation.address).strip("-"),
            title=one_line(article.display_title),
            author=one_line(article.author),
            publisher=one_line(article.publisher),
            published=date_parts(article.published),
            url=web_address(article.url),
            quote=" ".join(paragraphs(citation)),
            note=self.note(citation),
        )


def date_parts(published: str) -> tuple[int, ...]:
    """Year, month and day as far as known: "2004-05" -> (2004, 5); () for a text that is no such date."""
    if not re.fullmatch(r"[0-9]{4}(-[0-9]{2}){0,2}", published):
        return ()
    parts = tuple(map(int, published.split("-")))
    try:
        date(*(*parts, 1, 1)[:3])
    except ValueError:
        return ()
    return parts
