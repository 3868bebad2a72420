"""The bill of materials beside the locks: the same releases, hashes and models, and the same bytes each time."""

from __future__ import annotations

import json
import re
from email.message import Message
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.spdx import is_expression
from cyclonedx.validation.json import JsonStrictValidator

from index.embedding.shipped_models import DEFAULT_MODEL, default_model_folder, file_sha256, model_files
from requirements.licences import licences, said_by
from requirements.sbom import HERE, SBOM, bill, locked, needs, read_lock, spelt

LOCK = """# A lock.
alpha==1.0 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
    # via pullquote (pyproject.toml)
beta-two==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:{c}
    # via
    #   alpha
    #   gone
""".format(a="a" * 64, b="b" * 64, c="c" * 64)


@pytest.fixture(scope="module")
def shipped() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(SBOM.read_text(encoding="utf-8"))
    return told


def test_a_lock_is_read_entry_by_entry() -> None:
    alpha, beta = read_lock(LOCK, "required")
    assert (alpha.name, alpha.version, alpha.marker) == ("alpha", "1.0", "")
    assert alpha.hashes == ("a" * 64, "b" * 64)
    assert alpha.needed_by == {"pullquote"}
    assert (beta.ref, beta.marker) == ("pkg:pypi/beta-two@2.0", "sys_platform == 'win32'")
    assert beta.needed_by == {"alpha", "gone"}


def test_what_needs_what_is_told_by_reference() -> None:
    assert needs("pullquote", read_lock(LOCK, "required"), ["a model"]) == [
        {"ref": "a model", "dependsOn": []},
        {"ref": "pkg:pypi/alpha@1.0", "dependsOn": ["pkg:pypi/beta-two@2.0"]},
        {"ref": "pkg:pypi/beta-two@2.0", "dependsOn": []},
        {"ref": "pullquote", "dependsOn": ["a model", "pkg:pypi/alpha@1.0"]},
    ]


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"License-Expression": "MIT OR Zlib", "License": "MIT"}, "MIT OR Zlib"),
        ({"License": "MPL-2.0 AND MIT"}, "MPL-2.0 AND MIT"),
        ({"License": "BSD", "Classifier": "License :: OSI Approved :: BSD License"}, "BSD License"),
        ({"Classifier": "License :: OSI Approved :: Apache Software License"}, "Apache-2.0"),
        ({"License": "Apache 2.0 License", "Classifier": "Topic :: Text"}, "Apache-2.0"),
        ({"License": "Copyright (c) somebody\nand much more"}, ""),
        ({}, ""),
    ],
)
def test_what_a_package_says_of_its_licence(fields: dict[str, str], licence: str) -> None:
    told = Message()
    for name, value in fields.items():
        told[name] = value
    assert said_by(told) == licence  # type: ignore[arg-type]


def test_a_licence_is_an_id_an_expression_or_a_name() -> None:
    assert licences("MIT") == {"licenses": [{"license": {"id": "MIT"}}]}
    assert licences("MPL-2.0 AND (Apache-2.0 OR MIT)") == {
        "licenses": [{"expression": "MPL-2.0 AND (Apache-2.0 OR MIT)"}]
    }
    assert licences("BSD License") == {"licenses": [{"license": {"name": "BSD License"}}]}
    assert licences("") == {}


def test_the_bill_is_that_of_the_locks(shipped: dict[str, Any]) -> None:
    def unlicensed(told: dict[str, Any]) -> dict[str, Any]:
        components = [{**one, "licenses": ""} for one in told["components"]]
        return {**told, "components": components, "serialNumber": ""}

    assert unlicensed(shipped) == unlicensed(bill(locked(), lambda name: "")), "run `make lock`"
    assert len(shipped["components"]) > 100
    pinned = {line for line in (HERE / "runtime.lock").read_text("utf-8").splitlines() if "==" in line}
    required = [one for one in shipped["components"] if one.get("purl") and one["scope"] == "required"]
    assert len(required) == len({re.split(r"[ ;]", line)[0] for line in pinned})


def test_a_release_that_is_not_in_the_locks_is_seen(shipped: dict[str, Any]) -> None:
    others = bill([*locked()[:-1]], lambda name: "")
    assert len(others["components"]) == len(shipped["components"]) - 1
    assert others["dependencies"] != shipped["dependencies"]


def test_it_is_valid(shipped: dict[str, Any]) -> None:
    check = JsonStrictValidator(SchemaVersion.V1_6).validate_str
    assert check(SBOM.read_text(encoding="utf-8")) is None
    (first, *others) = shipped["components"]
    wrong = {**first, "licenses": [{"license": {"id": "No such licence"}}]}
    assert check(json.dumps({**shipped, "components": [wrong, *others]})) is not None


def test_licences_are_told(shipped: dict[str, Any]) -> None:
    untold = [one["name"] for one in shipped["components"] if "licenses" not in one]
    assert untold == ["cuda-toolkit"]  # an empty package that says nothing
    spelt_out = [kind for one in shipped["components"] for kind in one.get("licenses", ())]
    expressions = [kind["expression"] for kind in spelt_out if "expression" in kind]
    own = "LicenseRef-NVIDIA-Proprietary"
    assert (
        expressions.count(own) == sum(one["name"].startswith("nvidia") for one in shipped["components"]) - 1
    )
    assert len(set(expressions)) >= 5
    assert {one for one in expressions if not is_expression(one)} == {own}  # spelt right, in no list


def test_the_models_are_there_file_by_file(shipped: dict[str, Any]) -> None:
    models = {one["name"]: one for one in shipped["components"] if one["type"] == "machine-learning-model"}
    hashes = {
        name: {part["name"]: part["hashes"][0]["content"] for part in model["components"]}
        for name, model in models.items()
    }
    folder = default_model_folder()
    expected = {name: file_sha256(folder / name) for name in model_files(folder)}
    assert hashes == {DEFAULT_MODEL: expected}


def test_the_same_locks_give_the_same_bytes(shipped: dict[str, Any]) -> None:
    assert spelt(shipped) == SBOM.read_text(encoding="utf-8")
    once, again = bill(locked(), lambda name: "MIT"), bill(locked(), lambda name: "MIT")
    assert spelt(once) == spelt(again)
    assert once["serialNumber"] != bill(locked(), lambda name: "Zlib")["serialNumber"]
    assert "timestamp" not in SBOM.read_text(encoding="utf-8")
