"""Settings of the web service; besides the doors the only file that reads the environment.

QA_DATA     folder of the index             data
QA_HOST     address to listen on            127.0.0.1
QA_PORT     port to listen on               7860
QA_MODEL    sentence-transformers model     the shipped one
QA_DEVICE   cpu, cuda or mps                the best there is
QA_BACKEND  auto, torch, bf16 or openvino   auto: the fastest that agrees with torch
QA_RERANKER none, or a cross-encoder        the shipped one
QA_DEPTH    candidates the reranker reads   30
QA_BATCH    how many of them at once        16
QA_CACHE    answers kept in memory for who asks the same again    500; 0 keeps none
QA_RELOAD   seconds between looks for a newly published index   5; 0 never looks
QA_INDEX    auto, flat, ivf or pq: how vectors are indexed      auto: by their number
QA_NPROBE   lists that a search of ivf or pq looks into         0: as few as recall allows
QA_ORIGINS  other sites that may call the API and frame the page, such as https://intranet.example
QA_HOSTS    names it is asked by, besides this machine's, such as intranet.example or *.example.org
QA_ACCESS   open, password or proxy: who may ask   open
QA_OPEN=1   lets everybody in who reaches an address that is not this machine's own
QA_PROXY_ADDRESSES  addresses or networks of a proxy whose X-Forwarded-* count   127.0.0.1 ::1
QA_PROXY_USER_HEADER  in which it names the person, with QA_ACCESS=proxy   X-Forwarded-User
QA_ROOT_PATH the path a proxy serves all of it under, such as /ask
QA_NAME     name shown on the page          Pullquote
QA_LANGUAGE language of the interface       en
QA_FEEDBACK off, or on                     on: questions (without their text) and judgements in QA_DATA
QA_PRIVATE_QUESTIONS=1 keeps questions out of addresses; QA_QUESTION_LOG=1 keeps their text with the feedback
QA_QUESTION_LOG_DAYS after which it is deleted again            90; 0: never
QA_ADMIN_KEY the key of the pages /admin and /metrics, which are closed without one
QA_METRICS  who may see /metrics            key; local: programs of this machine, too; off: nobody
QA_RATE     questions a minute from one address             0: as many as it likes
QA_LOG      info, or warning: no line for each request      info
QA_MCP=1 tools for assistants at /mcp (needs the extra "mcp")
QA_STORE milvus://host:19530/name, milvus+tls://… or a file.db: where the index is   the data folder
QA_STORE_FILES folder of the files of its indexes, which every server sees: a path, or s3://bucket/path
QA_STORE_TOKEN what the engine lets in: a token, or user:password; never shown
QA_STORE_CA, _CERT, _KEY  files of the authority that vouches for it, and of ours
QA_STORE_REPLICAS on how many of its nodes the index is held   1
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from index.embedding.backends import Backend
from index.engine.address import Address, Secrets, read_address
from index.retrieval.index_type import AUTO, MOST_LISTS, Kind, Plan
from index.search.rerank import DEPTH
from index.search.reranker_model import BATCH
from web.errors import NoLanguage, WrongSetting
from web.i18n import DEFAULT_LANGUAGE, languages

# Goes into headers word for word: nothing but scheme, host and port may get through.
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?|https?://\[[0-9a-f:]+\](?::[0-9]{1,5})?")

# A name as a Host header has it, without the port; "*." stands for any names in front.
_HOST = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[?[0-9a-f:]+\]?")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")

# Goes into addresses word for word.
_ROOT_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")

_OFF = dict.fromkeys(("0", "no", "false", "off"), False)
_ON = dict.fromkeys(("1", "yes", "true", "on"), True)
_SWITCHED = _OFF | _ON
_LOGS = ("info", "warning")

LOOPBACK = ("127.0.0.1", "::1")
REMEMBERED = 500
RELOAD = 5
TEXT_DAYS = 90
MOST_DAYS = 36_500
MOST_READ = 1_000
"""Candidates that may be read for a question: more would take seconds."""


class Access(StrEnum):
    """Who may ask: everybody who reaches it, who knows a password or a key, or whom a proxy names."""

    OPEN = "open"
    PASSWORD = "password"
    PROXY = "proxy"


class Scraping(StrEnum):
    """Who may see the metrics: who knows the admin key, programs of this machine too, or nobody."""

    KEY = "key"
    LOCAL = "local"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the web service is told; "" for model, device or reranker leaves the choice open.

    `origins` are exact.

    Raises:
        WrongSetting: a port outside 0..65535 (0 takes a free one), a depth or batch outside 1..1000, an
            origin that is more than an origin, or a root path, host, network or header that is none.
    """

    data: Path = Path("data")
    host: str = "127.0.0.1"
    port: int = 7860
    model: str = ""
    device: str = ""
    backend: str = Backend.AUTO
    reranker: str = ""
    depth: int = DEPTH
    batch: int = BATCH
    remembered: int = REMEMBERED
    reload: int = RELOAD
    plan: Plan = AUTO
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    access: Access = Access.OPEN
    open_to_all: bool = False
    proxy_addresses: tuple[str, ...] = LOOPBACK
    proxy_user_header: str = "X-Forwarded-User"
    root_path: str = ""
    name: str = "Pullquote"
    language: str = DEFAULT_LANGUAGE
    private_questions: bool = False
    question_log: bool = False
    question_log_days: int = TEXT_DAYS
    admin_key: str = ""
    tools: bool = False
    feedback: bool = True
    metrics: Scraping = Scraping.KEY
    rate: int = 0
    log: str = "info"
    store: Address | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise WrongSetting("QA_PORT", str(self.port), "a number from 0 to 65535")
        for name, number in (("QA_DEPTH", self.depth), ("QA_BATCH", self.batch)):
            if not 1 <= number <= MOST_READ:
                raise WrongSetting(name, str(number), f"a number from 1 to {MOST_READ}")
        if not 0 <= self.plan.nprobe <= MOST_LISTS:
            raise WrongSetting("QA_NPROBE", str(self.plan.nprobe), f"a number from 0 to {MOST_LISTS}")
        if self.language not in languages():
            raise NoLanguage(self.language, languages())
        if not _ROOT_PATH.fullmatch(self.root_path):
            raise WrongSetting("QA_ROOT_PATH", self.root_path, "a path such as /ask")
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise WrongSetting("QA_ORIGINS", origin, "origins such as https://intranet.example, no path")
        self._check_access()

    def _check_access(self) -> None:
        for host in self.hosts:
            if not _HOST.fullmatch(host):
                raise WrongSetting("QA_HOSTS", host, "names such as intranet.example, no port")
        for network in self.proxy_addresses:
            if not _is_network(network):
                raise WrongSetting("QA_PROXY_ADDRESSES", network, "addresses or networks such as 10.0.0.0/8")
        if not _HEADER.fullmatch(self.proxy_user_header):
            raise WrongSetting("QA_PROXY_USER_HEADER", self.proxy_user_header, "the name of a header")


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment; what is not there, or empty, has its default.

    Raises:
        WrongSetting: names the variable.
    """
    default = Settings()
    return Settings(
        data=Path(environ.get("QA_DATA") or default.data),
        host=environ.get("QA_HOST") or default.host,
        port=_number("QA_PORT", environ.get("QA_PORT") or str(default.port), most=65535),
        model=environ.get("QA_MODEL", ""),
        device=environ.get("QA_DEVICE", ""),
        backend=environ.get("QA_BACKEND") or default.backend,
        reranker=environ.get("QA_RERANKER", ""),
        depth=_number("QA_DEPTH", environ.get("QA_DEPTH") or str(default.depth), most=MOST_READ),
        batch=_number("QA_BATCH", environ.get("QA_BATCH") or str(default.batch), most=MOST_READ),
        remembered=_number("QA_CACHE", environ.get("QA_CACHE") or str(default.remembered), most=99_999),
        reload=_number("QA_RELOAD", environ.get("QA_RELOAD") or str(default.reload), most=99_999),
        plan=_plan(environ),
        origins=_several(environ, "QA_ORIGINS"),
        hosts=tuple(host.lower() for host in _several(environ, "QA_HOSTS")),
        access=_access(environ),
        open_to_all=_switch(environ, "QA_OPEN"),
        proxy_addresses=_several(environ, "QA_PROXY_ADDRESSES") or default.proxy_addresses,
        proxy_user_header=environ.get("QA_PROXY_USER_HEADER") or default.proxy_user_header,
        root_path=environ.get("QA_ROOT_PATH", "").rstrip("/"),
        name=environ.get("QA_NAME") or default.name,
        language=environ.get("QA_LANGUAGE") or default.language,
        private_questions=_switch(environ, "QA_PRIVATE_QUESTIONS"),
        question_log=_switch(environ, "QA_QUESTION_LOG"),
        question_log_days=_number(
            "QA_QUESTION_LOG_DAYS", environ.get("QA_QUESTION_LOG_DAYS") or str(TEXT_DAYS), most=MOST_DAYS
        ),
        admin_key=environ.get("QA_ADMIN_KEY", ""),
        tools=_switch(environ, "QA_MCP"),
        feedback=_switch(environ, "QA_FEEDBACK", default=default.feedback),
        metrics=_scraping(environ),
        log=_log(environ),
        store=read_store(environ),
        rate=_number("QA_RATE", environ.get("QA_RATE") or "0", most=60_000),
    )


def read_store(environ: Mapping[str, str] = os.environ, *, written: str = "") -> Address | None:
    """The engine that is written, or that the environment names, with what it wants to know of us.

    Raises:
        StoreRefused, WrongSetting: what is said of it cannot be used.
    """
    named = written or environ.get("QA_STORE", "").strip()
    if not named:
        return None
    secrets = Secrets(
        token=environ.get("QA_STORE_TOKEN", ""),
        authority=environ.get("QA_STORE_CA", ""),
        certificate=environ.get("QA_STORE_CERT", ""),
        key=environ.get("QA_STORE_KEY", ""),
    )
    replicas = environ.get("QA_STORE_REPLICAS") or "1"
    return read_address(
        named,
        secrets,
        replicas=_number("QA_STORE_REPLICAS", replicas, most=99),
        files=environ.get("QA_STORE_FILES", "").strip(),
    )


def package_version() -> str:
    """The version installed, "0" when the code is run from a folder."""
    try:
        return version("pullquote")
    except PackageNotFoundError:
        return "0"


def _several(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(environ.get(name, "").replace(",", " ").split())


def _access(environ: Mapping[str, str]) -> Access:
    written = environ.get("QA_ACCESS") or Access.OPEN.value
    if written not in tuple(Access):
        raise WrongSetting("QA_ACCESS", written, "one of: " + ", ".join(Access))
    return Access(written)


def _is_network(written: str) -> bool:
    try:
        ipaddress.ip_network(written)
    except ValueError:
        return False
    return True


def _plan(environ: Mapping[str, str]) -> Plan:
    written = environ.get("QA_INDEX") or Kind.AUTO.value
    if written not in tuple(Kind):
        raise WrongSetting("QA_INDEX", written, "one of: " + ", ".join(Kind))
    return Plan(Kind(written), _number("QA_NPROBE", environ.get("QA_NPROBE") or "0", most=MOST_LISTS))


def _scraping(environ: Mapping[str, str]) -> Scraping:
    written = environ.get("QA_METRICS") or Scraping.KEY.value
    if written not in tuple(Scraping):
        raise WrongSetting("QA_METRICS", written, "one of: " + ", ".join(Scraping))
    return Scraping(written)


def _log(environ: Mapping[str, str]) -> str:
    written = environ.get("QA_LOG") or _LOGS[0]
    if written not in _LOGS:
        raise WrongSetting("QA_LOG", written, "one of: " + ", ".join(_LOGS))
    return written


def _switch(environ: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    written = environ.get(name, "").strip().lower()
    if not written:
        return default
    if written not in _SWITCHED:
        raise WrongSetting(name, environ[name], "on or off")
    return _SWITCHED[written]


def _number(name: str, written: str, *, most: int) -> int:
    if not re.fullmatch("[0-9]{1,5}", written):
        raise WrongSetting(name, written, f"a number up to {most}")
    return int(written)
