"""Tokenises texts and pads them to the inputs of a network.

Calls the Rust tokenizer of a `tokenizer.json`, which releases Python's lock: sentence-transformers adds
milliseconds per text, and runs only models with their own preprocessing, which fail `Tokenizer.matches`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus.normalise import replace_surrogates
from index.embedding.encoder import PassageText

TokenIds = NDArray[np.int64]
Inputs = Mapping[str, NDArray[np.int64]]
"""A network's inputs by name, each of shape (texts, longest of them in tokens)."""

NO_SENTENCE = -1
"""In place of a sentence: special tokens, padding, and what stands between sentences."""

IDS, MASK, TYPES = "input_ids", "attention_mask", "token_type_ids"


@dataclass(frozen=True, slots=True, eq=False)
class PassageTokens:
    """Token ids, and the position of each token's sentence in the passage, both of shape (tokens,)."""

    ids: TokenIds
    sentences: NDArray[np.int64]


class Tokenizer:
    """The tokenizer of a model; immutable, safe to share between threads."""

    def __init__(self, content: str, *, names: Sequence[str], max_tokens: int, pad_id: int) -> None:
        """`content` is that of a `tokenizer.json`, `names` are the network's inputs."""
        self.content = content
        self.names = tuple(names)
        self.max_tokens = max_tokens
        self.pad_id = pad_id
        self._whole, self._truncating = raw_tokenizer(content), raw_tokenizer(content)
        self._truncating.enable_truncation(max_tokens)

    def count(self, text: str) -> int:
        """Tokens of the whole text, with the two special ones: "hello world" -> 4."""
        return len(self._whole.encode(replace_surrogates(text)).ids)

    def tokenize(self, texts: Sequence[str]) -> list[TokenIds]:
        """The ids of each text, at most `max_tokens`."""
        encodings = self._truncating.encode_batch_fast([replace_surrogates(text) for text in texts])
        return [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]

    def tokenize_passages(self, passages: Sequence[PassageText]) -> list[PassageTokens]:
        """The ids of each passage, at most `max_tokens`, and the sentence of each token."""
        encodings = self._truncating.encode_batch([replace_surrogates(passage.text) for passage in passages])
        return [
            PassageTokens(
                np.array(encoding.ids, dtype=np.int64), _sentences(encoding.offsets, passage.sentences)
            )
            for encoding, passage in zip(encodings, passages, strict=True)
        ]

    def pad(self, tokens: Sequence[TokenIds], *, step: int = 1) -> Inputs:
        """Inputs for these texts, padded at the end to a multiple of `step` within the window."""
        longest = max(map(len, tokens))
        width = max(longest, min(-(-longest // step) * step, self.max_tokens))
        ids = np.full((len(tokens), width), self.pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, text_ids in enumerate(tokens):
            ids[row, : len(text_ids)] = text_ids
            mask[row, : len(text_ids)] = 1
        inputs = {IDS: ids, MASK: mask, TYPES: np.zeros_like(ids)}
        return {name: inputs[name] for name in self.names}

    def matches(self, features: Mapping[str, Any], texts: Sequence[str]) -> bool:
        """Whether the model's own code made the same inputs of these texts."""
        inputs = self.pad(self.tokenize(texts))
        return inputs.keys() == features.keys() and all(
            np.array_equal(array, np.asarray(features[name])) for name, array in inputs.items()
        )


def raw_tokenizer(content: str) -> Any:
    """The tokenizer of a `tokenizer.json`, without truncation and padding."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(content)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _sentences(offsets: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """The position of each token's span among the spans of sentences."""
    if not spans:
        return np.full(len(offsets), NO_SENTENCE, dtype=np.int64)
    start, end = np.array(offsets, dtype=np.int64).T
    first, last = np.array(spans, dtype=np.int64).T
    sentence = np.searchsorted(first, start, side="right") - 1
    # Special tokens have an empty span; a token over the end of a sentence belongs to none.
    inside = (sentence >= 0) & (end <= last[sentence]) & (end > start)
    return np.where(inside, sentence, NO_SENTENCE)
