import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import MultiVectorEncoder, SentenceTransformer

from index.embedding.encoder import TOKEN_SCALE, Encoder, PassageText
from index.embedding.load import encoding_metadata, load_encoder
from index.embedding.shipped_models import (
    DEFAULT_MODEL,
    PINNED,
    check_pinned,
    default_model_folder,
    fingerprint,
    hashed_files,
)
from index.errors import ModelRefused
from tests.support.fakes import WordEncoder


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


@pytest.fixture
def model_copy(tmp_path: Path) -> Path:
    """The default model's folder, its weights linked, the rest copied."""
    folder = tmp_path / "model"
    for name in PINNED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        place = shutil.copyfile if PINNED[name] != PINNED["model.safetensors"] else link
        place(default_model_folder() / name, folder / name)
    return folder


def link(source: Path, target: Path) -> None:
    target.symlink_to(source)


def test_the_default_model_is_what_it_says(encoder: Encoder) -> None:
    assert (encoder.name, encoder.dimension, encoder.max_tokens) == (DEFAULT_MODEL, 384, 256)
    assert (encoder.pools_late, 48 <= encoder.token_dimension <= 96) == (True, True)


def test_what_says_the_same_is_nearer(encoder: Encoder) -> None:
    texts = ["That is a happy person", "That is a happy dog", "That is a very happy person"]
    vectors = encoder.encode([*texts, "Today is a sunny day"])
    own, dog, person, day = (vectors[0] @ vectors.T).tolist()
    assert own == pytest.approx(1, abs=1e-5)
    assert own > person > dog > day


def test_both_kinds_of_model_of_sentence_transformers_load_the_folder(encoder: Encoder) -> None:
    import torch

    folder, texts = str(default_model_folder()), ["Who paid for the harbour?", "The county paid."]
    exact: Any = {"device": "cpu", "model_kwargs": {"dtype": torch.float32}}
    vectors = SentenceTransformer(folder, **exact).encode(texts)
    assert (vectors * encoder.encode(texts)).sum(axis=1) == pytest.approx(np.ones(2), abs=1e-5)
    tokens = MultiVectorEncoder(folder, **exact).encode_document(texts)
    passage = PassageText(texts[1], ((0, len(texts[1])),))
    stored = encoder.encode_passages([passage]).tokens
    theirs = np.asarray(tokens[1].cpu())
    assert np.abs(stored / TOKEN_SCALE - theirs).max() < 0.01


def test_vectors_are_one_long_and_in_the_order_of_the_texts(encoder: Encoder) -> None:
    texts = [f"text {i} " + "word " * (i * 7 % 40) for i in range(69)]
    batches: list[int] = []
    vectors = encoder.encode(texts, progress=batches.append)
    assert (vectors.shape, vectors.dtype) == ((len(texts), 384), np.dtype(np.float32))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-5)
    assert batches == [69]  # 69 texts of at most 43 pieces are fewer than the 4,096 of a batch
    for row in (0, 1, 40, len(texts) - 1):
        assert vectors[row] @ encoder.encode([texts[row]])[0] == pytest.approx(1, abs=1e-5)


def test_odd_texts_do_not_fail(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, 384)
    vectors = encoder.encode(["", "\ud800", "a\x00b", "word " * 5000, "?"])
    assert np.isfinite(vectors).all()
    assert vectors[1] @ vectors[4] == pytest.approx(1, abs=1e-5)
    assert encoder.count_tokens("\udfff") == 3


def test_tokens_are_counted_whole_with_the_special_ones(encoder: Encoder) -> None:
    assert encoder.count_tokens("") == 2
    assert encoder.count_tokens("hello world") == 4
    assert encoder.count_tokens("hello " * 1000) == 1002
    encoder.encode(["hello"])
    assert encoder.count_tokens("hello " * 1000) == 1002


def test_only_the_window_counts(encoder: Encoder) -> None:
    inside = encoder.encode(["hello " * 254, "hello " * 254 + "collision"])
    assert inside[0] @ inside[1] == pytest.approx(1, abs=1e-5)


def test_nothing_touches_the_network_and_nothing_is_printed() -> None:
    code = """
import socket
def refuse(*args, **kwargs):
    raise SystemExit("network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
from index.embedding.load import load_encoder
assert load_encoder(device="cpu").encode(["a text"]).shape == (1, 384)
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_a_changed_missing_or_additional_file_is_refused(model_copy: Path) -> None:
    check_pinned(model_copy, PINNED)
    config = model_copy / "2_Pooling" / "config.json"
    content = config.read_bytes()
    config.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    expected = PINNED["2_Pooling/config.json"][:12]
    with pytest.raises(
        ModelRefused, match=f"2_Pooling/config.json: expected SHA-256 {expected}, found"
    ) as caught:
        check_pinned(model_copy, PINNED)
    assert str(caught.value).endswith("; install this project again")
    config.unlink()
    with pytest.raises(ModelRefused, match=r"missing: .*2_Pooling/config.json"):
        check_pinned(model_copy, PINNED)
    config.write_bytes(content)
    (model_copy / "modeling.py").write_text("")
    with pytest.raises(ModelRefused, match=r"not part of the model: .*modeling.py"):
        check_pinned(model_copy, PINNED)


def test_one_changed_byte_of_the_weights_is_refused(model_copy: Path) -> None:
    weights = model_copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[30_000_000] ^= 1
    weights.unlink()
    weights.write_bytes(content)
    expected = PINNED["model.safetensors"][:12]
    with pytest.raises(ModelRefused, match=f"model.safetensors: expected SHA-256 {expected}, found"):
        check_pinned(model_copy, PINNED)


def test_a_folder_of_the_same_files_has_the_same_fingerprint(model_copy: Path, encoder: Encoder) -> None:
    other = load_encoder(str(model_copy), device="cpu")
    assert (other.name, other.fingerprint) == (str(model_copy), encoder.fingerprint)
    assert fingerprint(hashed_files(model_copy), max_tokens=256) == encoder.fingerprint
    assert fingerprint(hashed_files(model_copy), max_tokens=128) != encoder.fingerprint
    (model_copy / "config.json").write_text((model_copy / "config.json").read_text() + "\n")
    assert fingerprint(hashed_files(model_copy), max_tokens=256) != encoder.fingerprint


def test_a_manifest_is_told_the_backend_and_how_near_it_is(encoder: Encoder) -> None:
    assert encoding_metadata(encoder) == {
        "pooling": "late",
        "backend": "torch",
        "least_cosine": "1.000000",
    }
    assert encoding_metadata(WordEncoder()) == {"pooling": "late"}


def test_pickled_weights_and_folders_without_weights_are_refused(model_copy: Path) -> None:
    (model_copy / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelRefused, match=r"pickled weights can run code: .*pytorch_model.bin"):
        load_encoder(str(model_copy))
    (model_copy / "pytorch_model.bin").unlink()
    for weights in model_copy.rglob("*.safetensors"):
        weights.unlink()
    with pytest.raises(ModelRefused, match="no safetensors weights"):
        load_encoder(str(model_copy))
    (model_copy / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelRefused, match="the model cannot be loaded"):
        load_encoder(str(model_copy))


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (
            '{"weight_map": {"a": "one.safetensors", "b": "two.dat"}}',
            "pickled weights can run code: .* two.dat",
        ),
        ('{"weight_map": 5}', "not an index of weights"),
        ("[", "not an index of weights"),
    ],
)
def test_an_index_of_weights_names_no_pickle(model_copy: Path, index: str, message: str) -> None:
    """Whatever the suffix, what is no safetensors file is read with `torch.load`."""
    (model_copy / "model.safetensors").rename(model_copy / "one.safetensors")
    (model_copy / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ModelRefused, match=message):
        load_encoder(str(model_copy))


def test_other_names_are_refused_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelRefused, match="no such model: /no/such/folder"):
        load_encoder("/no/such/folder")

    def refuse(*args: object) -> None:
        raise OSError("network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(ModelRefused, match="the model cannot be downloaded: no-such/model"):
        load_encoder("no-such/model")
