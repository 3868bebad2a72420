"""Options that several commands share, and the form of every group of commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path | None, typer.Option("--data", help="Folder of the index; else QA_DATA, else data.")]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        help="standard, quality, or a sentence-transformers model by name or folder; else QA_MODEL.",
    ),
]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda or mps; else QA_DEVICE.")]
Backend = Annotated[
    str,
    typer.Option("--backend", help="auto, torch, bf16 or openvino: what runs the model; else QA_BACKEND."),
]
Reranker = Annotated[
    str,
    typer.Option(
        "--reranker",
        help="none, or a cross-encoder by name or folder; else QA_RERANKER, else the shipped one.",
    ),
]


def command_group(text: str, *, name: str | None = None) -> typer.Typer:
    """A group of commands that prints its help when it is run without one."""
    return typer.Typer(
        name=name,
        help=text,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
