"""A tiny cross-encoder with random weights, in the form that the hub's have."""

from __future__ import annotations

from pathlib import Path

from index.embedding.shipped_models import default_model_folder


def write_cross_encoder(folder: Path) -> Path:
    """Write it with the shipped model's tokenizer; the folder, as `--reranker` takes it."""
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=30522, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    config.num_labels = 1
    BertForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(default_model_folder()).save_pretrained(folder)
    return folder
