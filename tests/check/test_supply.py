"""Where the code and the models come from: locks with hashes, releases without known holes."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from index.embedding.shipped_models import PICKLED, PINNED
from tests.support.repository import ROOT

REQUIREMENTS = ROOT / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.lock"))
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

# Package -> the first release without the hole, and the hole.
FLOORS = {
    "gradio": ("6.16", "GHSA-j36p-7w88-g82j"),
    "jinja2": ("3.1.6", "CVE-2025-27516"),
    "langchain-text-splitters": ("1.1.2", "CVE-2026-41481"),
    "lxml": ("6.1", "CVE-2026-41066"),
    "python-multipart": ("0.0.30", "CVE-2026-53538"),
    "sentence-transformers": ("6.0", "CVE-2026-68770"),
    "starlette": ("1.3.1", "CVE-2026-48710"),
    "torch": ("2.10", "CVE-2026-24747"),
    "transformers": ("5.3", "CVE-2026-5241"),
}
MEASURED = {"gradio": "6.31"}  # the release whose limits were measured
BROUGHT_ALONG = {
    "h11": ("0.16.0", "CVE-2025-43859"),
    "langchain-core": ("1.2.5", "CVE-2025-68664"),
    "urllib3": ("2.6.3", "CVE-2026-21441"),
}

ENTRY = re.compile(r"[a-z0-9.-]+==[^\s;]+(?: ; [^\\\n]+?)?(?: (?:\\\n    )?--hash=sha256:[0-9a-f]{64})+")
REGISTRIES = ("://", "--index-url", "--extra-index-url", "--find-links", "--trusted-host", " @ ")


def entries(lock: str) -> list[str]:
    """What a lock installs, an entry each, without comments."""
    lines = (line for line in lock.splitlines() if not line.lstrip().startswith("#"))
    return re.split(r"\n(?=\S)", "\n".join(lines).strip())


def unhashed(lock: str) -> list[str]:
    return [entry for entry in entries(lock) if not ENTRY.fullmatch(entry)]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_release_is_locked_with_a_hash_and_no_host(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert unhashed(text) == []
    assert [one for one in REGISTRIES if one in text] == []
    print(f"{lock.name}: {len(entries(text))} releases, {text.count('--hash=')} hashes")


def test_there_are_locks() -> None:
    found = {path.stem for path in LOCKS}
    assert found >= {"runtime", "dev", "cuda", "cpu", "openvino"}
    assert len(entries((REQUIREMENTS / "runtime.lock").read_text(encoding="utf-8"))) > 90


@pytest.mark.parametrize(
    "entry",
    [
        "anyio==4.16.0",
        "anyio>=4 \\\n    --hash=sha256:" + "a" * 64,
        "anyio==4 --hash=md5:" + "a" * 32,
        "-e .",
    ],
)
def test_an_entry_without_a_hash_is_seen(entry: str) -> None:
    assert unhashed(f"idna==3.20 \\\n    --hash=sha256:{'0' * 64}\n{entry}\n    # via httpx\n") == [entry]


def test_what_is_written_by_hand_names_no_host() -> None:
    by_hand = [*REQUIREMENTS.glob("*.in"), *REQUIREMENTS.glob("*.sh"), *REQUIREMENTS.glob("*.cdx.json")]
    assert len(by_hand) >= 4
    wanted = tomllib.loads(PYPROJECT)["project"]
    texts = [path.read_text(encoding="utf-8") for path in by_hand]
    texts += [
        *wanted["dependencies"],
        *(one for extra in wanted["optional-dependencies"].values() for one in extra),
    ]
    assert [one for one in REGISTRIES for text in texts if one in text] == []


def test_only_the_project_itself_is_installed_without_a_hash() -> None:
    script = (REQUIREMENTS / "install.sh").read_text(encoding="utf-8").replace("\\\n", " ")
    installs = [
        line.split("-m pip install", 1)[1] for line in script.splitlines() if "-m pip install" in line
    ]
    locked, own = installs
    assert "--require-hashes" in locked
    assert "--only-binary :all:" in locked
    assert own.split()[-4:] == ["--no-deps", "--no-build-isolation", "-e", "."]


def wheel(folder: Path) -> str:
    """A wheel of a package of nothing; its SHA-256."""
    path = folder / "nothing_at_all-1.0-py3-none-any.whl"
    info = "nothing_at_all-1.0.dist-info"
    files = {
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: nothing-at-all\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        name: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        for name, text in files.items()
    }
    record = "".join(f"{name},sha256={digests[name]},{len(text)}\n" for name, text in files.items())
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(name, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("pinned", "said"),
    [
        (" --hash=sha256:{right}", ""),
        (" --hash=sha256:{wrong}", "DO NOT MATCH THE HASHES"),
        ("", "Hashes are required"),
    ],
    ids=["right", "wrong", "none"],
)
def test_the_script_installs_what_has_its_hash_and_nothing_else(
    tmp_path: Path, pinned: str, said: str
) -> None:
    digest = wheel(tmp_path)
    requirements, python = tmp_path / "requirements", tmp_path / ".venv" / "bin" / "python"
    requirements.mkdir()
    python.parent.mkdir(parents=True)
    (requirements / "openvino.lock").write_text(
        f"nothing-at-all==1.0{pinned.format(right=digest, wrong='0' * 64)}\n"
    )
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    own = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    ended = subprocess.run(
        ["sh", str(REQUIREMENTS / "install.sh"), sys.executable, "openvino"],
        cwd=tmp_path,
        env={**clean, **own, "PIP_TARGET": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert said in ended.stderr
    assert (ended.returncode == 0) == (said == "")
    assert (tmp_path / "installed" / "nothing_at_all-1.0.dist-info").is_dir() == (said == "")


def wanted() -> dict[str, tuple[Requirement, str]]:
    """Each dependency of pyproject.toml, and what stands beside it."""
    stated = PYPROJECT[PYPROJECT.index("\ndependencies") : PYPROJECT.index("\n[project.scripts]")]
    lines = re.findall(r'^  "([^"]+)",(?:  # (.*))?$', stated, re.MULTILINE)
    requirements = [(Requirement(spec), why) for spec, why in lines]
    return {requirement.name: (requirement, why) for requirement, why in requirements}


@pytest.mark.parametrize("name", FLOORS)
def test_releases_with_known_holes_are_ruled_out(name: str) -> None:
    floor, hole = FLOORS[name]
    requirement, why = wanted()[name]
    assert hole in why
    (least,) = (Version(one.version) for one in requirement.specifier if one.operator == ">=")
    assert least >= Version(MEASURED.get(name, floor))


def test_every_hole_that_is_told_is_tested() -> None:
    needed = {Requirement(spec).name for spec in tomllib.loads(PYPROJECT)["project"]["dependencies"]}
    told = {name for name, (_, why) in wanted().items() if re.search(r"CVE-\d|GHSA-", why)}
    assert told & needed == FLOORS.keys()


def test_what_is_installed_is_what_is_wanted() -> None:
    """Extras too, where they are installed."""
    there = {one.name.lower().replace("_", "-"): Version(one.version) for one in distributions()}
    found = {name: there[name] for name in wanted().keys() & there.keys()}
    assert len(found) > 20
    assert [
        name for name, release in found.items() if not wanted()[name][0].specifier.contains(release)
    ] == []


def locked(name: str, lock: Path) -> list[Version]:
    pins = re.findall(rf"^{re.escape(name)}==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return [Version(pin) for pin in pins]


@pytest.mark.parametrize("name", [*FLOORS, *BROUGHT_ALONG])
def test_no_release_with_a_known_hole_is_locked_or_installed(name: str) -> None:
    floor, _ = {**FLOORS, **BROUGHT_ALONG}[name]
    pins = [pin for lock in LOCKS for pin in locked(name, lock)]
    assert len(pins) >= 2  # in runtime.lock and in dev.lock
    assert min(pins) >= Version(floor)
    assert Version(version(name)) >= Version(floor)


def test_an_older_release_is_seen(tmp_path: Path) -> None:
    lock = tmp_path / "old.lock"
    lock.write_text("h11==0.14.0 \\\n    --hash=sha256:0\nh11-extra==9\n")
    assert locked("h11", lock) == [Version("0.14.0")]
    assert Version("0.14.0") < Version(BROUGHT_ALONG["h11"][0])
    assert Version("0.0.9") < Version("0.0.30")


def test_weights_are_safetensors_only_and_pinned() -> None:
    assert "model.safetensors" in PINNED
    assert [name for name in PINNED if name.endswith(PICKLED)] == []
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in PINNED.values())
