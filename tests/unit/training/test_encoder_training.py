"""The encoder's training on a network of two layers: rows, batches, losses, and going on after a stop."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import MultiVectorEncoder, SentenceTransformer
from transformers import AutoTokenizer, BertConfig, BertModel

from index.embedding.torch_models import LATE_INTERACTION
from tests.support.fakes import WordEncoder
from tests.support.repository import DATA, needs_data
from tests.support.sample_runs import COLLECTION
from tests.support.tiers import full
from training.encoder import train as training
from training.encoder.average import average
from training.encoder.base_model import base_model_folder
from training.encoder.batches import BATCH, GROUP, PASSAGE_TOKENS, Packer, neighbour_batches
from training.encoder.export import export
from training.encoder.loss import loss, score
from training.encoder.measure import SUMS, measure
from training.encoder.mining import GROUP as MINED_GROUP
from training.encoder.mining import Mined, mine, mined_batches
from training.encoder.network import BODY, Network, maxsim, pool
from training.encoder.rows import CAPS, Row, held_out, load_rows
from training.encoder.train import LOG, STATE, Batches, Settings, read_weights, train
from training.encoder.variations import vary
from training.encoder.wordnet import FOLDER, synonyms

NOUNS = ("harbour", "canal", "quay", "mill", "bridge", "market", "tannery", "chapel")
ROWS = [
    Row(
        f"Who paid for the {noun} in {year}?",
        (f"The {noun} is old.", f"In {year} the council paid for the {noun}.", "Nobody had asked."),
        (False, True, False),
        "made",
    )
    for noun in NOUNS
    for year in range(1800, 1812)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    made = tmp_path_factory.mktemp("network")
    sizes = BertConfig(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96)
    BertModel(sizes).save_pretrained(made)
    return made


@pytest.fixture(scope="module")
def packer() -> Packer:
    return Packer(AutoTokenizer.from_pretrained(str(base_model_folder()), local_files_only=True))


def unsorted(rows: list[Row]) -> Batches:
    return partial(neighbour_batches, np.eye(len(rows), dtype=np.float32), [0] * len(rows))


def network(folder: Path) -> Network:
    torch.manual_seed(4)
    return Network(folder, dimension=16)


@full
@needs_data
def test_all_sources_are_read_within_their_caps() -> None:
    rows = load_rows(DATA, seed=1)
    assert rows == load_rows(DATA, seed=1)
    counts = {source: sum(row.source == source for row in rows) for source in CAPS}
    assert all(counts.values())
    assert all(counts[source] <= cap for source, cap in CAPS.items() if cap)
    assert all(len(row.sentences) == len(row.answers) for row in rows)
    assert {row.source for row in rows if not row.answerable} >= {"squad", "near_miss"}
    left, watched = held_out(rows, 50, seed=1)
    answers = {text for row in watched for text in row.answer_texts}
    assert len(watched) == 50
    assert answers.isdisjoint(text for row in left for text in row.answer_texts)


def test_an_answer_in_another_row_is_right_too(packer: Packer) -> None:
    again = Row("When was it paid for?", ROWS[0].sentences[1:], (True, False), "made")
    batch = packer.batch([ROWS[0], again, ROWS[1]], None)
    assert batch.right.tolist() == [
        [False, True, False, True, False, False, False, False],
        [False, True, False, True, False, False, False, False],
        [False, False, False, False, False, False, True, False],
    ]
    assert batch.in_passage.sum(dim=1).tolist() == [3, 2, 3]


def test_a_long_passage_loses_what_stands_before_its_answer(packer: Packer) -> None:
    filler = "Nothing of this kind was said about it by anybody at all, then or later. " * 4
    row = Row(
        "Who paid?",
        (filler, filler, "The council paid.", filler, filler),
        (False, False, True, False, False),
        "x",
    )
    batch = packer.batch([row], None)
    assert batch.passages.shape[1] <= PASSAGE_TOKENS + 1
    assert batch.answerable.tolist() == [True]


def test_pooling_and_maxsim_are_what_a_loop_gives() -> None:
    generator = torch.Generator().manual_seed(1)
    states = torch.randn(2, 5, 4, generator=generator)
    owner = torch.tensor([[-1, 0, 0, 1, -1], [-1, 2, 2, 2, -1]])
    sums = pool(states, owner, 3)
    assert torch.allclose(sums[1], states[0, 3])
    assert torch.allclose(sums[2], states[1, 1:4].sum(dim=0))
    tokens, weights = torch.randn(1, 3, 4, generator=generator), torch.tensor([[0.5, 0.3, 0.2]])
    kept = owner.reshape(-1) >= 0
    others, owners = states.reshape(-1, 4)[kept], owner.reshape(-1)[kept]
    by_hand = [
        sum(
            weight * max(-1.0, *(float(token @ other) for other in others[owners == sentence]))
            for token, weight in zip(tokens[0], weights[0].tolist(), strict=True)
        )
        for sentence in range(3)
    ]
    assert maxsim(tokens, weights, others, owners, 3)[0].tolist() == pytest.approx(by_hand, abs=1e-5)


def test_the_first_projection_keeps_what_cosines_tell(folder: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    states = torch.randn(400, 16, generator=generator) @ torch.randn(16, 48, generator=generator)
    made = network(folder)
    made.fit_projection(states)
    vectors = made.token_vectors(states).detach()
    unit = torch.nn.functional.normalize(states, dim=1)
    assert torch.allclose(vectors @ vectors.T, unit @ unit.T, atol=1e-3)


def test_a_batch_holds_neighbours_and_an_epoch_each_row_once() -> None:
    directions = np.eye(4, dtype=np.float32).repeat(2 * GROUP, axis=0)
    batches = list(neighbour_batches(directions, [0] * len(directions), seed=1))
    assert sorted(row for batch in batches for row in batch) == list(range(len(directions)))
    for batch in batches:
        assert len(batch) == BATCH
        for start in range(0, BATCH, GROUP):
            assert len({row // (2 * GROUP) for row in batch[start : start + GROUP]}) == 1
    other = list(neighbour_batches(directions, [0] * len(directions), seed=2))
    assert other != batches


def test_hard_negatives_leave_out_what_may_answer_too() -> None:
    """Row 0's question is near the sentence of row 1, nearer than its own answer to that of row 2."""
    directions = np.eye(4, dtype=np.float32)
    near = np.array([0.7, 0.3, 0.6, 0.2], dtype=np.float32)
    questions = np.stack([near, *directions[1:]])
    mined = Mined(questions, directions[[0, 2, 3, 1]], np.arange(5), np.full(4, 0.62, dtype=np.float32))
    assert mined.hardness(0, np.array([1, 2, 3])).tolist() == pytest.approx([0, 0.2, 0.3])


def test_mined_batches_hold_each_row_once(folder: Path, packer: Packer) -> None:
    mined = mine(network(folder), packer, ROWS[: 2 * BATCH])
    assert len(mined.sentences) == sum(len(row.sentences) for row in ROWS[: 2 * BATCH])
    assert np.linalg.norm(mined.questions, axis=1) == pytest.approx(1, abs=1e-4)
    batches = list(mined_batches(mined, [0] * 2 * BATCH, seed=1))
    assert sorted(row for batch in batches for row in batch) == list(range(2 * BATCH))
    for start in range(0, BATCH, MINED_GROUP):
        centre, *others = batches[0][start : start + MINED_GROUP]
        assert np.all(np.diff(mined.hardness(centre, np.array(others))) <= 1e-6)


def test_questions_are_put_in_other_words() -> None:
    changed = {vary(ROWS[0], random.Random(seed)) for seed in range(40)}
    assert ROWS[0].question in changed
    assert len(changed) > 3
    assert vary(ROWS[0], random.Random(5)) == vary(ROWS[0], random.Random(5))


@pytest.mark.skipif(not FOLDER.is_dir(), reason="WordNet is not installed: apt-get install wordnet-base")
def test_synonyms_are_single_words_of_a_word_that_means_one_thing() -> None:
    assert "attorney" in synonyms("lawyer")
    assert "attorneys" in synonyms("lawyers")
    assert synonyms("run") == ()
    assert synonyms("xyzzy") == ()


@full
def test_what_was_trained_ranks_better(folder: Path, packer: Packer, tmp_path: Path) -> None:
    made, rows = network(folder), ROWS[: 2 * BATCH]
    before = training.watch(made, packer, ROWS[2 * BATCH :])
    train(
        made, packer, rows, ROWS[2 * BATCH :], unsorted(rows), tmp_path, Settings(20, seed=1), lambda _: None
    )
    after = training.watch(made, packer, ROWS[2 * BATCH :])
    assert after["both"] > before["both"] + 0.2
    logged = [json.loads(line) for line in (tmp_path / LOG).read_text(encoding="utf-8").splitlines()]
    assert logged[0] == {"step": 0, **before}
    assert logged[-1] == {"step": 40, **after}


def test_a_run_that_was_stopped_goes_on(folder: Path, packer: Packer, tmp_path: Path) -> None:
    """As far as the last state; from there on the numbers are those of a run that was not stopped."""
    rows = ROWS[: 2 * BATCH]
    for name, parts in (("whole", (3,)), ("parts", (3, 3))):
        made = network(folder)
        (tmp_path / name).mkdir()
        for epochs in parts:
            made = network(folder)
            train(made, packer, rows, ROWS[:5], unsorted(rows), tmp_path / name, Settings(epochs, 1), print)
    assert read_weights(tmp_path / "whole" / STATE).keys() == network(folder).state_dict().keys()
    whole, again = (load_file(tmp_path / name / STATE) for name in ("whole", "parts"))
    assert int(whole["step"]) == 6
    assert whole.keys() == again.keys()
    assert all(torch.equal(tensor, again[name]) for name, tensor in whole.items())


def test_an_average_lies_between_the_base_and_the_states() -> None:
    base = {BODY + "x": torch.zeros(2), "token.weight": torch.zeros(2)}
    states = [{name: torch.full((2,), value) for name in base} for value in (2.0, 4.0)]
    mixed = average(base, states, 0.25)
    assert mixed[BODY + "x"].tolist() == [2.25, 2.25]
    assert mixed["token.weight"].tolist() == [3, 3]


def test_what_is_exported_loads_as_pooled_and_as_late_interaction(tmp_path: Path) -> None:
    base = base_model_folder()
    save_file(Network(base).state_dict(), tmp_path / STATE)
    export(base, tmp_path / STATE, tmp_path / "model", dimension=48)
    assert sum(file.stat().st_size for file in (tmp_path / "model").rglob("*") if file.is_file()) < 45_000_000
    projection = load_file(tmp_path / "model" / LATE_INTERACTION)["token.weight"].float()
    assert projection.shape == (48, 384)
    where: Any = {"device": "cpu", "local_files_only": True}
    whole = SentenceTransformer(str(base), **where)
    texts = ["Who paid for the café?", "It was paid, [unused7] they said."]
    pooled = SentenceTransformer(str(tmp_path / "model"), **where)
    assert pooled.get_embedding_dimension() == 384
    assert (pooled.encode(texts) * whole.encode(texts)).sum(axis=1) == pytest.approx(1, abs=0.001)
    late = MultiVectorEncoder(str(tmp_path / "model"), **where)
    states = whole.encode(texts[:1], output_value="token_embeddings")[0].float()
    expected = torch.nn.functional.normalize(states @ projection.T, dim=1)[1:-1]
    for vectors in (late.encode_query(texts[:1])[0], late.encode_document(texts[:1])[0]):
        assert vectors.shape == expected.shape
        assert torch.allclose((vectors * expected).sum(dim=1), torch.ones(len(vectors)), atol=0.01)


@full
def test_an_encoder_is_measured_on_a_collection() -> None:
    measured = {name: values for name, *values in measure(COLLECTION, WordEncoder())}
    assert measured.keys() == SUMS.keys()
    # The other query is no word at all: nothing is said of where its document lands.
    assert all(ndcg >= 0.5 and precision >= 0.5 for ndcg, precision in measured.values())


def test_an_unanswerable_question_alone_gives_a_finite_loss(folder: Path, packer: Packer) -> None:
    made = network(folder)
    batch = packer.batch([ROWS[0], Row("Who sang?", ROWS[1].sentences, (False,) * 3, "x")], None)
    total = loss(made, batch, score(made, batch, packer))
    assert torch.isfinite(total)
    assert batch.answerable.tolist() == [True, False]


def test_the_package_of_the_base_model_is_not_executed() -> None:
    code = (
        "import sys, training.encoder.base_model as base; base.base_model_folder(); "
        "assert base.PACKAGE not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
