from __future__ import annotations

from pathlib import Path

from eval.ablate import VARIANTS, Variant, ablate
from eval.run import Ask
from index.building.build import build
from index.generation.data_folder import DataFolder
from index.generation.generation import Generation
from index.search.rerank import Reranking
from qa.assistant import Assistant
from tests.support.fakes import CountingReranker, WordEncoder
from tests.support.sample_runs import GOLD, RAIN, SUN


def ranked(generation: Generation, variant: Variant) -> Assistant:
    reading = Reranking(CountingReranker()) if variant.reranked else None
    return Assistant(generation, WordEncoder(), reranking=reading, fusion=variant.fusion)


def test_a_run_for_each_variant_the_last_being_what_people_use(tmp_path: Path) -> None:
    build([RAIN, SUN], WordEncoder(), tmp_path)
    assistant = Assistant(DataFolder(tmp_path).open(), WordEncoder())
    asked: list[Variant] = []

    def asks(variant: Variant) -> Ask:
        asked.append(variant)
        return ranked(assistant.generation, variant).ask

    told: list[tuple[int, int]] = []
    runs = ablate(asks, GOLD, [RAIN, SUN], k=5, progress=lambda done, total: told.append((done, total)))
    assert list(runs) == list(VARIANTS)
    assert asked[-1] == Variant(reranked=True)
    assert told[-1] == (3 * len(VARIANTS), 3 * len(VARIANTS))
    assert told == sorted(told)
    assert all(len(run.rows) == 3 for run in runs.values())


def test_what_is_left_out_plays_no_part(tmp_path: Path) -> None:
    """ "quay" alone is asked for: words find it; without words, or with words alone, the order is another."""
    build([RAIN, SUN], WordEncoder(), tmp_path)
    assistant = Assistant(DataFolder(tmp_path).open(), WordEncoder())
    stages = assistant.stages("quay")
    for name, variant in (("lexical", VARIANTS["lexical alone"]), ("dense", VARIANTS["dense alone"])):
        hits = ranked(assistant.generation, variant).search("quay", 10)
        assert [hit.sentence for hit in hits] == list(stages[name])
    assert [hit.sentence for hit in assistant.search("quay", 10)] == list(stages["fused"])


def test_without_a_reranker_no_variant_claims_one(tmp_path: Path) -> None:
    build([RAIN, SUN], WordEncoder(), tmp_path)
    generation = DataFolder(tmp_path).open()
    runs = ablate(lambda variant: ranked(generation, variant).ask, GOLD, [RAIN, SUN], k=5, reranked=False)
    assert list(runs) == [name for name in VARIANTS if "reranked" not in name]
