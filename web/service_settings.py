"""Settings of the web service: those of answering, and HTTP, access and the page."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_settings import NoDecode

from qa.settings import Settings, Switch
from web.i18n import DEFAULT_LANGUAGE, languages

# An origin goes into headers word for word: nothing but scheme, host and port may get through.
_ORIGIN = r"^(https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?)$"
# A name as in a Host header, without the port; "*." stands for any subdomain.
_HOST = r"(?i)^((\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[?[0-9a-f:]+\]?)$"
# Goes into addresses word for word.
_ROOT_PATH = r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$"

_LOOPBACK = ("127.0.0.1", "::1")


class Access(StrEnum):
    """Who may ask: everybody, holders of a password or key, or users that a proxy names."""

    OPEN = "open"
    PASSWORD = "password"
    PROXY = "proxy"


class Scraping(StrEnum):
    """Who may read the metrics: holders of the admin key, local programs too, or nobody."""

    KEY = "key"
    LOCAL = "local"
    OFF = "off"


def _network(text: str) -> str:
    ip_network(text)
    return text


def _language(tag: str) -> str:
    if tag not in languages():
        raise ValueError(tag)
    return tag


_Split = BeforeValidator(lambda value: value.replace(",", " ").split() if isinstance(value, str) else value)
_Host = Annotated[str, StringConstraints(to_lower=True, pattern=_HOST)]
_Origin = Annotated[str, StringConstraints(pattern=_ORIGIN)]
_Network = Annotated[str, AfterValidator(_network)]
_RootPath = Annotated[
    str, BeforeValidator(lambda path: path.rstrip("/")), StringConstraints(pattern=_ROOT_PATH)
]


class ServiceSettings(Settings):
    """Settings of the service; port 0 takes a free port. "allowed" says what a field takes, for messages."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=7860, ge=0, le=65535)
    """Port to listen on."""
    root_path: _RootPath = Field(default="", json_schema_extra={"allowed": "a path such as /ask"})
    """Path under which a proxy serves everything."""
    name: str = "Pullquote"
    """Name shown on the page."""
    language: Annotated[str, AfterValidator(_language)] = Field(
        default=DEFAULT_LANGUAGE, json_schema_extra={"allowed": "one of: " + ", ".join(languages())}
    )
    """Language of the interface."""
    access: Access = Access.OPEN
    """Who may ask: everybody, holders of a password or key, or users that a proxy names."""
    open: Switch = False
    """Let everybody in who reaches an address other than this machine's own."""
    hosts: Annotated[tuple[_Host, ...], NoDecode, _Split] = Field(
        default=(), json_schema_extra={"allowed": "names such as intranet.example or *.example.org, no port"}
    )
    """Names that the service is reached by, besides this machine's own."""
    origins: Annotated[tuple[_Origin, ...], NoDecode, _Split] = Field(
        default=(), json_schema_extra={"allowed": "origins such as https://intranet.example, no path"}
    )
    """Other sites that may call the API and frame the page."""
    proxy_addresses: Annotated[tuple[_Network, ...], NoDecode, _Split] = Field(
        default=(), json_schema_extra={"allowed": "addresses or networks such as 10.0.0.0/8"}
    )
    """Proxies whose `X-Forwarded-*` count; with `QA_ROOT_PATH` or `QA_ACCESS=proxy` this machine's."""
    proxy_user_header: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,60}$")] = Field(
        default="X-Forwarded-User", json_schema_extra={"allowed": "the name of a header"}
    )
    """Header in which the proxy names the user, with `QA_ACCESS=proxy`."""
    private_questions: Switch = False
    """Keep questions out of addresses."""
    admin_key: str = Field(default="", repr=False)
    """Key of the pages /admin and /metrics; without it they are closed."""
    metrics: Scraping = Scraping.KEY
    """Who may read /metrics: holders of the key, local programs too, or nobody."""
    rate: int = Field(default=0, ge=0, le=60_000)
    """Questions a minute that one address may ask; 0: no limit."""
    cache: int = Field(default=500, ge=0, le=99_999)
    """Answers kept in memory for repeated questions."""
    reload: int = Field(default=5, ge=0, le=99_999)
    """Seconds between checks for a newly published index; 0: never."""
    log: Literal["info", "warning"] = "info"
    """`warning` logs no line for each request."""
    mcp: Switch = False
    """Tools for assistants at /mcp; needs the extra `mcp`."""

    @property
    def trusted_proxies(self) -> tuple[str, ...]:
        """Proxies whose headers count: none unless the settings speak of a proxy."""
        has_proxy = self.access is Access.PROXY or bool(self.root_path)
        return self.proxy_addresses or (_LOOPBACK if has_proxy else ())
