"""Rates sentences by reading each together with the question, on the lower layers of the shipped encoder.

    [CLS] question [SEP] before sentence after [SEP]  ->  logits: the sentence answers, the text answers

Embeddings and first layers are the encoder's, so that the reader adds 11 MB to the shipped model. The layers
above were trained by `training/reader`, on questions that the text answers and on near misses.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from corpus.normalise import replace_surrogates
from index.embedding.joint_network import NO_SENTENCE, joint_network
from index.embedding.shipped_models import (
    check_pinned,
    default_model_folder,
    hashed_files,
    lines_sha256,
    read_pins,
)
from index.embedding.tokenizer import raw_tokenizer
from index.embedding.torch_models import load_bi_encoder
from index.search.rerank import Reading
from index.storage.arrays import Vectors

SHIPPED_READER = "pullquote-reader"
READER_WEIGHTS = "reader.safetensors"
MAX_QUESTION = 40
MAX_SENTENCE = 80
"""Tokens read of a question, and of a sentence or a neighbour of it."""

_FOLDER = Path(__file__).parents[1] / "embedding" / "weights" / SHIPPED_READER


def reader_folder() -> Path:
    """The folder of the shipped reader. Raises ModelRefused if a file is missing, changed or not pinned."""
    check_pinned(_FOLDER, read_pins(_FOLDER.with_suffix(".sha256")))
    return _FOLDER


def reader_fingerprint() -> str:
    """A SHA-256 of everything that decides the ratings. Raises ModelRefused."""
    files = [*hashed_files(default_model_folder()), *hashed_files(reader_folder())]
    deciding = [line for line in files if not line.endswith(".md")]
    return lines_sha256([f"{MAX_QUESTION} {MAX_SENTENCE}", *deciding])


class JointReader:
    """The shipped `index.search.rerank.Reranker`; safe to share between threads."""

    name = SHIPPED_READER

    def __init__(self, *, device: str) -> None:
        """Raises ModelRefused."""
        from safetensors.torch import load_file

        base = load_bi_encoder(default_model_folder(), device)
        self.fingerprint = reader_fingerprint()
        self._network = joint_network(base[0].auto_model).to(device).eval()
        weights = load_file(reader_folder() / READER_WEIGHTS)
        self._network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
        self._device = device
        self._tokenizer = raw_tokenizer(base.tokenizer.backend_tokenizer.to_str())
        self._first, self._last = int(base.tokenizer.cls_token_id), int(base.tokenizer.sep_token_id)
        self._pad = int(base.tokenizer.pad_token_id)
        self._lock = threading.Lock()  # parallel passes would compete for the same cores

    def rate(self, question: str, readings: Sequence[Reading]) -> Vectors:
        """The mean of the logits of each sentence and of its text; see `Reranker.rate`."""
        import torch

        if not readings:
            return np.zeros(0, dtype=np.float32)
        asked = [self._first, *self._ids(question)[:MAX_QUESTION], self._last]
        rows = [self._tokens(asked, reading) for reading in readings]
        shape = len(rows), max(len(ids) for ids, _ in rows)
        ids, owner = np.full(shape, self._pad), np.full(shape, NO_SENTENCE)
        for row, (tokens, sentence) in enumerate(rows):
            ids[row, : len(tokens)] = tokens
            owner[row, sentence] = 0
        mask = ids != self._pad
        types = (mask & (np.arange(shape[1]) >= len(asked))).astype(np.int64)
        with self._lock, torch.inference_mode():
            inputs = (torch.from_numpy(array).to(self._device) for array in (ids, types, owner, mask))
            sentences, texts = self._network(*inputs, 1)
            ratings: Vectors = ((sentences[:, 0] + texts) / 2).cpu().numpy()
        return ratings

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(replace_surrogates(text), add_special_tokens=False).ids
        return ids

    def _tokens(self, asked: list[int], reading: Reading) -> tuple[list[int], slice]:
        """Ids of question and text, and where the sentence stands among them."""
        before, after = self._ids(reading.before)[-MAX_SENTENCE:], self._ids(reading.after)[:MAX_SENTENCE]
        sentence = self._ids(reading.sentence)[:MAX_SENTENCE]
        start = len(asked) + len(before)
        return [*asked, *before, *sentence, *after, self._last], slice(start, start + len(sentence))
