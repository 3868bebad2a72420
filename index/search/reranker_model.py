"""Defines the shipped reranker: a BERT network over question and sentence, and its weights.

It starts from the default model. Both texts pass through its six layers together, as

    [CLS] question [SEP] sentence [SEP] before … after [SEP]

so that each token attends to the other text. A pair that is too long loses first the context after the
sentence, then the context before it. The score is the scaled cosine of the mean vectors of question and
sentence, plus a small layer over the two vectors and that of [CLS]: untrained it ranks about as well as the
default model. (After the same 150 steps a classifier over [CLS] alone was right in .49 of the held-out
questions, this network in .67.)

`weights/reranker.safetensors`, made by `training/`, holds the trained weights: all but the table of word
vectors, which is the default model's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpus.normalise import replace_surrogates
from index.embedding.shipped_models import PINNED, default_model_folder, file_sha256
from index.embedding.torch_models import best_device, inference_dtype, quiet
from index.errors import ModelRefused
from index.storage.arrays import Vectors

RERANKER = "pullquote-reranker-l6"
WEIGHTS = Path(__file__).parent / "weights" / "reranker.safetensors"
WEIGHTS_SHA256 = "957891a0100bf8b73c92cd49d0b5e8466a279f1933a61df5dd161c371941fd5d"
WORD_VECTORS = "embeddings.word_embeddings.weight"

MAX_TOKENS = 112
"""Tokens of a pair: question, sentence and as much context as fits."""
QUESTION_TOKENS = 48
BATCH = 16
"""Pairs per forward pass: the fastest of 8, 16 and 32, measured on two cores."""

_HIDDEN = 384
_WIDTH = 128
# Products and differences of the components of unit vectors are small: scaled, they match those of [CLS].
_FEATURE_SCALE = 20.0
_START_SCALE, _START_BIAS = 8.0, -4.0


@dataclass(frozen=True, slots=True)
class Reading:
    """A sentence with the text just before and just after it."""

    sentence: str
    before: str = ""
    after: str = ""


class PairTokenizer:
    """Tokenises questions and readings. Text such as "[SEP]" never becomes a special token."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True
        self._cls, self._sep, self._pad = (
            int(self._tokenizer.token_to_id(token) or 0) for token in ("[CLS]", "[SEP]", "[PAD]")
        )
        self._gap = self._token_ids("…")

    def batch(self, pairs: Sequence[tuple[str, Reading]]) -> dict[str, Any]:
        """Tensors of shape (pairs, longest pair) of questions and readings, as `build_network` takes them."""
        import torch

        rows = [self._row(question, reading) for question, reading in pairs]
        longest = max(sum(map(len, row)) for row in rows)
        names = ("input_ids", "attention_mask", "token_type_ids", "question", "sentence")
        tensors = {name: torch.zeros((len(rows), longest), dtype=torch.long) for name in names}
        tensors["input_ids"].fill_(self._pad)
        for row, (question, sentence, context) in enumerate(rows):
            ids, first, second = question + sentence + context, len(question), len(question) + len(sentence)
            tensors["input_ids"][row, : len(ids)] = torch.tensor(ids)
            tensors["attention_mask"][row, : len(ids)] = 1
            tensors["token_type_ids"][row, first : len(ids)] = 1
            tensors["question"][row, 1 : first - 1] = 1
            tensors["sentence"][row, first : second - 1] = 1
        return tensors

    def _row(self, question: str, reading: Reading) -> tuple[list[int], list[int], list[int]]:
        query = [self._cls, *self._token_ids(question)[:QUESTION_TOKENS], self._sep]
        sentence = [*self._token_ids(reading.sentence)[: MAX_TOKENS - len(query) - 1], self._sep]
        context = [*self._token_ids(reading.before), *self._gap, *self._token_ids(reading.after)]
        room = MAX_TOKENS - len(query) - len(sentence) - 1
        return query, sentence, [*context[: max(0, room)], self._sep][: max(0, room + 1)]

    def _token_ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(replace_surrogates(text), add_special_tokens=False).ids
        return ids


class JointReranker:
    """The shipped reranker; see `index.search.rerank.Reranker`. Safe to share between threads.

    Forward passes run in parallel: with 20 concurrent users two cores give 15 % more answers than one pass
    at a time.
    """

    def __init__(
        self,
        *,
        device: str | None = None,
        batch: int = BATCH,
        weights: Path = WEIGHTS,
        sha256: str = WEIGHTS_SHA256,
    ) -> None:
        """`sha256` pins the weights; "" accepts any. Raises ModelRefused for missing or changed weights."""
        self.name = RERANKER
        base = default_model_folder()
        digest = _check_weights(weights, sha256)
        self._device = device or best_device()
        self._tokenizer = PairTokenizer(base)
        self._network = build_network(base)
        load_weights(self._network, weights)
        self._network.to(self._device).eval()
        self._network.bert.set_attn_implementation("sdpa")  # inference: 88 ms instead of 145
        self._network.bert.to(inference_dtype(self._device))
        self._batch = batch
        self.fingerprint = joint_fingerprint(digest)

    def rate(self, question: str, readings: Sequence[Reading]) -> Vectors:
        """See `index.search.rerank.Reranker.rate`. Batches are sorted by length, which saves padding."""
        import torch

        lengths = [len(row.sentence) + len(row.before) + len(row.after) for row in readings]
        order = sorted(range(len(readings)), key=lengths.__getitem__)
        ratings = np.zeros(len(readings), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(order), self._batch):
                rows = order[start : start + self._batch]
                tensors = self._tokenizer.batch([(question, readings[row]) for row in rows])
                on_device = {name: tensor.to(self._device) for name, tensor in tensors.items()}
                ratings[rows] = self._network(**on_device).float().cpu().numpy()
        return ratings


def joint_fingerprint(weights_sha256: str = WEIGHTS_SHA256) -> str:
    """SHA-256 over everything that decides the ratings: weights, default model, length of a pair."""
    parts = f"{weights_sha256} {PINNED['model.safetensors']} {PINNED['tokenizer.json']} {MAX_TOKENS}"
    return hashlib.sha256(parts.encode()).hexdigest()


def build_network(base: Path) -> Any:
    """The untrained `torch.nn.Module` over the layers of the model in `base`.

    It maps the tensors of `PairTokenizer` to log odds, shape (pairs,).
    """
    import torch
    from torch.nn import functional
    from transformers import BertModel

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            # With pairs this short, eager attention trains faster than the fused kernels.
            self.bert = BertModel.from_pretrained(
                base,
                local_files_only=True,
                use_safetensors=True,
                add_pooling_layer=False,
                attn_implementation="eager",
                hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0,
            )
            self.scale = torch.nn.Parameter(torch.tensor(_START_SCALE))
            self.bias = torch.nn.Parameter(torch.tensor(_START_BIAS))
            last = torch.nn.Linear(_WIDTH, 1)
            torch.nn.init.zeros_(last.weight)
            torch.nn.init.zeros_(last.bias)
            self.mlp = torch.nn.Sequential(torch.nn.Linear(3 * _HIDDEN, _WIDTH), torch.nn.GELU(), last)

        def forward(self, question: Any, sentence: Any, **inputs: Any) -> Any:
            hidden = self.bert(**inputs).last_hidden_state.float()
            query, answer = _mean(hidden, question), _mean(hidden, sentence)
            features = torch.cat(
                [hidden[:, 0], query * answer * _FEATURE_SCALE, (query - answer).abs() * _FEATURE_SCALE],
                dim=1,
            )
            return self.scale * (query * answer).sum(1) + self.bias + self.mlp(features)[:, 0]

    def _mean(hidden: Any, mask: Any) -> Any:
        mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
        return functional.normalize(mean, dim=1)

    with quiet():
        return Network()


def load_weights(network: Any, weights: Path) -> None:
    """Load trained weights into a network. Raises ModelRefused if they belong to another network."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        trained = {name: tensor.float() for name, tensor in load_file(weights).items()}
    except (OSError, SafetensorError) as error:
        raise ModelRefused(f"the reranker's weights cannot be read: {weights}: {error}") from error
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    fits = all(shapes.get(name) == tensor.shape for name, tensor in trained.items())
    missing, unknown = network.load_state_dict(trained, strict=False) if fits else ((), trained)
    if unknown or set(missing) != {f"bert.{WORD_VECTORS}"}:
        raise ModelRefused(f"not the weights of {RERANKER}: {weights}; install this project again")


def _check_weights(weights: Path, sha256: str) -> str:
    """The SHA-256 of a file of weights. Raises ModelRefused."""
    try:
        digest = file_sha256(weights)
    except OSError as error:
        raise ModelRefused(
            f"the reranker's weights cannot be read: {weights}: {error.strerror}; install this project again"
        ) from error
    if sha256 and digest != sha256:
        raise ModelRefused(
            f"the reranker's weights were changed: {weights}: expected SHA-256 {sha256[:12]}, "
            f"found {digest[:12]}; install this project again"
        )
    return digest
