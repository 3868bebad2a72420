"""Options that several commands share, the settings read from them, and the form of a group of commands."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.terminal import one_line_errors

Command = Callable[..., None]

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

_OPTIONS: dict[str, tuple[object, object]] = {
    "data": (Data, None),
    "model": (Model, ""),
    "device": (Device, ""),
    "backend": (Backend, ""),
    "reranker": (Reranker, ""),
}


def with_settings(*names: str, damage: int = 2) -> Callable[[Command], Command]:
    """Gives a command these options, and passes it the settings of the environment replaced by them.

    The errors of the rooms become one line each and exit code 2, `damage` for a damaged index.
    """

    def decorate(command: Command) -> Command:
        @wraps(command)
        def run(**arguments: Any) -> None:
            options = {name: arguments.pop(name) for name in names}
            with one_line_errors(options.get("data"), damage=damage):
                from qa.settings import Settings

                command(settings=Settings.from_environment(**options), **arguments)

        # `Settings` is not imported when the commands are put together: pydantic would slow down `qa --help`.
        parameters = dict(signature(command, eval_str=True, locals={"Settings": object}).parameters)
        del parameters["settings"]
        for name in names:
            annotation, default = _OPTIONS[name]
            parameters[name] = Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        run.__annotations__ = {name: parameter.annotation for name, parameter in parameters.items()}
        run.__dict__["__signature__"] = Signature(list(parameters.values()))
        return run

    return decorate


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
