"""Names the files of a generation, all that a manifest may name.

articles.jsonl                    every field of each article, one a line
article_places.npy                the end of each line, and the length of each text
facts.json, publishers.npy, authors.npy, years.npy    facet columns
name_hashes.npy, name_rows.npy, by_title.npy          articles by id and file, and in order of title
sentences.npy, passages.npy       article row, start, end (and flags) of each span
texts.npy                         SHA-256 of each distinct text
vectors.npy                       its vector
sentence_rows.npy, window_rows.npy, passage_rows.npy    the text of each span
sentences.faiss, passages.faiss   IVF indexes of the same vectors, if there are too many for brute force
lexical/sentence, lexical/passage full-text indexes
vocabulary.txt, terms.npy, term_starts.npy    the terms of each sentence, to be counted
lexicon.json                      words as they are written, and acronyms
manifest.json                     the SHA-256 of all of these
"""

from __future__ import annotations

import re

from index.retrieval.facet_columns import BY_TITLE, COLUMNS, NAME_HASHES, NAME_ROWS, VALUES
from index.retrieval.lexicon import LEXICON
from index.retrieval.sentence_terms import TERM_STARTS, TERMS, VOCABULARY

ARTICLES = "articles.jsonl"
ARTICLE_PLACES = "article_places.npy"
SENTENCES = "sentences.npy"
PASSAGES = "passages.npy"
TEXTS = "texts.npy"
VECTORS = "vectors.npy"
SENTENCE_ROWS = "sentence_rows.npy"
WINDOW_ROWS = "window_rows.npy"
PASSAGE_ROWS = "passage_rows.npy"
DENSE_SENTENCES = "sentences.faiss"
DENSE_PASSAGES = "passages.faiss"
LEXICAL = "lexical"
MANIFEST = "manifest.json"

VECTOR_FILES = frozenset({VECTORS, DENSE_SENTENCES, DENSE_PASSAGES})
"""Files that a generation with `index.retrieval.dense_index.RemoteVectors` does not have."""

_FILES = {ARTICLES, ARTICLE_PLACES, SENTENCES, PASSAGES, TEXTS, SENTENCE_ROWS, WINDOW_ROWS, PASSAGE_ROWS}
_FILES |= {*VECTOR_FILES, VALUES, NAME_HASHES, NAME_ROWS, BY_TITLE, VOCABULARY, TERMS, TERM_STARTS, LEXICON}
_FILES |= {f"{facet}.npy" for facet in COLUMNS}
_LEXICAL_FILE = re.compile(rf"{LEXICAL}/(sentence|passage)/(\.managed|meta|[0-9a-f]{{32}})(\.[a-z0-9]+)+")

GENERATION_NAME = re.compile(r"gen-[1-9][0-9]{0,8}-[0-9a-f]{1,16}")


def is_file_name(name: str) -> bool:
    """Whether a generation can have a file of this name; any other could lie anywhere."""
    return name in _FILES or bool(_LEXICAL_FILE.fullmatch(name))
