"""Settings of answering, one `QA_*` variable a field; `docs/settings.md` is generated from these classes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self, get_args, get_origin

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict
from pydantic_settings import PydanticBaseSettingsSource as Source

from index.retrieval.index_type import MOST_LISTS, Kind, Plan
from qa.errors import RenamedSetting, WrongSetting

if TYPE_CHECKING:
    from index.published import Address
    from qa.confidence import Costs

PREFIX = "QA_"
MOST_READ = 1_000
"""Candidates that may be reranked for a question: more would take seconds."""
MOST_COST = 1_000
"""What a mistake may cost: 1,000 answers from a confidence of .999 on, and is unsure from .001 on."""
Switch = Annotated[bool, BeforeValidator(lambda value: value.strip() if isinstance(value, str) else value)]
_STORE = "VERBATIM_STORE"
_WITHOUT_PREFIX = ("PRIVATE_QUESTIONS", "QUESTION_LOG", "QUESTION_LOG_DAYS")


class Settings(BaseSettings):
    """The index, the models and the feedback; the constructor takes values alone and reads no variables."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    data: Path = Path("data")
    """Folder of the index and of the feedback."""
    model: str = ""
    """A sentence-transformers model by name or folder; the shipped one when empty."""
    device: str = ""
    """`cpu`, `cuda` or `mps`; the fastest there is when empty."""
    backend: str = "auto"
    """`torch`, `bf16` or `openvino`; `auto` takes the fastest one that agrees with torch."""
    reranker: str = ""
    """A cross-encoder of sentence-transformers by name or folder; `none` or empty: no reranking."""
    depth: int = Field(default=30, ge=1, le=MOST_READ)
    """Candidates that the reranker reads."""
    batch: int = Field(default=16, ge=1, le=MOST_READ)
    """Candidates in one batch of the reranker."""
    wrong_answer_cost: float = Field(default=3, ge=1, le=MOST_COST)
    """Cost of a wrong answer, if a right one shown as unsure costs 1: c answers from a chance of c/(1+c)."""
    missed_answer_cost: float = Field(default=10, ge=1, le=MOST_COST)
    """Cost of hiding a right passage, if a wrong unsure one costs 1: m is unsure from a chance 1/(1+m)."""
    index: Kind = Kind.AUTO
    """Type of the vector index; `auto` chooses by their number."""
    nprobe: int = Field(default=0, ge=0, le=MOST_LISTS)
    """Lists that a search of `ivf` or `pq` probes; 0: as few as the recall allows."""
    token_vectors: Switch = True
    """Store the vectors of tokens; `off` halves the index and makes them again for each question's best."""
    feedback: Switch = True
    """Keep questions (without their text) and judgements in the data folder."""
    question_log: Switch = False
    """Keep the text of questions with the feedback."""
    question_log_days: int = Field(default=90, ge=0, le=36_500)
    """Days after which daily counts replace questions and all feedback; 0: never."""
    store: str = ""
    """`milvus://HOST:19530/NAME`, `milvus+tls://…` or a `.db` file with the index; else the data folder."""
    store_files: str = ""
    """Folder of the store's files that every server reaches: a path or fsspec address (`s3://bucket/path`)."""
    store_token: str = Field(default="", repr=False)
    """Token of the store, or `user:password`."""
    store_ca: str = ""
    """File of the authority that signed the store's certificate."""
    store_cert: str = ""
    """File of the client's certificate."""
    store_key: str = Field(default="", repr=False)
    """File of the key of that certificate."""
    store_replicas: int = Field(default=1, ge=1, le=16)
    """Replicas of the index in the store."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: Source, *_: Source, **__: Source
    ) -> tuple[Source, ...]:
        """The constructor's arguments alone."""
        return (init_settings,)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, **options: object) -> Self:
        """The settings of the environment, replaced by options that are neither None nor empty.

        Raises WrongSetting and RenamedSetting, which name the variable, and StoreRefused for QA_STORE.
        """
        _check_old_names(environ)
        source = EnvSettingsSource(cls)
        source.env_vars = {name.lower(): value for name, value in environ.items() if value.strip()}
        values = source() | {name: value for name, value in options.items() if value not in (None, "")}
        try:
            return cls(**values)
        except ValidationError as error:
            raise _wrong_setting(cls, error) from error

    @model_validator(mode="after")
    def _check_store(self) -> Self:
        _ = self.engine  # raises StoreRefused
        return self

    @property
    def plan(self) -> Plan:
        """Type of the vector index, number of lists to probe, and whether token vectors are stored."""
        return Plan(self.index, self.nprobe, self.token_vectors)

    @property
    def costs(self) -> Costs:
        """What decides between answered, unsure and none."""
        from qa.confidence import Costs

        return Costs(self.wrong_answer_cost, self.missed_answer_cost)

    @property
    def engine(self) -> Address | None:
        """Address of the store that holds the index, None for the data folder. Raises StoreRefused."""
        return self.engine_at(self.store.strip()) if self.store.strip() else None

    def engine_at(self, address: str) -> Address:
        """An address with the credentials of these settings. Raises StoreRefused."""
        from index.published import Secrets, read_address

        secrets = Secrets(self.store_token, self.store_ca, self.store_cert, self.store_key)
        return read_address(address, secrets, replicas=self.store_replicas, files=self.store_files.strip())


def allowed(settings: type[Settings], name: str) -> str:
    """The values that a field takes: "on or off", "a number from 0 to 65535", "" for any text."""
    field = settings.model_fields[name]
    if isinstance(field.json_schema_extra, dict):
        return str(field.json_schema_extra["allowed"])
    if field.annotation is bool:
        return "on or off"
    if field.annotation in (int, float):
        at_least, at_most = field.metadata
        return f"a number from {at_least.ge} to {at_most.le}"
    if get_origin(field.annotation) is Literal:
        return "one of: " + ", ".join(get_args(field.annotation))
    if isinstance(field.annotation, type) and issubclass(field.annotation, StrEnum):
        return "one of: " + ", ".join(field.annotation)
    return ""


def package_version() -> str:
    """The installed version, "0" when the code is run from a folder."""
    try:
        return version("pullquote")
    except PackageNotFoundError:
        return "0"


def _check_old_names(environ: Mapping[str, str]) -> None:
    for name in environ:
        if name in _WITHOUT_PREFIX:
            raise RenamedSetting(name, PREFIX + name)
        if name == _STORE or name.startswith(f"{_STORE}_"):
            raise RenamedSetting(name, name.replace("VERBATIM_", PREFIX))


def _wrong_setting(settings: type[Settings], error: ValidationError) -> WrongSetting:
    fault = error.errors(include_url=False)[0]
    name, value = str(fault["loc"][0]), str(fault["input"])
    return WrongSetting(
        f"{PREFIX}{name.upper()} is {value!r}; give {allowed(settings, name) or fault['msg']}"
    )
