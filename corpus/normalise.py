"""Normalises text: one form for comparison, and a form that UTF-8 can encode."""

from __future__ import annotations

import unicodedata

_PLAIN = str.maketrans(
    dict.fromkeys("“”„‟«»″", '"') | dict.fromkeys("‘’‚‛′´`", "'") | dict.fromkeys("‐‑‒–—―−", "-")
)


def fold(text: str) -> str:
    """The text for comparison: NFKC, straight quotes, plain dashes, single spaces, no case."""
    # NFKC would make a space and an accent of "´", and one hyphen of another: both are replaced before.
    plain = unicodedata.normalize("NFKC", text.translate(_PLAIN))
    return " ".join(plain.split()).casefold()


def replace_surrogates(text: str) -> str:
    """The text with each lone surrogate as "?": UTF-8, and so every tokenizer, has no form for one."""
    return text.encode("utf-8", "replace").decode()
