from __future__ import annotations

from pathlib import Path

import pytest

from eval.run import VARIANTS, Variant, ablate
from index.building.build import build
from index.generation.data_folder import DataFolder
from index.search.rerank import Reranking
from qa.assistant import Assistant
from tests.support.fakes import CountingReranker, WordEncoder
from tests.support.sample_runs import GOLD, RAIN, SUN


@pytest.fixture
def assistant(tmp_path: Path) -> Assistant:
    build([RAIN, SUN], WordEncoder(), tmp_path)
    return Assistant(DataFolder(tmp_path).open(), WordEncoder(), reranking=Reranking(CountingReranker()))


def test_a_run_for_each_variant_the_last_being_what_people_use(assistant: Assistant) -> None:
    progress: list[tuple[int, int]] = []
    runs = ablate(assistant, GOLD, k=5, progress=lambda done, total: progress.append((done, total)))
    assert list(runs) == list(VARIANTS)
    *_, default = VARIANTS.values()
    assert default == Variant(reranked=True)
    assert default.of(assistant).ask("quay", 5) == assistant.ask("quay", 5)
    assert progress[-1] == (3 * len(VARIANTS), 3 * len(VARIANTS))
    assert progress == sorted(progress)
    assert all(len(run.rows) == 3 for run in runs.values())


def test_what_is_left_out_plays_no_part(assistant: Assistant) -> None:
    """Words alone, vectors alone and MaxSim alone each give their own order for "quay", fused gives the default order."""
    stages = assistant.stages("quay")
    for name, variant in (
        ("lexical", VARIANTS["lexical alone"]),
        ("dense", VARIANTS["dense alone"]),
        ("maxsim", VARIANTS["MaxSim alone"]),
        ("fused", VARIANTS["fused"]),
    ):
        hits = variant.of(assistant).search("quay", 10)
        assert [hit.sentence for hit in hits] == list(stages[name])


def test_without_a_reranker_no_variant_claims_one(assistant: Assistant) -> None:
    bare = Assistant(assistant.generation, WordEncoder())
    assert list(ablate(bare, GOLD, k=5)) == [name for name in VARIANTS if "reranked" not in name]
