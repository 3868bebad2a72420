"""Text for comparison, and text that UTF-8 can encode."""

from __future__ import annotations

from dataclasses import replace

from corpus.article import Article
from corpus.normalise import fold, replace_surrogates

ARTICLE = Article(
    id="a", title="A trust", text="", source="a.md", url="", author="", publisher="", published="", sha256=""
)


def test_folding_makes_quotes_dashes_spaces_and_case_alike() -> None:
    assert fold("“Don’t” – he\u00a0said") == fold('"don\'t" - he said')
    assert fold("«Don´t» non‑stop−2") == '"don\'t" non-stop-2'


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert replace_surrogates("a\ud800b") == "a?b"


def test_an_article_without_a_title_is_shown_by_its_source() -> None:
    assert ARTICLE.display_title == "A trust"
    assert replace(ARTICLE, title="").display_title == "a.md"
