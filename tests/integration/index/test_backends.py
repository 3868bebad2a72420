from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer
from transformers import AutoTokenizer, BertConfig, BertModel

from index.embedding.batch_encoder import FP32_BELOW, BatchEncoder
from index.embedding.encoder import Encoder, PassageText
from index.embedding.load import Backend, encoding_metadata, load_encoder, unavailable_reason
from index.embedding.openvino_models import EXPORT, WEIGHTS, openvino_fault
from index.embedding.parity import PROBES
from index.embedding.shipped_models import default_model_folder
from index.embedding.torch_models import SentenceTransformerEncoder
from index.errors import ModelRefused
from tests.support.tiers import full, mostly_full

needs_openvino = pytest.mark.skipif(
    bool(openvino_fault()), reason="OpenVINO is not installed (make setup OPENVINO=1)"
)
MANY = [*PROBES, *(f"sentence {number} of the second kind" for number in range(FP32_BELOW))]


def small_model(folder: Path, *, modules: Callable[[int], list[Any]], prompt: str = "") -> Path:
    """A model of two layers that nobody trained, with the default model's tokenizer, written to a folder."""
    import torch

    torch.manual_seed(3)
    bert = folder / "bert"
    sizes = BertConfig(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96)
    BertModel(sizes).save_pretrained(bert)
    AutoTokenizer.from_pretrained(str(default_model_folder())).save_pretrained(bert)
    first = Transformer(str(bert), max_seq_length=64)
    prompts: dict[str, Any] = {"prompts": {"query": prompt}, "default_prompt_name": "query"} if prompt else {}
    SentenceTransformer(modules=[first, *modules(48)], device="cpu", **prompts).save(str(folder / "model"))
    return folder / "model"


MODELS: dict[str, Callable[[int], list[Any]]] = {
    "mean, not normalised": lambda size: [Pooling(size, pooling_mode="mean")],
    "cls, dense, normalised": lambda size: [
        Pooling(size, pooling_mode="cls"),
        Dense(size, 16),
        Normalize(),
    ],
    "max and mean side by side": lambda size: [Pooling(size, pooling_mode=("max", "mean"))],
}


@pytest.fixture(scope="module", params=mostly_full(["default", *MODELS], "default", "cls, dense, normalised"))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "default":
        return default_model_folder()
    return small_model(tmp_path_factory.mktemp("model"), modules=MODELS[request.param])


def reference(folder: Path, texts: list[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
    import torch

    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    return np.asarray(model.encode(texts, normalize_embeddings=True), dtype=np.float32)


def cosines(encoder: Encoder, folder: Path) -> tuple[float, float]:
    """The least cosine with sentence-transformers' own vectors: of texts one by one, and of many at once."""
    theirs = reference(folder, MANY)
    alone = np.vstack([encoder.encode([text]) for text in PROBES])
    together = encoder.encode(MANY)
    least = (alone * theirs[: len(PROBES)]).sum(axis=1).min(), (together * theirs).sum(axis=1).min()
    return float(least[0]), float(least[1])


def test_torch_gives_the_vectors_of_sentence_transformers(folder: Path, tmp_path: Path) -> None:
    encoder = load_encoder(str(folder), device="cpu", models=tmp_path)
    assert isinstance(encoder, BatchEncoder)
    assert min(cosines(encoder, folder)) >= 0.999999
    assert list(tmp_path.iterdir()) == []


@full
def test_bf16_reads_questions_exactly_and_many_texts_nearly(folder: Path, tmp_path: Path) -> None:
    encoder = load_encoder(str(folder), device="cpu", models=tmp_path, backend="bf16")
    alone, together = cosines(encoder, folder)
    assert alone >= 0.999999
    assert 0.999 <= together < 0.9999999  # else it was not bfloat16 at all
    exact = load_encoder(str(folder), device="cpu")
    assert (encoder.fingerprint, encoder.dimension) == (exact.fingerprint, exact.dimension)


@full
@needs_openvino
def test_openvino_converts_once_and_agrees(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load_encoder(str(folder), device="cpu", models=tmp_path, backend="openvino")
    alone, together = cosines(encoder, folder)
    assert alone >= 0.999999
    assert together >= 0.999
    assert encoder.fingerprint == load_encoder(str(folder), device="cpu").fingerprint
    assert encoding_metadata(encoder)["backend"] == "openvino"
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)  # an import would fail
    again = load_encoder(str(folder), models=tmp_path, backend="openvino")
    assert (again.fingerprint, again.max_tokens) == (encoder.fingerprint, encoder.max_tokens)
    assert again.encode(["again"]).tolist() == encoder.encode(["again"]).tolist()
    assert again.count_tokens("hello world") == 4


@pytest.mark.parametrize("backend", ["bf16", pytest.param("openvino", marks=[needs_openvino, full])])
def test_backends_read_passages_alike(tmp_path: Path, backend: str) -> None:
    """Late pooling and token vectors, of as many passages as take the fast network."""
    passages = [
        PassageText(f"It rose in {year}. The county paid for half of it, said he.", ((0, 16), (17, 59)))
        for year in range(1800, 1801 + FP32_BELOW)
    ]
    exact = load_encoder(device="cpu").encode_passages(passages)
    encoder = load_encoder(device="cpu", models=tmp_path, backend=backend)
    encoded = encoder.encode_passages(passages)
    assert (encoded.vectors * exact.vectors).sum(axis=1).min() >= 0.999
    assert encoded.lengths == pytest.approx(exact.lengths, rel=0.02)
    assert encoded.token_counts.tolist() == exact.token_counts.tolist()
    assert np.abs(encoded.tokens.astype(int) - exact.tokens).mean() < 1
    (question,), (other,) = (each.encode_questions(["Who paid?"]) for each in (encoder, load_encoder()))
    assert question.tokens == pytest.approx(other.tokens, abs=1e-3)
    assert np.linalg.norm(question.tokens, axis=1).sum() == pytest.approx(1, abs=1e-3)


def test_a_model_that_pools_otherwise_reads_sentences_one_by_one(tmp_path: Path) -> None:
    folder = small_model(tmp_path, modules=MODELS["cls, dense, normalised"])
    encoder = load_encoder(str(folder), device="cpu")
    assert (encoder.pools_late, encoder.token_dimension) == (False, 0)
    assert encoding_metadata(encoder)["pooling"] == "none: each sentence is read by itself"
    encoded = encoder.encode_passages([PassageText("It rose. It fell.", ((0, 8), (9, 17)))])
    assert encoded.vectors == pytest.approx(encoder.encode(["It rose.", "It fell."]), abs=1e-6)
    mean = small_model(tmp_path / "mean", modules=MODELS["mean, not normalised"])
    assert load_encoder(str(mean), device="cpu").pools_late


@needs_openvino
def test_a_conversion_that_was_changed_is_made_again(tmp_path: Path) -> None:
    folder, models = small_model(tmp_path, modules=MODELS["mean, not normalised"]), tmp_path / "models"
    load_encoder(str(folder), models=models, backend="openvino")
    (converted,) = models.iterdir()
    weights = (converted / WEIGHTS).read_bytes()
    (converted / WEIGHTS).write_bytes(bytes(len(weights)))
    encoder = load_encoder(str(folder), models=models, backend="openvino")
    assert (converted / WEIGHTS).read_bytes() == weights
    assert min(cosines(encoder, folder)) >= 0.999
    (converted / EXPORT).write_text("{}")
    load_encoder(str(folder), models=models, backend="openvino")
    assert [path.name for path in models.iterdir()] == [converted.name]


@needs_openvino
def test_where_nothing_can_be_written_auto_goes_on_without(tmp_path: Path) -> None:
    folder, models = small_model(tmp_path, modules=MODELS["mean, not normalised"]), tmp_path / "models"
    models.write_text("a file, and no folder")
    with pytest.raises(ModelRefused, match=r"the converted model cannot be written to .* another backend"):
        load_encoder(str(folder), models=models, backend="openvino")
    assert isinstance(load_encoder(str(folder), models=models, backend="auto"), BatchEncoder)


def test_a_model_with_a_prompt_is_read_the_plain_way(tmp_path: Path) -> None:
    folder = small_model(tmp_path, modules=MODELS["mean, not normalised"], prompt="question: ")
    encoder = load_encoder(str(folder), device="cpu", models=tmp_path, backend="auto")
    assert isinstance(encoder, SentenceTransformerEncoder)
    assert min(cosines(encoder, folder)) >= 0.999999
    assert encoding_metadata(encoder) == {
        "pooling": "none: each sentence is read by itself",
        "backend": "torch",
        "least_cosine": "1.000000",
    }
    with pytest.raises(ModelRefused, match="preprocesses texts with its own code; use --backend torch"):
        load_encoder(str(folder), device="cpu", models=tmp_path, backend="bf16")


def test_an_extra_that_is_not_installed_is_named_with_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ModelRefused, match="openvino is not installed; run `make setup OPENVINO=1`"):
        load_encoder(models=tmp_path, backend="openvino")
    encoder = load_encoder(models=tmp_path, backend="auto")
    assert encoding_metadata(encoder)["backend"] in {"torch", "bf16"}


def test_an_extra_that_is_broken_is_skipped_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ModuleType("openvino")  # half of a package: nothing in it
    monkeypatch.setitem(sys.modules, "openvino", broken)
    assert "openvino is installed but cannot be loaded" in unavailable_reason(Backend.OPENVINO)
    encoder = load_encoder(models=tmp_path, backend="auto")
    assert encoding_metadata(encoder)["backend"] in {"torch", "bf16"}
    with pytest.raises(ModelRefused, match="cannot be loaded"):
        load_encoder(models=tmp_path, backend="openvino")


def test_other_backends_and_devices_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="no backend 'abacus'; choose one of: auto, torch, bf16, openvino"):
        load_encoder(backend="abacus")
    assert unavailable_reason(Backend.BF16, "cuda") == "only measured on the processor"


def test_a_processor_without_bfloat16_is_passed_over_by_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {})
    assert unavailable_reason(Backend.BF16, "cpu") == "this processor does not multiply bfloat16"
    assert unavailable_reason(Backend.TORCH, "cpu") == ""
