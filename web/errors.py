"""Errors of the web service. Every message is one line: the fact, the place, the next command."""

from __future__ import annotations

from pathlib import Path


class WebFailure(Exception):
    """An error of the web service that a person can act on; commands print it and exit with 2."""


class CannotListen(WebFailure):
    """The address is taken, not this machine's, or not allowed."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot listen on {host} port {port}: {reason}; choose another with --port")


class TooManyQuestions(WebFailure):
    """The limit of questions running and waiting is reached; `retry_after` is in seconds."""

    def __init__(self, retry_after: int, reason: str = "too many people are asking at once") -> None:
        self.retry_after = retry_after
        super().__init__(f"{reason}: try again in {retry_after} seconds")


class TooOften(TooManyQuestions):
    """One address has asked its `limit` of questions a minute."""

    def __init__(self, limit: int, retry_after: int) -> None:
        super().__init__(retry_after, f"more than {limit} questions a minute")


class AnsweringFailed(WebFailure):
    """The service failed to answer; only its log has the reason."""


class StoreUnavailable(WebFailure):
    """Milvus, which holds the articles, does not respond; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(
            f"the articles cannot be reached just now: Milvus does not respond; try again in {retry_after} s"
        )


class NoLanguage(WebFailure):
    """There is no catalogue of this interface language."""


class McpNotInstalled(WebFailure):
    """`QA_MCP=1` without the library for it."""


class AccessRefused(WebFailure):
    """The file of credentials cannot be used, or a change to it cannot be made."""

    def __init__(self, path: Path, fact: str, cure: str) -> None:
        super().__init__(f"{path} {fact}; {cure}")


class OpenToNetwork(WebFailure):
    """The service would be open to everybody on a network: the address is not of the loopback."""
