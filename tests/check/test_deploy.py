"""The examples in deploy/: what is in the image, and rules for whatever runs it. None is built or started here."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from app import check_exposure
from tests.support.repository import ROOT
from web.http.routes import RULES, Caller
from web.service_settings import Access, ServiceSettings

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
OBJECTS: list[dict[str, Any]] = list(
    yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8"))
)
USER = "10001"
# Needed to install what is copied besides.
TO_INSTALL = {"pyproject.toml", "LICENSE", "requirements"}
RELEASE = re.compile(r"[\w./-]+:[\w.-]*[0-9][\w.-]*(?:@sha256:[0-9a-f]{64})?")
SECRET = re.compile(r"KEY|TOKEN|PASSWORD|SECRET|CREDENTIAL", re.IGNORECASE)


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, with lines that go on joined: ("FROM", "python:…")."""
    lines = "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [
        (word, rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)
    ]


def copied() -> set[str]:
    """What of the project gets into the image."""
    from_here = (
        rest.split() for word, rest in instructions() if word == "COPY" and not rest.startswith("--from")
    )
    return {source for *sources, _ in from_here for source in sources}


def needed() -> set[str]:
    """The rooms and doors that the service and the command import, directly or not, at once or later."""
    seen: set[Path] = set()
    waiting = [ROOT / "app.py", ROOT / "cli" / "main.py"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            files = (ROOT / f"{name.replace('.', '/')}.py" for name in names)
            waiting += [file for file in files if file.is_file()]
    return {path.relative_to(ROOT).parts[0] for path in seen}


def service() -> dict[str, Any]:
    return dict(COMPOSE["services"]["pullquote"])


def kind(name: str) -> dict[str, Any]:
    (found,) = (one for one in OBJECTS if one["kind"] == name)
    return found


def pod() -> dict[str, Any]:
    return dict(kind("Deployment")["spec"]["template"]["spec"])


def container() -> dict[str, Any]:
    (only,) = pod()["containers"]
    return dict(only)


def test_everything_that_is_imported_is_in_the_image_and_nothing_else() -> None:
    assert needed() >= {
        "app.py",
        "cli",
        "corpus",
        "index",
        "qa",
        "web",
        "eval",
    }
    assert copied() == needed() | TO_INSTALL
    assert copied().isdisjoint({"tests", "bench", "training", "fuzz", "docs", "."})


def test_what_is_installed_is_what_is_copied() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    packages = {name.rstrip("*") for name in wanted["packages"]["find"]["include"]}
    assert {*packages, *(f"{door}.py" for door in wanted["py-modules"])} == copied() - TO_INSTALL
    assert {name.removesuffix(".py") for name in copied() - TO_INSTALL} <= {
        "app",
        "cli",
        "corpus",
        "eval",
        "index",
        "qa",
        "web",
    }


def test_what_is_copied_is_all_that_the_build_is_sent() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied()
    assert "**/__pycache__" in rules


STARTED = """
import runpy, sys
# Only what lies here counts, not the project that the environment has installed.
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
sys.path.insert(0, sys.argv[1])
runpy.run_path(f"{sys.argv[1]}/app.py", run_name="__main__")
"""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder with just what the image has of the project."""
    root = tmp_path / "opt"
    root.mkdir()
    for name in copied():
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    return root


def test_the_service_answers_with_just_these_files(image: Path, sample_index: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("QA_")}
    environ |= {"QA_DATA": str(sample_index), "QA_PORT": "0", "QA_FEEDBACK": "off", "QA_DEVICE": "cpu"}
    path = os.pathsep.join(one for one in sys.path if one and Path(one) != ROOT)
    environ |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": path}
    command = [sys.executable, "-P", "-c", STARTED, str(image)]
    with subprocess.Popen(
        command, env=environ, cwd=image.parent, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        try:
            assert running.stdout
            said = next((line for line in running.stdout if "is ready" in line), "")
            (address,) = re.findall(r"http://\S+", said)
            with urlopen(f"{address}/health", timeout=10) as reply:
                assert (reply.status, b'"ready"' in reply.read()) == (200, True)
        finally:
            running.terminate()
            running.wait(30)
    assert [path.name for path in image.rglob("*.pyc")] == []


def test_the_image_is_of_named_releases_and_runs_as_nobody_special() -> None:
    said = instructions()
    images = [rest.split()[0] for word, rest in said if word == "FROM"]
    assert len(images) == 2
    assert len(set(images)) == 1
    assert all(RELEASE.fullmatch(one) for one in images)
    assert not [rest for word, rest in said if word == "ADD"]
    users = [rest for word, rest in said if word == "USER"]
    assert users == [f"{USER}:{USER}"]
    last_from = max(place for place, (word, _) in enumerate(said) if word == "FROM")
    assert [word for word, _ in said[last_from:]].count("HEALTHCHECK") == 1
    (check,) = (rest for word, rest in said if word == "HEALTHCHECK")
    assert "http://127.0.0.1:7860/health" in check
    named = [pair.split("=")[0] for word, rest in said if word in ("ENV", "ARG") for pair in rest.split()]
    assert "QA_DATA" in named
    assert [name for name in named if SECRET.search(name)] == []


def test_whatever_the_image_is_told_is_a_setting() -> None:
    (told,) = (rest for word, rest in instructions() if word == "ENV" and "QA_DATA" in rest)
    environ = dict(pair.split("=", 1) for pair in told.split())
    settings = ServiceSettings.from_environment(environ)
    assert (settings.data, settings.host, settings.port) == (Path("/data"), "0.0.0.0", 7860)
    assert settings.access is Access.PASSWORD
    variables = {f"QA_{name.upper()}" for name in ServiceSettings.model_fields}
    named = {*environ, *service()["environment"], *(one["name"] for one in container()["env"])}
    assert [name for name in named if name.startswith("QA_") and name not in variables] == []


def test_a_probe_asks_a_route_that_anybody_may_ask() -> None:
    (rule,) = (one for one in RULES if one.path == "/health")
    assert (rule.caller, "GET" in rule.methods) == (Caller.PUBLIC, True)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_each_compose_service_is_bounded_and_may_do_little(name: str) -> None:
    told = COMPOSE["services"][name]
    assert RELEASE.fullmatch(told["image"])
    assert "no-new-privileges:true" in told["security_opt"]
    assert not told.get("privileged")
    limits = told["deploy"]["resources"]["limits"]
    assert float(limits["cpus"]) <= 4
    assert re.fullmatch(r"[0-9]+[mg]", limits["memory"])
    # What is published is published on this machine alone, for a proxy.
    assert [port for port in told.get("ports", []) if not port.startswith("127.0.0.1:")] == []
    for variable, value in told.get("environment", {}).items():
        assert not SECRET.search(variable) or value == f"${{{variable}:-}}", variable


def test_the_compose_service_runs_alone_and_reads_only() -> None:
    told = service()
    assert (told["read_only"], told["user"], told["cap_drop"]) == (True, f"{USER}:{USER}", ["ALL"])
    assert "profiles" not in told
    assert "depends_on" not in told
    assert [mount for mount in told["tmpfs"] if mount.startswith("/tmp:size=")] == told["tmpfs"]
    written = [one for one in told["volumes"] if isinstance(one, str)]
    assert written == ["data:/data"]
    assert all(one["read_only"] for one in told["volumes"] if isinstance(one, dict))


def test_milvus_comes_with_its_profile_and_is_reached_from_inside_alone() -> None:
    others = {name: told for name, told in COMPOSE["services"].items() if name != "pullquote"}
    assert set(others) == {"milvus", "etcd", "objects"}
    for told in others.values():
        assert told["profiles"] == ["milvus"]
        assert told["networks"] == ["inside"]
        assert "ports" not in told
        assert told["healthcheck"]
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert others["milvus"]["environment"]["COMMON_SECURITY_AUTHORIZATIONENABLED"] == "true"
    assert "milvus.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_a_pod_is_nobody_special_and_writes_to_two_folders() -> None:
    whole, own = pod()["securityContext"], container()["securityContext"]
    assert (whole["runAsNonRoot"], str(whole["runAsUser"]), str(whole["fsGroup"])) == (True, USER, USER)
    assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod()["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod().keys()
    assert [mount["mountPath"] for mount in container()["volumeMounts"]] == ["/data", "/tmp"]
    assert not [volume for volume in pod()["volumes"] if "hostPath" in volume]


def test_a_container_has_a_release_limits_and_its_secrets_by_reference() -> None:
    assert RELEASE.fullmatch(container()["image"])
    for sizes in (container()["resources"]["requests"], container()["resources"]["limits"]):
        assert sizes.keys() == {"cpu", "memory", "ephemeral-storage"}
    for one in container()["env"]:
        assert ("valueFrom" in one) == bool(SECRET.search(one["name"])), one["name"]
        assert "valueFrom" not in one or "secretKeyRef" in one["valueFrom"]
    assert not [one for one in OBJECTS if one["kind"] == "Secret"]


def test_the_settings_of_the_pod_let_it_start() -> None:
    environ = {one["name"]: one["value"] for one in container()["env"] if "value" in one}
    settings = ServiceSettings.from_environment({**environ, "QA_HOST": "0.0.0.0"})
    assert check_exposure(settings) == []
    assert (settings.access, settings.feedback) == (Access.PROXY, False)


def test_probes_wait_for_the_models_and_end_nobody_for_being_busy() -> None:
    seconds = {}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        told = container()[probe]
        assert told["httpGet"] == {"path": "/health", "port": "http"}
        assert told["timeoutSeconds"] <= told["periodSeconds"]
        seconds[probe] = told["periodSeconds"] * told["failureThreshold"]
    assert seconds == {"startupProbe": 600, "readinessProbe": 10, "livenessProbe": 120}


def test_the_objects_fit_together() -> None:
    labels = kind("Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        kind("Deployment")["spec"]["selector"]["matchLabels"],
        kind("Service")["spec"]["selector"],
        kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        kind("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(one.items() <= labels.items() for one in selectors)
    scaled = kind("HorizontalPodAutoscaler")["spec"]
    assert scaled["scaleTargetRef"]["name"] == kind("Deployment")["metadata"]["name"]
    assert "replicas" not in kind("Deployment")["spec"]
    assert kind("PodDisruptionBudget")["spec"]["minAvailable"] < scaled["minReplicas"] < scaled["maxReplicas"]
    assert kind("Service")["spec"]["type"] == "ClusterIP"
    (claim,) = (
        one["persistentVolumeClaim"]["claimName"] for one in pod()["volumes"] if "emptyDir" not in one
    )
    assert claim == kind("PersistentVolumeClaim")["metadata"]["name"]


def test_only_the_proxy_is_let_in_and_only_names_and_milvus_are_let_out() -> None:
    policy = kind("NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (rule,) = policy["ingress"]
    assert [one["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for one in rule["from"]] == [
        "oauth2-proxy"
    ]
    assert [port["port"] for port in rule["ports"]] == [container()["ports"][0]["containerPort"]] == [7860]
    assert [[port["port"] for port in one["ports"]] for one in policy["egress"]] == [[53, 53], [19530]]
    assert all(one["to"] for one in policy["egress"])


def tool(name: str) -> Iterator[str]:
    """The path of a checker, if it is installed."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    return iter([found] if found else [])


def checked(name: str, *arguments: str) -> None:
    """Run a checker, which must find nothing; skip where it is not installed."""
    command = next(tool(name), None)
    if command is None:
        pytest.skip(f"{name} is not installed")
    environ = {**os.environ, "HOME": "/nonexistent"}
    done = subprocess.run(
        [command, *arguments], capture_output=True, text=True, cwd=ROOT, env=environ, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_finds_nothing() -> None:
    checked("hadolint", "--no-color", "deploy/Dockerfile")


@pytest.mark.parametrize("profile", ["", "milvus"])
def test_compose_takes_its_file(profile: str, tmp_path: Path) -> None:
    # A copy, beside the file of secrets that is not in the project.
    shutil.copy(DEPLOY / "compose.yaml", tmp_path)
    if profile:
        (tmp_path / "milvus.env").write_text("MINIO_ROOT_USER=pullquote\n", encoding="utf-8")
    chosen = ["--profile", profile] if profile else []
    checked("docker-compose", "-f", str(tmp_path / "compose.yaml"), *chosen, "config", "--quiet")


def test_kubernetes_takes_its_objects() -> None:
    checked("kubernetes-validate", "--strict", "deploy/kubernetes.yaml")
