"""The shipped reranker: a network that reads question and sentence together, and its weights.

It starts from the default model. Both texts go through its six layers at once, as

    [CLS] question [SEP] sentence [SEP] before … after [SEP]

so that each word sees the others. What is too long is cut at its end: first what follows the sentence, then
what stands before it. The score is the cosine of the question's and the sentence's mean vector,
scaled, plus what a small layer makes of the two vectors and that of [CLS]: before any training it ranks about
as the default model does, and training adds to that. (A classifier over [CLS] alone, the usual way, starts
from nothing: after the same 150 steps it was right in .49 of the questions held out, this one in .67.)

`weights/reranker.safetensors` holds what was trained. The table of word vectors was not: it is the default
model's own, which comes with its package. How the weights were made is in `training/`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
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
"""Word pieces of a pair that count: question, sentence and as much around it as has room."""
QUESTION_TOKENS = 48
BATCH = 16
"""Pairs that go through the network at once: of 8, 16 and 32 the quickest, measured on two cores."""

_HIDDEN = 384
_WIDTH = 128
# Products and differences of the places of two vectors of length 1 are small: about as large as [CLS] now.
_ENLARGED = 20.0
_START_SCALE, _START_BIAS = 8.0, -4.0


@dataclass(frozen=True, slots=True)
class Reading:
    """A sentence as it is read: between the end of what stands before it and the start of what follows."""

    sentence: str
    before: str = ""
    after: str = ""


class PairTokenizer:
    """Question and reading to word pieces. Nothing in a text is taken for a special piece."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True
        self._first, self._end, self._blank = (
            int(self._tokenizer.token_to_id(piece) or 0) for piece in ("[CLS]", "[SEP]", "[PAD]")
        )
        self._gap = self._pieces("…")

    def batch(self, question: str, readings: Sequence[Reading]) -> dict[str, Any]:
        """Tensors of shape (len(readings), longest pair), as `build_network` takes them."""
        return self.pairs([(question, reading) for reading in readings])

    def pairs(self, pairs: Sequence[tuple[str, Reading]]) -> dict[str, Any]:
        """The same for different questions."""
        import torch

        rows = [self._row(question, reading) for question, reading in pairs]
        longest = max(sum(map(len, row)) for row in rows)
        names = ("input_ids", "attention_mask", "token_type_ids", "question", "sentence")
        filled = {name: torch.zeros((len(rows), longest), dtype=torch.long) for name in names}
        filled["input_ids"].fill_(self._blank)
        for number, (asked, said, around) in enumerate(rows):
            whole, first, second = asked + said + around, len(asked), len(asked) + len(said)
            filled["input_ids"][number, : len(whole)] = torch.tensor(whole)
            filled["attention_mask"][number, : len(whole)] = 1
            filled["token_type_ids"][number, first : len(whole)] = 1
            filled["question"][number, 1 : first - 1] = 1
            filled["sentence"][number, first : second - 1] = 1
        return filled

    def _row(self, question: str, reading: Reading) -> tuple[list[int], list[int], list[int]]:
        asked = [self._first, *self._pieces(question)[:QUESTION_TOKENS], self._end]
        said = [*self._pieces(reading.sentence)[: MAX_TOKENS - len(asked) - 1], self._end]
        around = [*self._pieces(reading.before), *self._gap, *self._pieces(reading.after)]
        room = MAX_TOKENS - len(asked) - len(said) - 1
        return asked, said, [*around[: max(0, room)], self._end][: max(0, room + 1)]

    def _pieces(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(replace_surrogates(text), add_special_tokens=False).ids
        return ids


class JointReranker:
    """The shipped reranker; see `index.search.rerank.Reranker`. Safe to share between threads.

    Nothing of it changes while it reads, so several read at once: 20 people who ask without a pause get 15 %
    more answers from two cores so than one after another.
    """

    def __init__(self, *, device: str | None = None, batch: int = BATCH, weights: Path = WEIGHTS) -> None:
        """Raises ModelRefused for weights that are missing or not the ones that were pinned."""
        self.name = RERANKER
        base = default_model_folder()
        digest = _checked(weights)
        self._device = device or best_device()
        self._tokenizer = PairTokenizer(base)
        self._network = build_network(base)
        load_weights(self._network, weights)
        self._network.to(self._device).eval()
        self._network.bert.set_attn_implementation("sdpa")  # and reading is faster with them: 88 ms, not 145
        self._network.bert.to(inference_dtype(self._device))
        self._batch = batch
        self.fingerprint = joint_fingerprint(digest)

    def rate(self, question: str, readings: Sequence[Reading]) -> Vectors:
        """See `index.search.rerank.Reranker.rate`. Readings of like length go together: less is padding."""
        import torch

        rated = np.zeros(len(readings), dtype=np.float32)
        with torch.inference_mode():
            for rows in _by_length(readings, self._batch):
                pairs = self._tokenizer.batch(question, [readings[row] for row in rows])
                on_device = {name: tensor.to(self._device) for name, tensor in pairs.items()}
                rated[rows] = self._network(**on_device).float().cpu().numpy()
        return rated


def joint_fingerprint(weights_sha256: str = WEIGHTS_SHA256) -> str:
    """SHA-256 over what decides the ratings: the weights, the default model's files, the length of a pair."""
    about = f"{weights_sha256} {PINNED['model.safetensors']} {PINNED['tokenizer.json']} {MAX_TOKENS}"
    return hashlib.sha256(about.encode()).hexdigest()


def build_network(base: Path) -> Any:
    """The network over the layers of the model in `base`, not trained: a `torch.nn.Module`.

    Called with the tensors of `PairTokenizer`, it gives log odds, shape (pairs,).
    """
    import torch
    from torch.nn import functional
    from transformers import BertModel

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            # Attention is spelt out here: with pairs this short that trains faster than the fused kernels.
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

        def forward(self, question: Any, sentence: Any, **pieces: Any) -> Any:
            hidden = self.bert(**pieces).last_hidden_state.float()
            asked, said = _mean(hidden, question), _mean(hidden, sentence)
            seen = torch.cat(
                [hidden[:, 0], asked * said * _ENLARGED, (asked - said).abs() * _ENLARGED], dim=1
            )
            return self.scale * (asked * said).sum(1) + self.bias + self.mlp(seen)[:, 0]

    def _mean(hidden: Any, counted: Any) -> Any:
        total = (hidden * counted[..., None]).sum(1) / counted.sum(1, keepdim=True).clamp(min=1)
        return functional.normalize(total, dim=1)

    with quiet():
        return Network()


def load_weights(network: Any, weights: Path) -> None:
    """Put trained weights into a network. Raises ModelRefused when they are not of this network."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        trained = {name: tensor.float() for name, tensor in load_file(weights).items()}
    except (OSError, SafetensorError) as error:
        raise ModelRefused(f"the reranker's weights cannot be read: {weights}: {error}") from error
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    fitting = all(shapes.get(name) == tensor.shape for name, tensor in trained.items())
    missing, unknown = network.load_state_dict(trained, strict=False) if fitting else ((), trained)
    if unknown or set(missing) != {f"bert.{WORD_VECTORS}"}:
        raise ModelRefused(f"not the weights of {RERANKER}: {weights}; install this project again")


def save_weights(network: Any, weights: Path) -> None:
    """Write what was trained, in half precision: all but the table of word vectors."""
    import torch
    from safetensors.torch import save_file

    trained = {
        name: tensor.to(torch.bfloat16).contiguous()
        for name, tensor in network.state_dict().items()
        if name != f"bert.{WORD_VECTORS}"
    }
    save_file(trained, weights)


def _checked(weights: Path) -> str:
    try:
        digest = file_sha256(weights)
    except OSError as error:
        raise ModelRefused(
            f"the reranker's weights cannot be read: {weights}: {error.strerror}; install this project again"
        ) from error
    if weights == WEIGHTS and digest != WEIGHTS_SHA256:
        raise ModelRefused(
            f"the reranker's weights were changed: {weights}: expected SHA-256 {WEIGHTS_SHA256[:12]}, "
            f"found {digest[:12]}; install this project again"
        )
    return digest


def _by_length(readings: Sequence[Reading], batch: int) -> Iterator[list[int]]:
    """Rows of the readings in batches, the shorter ones first."""
    order = sorted(range(len(readings)), key=lambda row: sum(map(len, _texts(readings[row]))))
    yield from (order[start : start + batch] for start in range(0, len(order), batch))


def _texts(reading: Reading) -> tuple[str, str, str]:
    return reading.sentence, reading.before, reading.after
