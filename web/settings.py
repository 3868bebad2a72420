"""Settings of the web service; besides the doors the only file that reads the environment.

QA_DATA     folder of the index             data
QA_HOST     address to listen on            127.0.0.1
QA_PORT     port to listen on               7860
QA_MODEL    sentence-transformers model     the shipped one
QA_DEVICE   cpu, cuda or mps                the best there is
QA_ORIGINS  other sites that may call the API and frame the page, such as https://intranet.example
QA_NAME     name shown on the page          Verbatim
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from web.errors import WrongSetting

# Goes into headers word for word: nothing but scheme, host and port may get through.
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?|https?://\[[0-9a-f:]+\](?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the web service is told; `origins` are exact, and "" for model or device leaves the choice open.

    Raises:
        WrongSetting: a port outside 0..65535 (0 takes a free one) or an origin that is more than an origin.
    """

    data: Path = Path("data")
    host: str = "127.0.0.1"
    port: int = 7860
    model: str = ""
    device: str = ""
    origins: tuple[str, ...] = ()
    name: str = "Verbatim"

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise WrongSetting("QA_PORT", str(self.port), "a number from 0 to 65535")
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise WrongSetting("QA_ORIGINS", origin, "origins such as https://intranet.example, no path")


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment; what is not there, or empty, has its default.

    Raises:
        WrongSetting: names the variable.
    """
    default = Settings()
    return Settings(
        data=Path(environ.get("QA_DATA") or default.data),
        host=environ.get("QA_HOST") or default.host,
        port=_port(environ.get("QA_PORT") or str(default.port)),
        model=environ.get("QA_MODEL", ""),
        device=environ.get("QA_DEVICE", ""),
        origins=tuple(environ.get("QA_ORIGINS", "").replace(",", " ").split()),
        name=environ.get("QA_NAME") or default.name,
    )


def package_version() -> str:
    """The version installed, "0" when the code is run from a folder."""
    try:
        return version("verbatim-qa")
    except PackageNotFoundError:
        return "0"


def _port(written: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", written):
        raise WrongSetting("QA_PORT", written, "a number from 0 to 65535")
    return int(written)
