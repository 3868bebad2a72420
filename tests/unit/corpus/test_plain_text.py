from __future__ import annotations

import pytest

from corpus.article import Unreadable
from corpus.formats.plain_text import decode, text_draft


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("café “ok”".encode(), "café “ok”"),
        ("café".encode("utf-8-sig"), "café"),
        ("café".encode("utf-16"), "café"),
        ("café".encode("utf-32"), "café"),
        ("café – “ok”".encode("cp1252"), "café – “ok”"),
        (b"a\r\nb\rc\x0cd", "a\nb\nc\nd"),
        ("a\u2029b".encode(), "a\n\nb"),
        (b"\x81 is nothing in cp1252", "\ufffd is nothing in cp1252"),
        (b"", ""),
    ],
)
def test_bytes_become_characters(raw: bytes, text: str) -> None:
    assert decode(raw) == text


def test_a_mark_that_promises_what_the_bytes_are_not() -> None:
    with pytest.raises(Unreadable, match="is not valid utf-16"):
        decode(b"\xff\xfea")


def test_a_sites_line_is_not_joined_to_the_authors() -> None:
    draft = text_draft(
        "The quay is closed and will\nremain closed until the ice\nComments are closed.\nhas gone."
    )
    assert "Comments are closed." in [block.text for block in draft.blocks]
    assert draft.loose
