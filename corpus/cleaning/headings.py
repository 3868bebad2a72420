"""Recognises sub-headings in plain text."""

from __future__ import annotations

import re

_HEADING_WORDS = 10
_HEADING_CHARACTERS = 120
# With a full stop only a very short line without verb or pronoun counts as a heading: a lost sentence costs
# more than a lost heading.
_DOTTED_HEADING_WORDS = 3
_SENTENCE_WORDS = frozenset(
    """
    i you he she it we they this that there is are was were be been has have had do does did can could will
    would shall should may might must not no nobody everyone yes isn’t aren’t agrees agreed says said works
    worked helps failed matters
    """.split()
)
_ITEM = re.compile(r"(?:[-*•·–]|\d{1,3}[.)]|\(\w{1,3}\)|\[\w{1,3}\])\s")
_RUNNING_WORDS = 12


def looks_like_heading(text: str, after: str) -> bool:
    """Whether a paragraph is a sub-heading of the paragraph `after` it ("" if it is the last)."""
    if (
        len(text) > _HEADING_CHARACTERS
        or len(text.split()) > _HEADING_WORDS
        or not after
        or _ITEM.match(text)
        or not text[0].isupper()
    ):
        return False
    if text.endswith(":"):
        return True
    if len(after.split()) < _RUNNING_WORDS:
        return False
    if text.endswith("."):
        return dotted_heading(text)
    return bool(re.search(r"[\w?’'\")]$", text)) and not re.search(r"\S+@\S+|https?://|www\.", text)


def dotted_heading(text: str) -> bool:
    """Whether a line such as "Pooled budgets." is a heading in spite of its full stop."""
    words = text.split()
    plain = {word.strip(".,").replace("'", "’").lower() for word in words}
    return (
        text.endswith(".")
        and text[0].isupper()
        and len(words) <= _DOTTED_HEADING_WORDS
        and not plain & _SENTENCE_WORDS
    )
