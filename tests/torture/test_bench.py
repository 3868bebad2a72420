from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from bench.articles import article, articles
from bench.competitors import COMPETITORS, PEERS, Competitor
from bench.corpora import canonical, read_source
from bench.errors import NoCorpus, PeerFailed
from bench.exact_neighbours import exact_nearest, recall
from bench.growth import exponents
from bench.load_clients import ask_all
from bench.memory import folder_bytes, memory
from bench.peer_process import Peer
from bench.peer_trial import Course
from bench.plot import draw_growth
from bench.precomputed_vectors import PrecomputedEncoder, QuestionEncoder
from bench.results import merge, read_results, records, summary
from bench.rounds import Contest
from bench.sizes import SMALL
from bench.statistics import exponent, measured, percentile
from bench.synthetic_corpora import PrecomputedVectors, filled, normalised, recombined
from bench.table import cell, markdown, number
from corpus.passages import split_passages
from corpus.sentences import split_sentences
from index.building.build import build
from index.embedding.shipped_models import default_model_folder
from index.generation.data_folder import DataFolder
from qa.assistant import Assistant
from tests.support.repository import ROOT

SENTENCES = (
    "It rose by a third.",
    "They cost too much.",
    "The river froze in May.",
    "Nobody counted the sheep at noon.",
)

# A system that finds the texts with most of a question's words; `fail` in a text is more than it can take.
FAKE = """
import json, sys
from bench.peer_protocol import Folder, speak

class Fake(Folder):
    def load(self, model):
        print("a library's greeting")
    def build(self, texts, folder):
        folder.mkdir(parents=True)
        (folder / "texts").write_text(json.dumps(texts))
        return 2.0
    def open(self, folder):
        self.file = folder / "texts"
        self.texts = json.loads(self.file.read_text())
    def ask(self, question, k):
        asked = set(question.split())
        return sorted(range(len(self.texts)), key=lambda row: -len(asked & set(self.texts[row].split())))[:k]
    def encode(self, question):
        return 0.004
    def change(self, row, text):
        if "fail" in sys.argv:
            raise RuntimeError("that is too much")
        self.texts[row] = text

speak(Fake())
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "json.py"  # named like a library: the folder of a script must not be searched
    path.write_text(FAKE, encoding="utf-8")
    return path


# Numbers


def test_rounds_have_a_median_and_a_spread() -> None:
    rounds = measured([3, 1, 2, 10])
    assert (rounds.median, rounds.spread) == (2.5, (1, 10))
    assert rounds.record() == {"median": 2.5, "low": 1.0, "high": 10.0, "values": [3.0, 1.0, 2.0, 10.0]}
    with pytest.raises(ValueError, match="nothing was measured"):
        measured([])


def test_a_ratio_is_taken_round_by_round() -> None:
    # The medians, 4 and 2, would say 2; no round does.
    assert measured([4, 9, 2]).over(measured([1, 3, 2])).values == (4, 3, 1)


def test_a_percentile_is_a_value() -> None:
    assert percentile(list(range(1, 101)), 0.95) == 95
    assert percentile([7, 5], 0.95) == 7
    assert percentile([7], 0.5) == 7


@pytest.mark.parametrize(("values", "slope"), [([5, 50, 500], 1), ([3, 3, 3], 0), ([1, 100, 10_000], 2)])
def test_the_exponent_of_growth(values: list[float], slope: float) -> None:
    assert exponent([10, 100, 1_000], values) == pytest.approx(slope)


def test_the_exponent_is_a_fit() -> None:
    # In logarithms (0, 0), (1, 2), (2, 1): ((-1)(-1) + 0 + (1)(0)) / 2.
    assert exponent([1, 10, 100], [1, 100, 10]) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="two sizes"):
        exponent([10, 10], [1, 2])


def test_memory_is_read_from_the_status_of_the_process() -> None:
    status = (
        "Name:\tpython\nVmHWM:\t    2048 kB\nVmRSS:\t1024 kB\nRssAnon:\t512 kB\nRssFile:\t256 kB\nShdPnd:\t\n"
    )
    assert memory(status) == {"peak_mb": 2.0, "rss_mb": 1.0, "anonymous_mb": 0.5, "file_mb": 0.2}


def test_bytes_of_a_folder_are_those_of_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"abc")
    (tmp_path / "b").write_bytes(b"de")
    assert folder_bytes(tmp_path) == 5


# Exact neighbours


def test_the_nearest_by_hand() -> None:
    rows = exact_nearest(
        np.eye(2, dtype=np.float32),
        [np.array([[1, 0], [0, 3]], np.float32), np.array([[2, 1]], np.float32)],
        2,
    )
    assert rows.tolist() == [[2, 0], [1, 2]]


def test_the_nearest_agree_with_all_scores_sorted() -> None:
    rng = np.random.default_rng(1)
    vectors, queries = (rng.standard_normal((count, 8), dtype=np.float32) for count in (100, 5))
    wanted = np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :10]
    assert exact_nearest(queries, np.array_split(vectors, 7), 10).tolist() == wanted.tolist()


def test_recall_is_the_share_of_what_was_wanted() -> None:
    assert recall([[1, 2], [5, 6]], [[2, 3], [6, 5]]) == 0.75


# Corpora


def test_recombined_passages_are_halves_of_two_sentences_each() -> None:
    fronts = {"It rose", "They cost", "The river", "Nobody counted the"}
    backs = {"by a third.", "too much.", "froze in May.", "sheep at noon."}
    for passage in recombined(SENTENCES, 50):
        assert len(re.findall("|".join(map(re.escape, fronts)), passage)) == 2
        assert len(re.findall("|".join(map(re.escape, backs)), passage)) == 2


def test_a_smaller_corpus_is_the_beginning_of_a_larger_one() -> None:
    large = list(recombined(SENTENCES, 2_500))
    assert len(large) == 2_500
    assert list(recombined(SENTENCES, 1_001)) == large[:1_001]
    assert list(recombined(SENTENCES, 10, seed=1)) != large[:10]
    assert list(recombined(SENTENCES, 0)) == []


def test_real_passages_come_first() -> None:
    assert filled(["a", "b", "c"], SENTENCES, 2) == ["a", "b"]
    assert filled(["a"], SENTENCES, 3) == ["a", *recombined(SENTENCES, 2)]


def given() -> PrecomputedVectors:
    return PrecomputedVectors(SENTENCES, np.eye(4, 384, dtype=np.float32))


def test_a_text_has_one_vector_whatever_it_is_asked_with() -> None:
    texts = list(recombined(SENTENCES, 40))
    together = given().of(texts)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    assert np.array_equal(given().of(texts[7:8])[0], together[7])
    assert len(np.unique(together, axis=0)) == len(set(texts))


def test_a_vector_is_near_the_two_sentences_it_is_made_of() -> None:
    (vector,) = given().of(["Nobody counted the too much. It rose froze in May."])
    # 1 / |(1, 1) + .35 (n - n')| with |n - n'| about sqrt 2: 1 / sqrt 2.245.
    assert vector[[3, 2]] == pytest.approx([0.667, 0.667], abs=0.06)
    assert abs(vector[[0, 1]]).max() < 0.1


def test_text_is_made_canonical() -> None:
    assert canonical("Cafe\u0301\n\n  at\tnoon\x00.") == "Café at noon ."


def write_sets(folder: Path) -> Path:
    for name, text in (("scifact", "One two three four five six. Short."), ("squad", "A b c d e f g?")):
        (folder / name).mkdir(parents=True)
        (folder / name / "corpus.jsonl").write_text(json.dumps({"text": text}) + "\n")
        (folder / name / "queries.jsonl").write_text(json.dumps({"text": f"Why {name}?"}) + "\n")
    return folder


def test_public_sets_are_read(tmp_path: Path) -> None:
    source = read_source(write_sets(tmp_path))
    assert sorted(source.passages) == ["A b c d e f g?", "One two three four five six. Short."]
    assert sorted(source.sentences) == ["A b c d e f g?", "One two three four five six."]
    assert sorted(source.questions) == ["Why scifact?", "Why squad?"]


def test_sets_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(NoCorpus, match=r"scifact/corpus.jsonl is not there: name the folder .* BENCH_SETS"):
        read_source(tmp_path)


def test_texts_become_articles_of_so_many_paragraphs() -> None:
    first, second = articles(["One.", "Two.", "Three."], paragraphs=2)
    assert (first.id, first.source, first.text) == ("00000000", "0", "One.\n\nTwo.")
    assert (second.id, second.source, second.text) == ("00000001", "1", "Three.")


# Protocol


def test_a_system_speaks_line_by_line(script: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.json"
    texts.write_text(json.dumps(["red hen", "blue sea", "red sea"]))
    with Peer("fake", [sys.executable, str(script)], limit=60) as peer:
        built = peer.call("build", model="m", texts=str(texts), folder=str(tmp_path / "index"))
        assert (built["seconds"], built["passages"]) == (2.0, 3)
        assert built["bytes"] == len(json.dumps(["red hen", "blue sea", "red sea"]))
        assert 1 < built["rss_mb"] <= built["peak_mb"]
        peer.call("open", model="m", folder=str(tmp_path / "index"))
        told = peer.call("ask", questions=["red sea", "blue"], k=2, others=["x"])
        assert (told["rows"], told["encode_ms"]) == ([[2, 0], [1, 0]], [4.0])
        assert len(told["ms"]) == 2
        assert peer.call("nearest", questions=["hen"], k=1)["rows"] == [[0]]
        assert peer.call("encode", questions=["a", "b"]) == {"encode_ms": [4.0, 4.0]}
        assert len(peer.call("load", questions=["a"] * 9, k=1, clients=4)["ms"]) == 9
        peer.call("change", row=0, text="green sea")
        assert peer.call("ask", questions=["green"], k=1)["rows"] == [[0]]


def test_what_fails_says_why(script: Path, tmp_path: Path) -> None:
    with (
        Peer("fake", [sys.executable, str(script)], limit=60) as peer,
        pytest.raises(PeerFailed, match=r"^fake: open: FileNotFoundError: .*nowhere"),
    ):
        peer.call("open", model="m", folder=str(tmp_path / "nowhere"))


def test_a_system_that_is_not_installed_is_told() -> None:
    with pytest.raises(PeerFailed, match=r"no/python cannot be started .* run `make bench-setup`"):
        Peer("none", ["/no/python"])


def test_a_system_that_hangs_is_ended() -> None:
    with (
        Peer("slow", [sys.executable, "-c", "import time; time.sleep(60)"], limit=0.2) as peer,
        pytest.raises(PeerFailed, match=r"slow: ask: was killed: took more than 0\.2 s"),
    ):
        peer.call("ask")


def test_every_peer_has_a_script_and_pins() -> None:
    for name in PEERS:
        assert (ROOT / "bench" / "peers" / f"{name}.py").is_file()
        pins = (ROOT / "bench" / "peers" / f"{name}.txt").read_text().splitlines()
        assert all(re.fullmatch(r"#.*||[\w.-]+==[\w.!+-]+", line) for line in pins), name
    assert {one.name for one in COMPETITORS if one.environment} == set(PEERS)


# A contest


class Stand(Competitor):
    """A competitor whose system is the fake one."""

    def start(self) -> Peer:
        return Peer(self.name, [sys.executable, *self.arguments], limit=60)


def test_a_contest_measures_every_system_and_tells_who_failed(script: Path, tmp_path: Path) -> None:
    texts = ["red hen", "blue sea", "red sea"]
    course = Course(tmp_path / "work", "m", SMALL)
    stands = [
        Stand("plain", "fake", (str(script),), index="plain"),
        Stand("weak", "fake", (str(script), "fail"), index="weak"),
        Stand("floor", "fake", (str(script),), index="floor", answers=False),
    ]
    said: list[str] = []
    outcome = Contest(course, texts, [f"red {n}" for n in range(1_000)], say=said.append).run(stands)
    assert outcome.failed == {"weak": "change: RuntimeError: that is too much"}
    plain, floor = outcome.measured["plain"], outcome.measured["floor"]
    assert plain["recall"] == [1.0]
    assert plain["whole_s"] == [2.0]
    assert plain["build_per_s"] == [1.5] * SMALL.rounds
    assert {len(plain[name]) for name in ("p50_ms", "p95_ms", "qps_1", "qps_32", "cold_s", "change_s")} == {2}
    assert floor["encode_ms"] == [4.0] * SMALL.rounds
    assert "p50_ms" not in floor
    # Another system is first in the second round, and the one that failed is not tried again.
    assert [line.split(":")[0] for line in said] == (
        "whole, plain;whole, weak;round 1, plain;round 1, weak;round 1, floor;round 2, floor;round 2, plain"
    ).split(";")


# Pullquote on given vectors


def test_pullquote_builds_and_finds_a_generated_corpus(tmp_path: Path) -> None:
    texts = list(recombined(SENTENCES, 30))
    encoder = PrecomputedEncoder(given(), default_model_folder())
    build(list(articles(texts, paragraphs=10)), encoder, tmp_path)
    generation = DataFolder(tmp_path).open()
    assert [passage.text for passage in generation.passages] == texts
    assert [one.source for one in generation.articles] == ["0", "1", "2"]
    found = Assistant(generation, encoder).ask(texts[17], 1)
    assert found.extracts[0].article.source == "1"


def test_passages_fit_the_window() -> None:
    made = article(0, list(recombined(SENTENCES, 10)))
    encoder = PrecomputedEncoder(given(), default_model_folder())
    split = split_passages(split_sentences(made), limit=encoder.max_tokens, count_tokens=encoder.count_tokens)
    assert len(split) == 10


def test_questions_are_really_encoded_under_the_name_of_the_given_vectors() -> None:
    model = PrecomputedEncoder(given(), default_model_folder())
    readings = iter([1.0, 3.5, 10.0, 10.25])
    asking = QuestionEncoder(model, clock=lambda: next(readings))
    assert (asking.name, asking.fingerprint) == (model.name, model.fingerprint)
    (question,) = asking.encode_questions(["It rose too much."])
    assert np.array_equal(question.vector, model.encode(["It rose too much."])[0])
    assert asking.seconds == 2.5
    asking.encode_questions(["Why?"])
    assert asking.seconds == 2.75


# Clients


@contextmanager
def answering(statuses: list[int]) -> Iterator[str]:
    """A service that answers with these statuses in turn, for ever with the last one."""

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert asked["k"] == 3
            self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_clients_ask_everything_once_and_count_who_was_refused() -> None:
    with answering([200, 503, 200]) as address:
        told = ask_all(address, [str(n) for n in range(10)], clients=4, k=3)
    assert (len(told["ms"]), told["refused"]) == (9, 1)


def test_any_other_status_ends_it() -> None:
    with answering([200, 500]) as address, pytest.raises(RuntimeError, match="500"):
        ask_all(address, ["a", "b"], clients=1, k=3)


# Results


def peers_part() -> dict[str, Any]:
    systems: dict[str, dict[str, list[float]]] = {
        "pullquote": {
            "build_s": [6, 8],
            "p50_ms": [10, 30],
            "over_encode": [1.5],
            "qps_1": [20],
            "qps_32": [50],
        },
        "chroma": {"build_s": [2, 4], "p50_ms": [20, 20]},
        "txtai": {"build_s": [3, 5], "p50_ms": [10, 12]},
        "forward pass, whole": {"build_s": [5, 4]},
    }
    told = {name: records(rounds) for name, rounds in systems.items()}
    return {"systems": told, "failed": {"haystack": "gone"}}


def test_the_summary_by_hand() -> None:
    sizes = {"1000000": records({"recall": [0.97], "search_ms": [4, 6, 5], "rss_mb": [900]})}
    assert summary({"peers": peers_part(), "growth": {"sizes": sizes}}) == {
        "build_vs_best_peer": 2.5,  # over chroma: 3, 2
        "question_p50_vs_best_peer": 1.75,  # over txtai: 1, 2.5
        "question_p50_vs_encode": 1.5,
        "build_vs_forward_pass": 1.6,  # 1.2, 2
        "qps32_vs_qps1": 2.5,
        "recall_1e6": 0.97,
        "search_ms_1e6": 5.0,
        "rss_mb_1e6": 900.0,
    }
    assert set(summary({}).values()) == {None}


def test_a_part_is_merged_into_the_others(tmp_path: Path) -> None:
    merge("floors", {"measures": records({"sum_gb_s": [9.0]})}, folder=tmp_path)
    merge("peers", peers_part(), folder=tmp_path)
    results = read_results(tmp_path)
    assert set(results) == {"floors", "peers", "summary"}
    assert results["summary"]["qps32_vs_qps1"] == 2.5


def test_exponents_of_what_was_measured_at_two_sizes() -> None:
    sizes = {
        "10": records({"build_s": [1], "open_s": [1]}),
        "100": records({"build_s": [10]}),
        "5": {"failed": "x"},
    }
    assert exponents(sizes) == {"build_s": pytest.approx(1)}


@pytest.mark.parametrize(
    ("value", "written"), [(0.01234, "0.0123"), (12345.6, "12,346"), (99.94, "99.9"), (2.0, "2")]
)
def test_numbers_are_short(value: float, written: str) -> None:
    assert number(value) == written


def test_a_cell_shows_the_spread_when_there_is_one() -> None:
    assert cell(measured([1, 2, 4]).record()) == "2 [1, 4]"
    assert cell(measured([5]).record()) == "5"
    assert cell(None) == ""


def test_the_table_tells_what_was_measured_and_what_failed(tmp_path: Path) -> None:
    sizes = {"10": records({"build_s": [1.0]}), "100": {**records({"build_s": [10.0]}), "failed": "no room"}}
    merge("peers", peers_part(), folder=tmp_path)
    told = markdown(merge("growth", {"sizes": sizes, "exponents": exponents(sizes)}, folder=tmp_path))
    assert "| chroma | " in told
    assert "haystack could not be measured: gone" in told
    assert "| build | 2.5 [2, 3] |" in told
    assert "| 100 | 10 |" in told
    assert "| exponent | 1 |" in told
    assert "100 passages: no room" in told
    assert "| build_vs_best_peer | 2.5 |" in told


def test_growth_is_drawn_from_two_sizes_on(tmp_path: Path) -> None:
    sizes = [(10, records({"build_s": [1.0], "rss_mb": [3]})), (100, records({"build_s": [9, 12, 10]}))]
    assert draw_growth(sizes[:1], {}, tmp_path) == []
    svg, png = draw_growth(sizes, {"build_s": 1.0}, tmp_path)
    assert svg.read_text(encoding="utf-8").count("<svg") == 1
    assert png.read_bytes()[:4] == b"\x89PNG"


def test_vectors_are_made_one_long() -> None:
    assert normalised(np.array([[3, 4]], dtype=np.float32)).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)]
    ]
