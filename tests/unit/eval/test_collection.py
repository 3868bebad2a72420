from __future__ import annotations

from pathlib import Path

import pytest

from corpus.json_lines import JsonLinesError
from eval.beir.collection import Document, read_collection
from eval.errors import GoldError
from tests.support.sample_runs import CORPUS, QRELS, QUERIES, write_collection


def test_documents_queries_and_judgements(tmp_path: Path) -> None:
    collection = read_collection(write_collection(tmp_path))
    assert collection.documents == (Document("d1", "Rain", "It rained."), Document("d2", "", "It snowed."))
    assert collection.documents[0].whole == "Rain It rained."
    assert collection.documents[1].whole == "It snowed."
    # q3 has no relevant document: nothing can be found for it.
    assert collection.queries == {"q1": "rain?", "q2": "snow?"}
    assert collection.judged == {"q1": {"d1": 2}, "q2": {"d2": 1}}
    assert collection.name == tmp_path.name


def test_another_split(tmp_path: Path) -> None:
    write_collection(tmp_path, split="train")
    assert len(read_collection(tmp_path, split="train").queries) == 2
    with pytest.raises(
        (GoldError, JsonLinesError), match=r"test.tsv: cannot be read: No such file.*a folder of BEIR has"
    ):
        read_collection(tmp_path)


@pytest.mark.parametrize(
    ("part", "content", "message"),
    [
        ("corpus", "{", "corpus.jsonl, line 1: is not a JSON object"),
        ("corpus", CORPUS + "[]", "corpus.jsonl, line 3: is not a JSON object"),
        (
            "corpus",
            '{"_id": 1, "text": "a"}',
            'corpus.jsonl, line 1: "_id" must be a text without white space',
        ),
        ("corpus", '{"_id": "a b", "text": "a"}', '"_id" must be a text without white space'),
        ("corpus", '{"_id": "a"}', '"text" must be a text'),
        ("corpus", CORPUS + '{"_id": "d1", "text": "a"}', "two documents have the same _id"),
        ("queries", '{"_id": "q1"}', 'queries.jsonl, line 1: "text" must be a text'),
        ("qrels", QRELS + "q1\td1", "test.tsv, line 6: is not query-id, corpus-id and a number below 10,000"),
        ("qrels", QRELS + "q1\td1\tone", "test.tsv, line 6"),
        ("qrels", QRELS + "q9\td1\t1", "judges the query q9"),
        ("qrels", QRELS + "q1\td9\t1", "judges the document d9"),
        ("qrels", "query-id\tcorpus-id\tscore\nq1\td1\t0\n", "judges no document relevant"),
        ("qrels", "", "judges no document relevant"),
        ("qrels", QRELS + "q1\td1\t99999", "test.tsv, line 6"),
        ("queries", QUERIES + '{"_id": "q1", "text": "a"}', "two queries have the same _id"),
    ],
)
def test_a_fault_is_named_with_file_and_line(part: str, content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises((GoldError, JsonLinesError)) as caught:
        read_collection(write_collection(tmp_path, **{part: content}))
    assert message in str(caught.value)


def test_judgements_need_no_headings(tmp_path: Path) -> None:
    bare = QRELS.split("\n", 1)[1]
    assert read_collection(write_collection(tmp_path, qrels=bare)).judged == {
        "q1": {"d1": 2},
        "q2": {"d2": 1},
    }
