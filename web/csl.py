"""Citations as CSL-JSON, which Zotero, pandoc and citeproc read.

The quotation is the `abstract`, its place in the index the `note`.
"""

from __future__ import annotations

import json
from typing import Any

from web.export import Export, Reference


def write_csl(export: Export) -> bytes:
    """The file; what is not in the index any more is left out, as JSON has no comments."""
    return json.dumps(list(map(_fields, export.references)), ensure_ascii=False, indent=2).encode()


def _fields(reference: Reference) -> dict[str, Any]:
    """The variables that are known. An author is one literal name: no name is taken apart."""
    fields = {
        "id": reference.key,
        "type": "webpage" if reference.url else "document",
        "title": reference.title,
        "author": [{"literal": reference.author}] if reference.author else [],
        "publisher": reference.publisher,
        "issued": {"date-parts": [list(reference.published)]} if reference.published else {},
        "URL": reference.url,
        "abstract": reference.quote,
        "note": reference.note,
    }
    return {name: value for name, value in fields.items() if value}
