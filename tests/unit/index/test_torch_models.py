from __future__ import annotations

from pathlib import Path

import pytest
import torch

from index.embedding.torch_models import check_device, inference_dtype, load_bi_encoder, load_cross_encoder
from index.errors import ModelRefused


def test_a_device_that_is_not_there_is_refused_with_those_that_are() -> None:
    check_device("cpu")
    with pytest.raises(ModelRefused, match="no device 'tpu' here; choose one of: cpu"):
        check_device("tpu")


@pytest.mark.parametrize(
    ("able", "precision"),
    [
        ({}, torch.float32),
        ({"avx2": True}, torch.float32),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": True}, torch.bfloat16),
    ],
)
def test_half_precision_is_for_processors_that_have_it(
    able: dict[str, bool], precision: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert inference_dtype("cpu") == precision
    assert inference_dtype("cuda") == torch.bfloat16


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    for load in (load_bi_encoder, lambda folder, device: load_cross_encoder(folder, device, max_tokens=8)):
        with pytest.raises(ModelRefused, match=str(tmp_path)):
            load(tmp_path, "cpu")
