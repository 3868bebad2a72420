"""What can go wrong with the web service, and what a person does next.

Every message is one line: the fact, the place, the next step. Doors catch `WebFailure`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class WebFailure(Exception):
    """Something about the web service that a person can act on."""


class CannotListen(WebFailure):
    """The address is taken, not this machine's, or not allowed; `port` is the port asked for."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        self.host = host
        self.port = port
        super().__init__(f"cannot listen on {host} port {port}: {reason}; choose another with --port")


class TooManyQuestions(WebFailure):
    """As many questions are running and waiting as are let in; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"too many people are asking at once: try again in {retry_after} seconds")


class AnsweringFailed(WebFailure):
    """A fault in the service kept it from answering; what it was is in the log alone."""

    def __init__(self) -> None:
        super().__init__("the question could not be answered, by a fault of the service: its log tells more")


class StoreUnavailable(WebFailure):
    """The engine that holds the articles does not answer just now; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(
            f"the articles cannot be reached just now: their store is away; try again in {retry_after} s"
        )


class NoLanguage(WebFailure):
    """An interface language without a file; `known` are those that have one."""

    def __init__(self, language: str, known: Sequence[str]) -> None:
        super().__init__(
            f"there is no interface in {language!r}; set QA_LANGUAGE to one of {', '.join(known)}"
        )


class McpNotInstalled(WebFailure):
    """Tools for assistants are wanted and their library is not there."""

    def __init__(self) -> None:
        super().__init__("QA_MCP=1 needs another library; run `pip install mcp`, or set QA_MCP=0")


class AccessRefused(WebFailure):
    """The file of who is let in, or what is to be done with it, is not as it must be."""

    def __init__(self, path: Path, fact: str, cure: str) -> None:
        super().__init__(f"{path} {fact}; {cure}")


class OpenToNetwork(WebFailure):
    """The service would be open to everybody who reaches an address other than this machine's own."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"whoever reaches {host} could read every article; set QA_ACCESS to password or proxy, "
            "or let everybody in with --open (QA_OPEN=1)"
        )
