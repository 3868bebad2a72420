"""The model's forward pass and nothing else: the floor under every build and every question.

Texts are cut into word pieces and padded before the clock starts; batches hold texts of like length.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.peer_protocol import timed

BATCH = 32
WINDOW = 256  # word pieces of a text that count
# What a processor does before it is at its speed.
_WARM_UP = 3


class BareModel:
    """A model folder's transformer, called without pooling or normalising."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder))
        self._model: Any = AutoModel.from_pretrained(
            str(folder), use_safetensors=True, dtype=torch.float32, add_pooling_layer=False
        ).eval()

    def batches(self, texts: Sequence[str]) -> list[Any]:
        """Batches ready for the model, shortest texts first."""
        pieces = self._tokenizer(list(texts), truncation=True, max_length=WINDOW)["input_ids"]
        order = sorted(range(len(texts)), key=lambda row: len(pieces[row]))
        cut = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        return [self._padded([texts[row] for row in rows]) for rows in cut]

    def tokens(self, batches: Sequence[Any]) -> int:
        """Word pieces in the batches, padding left out."""
        return sum(int(batch["attention_mask"].sum()) for batch in batches)

    def seconds(self, batches: Sequence[Any]) -> float:
        """Seconds of the forward passes over the batches, a few unmeasured ones before them."""
        self._run(batches[:_WARM_UP])
        return timed(self._run, batches)[0]

    def _run(self, batches: Sequence[Any]) -> None:
        import torch

        with torch.inference_mode():
            for batch in batches:
                self._model(**batch)

    def _padded(self, texts: list[str]) -> Any:
        return self._tokenizer(texts, truncation=True, max_length=WINDOW, padding=True, return_tensors="pt")
