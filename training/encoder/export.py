"""Writes what was trained as one folder that two classes of sentence-transformers load, without code.

`SentenceTransformer(folder)` gives vectors of texts: the normalised mean of all token states, 384 numbers.
`MultiVectorEncoder(folder)` leaves the pooling out, as for any model it converts, and gives the normalised
projection of each token; it adds up without weights what `late_interaction.safetensors` weighs:

    token.weight  (dimension, 384)  projection of a token's state
    weight.weight (1, 384), weight.bias (1,)  logit of a question's token; softmax over all but [CLS], [SEP]
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from index.embedding.torch_models import LATE_INTERACTION
from training.encoder.base_model import base_model_folder
from training.encoder.network import BODY, SHORT_DIMENSION
from training.encoder.train import read_weights

WEIGHTS = "model.safetensors"
MAX_TOKENS = 256
_DENSE = "1_Dense"
_WORDS, _POSITIONS = "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"
_POOLER = "pooler."
_UNUSED = re.compile(r"\[unused\d+\]")  # words of the vocabulary that no text is split into
_MODULES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("", "base.modules.transformer.Transformer", {}),
    (_DENSE, "base.modules.dense.Dense", {}),  # filled in below
    (
        "2_Pooling",
        "sentence_transformer.modules.pooling.Pooling",
        {"embedding_dimension": 384, "pooling_mode": "mean"},
    ),
    ("3_Normalize", "base.modules.normalize.Normalize", {"module_input_name": "sentence_embedding"}),
    # The projection takes the states' place only after the pooling has read them.
    (
        "4_Normalize",
        "base.modules.normalize.Normalize",
        {"module_input_name": "token_vectors", "module_output_name": "token_embeddings"},
    ),
    (
        "5_MultiVectorMask",
        "multi_vector_encoder.modules.multi_vector_mask.MultiVectorMask",
        {"skiplist_words": ["[CLS]", "[SEP]"], "skiplist_tasks": ["query", "document"]},
    ),
)


def export(base: Path, state: Path, folder: Path, *, dimension: int) -> None:
    """Write the model with token vectors of `dimension` numbers; below 45 MB, as bfloat16.

    What no text of 256 tokens uses is left out: the pooler, later positions, unused words.
    """
    trained = read_weights(state)
    weights = {
        name.removeprefix(BODY): tensor
        for name, tensor in trained.items()
        if name.startswith(BODY) and not name.startswith(BODY + _POOLER)
    }
    tokenizer = json.loads((base / "tokenizer.json").read_text(encoding="utf-8"))
    rows = _without_unused_words(tokenizer)
    weights[_WORDS] = weights[_WORDS][rows]
    weights[_POSITIONS] = weights[_POSITIONS][:MAX_TOKENS]
    projection = trained["token.weight"][:dimension]
    late = {
        "token.weight": projection,
        "weight.weight": trained["weight.weight"],
        "weight.bias": trained["weight.bias"],
    }
    folder.mkdir(parents=True, exist_ok=True)
    _save(weights, folder / WEIGHTS)
    _save(late, folder / LATE_INTERACTION)
    _write_modules(folder, projection)
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    config |= {"vocab_size": len(rows), "max_position_embeddings": MAX_TOKENS, "dtype": "float32"}
    _write(folder / "config.json", config)
    _write(folder / "tokenizer.json", tokenizer)
    settings = json.loads((base / "tokenizer_config.json").read_text(encoding="utf-8"))
    _write(folder / "tokenizer_config.json", settings | {"model_max_length": MAX_TOKENS})
    shutil.copyfile(base / "special_tokens_map.json", folder / "special_tokens_map.json")
    shutil.copyfile(Path(__file__).parent / "model_card.md", folder / "README.md")


def _without_unused_words(tokenizer: dict[str, Any]) -> list[int]:
    """Number the words that are left from 0 on; returns the rows they had."""
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    words = [word for word in sorted(vocabulary, key=vocabulary.__getitem__) if not _UNUSED.fullmatch(word)]
    rows = [vocabulary[word] for word in words]
    numbers = {word: number for number, word in enumerate(words)}
    tokenizer["model"]["vocab"] = numbers
    for token in tokenizer["added_tokens"]:
        token["id"] = numbers[token["content"]]
    for token in tokenizer["post_processor"]["special_tokens"].values():
        token["ids"] = [numbers[word] for word in token["tokens"]]
    tokenizer["padding"]["pad_id"] = numbers[tokenizer["padding"]["pad_token"]]
    return rows


def _write_modules(folder: Path, projection: Tensor) -> None:
    modules = []
    for number, (path, kind, config) in enumerate(_MODULES):
        modules.append(
            {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.{kind}"}
        )
        if config:
            _write(folder / path / "config.json", config)
    _write(folder / "modules.json", modules)
    dimension, size = projection.shape
    dense = {
        "in_features": size,
        "out_features": dimension,
        "bias": False,
        "activation_function": "torch.nn.modules.linear.Identity",
        "module_input_name": "token_embeddings",
        "module_output_name": "token_vectors",
    }
    _write(folder / _DENSE / "config.json", dense)
    _save({"linear.weight": projection}, folder / _DENSE / WEIGHTS)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": MAX_TOKENS, "do_lower_case": False})
    _write(
        folder / "config_sentence_transformers.json",
        {"model_type": "SentenceTransformer", "similarity_fn_name": "cosine"},
    )


def _save(tensors: dict[str, Tensor], file: Path) -> None:
    half = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in tensors.items()}
    save_file(half, file, metadata={"format": "pt"})


def _write(file: Path, content: Any) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Read a state, write the folder."""
    parser = argparse.ArgumentParser(prog="python -m training.encoder.export", description=__doc__)
    parser.add_argument("state", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dimension", type=int, default=SHORT_DIMENSION, help="of token vectors")
    chosen = parser.parse_args()
    base = base_model_folder()
    export(base, chosen.state, chosen.folder, dimension=chosen.dimension)


if __name__ == "__main__":
    main()
