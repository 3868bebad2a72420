"""Reads data sets in BEIR's form: documents, queries and judgements.

    FOLDER/corpus.jsonl     {"_id", "title", "text"} a line
    FOLDER/queries.jsonl    {"_id", "text"} a line
    FOLDER/qrels/test.tsv   query-id, corpus-id, score, usually below a header line

Source: Thakur et al., BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of Information Retrieval
Models (2021).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.json_lines import numbered_lines, numbered_objects
from eval.errors import GoldError

_ADVICE = "a folder of BEIR has corpus.jsonl, queries.jsonl and qrels/test.tsv"


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a collection."""

    id: str
    title: str
    text: str

    @property
    def whole(self) -> str:
        """Title and text joined, as published figures encode them."""
        return f"{self.title} {self.text}".strip()


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents, judged queries, and judgements: query id -> document id -> grade above 0."""

    name: str
    documents: tuple[Document, ...]
    queries: Mapping[str, str]
    judged: Mapping[str, Mapping[str, int]]
    split: str = "test"


def read_collection(folder: Path, *, split: str = "test") -> Collection:
    """Read a folder; queries without a relevant document are left out.

    Raises:
        GoldError: a bad file, with its line.
        JsonLinesError: a missing file or bad line.
    """
    corpus, query_file = folder / "corpus.jsonl", folder / "queries.jsonl"
    documents = tuple(
        Document(
            _text(row, "_id", corpus, line), str(row.get("title") or ""), _text(row, "text", corpus, line)
        )
        for line, row in numbered_objects(corpus, advice=_ADVICE)
    )
    listed = [
        (_text(row, "_id", query_file, line), _text(row, "text", query_file, line))
        for line, row in numbered_objects(query_file, advice=_ADVICE)
    ]
    queries = dict(listed)
    if len(queries) != len(listed):
        raise GoldError(query_file, "two queries have the same _id")
    document_ids = {document.id for document in documents}
    if len(document_ids) != len(documents):
        raise GoldError(corpus, "two documents have the same _id")
    judged = _judgements(folder / "qrels" / f"{split}.tsv", queries, document_ids)
    judged_queries = {name: queries[name] for name in judged}
    return Collection(folder.resolve().name, documents, judged_queries, judged, split)


def _judgements(path: Path, queries: Mapping[str, str], document_ids: set[str]) -> dict[str, dict[str, int]]:
    judged: dict[str, dict[str, int]] = {}
    for position, (number, line) in enumerate(numbered_lines(path, advice=_ADVICE)):
        query, document, score = (*line.split("\t"), "", "", "")[:3]
        if not re.fullmatch(r"-?[0-9]{1,4}", score) or line.count("\t") != 2:
            if position == 0:
                continue  # the header, which some sets leave out
            raise GoldError(path, "is not query-id, corpus-id and a number below 10,000", line=number)
        grade = int(score)
        if query not in queries or document not in document_ids:
            missing = f"query {query}" if query not in queries else f"document {document}"
            raise GoldError(path, f"judges the {missing}, which is in no file of the folder", line=number)
        if grade > 0:
            judged.setdefault(query, {})[document] = grade
    if not judged:
        raise GoldError(path, "judges no document relevant, so nothing can be measured")
    return judged


def _text(row: Mapping[str, Any], name: str, path: Path, line: int) -> str:
    value = row.get(name)
    if not isinstance(value, str) or (name == "_id" and value.split() != [value]):
        raise GoldError(path, f'"{name}" must be a text{" without white space" * (name == "_id")}', line=line)
    return value
