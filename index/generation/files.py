"""Names the files of a generation, all that a manifest may name.

articles.jsonl                    every field of each article, one a line
article_places.npy                the end of each line, and the length of each text
facts.json, publishers.npy, authors.npy, years.npy    facet columns
name_hashes.npy, name_rows.npy, by_title.npy          articles by id and file, and in order of title
sentences.npy, passages.npy       article row, start, end (and flags) of each span
digests.npy                       SHA-256 of what was encoded of each passage
vectors.npy, sums.npy             vector of each sentence; lengths of its sum, its window's and its passage's
tokens.npy, token_starts.npy      vectors of the tokens of all sentences, and where those of each begin
sentences.faiss                   IVF index of the sentences' vectors, if they are too many for brute force
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
DIGESTS = "digests.npy"
VECTORS = "vectors.npy"
SUMS = "sums.npy"
TOKENS = "tokens.npy"
TOKEN_STARTS = "token_starts.npy"
DENSE = "sentences.faiss"
LEXICAL = "lexical"
MANIFEST = "manifest.json"

VECTOR_FILES = frozenset({VECTORS, DENSE})
"""Files that a generation with `index.retrieval.dense_index.RemoteVectors` does not have."""

_FILES = {ARTICLES, ARTICLE_PLACES, SENTENCES, PASSAGES, DIGESTS, SUMS, TOKENS, TOKEN_STARTS}
_FILES |= {*VECTOR_FILES, VALUES, NAME_HASHES, NAME_ROWS, BY_TITLE, VOCABULARY, TERMS, TERM_STARTS, LEXICON}
_FILES |= {f"{facet}.npy" for facet in COLUMNS}
_LEXICAL_FILE = re.compile(rf"{LEXICAL}/(sentence|passage)/(\.managed|meta|[0-9a-f]{{32}})(\.[a-z0-9]+)+")

GENERATION_NAME = re.compile(r"gen-[1-9][0-9]{0,8}-[0-9a-f]{1,16}")


def is_file_name(name: str) -> bool:
    """Whether a generation can have a file of this name; any other could lie anywhere."""
    return name in _FILES or bool(_LEXICAL_FILE.fullmatch(name))
