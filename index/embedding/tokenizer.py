"""Texts cut into word pieces, counted and laid out side by side as a network takes them.

The tokenizer is the Rust one of the model's `tokenizer.json`, called directly: sentence-transformers' own way
there costs milliseconds a text. It lets other threads run meanwhile. A model that cuts texts up in some way
of its own is found out by `WordPieces.same_as` and read the plain way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus.normalise import replace_surrogates

TokenIds = NDArray[np.int64]
Inputs = Mapping[str, NDArray[np.int64]]
"""What a network takes, by name, each of shape (texts, longest of them in pieces)."""

IDS, MASK, TYPES = "input_ids", "attention_mask", "token_type_ids"


class Tokenizer:
    """The tokenizer of a model. Its settings never change, so threads may share it."""

    def __init__(self, tokenizer: str, *, names: Sequence[str], max_tokens: int, blank: int) -> None:
        """`tokenizer` is a `tokenizer.json`'s content, `names` the inputs, `blank` the id that fills up."""
        self.written = tokenizer
        self.names = tuple(names)
        self.max_tokens = max_tokens
        self.blank = blank
        self._whole, self._cut = raw_tokenizer(tokenizer), raw_tokenizer(tokenizer)
        self._cut.enable_truncation(max_tokens)

    def count(self, text: str) -> int:
        """Pieces of the whole text, the two special ones included: "hello world" -> 4."""
        return len(self._whole.encode(replace_surrogates(text)).ids)

    def tokenize(self, texts: Sequence[str]) -> list[TokenIds]:
        """The ids of each text, at most `max_tokens`."""
        encoded = self._cut.encode_batch_fast([replace_surrogates(text) for text in texts])
        return [np.array(one.ids, dtype=np.int64) for one in encoded]

    def pad(self, cut: Sequence[TokenIds], *, step: int = 1) -> Inputs:
        """Inputs for these texts, filled up at the end to a multiple of `step` where the window allows."""
        longest = max(map(len, cut))
        width = max(longest, min(-(-longest // step) * step, self.max_tokens))
        ids = np.full((len(cut), width), self.blank, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, pieces in enumerate(cut):
            ids[row, : len(pieces)] = pieces
            mask[row, : len(pieces)] = 1
        made = {IDS: ids, MASK: mask, TYPES: np.zeros_like(ids)}
        return {name: made[name] for name in self.names}

    def same_as(self, features: Mapping[str, Any], texts: Sequence[str]) -> bool:
        """Whether these inputs, made of the texts by the model's own code, are what this makes of them."""
        mine = self.pad(self.tokenize(texts))
        return mine.keys() == features.keys() and all(
            np.array_equal(array, np.asarray(features[name])) for name, array in mine.items()
        )


def raw_tokenizer(written: str) -> Any:
    """The tokenizer of a `tokenizer.json`'s content, one that neither cuts texts nor fills them up."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(written)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
