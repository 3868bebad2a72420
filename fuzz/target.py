"""`python -m fuzz.target FORMAT FOLDER... [-libfuzzer_option=value]`: one format, until something is found.

Atheris alters bytes and keeps those that reach new lines of the code. Whatever they are, they have to become
an article that keeps the house's promises, or be refused with a reason; anything else ends the run.
"""

from __future__ import annotations

import sys

from fuzz.regressions import kept_files
from fuzz.seeds import word_parts, zipped

# The text of a Word document alone: within a packed archive chance finds broken packing only.
WORD = "word"
# What is instrumented: the readers, and what they are made of as far as it is Python.
_PACKAGES = ["corpus", "markdown_it", "mammoth", "trafilatura", "yaml"]


def read(kind: str, raw: bytes) -> bool:
    """Whether these bytes become an article. Raises what no reader expects, and AssertionError."""
    from corpus.article import Unreadable
    from corpus.formats.registry import read_article
    from corpus.sandbox.protocol import article_answer, read_answer
    from corpus.sentences import split_sentences

    if kind == WORD:
        raw = zipped({**word_parts(), "word/document.xml": raw}) if raw else b""
    source = f"a.{'docx' if kind == WORD else kind}"
    try:
        article = read_article(source[1:], raw, source)
    except Unreadable:
        return False
    assert read_answer(article_answer(1, article), 1, source) == article
    shown = "".join(sentence.text for sentence in split_sentences(article))
    assert "".join(shown.split()) == "".join(article.text.split()), "sentences are not the text"
    return True


def main() -> None:
    """Run until something is found or the time is over."""
    import atheris

    kind, *options = sys.argv[1:]
    # What is imported within is instrumented: the readers import what they need when they first read.
    with atheris.instrument_imports(include=_PACKAGES):
        for raw in kept_files(kind).values():
            read(kind, raw)
    atheris.Setup([sys.argv[0], *options], lambda raw: read(kind, raw) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
