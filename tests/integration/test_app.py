"""The whole service: settings, the access rules in front of Gradio, and the door run for real."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from app import main, serve
from index.building.build import build
from index.embedding.load import load_encoder
from index.retrieval.index_type import Kind
from qa.errors import WrongSetting
from tests.support.fake_assistant import FakeAssistant
from tests.support.fakes import article
from tests.support.repository import ROOT
from tests.support.tiers import mostly_full
from web.access.middleware import BODY_LIMIT, AccessMiddleware
from web.errors import CannotListen
from web.http.routes import local_path
from web.http.security_headers import with_nonce
from web.service import build_app
from web.service_settings import Access, ServiceSettings

FRIEND, STRANGER = "https://intranet.example", "https://evil.example"
CORS = {"access-control-allow-origin", "access-control-allow-credentials"}


@pytest.fixture(scope="module")
def service() -> FastAPI:
    return build_app(FakeAssistant(), ServiceSettings(origins=(FRIEND,)))


@pytest.fixture(params=["http://127.0.0.1:7860", "http://pullquote.example"])
def client(request: pytest.FixtureRequest, service: FastAPI) -> Iterator[TestClient]:
    """Gradio treats local and other host names differently."""
    with TestClient(service, base_url=request.param) as client:
        yield client


def page_event(client: TestClient, *inputs: object, number: int = 0) -> tuple[int, list[object]]:
    sent = {"data": inputs, "fn_index": number, "session_hash": "s"}
    response = client.post("/gradio_api/run/predict", json=sent)
    return response.status_code, response.json().get("data", [])


def test_the_page_and_the_api_answer_side_by_side(client: TestClient) -> None:
    assert "gradio" in client.get("/").text
    assert client.get("/health").json()["generation"] == "gen-7-00ff"
    assert client.post("/api/ask", json={"question": "Why?"}).json()["question"] == "Why?"
    status, shown = page_event(client, json.dumps({"q": "What cost more?"}))
    assert status == 200
    assert shown[0] == "1 extract found."
    assert "<mark>Dredging cost more.</mark>" in str(shown[1])


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload",
        "/gradio_api/file=https://evil.example/x",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/proxy=https://evil.example/x",
        "/gradio_api/run/other",
        "/gradio_api/queue/join",
        "/gradio_api/run/predict/",
        "/assets%2f..%2fgradio_api%2fupload",
        "//gradio_api/upload",
        "/%67radio_api/upload",
        "/static/../gradio_api/upload",
        "/config",
        "/docs",
    ],
)
def test_dangerous_routes_are_not_there(client: TestClient, path: str) -> None:
    for method in ("GET", "POST"):
        response = client.request(method, path, files={"files": b"x"} if method == "POST" else None)
        assert response.status_code in (404, 405)


def test_page_events_carry_text_only(client: TestClient) -> None:
    file = {"path": "https://evil.example/x", "meta": {"_type": "gradio.FileData"}}
    for inputs in ([file], [[file]], [7], [{"a": 1}]):
        assert page_event(client, *inputs) == (422, [])
    assert client.post("/gradio_api/run/predict", content=b"[" * 50_000).status_code == 422


@pytest.mark.parametrize(
    "path", ["/", "/theme.css", "/gradio_api/run/predict", "/gradio_api/upload", "/health"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_strange_origin_is_never_let_in(client: TestClient, path: str, method: str) -> None:
    headers = {"Origin": STRANGER, "Access-Control-Request-Method": "POST"}
    response = client.request(method, path, headers=headers)
    assert not CORS & set(response.headers)


def test_a_listed_origin_is_let_in_without_credentials(client: TestClient) -> None:
    response = client.post("/api/ask", json={"question": "Why?"}, headers={"Origin": FRIEND})
    assert CORS & set(response.headers) == {"access-control-allow-origin"}
    assert response.headers["Access-Control-Allow-Origin"] == FRIEND


@pytest.mark.parametrize("path", ["/", "/health", "/theme.css", "/gradio_api/upload", "/static/img/logo.svg"])
def test_every_reply_has_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Content-Security-Policy"].endswith(f"frame-ancestors 'self' {FRIEND}")


def test_each_page_has_a_nonce_of_its_own_on_every_script(client: TestClient) -> None:
    first, second = client.get("/"), client.get("/")
    for page in (first, second):
        nonce = page.headers["Content-Security-Policy"].split("'nonce-")[1].split("'")[0]
        assert page.text.count("<script") == page.text.count(f'<script nonce="{nonce}"') > 3
    assert first.headers["Content-Security-Policy"] != second.headers["Content-Security-Policy"]


def test_nonces_go_to_script_elements_only() -> None:
    html = b"<script>a</script><script src=x></script><scripture>"
    assert with_nonce(html, "N") == (
        b'<script nonce="N">a</script><script nonce="N" src=x></script><scripture>'
    )


@pytest.mark.parametrize("path", ["/api/ask", "/gradio_api/run/predict", "/api/feedback"])
def test_a_body_over_the_limit_is_refused_with_or_without_its_length(client: TestClient, path: str) -> None:
    for content in (b"a" * (BODY_LIMIT + 1), iter([b"a" * BODY_LIMIT, b"a"])):
        response = client.post(path, content=content, headers={"Content-Type": "application/json"})
        assert response.status_code == 413
        assert response.json()["detail"] == "the request has more than 65,536 bytes: send a shorter question"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_longest_body_let_in_arrives_whole(client: TestClient) -> None:
    question = json.dumps({"question": "Why?"}).encode()
    response = client.post(
        "/api/ask", content=question.ljust(BODY_LIMIT), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 200


def test_reading_stops_at_the_limit() -> None:
    """A body without an end: read by the chunk until it is too long, and never handed on."""
    received, sent = asyncio.run(_endless_body())
    assert received == 11
    assert sent[0]["status"] == 413


async def _endless_body() -> tuple[int, list[Message]]:
    received, sent = 0, []

    async def receive() -> Message:
        nonlocal received
        received += 1
        return {"type": "http.request", "body": b"a" * 10, "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("the body was let in")

    scope = {"type": "http", "path": "/api/ask", "method": "POST", "headers": []}
    await AccessMiddleware(never, limit=100)(scope, receive, send)
    return received, sent


def test_a_prefix_of_a_proxy_is_no_part_of_the_path() -> None:
    assert local_path({"path": "/qa/api/ask", "root_path": "/qa"}) == "/api/ask"
    assert local_path({"path": "/api/ask", "root_path": ""}) == "/api/ask"
    assert local_path({"path": "/qa/", "root_path": "/qa/"}) == "/"


def test_settings_have_defaults() -> None:
    assert ServiceSettings.from_environment({}) == ServiceSettings(
        data=Path("data"), host="127.0.0.1", port=7860, name="Pullquote"
    )
    assert (
        ServiceSettings.from_environment({"QA_PORT": "", "QA_ORIGINS": "", "QA_DEPTH": ""})
        == ServiceSettings()
    )


def test_settings_are_read_from_the_environment() -> None:
    environ = {
        "QA_DATA": "/srv/index",
        "QA_HOST": "::1",
        "QA_PORT": "80",
        "QA_MODEL": "some/model",
        "QA_DEVICE": "cpu",
        "QA_BACKEND": "bf16",
        "QA_RERANKER": "some/reranker",
        "QA_DEPTH": "50",
        "QA_BATCH": "8",
        "QA_RELOAD": "30",
        "QA_INDEX": "ivf",
        "QA_NPROBE": "64",
        "QA_ORIGINS": "https://a.example, http://localhost:3000 http://[::1]:8000",
        "QA_HOSTS": "Intranet.example, *.archive.example",
        "QA_ACCESS": "proxy",
        "QA_OPEN": "1",
        "QA_PROXY_ADDRESSES": "10.0.0.0/8 fd00::1",
        "QA_PROXY_USER_HEADER": "X-Auth-Request-User",
        "QA_NAME": "Archive",
    }
    assert ServiceSettings.from_environment(environ) == ServiceSettings(
        data=Path("/srv/index"),
        host="::1",
        port=80,
        model="some/model",
        device="cpu",
        backend="bf16",
        reranker="some/reranker",
        depth=50,
        batch=8,
        reload=30,
        index=Kind.IVF,
        nprobe=64,
        origins=("https://a.example", "http://localhost:3000", "http://[::1]:8000"),
        hosts=("intranet.example", "*.archive.example"),
        access=Access.PROXY,
        open=True,
        proxy_addresses=("10.0.0.0/8", "fd00::1"),
        proxy_user_header="X-Auth-Request-User",
        name="Archive",
    )


@pytest.mark.parametrize(
    "environ",
    [
        *({"QA_PORT": port} for port in ("no", "-1", "65536", "78 60", "٣")),
        *({name: number} for name in ("QA_DEPTH", "QA_BATCH") for number in ("0", "1001", "many")),
        *(
            {"QA_ORIGINS": origin}
            for origin in ("*", "null", "https://a.example/", "a.example", "https://*.a")
        ),
        {"QA_ORIGINS": "https://a.example;script-src"},
        *({"QA_HOSTS": host} for host in ("https://a.example", "a.example:80", "*", "a.*.example", "a b;c")),
        *({"QA_ACCESS": access} for access in ("Open", "basic", "password ")),
        *({"QA_PROXY_ADDRESSES": address} for address in ("proxy.example", "10.0.0.1/8", "*", "10.0.0.256")),
        *({"QA_PROXY_USER_HEADER": header} for header in ("X_User", "X-User: a", "é")),
        *({"QA_INDEX": kind} for kind in ("hnsw", "IVF", " flat")),
        *({"QA_NPROBE": number} for number in ("-1", "4097", "many")),
        *({"QA_RELOAD": number} for number in ("-1", "0.5", "100000")),
    ],
)
def test_a_wrong_setting_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(WrongSetting, match=f"^{next(iter(environ))} is '"):
        ServiceSettings.from_environment(environ)


def test_a_port_that_is_taken_is_one_line_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(CannotListen) as caught:
            serve(ServiceSettings(data=tmp_path, port=port), announce=print)
        monkeypatch.setenv("QA_PORT", str(port))
        assert main() == 2
    line = f"cannot listen on 127.0.0.1 port {port}: address already in use; choose another with --port"
    assert str(caught.value) == line
    assert capsys.readouterr() == ("", f"pullquote: {line}\n")


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(CannotListen, match="cannot listen on 192\\.0\\.2\\.1 port 0: cannot assign"):
        serve(ServiceSettings(host="192.0.2.1", port=0, open=True), announce=print)


def test_no_index_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QA_DATA", str(tmp_path))
    monkeypatch.setenv("QA_PORT", "0")
    assert main() == 2
    assert capsys.readouterr().err == f"pullquote: no index in {tmp_path}; run `qa index --data {tmp_path}`\n"


@pytest.mark.slow
@pytest.mark.parametrize("stop", mostly_full([signal.SIGTERM, signal.SIGINT], signal.SIGTERM))
def test_the_door_serves_until_it_is_told_to_stop(tmp_path: Path, stop: signal.Signals) -> None:
    build([article("harbour", "The harbour silted up by 1850.")], load_encoder(device="cpu"), tmp_path)
    environ = {**os.environ, "QA_DATA": str(tmp_path), "QA_PORT": "0", "QA_DEVICE": "cpu"}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=environ, stdout=pipe, stderr=pipe
    ) as door:
        assert door.stdout
        line = door.stdout.readline().decode()
        assert line.startswith("Pullquote is ready: http://127.0.0.1:")
        with urllib.request.urlopen(line.split()[-1] + "/health") as response:
            assert json.load(response)["articles"] == 1
        door.send_signal(stop)
        _, said = door.communicate(timeout=60)
    (logged,) = map(json.loads, said.splitlines())
    assert door.returncode == 0
    assert (logged["event"], logged["route"], logged["status"]) == ("request", "/health", 200)
