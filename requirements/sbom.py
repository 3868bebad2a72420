"""Write sbom.cdx.json, the bill of materials: `make lock` does, once the lock files are written.

CycloneDX 1.6: every release of the lock files, with its licence, the hashes of its files and what it needs,
and the model, file by file. What a plain installation has is "required", what an extra or a graphics card
adds "optional". It does not tell when or where it was made: the same locks give the same bytes.
"""

from __future__ import annotations

import json
import re
import tomllib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from index.embedding.shipped_models import DEFAULT_MODEL, PINNED
from requirements.licences import licence_of, licences

HERE = Path(__file__).resolve().parent
SBOM = HERE / "sbom.cdx.json"
SCOPES = {"runtime": "required"} | dict.fromkeys(("cuda", "openvino", "engine", "ray"), "optional")
"""Lock file -> what its releases are to an installation; cpu.lock is a build of a release in runtime.lock."""

_PIN = re.compile(r"(?P<name>[a-z0-9.-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.+?))?(?= \\\n)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_NEEDED_BY = re.compile(r"^    #(?: via|  ) (\S+)", re.MULTILINE)

Bill = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Release:
    """One entry of a lock file; `needed_by` are names of packages, or of the project and its files."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    needed_by: frozenset[str]
    scope: str

    @property
    def ref(self) -> str:
        """Its package URL, by which the bill names it."""
        return f"pkg:pypi/{self.name}@{self.version}"


def read_lock(text: str, scope: str) -> list[Release]:
    """The entries of a lock file, in its order."""
    entries = [(entry, _PIN.match(entry)) for entry in re.split(r"\n(?=\S)", text)]
    return [
        Release(
            pin["name"],
            pin["version"],
            pin["marker"] or "",
            tuple(_HASH.findall(entry)),
            frozenset(_NEEDED_BY.findall(entry)),
            scope,
        )
        for entry, pin in entries
        if pin
    ]


def locked() -> list[Release]:
    """The entries of all lock files that an installation may use; one that is in two stands once."""
    locks = ((HERE / f"{name}.lock", scope) for name, scope in SCOPES.items())
    entries: dict[str, Release] = {}
    for release in (one for lock, scope in locks for one in read_lock(lock.read_text("utf-8"), scope)):
        first = entries.setdefault(release.ref, release)
        entries[release.ref] = replace(first, needed_by=first.needed_by | release.needed_by)
    return list(entries.values())


def package(release: Release, licence: str) -> Bill:
    """A release as a component. Being many files, it has their hashes where it is had from: from no host."""
    hashes = [_sha256(digest) for digest in release.hashes]
    component: Bill = {
        "type": "library",
        "bom-ref": release.ref,
        "name": release.name,
        "version": release.version,
        "scope": release.scope,
        **licences(licence),
        "purl": release.ref,
        "externalReferences": [{"type": "distribution", "url": release.ref, "hashes": hashes}],
    }
    if release.marker:
        component["properties"] = [{"name": "pullquote:marker", "value": release.marker}]
    return component


def model(name: str, licence: str, *, scope: str, files: Mapping[str, str]) -> Bill:
    """A model as a component; `files` are its paths and their SHA-256."""
    parts = [
        {"type": "file", "bom-ref": f"{name}/{path}", "name": path, "hashes": [_sha256(digest)]}
        for path, digest in files.items()
    ]
    kind = {"type": "machine-learning-model", "bom-ref": name, "name": name, "scope": scope}
    return {**kind, **licences(licence), "components": parts}


def models() -> list[Bill]:
    """The models that a question may be answered with, without those a user brings."""
    return [model(DEFAULT_MODEL, "CC-BY-SA-4.0", scope="required", files=PINNED)]


def bill(releases: Sequence[Release], licence: Callable[[str], str] = licence_of) -> Bill:
    """The bill of materials of these releases, the models and the project."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text("utf-8"))["project"]
    own = {"type": "application", "bom-ref": project["name"], "name": project["name"]}
    own |= {"version": project["version"], **licences(project["license"])}
    known = models()
    told: Bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": own},
        "components": [*(package(one, licence(one.name)) for one in releases), *known],
        "dependencies": needs(project["name"], releases, [one["bom-ref"] for one in known]),
    }
    return {**told, "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, spelt(told))}"}


def needs(project: str, releases: Sequence[Release], known: Sequence[str]) -> list[Bill]:
    """What each needs, by the references of the bill; the project needs the models too."""
    needed: dict[str, set[str]] = {project: set(known), **{one: set() for one in known}}
    needed |= {release.ref: set() for release in releases}
    refs: dict[str, list[str]] = {project: [project], "-r": [project]}
    for release in releases:
        refs.setdefault(release.name, []).append(release.ref)
    for release in releases:
        for name in release.needed_by:
            for ref in refs.get(name, ()):  # what needs it may itself be left out: the checks' tools
                needed[ref].add(release.ref)
    return [{"ref": ref, "dependsOn": sorted(needed[ref])} for ref in sorted(needed)]


def spelt(told: Bill) -> str:
    """The bill as text: a component, or what it needs, is a line, so that a change is a line of a diff."""
    fields = (f"{json.dumps(name)}: {_lines(told[name])}" for name in sorted(told))
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _lines(value: Any) -> str:
    rows = [json.dumps(one, ensure_ascii=False) for one in value] if isinstance(value, list) else None
    return json.dumps(value, ensure_ascii=False) if rows is None else "[\n" + ",\n".join(rows) + "\n]"


def _sha256(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest}


if __name__ == "__main__":
    SBOM.write_text(spelt(bill(locked())), encoding="utf-8")
