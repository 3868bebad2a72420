"""Options that several commands share, the settings read from them, and the form of a group of commands."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Any

import typer

from cli.terminal import one_line_errors

Command = Callable[..., None]

# Name of a setting -> type and help of its option.
_OPTIONS: dict[str, tuple[type, str]] = {
    "host": (str, "Address to listen on; else QA_HOST, else 127.0.0.1."),
    "port": (int, "Port to listen on; else QA_PORT, else 7860."),
    "open": (bool, "Let everybody in who reaches the address."),
    "data": (Path, "Folder of the index; else QA_DATA, else data."),
    "model": (str, "a sentence-transformers model by name or folder; else QA_MODEL, else the shipped one."),
    "device": (str, "cpu, cuda or mps; else QA_DEVICE."),
    "backend": (str, "auto, torch, bf16 or openvino: what runs the model; else QA_BACKEND."),
    "reranker": (str, "a cross-encoder by name or folder, or none; else QA_RERANKER, else none."),
}
_MOST = {"port": 65535}


def with_settings(
    *names: str, damage: int = 2, settings_class: str = "qa.settings:Settings"
) -> Callable[[Command], Command]:
    """Gives a command these options, and passes it the settings of the environment replaced by them.

    The errors of the rooms become one line each and exit code 2, `damage` for a damaged index. The class is
    imported when the command runs: pydantic would slow down `qa --help`. The callback of a group is not
    called before a subcommand.
    """

    def decorate(command: Command) -> Command:
        @wraps(command)
        def run(**arguments: Any) -> None:
            options = {name: arguments.pop(name) for name in names}
            if getattr(arguments.get("context"), "invoked_subcommand", None):
                return
            with one_line_errors(options.get("data"), damage=damage):
                settings = resolve_name(settings_class).from_environment(**options)
                command(settings=settings, **arguments)

        type_names = {"Settings": object, "ServiceSettings": object}
        parameters = dict(signature(command, eval_str=True, locals=type_names).parameters)
        del parameters["settings"]
        for name in names:
            parameters[name] = Parameter(
                name, Parameter.KEYWORD_ONLY, default=None, annotation=_annotation(name)
            )
        run.__annotations__ = {name: parameter.annotation for name, parameter in parameters.items()}
        run.__dict__["__signature__"] = Signature(list(parameters.values()))
        return run

    return decorate


def _annotation(name: str) -> object:
    kind, text = _OPTIONS[name]
    return Annotated[kind | None, typer.Option(f"--{name}", help=text, max=_MOST.get(name))]


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
