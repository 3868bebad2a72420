"""Who is let in: the login page, keys, and a proxy that names people."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.support.fake_assistant import FakeAssistant
from tests.support.html_text import ADMIN_KEY, basic_credentials
from web.access.authentication import Authenticator
from web.access.credentials import FILE, Keyring, add, remove
from web.access.hosts import outermost_middleware
from web.access.rate_limits import MAX_PEER_TRIES, MAX_TRIES
from web.answering.answer_service import AnswerService
from web.context import ServiceContext
from web.errors import AccessRefused
from web.http.client import Client
from web.i18n import load_catalogue
from web.pages.login import safe_next
from web.service import own_app
from web.service_settings import Access, ServiceSettings

PASSWORD = "correct horse battery"
HTML = {"Accept": "text/html"}
CLIENT = ("192.0.2.9", 1)
COOKIE = "pullquote_session"


class Service:
    """A service that lets people in by a password and machines by a key."""

    def __init__(self, data: Path, **settings: object) -> None:
        self.file = data / FILE
        self.key = add(self.file, "reports")
        add(self.file, "staff", PASSWORD)
        self.assistant = FakeAssistant()
        self.settings = ServiceSettings(data=data, access=Access.PASSWORD, **settings)  # type: ignore[arg-type]
        self.app: FastAPI = own_app(
            ServiceContext(AnswerService(self.assistant), self.settings, load_catalogue())
        )

    def client(self, client: tuple[str, int] = CLIENT, **options: str) -> TestClient:
        return TestClient(self.app, client=client, follow_redirects=False, **options)  # type: ignore[arg-type]

    def bearer(self, key: str = "") -> dict[str, str]:
        return {"Authorization": f"Bearer {key or self.key}"}


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with service.client() as client:
        yield client


def log_in(client: TestClient, password: str = PASSWORD, wanted: str = "/articles") -> httpx2.Response:
    reply = client.post("/login", data={"password": password, "next": wanted})
    assert isinstance(reply, httpx2.Response)
    return reply


def test_no_cache_keeps_what_the_api_answers_to_a_session(client: TestClient) -> None:
    """A response to a cookie without `Cache-Control` may be stored by a shared cache and given to anybody."""
    log_in(client)
    replies = [client.get(path) for path in ("/api/articles", "/api/articles/harbour", "/openapi.json", "/x")]
    replies.append(client.post("/api/ask", json={"question": "What did dredging cost?"}))
    assert [reply.status_code for reply in replies] == [200, 200, 200, 404, 200]
    assert {reply.headers.get("Cache-Control") for reply in replies} == {"no-store"}
    assert client.get("/widget/en.json").headers["Cache-Control"] == "public, max-age=3600"


def test_a_person_is_led_to_the_login_page_and_on_to_where_they_wanted(client: TestClient) -> None:
    led = client.get("/articles/harbour?c=20-39&q=%C3%A9", headers=HTML)
    assert led.status_code == 303
    assert led.headers["Location"] == "/login?next=%2Farticles%2Fharbour%3Fc%3D20-39%26q%3D%25C3%25A9"
    page = client.get(led.headers["Location"])
    assert page.headers["Cache-Control"] == "no-store"
    (wanted,) = re.findall(r'name="next" value="([^"]*)"', page.text)
    assert wanted == "/articles/harbour?c=20-39&amp;q=%C3%A9"
    entered = log_in(client, wanted=wanted.replace("&amp;", "&"))
    assert (entered.status_code, entered.headers["Location"]) == (303, "/articles/harbour?c=20-39&q=%C3%A9")
    assert "Dredging cost more." in client.get(entered.headers["Location"], headers=HTML).text


def test_the_cookie_is_for_this_service_alone(client: TestClient) -> None:
    told = log_in(client).headers["Set-Cookie"]
    assert re.fullmatch(rf"{COOKIE}=[\w.-]+; HttpOnly; Max-Age=43200; Path=/; SameSite=lax", told)


def test_over_tls_the_cookie_goes_over_tls_alone_and_below_a_path_no_further(tmp_path: Path) -> None:
    service = Service(tmp_path)
    with TestClient(
        service.app, base_url="https://a.example", root_path="/ask", follow_redirects=False
    ) as client:
        led = client.get("/ask/articles", headers=HTML)
        assert led.headers["Location"] == "/ask/login?next=%2Farticles"
        entered = client.post("/ask/login", data={"password": PASSWORD, "next": "/articles"})
        assert entered.headers["Location"] == "/ask/articles"
        cookie = entered.headers["Set-Cookie"]
        assert cookie.startswith(f"__Secure-{COOKIE}=")
        assert cookie.endswith("; Path=/ask; SameSite=lax; Secure")
        assert client.get("/ask/articles", headers=HTML).status_code == 200


def test_over_tls_nobody_else_can_set_the_cookie(service: Service) -> None:
    """A sibling host can set `pullquote_session` for all of its domain, but nothing that begins with `__Host-`."""
    with service.client(base_url="https://a.example") as client:
        entered = log_in(client).headers["Set-Cookie"]
        assert re.fullmatch(
            rf"__Host-{COOKIE}=.*; HttpOnly; Max-Age=43200; Path=/; SameSite=lax; Secure", entered
        )
        assert client.get("/articles").status_code == 200
        value = client.cookies[f"__Host-{COOKIE}"]
        left = client.post("/logout").headers["Set-Cookie"]
        assert re.fullmatch(rf"__Host-{COOKIE}=.*; HttpOnly; Max-Age=0; Path=/; SameSite=lax; Secure", left)
        log_in(client)
        client.cookies.clear()
        planted = {"Cookie": f"{COOKIE}={value}"}
        assert client.get("/articles", headers=planted).status_code == 401


def test_a_wrong_password_is_told_and_lets_nobody_in(client: TestClient) -> None:
    for password in ("", PASSWORD.upper(), "\x00", "é" * 3_000):
        reply = log_in(client, password)
        assert reply.status_code == 403
        assert "This is not the password." in reply.text
        assert "Set-Cookie" not in reply.headers
    assert client.get("/articles").status_code == 401


@pytest.mark.parametrize("body", [b"", b"\xff", b"password", b"a=1&" * 5_000, b"%", b"password=%ff%00"])
def test_a_form_that_is_none_lets_nobody_in(client: TestClient, body: bytes) -> None:
    assert client.post("/login", content=body).status_code == 403


def test_a_key_lets_a_machine_in(client: TestClient, service: Service) -> None:
    asked = client.post("/api/ask", json={"question": "What cost more?"}, headers=service.bearer())
    assert asked.status_code == 200
    assert (
        client.get("/openapi.json", headers={"Authorization": f"bearer  {service.key} "}).status_code == 200
    )
    assert "Set-Cookie" not in asked.headers


def test_without_a_key_nothing_is_asked_of_the_assistant(client: TestClient, service: Service) -> None:
    for headers in (
        {},
        service.bearer("reports.x"),
        service.bearer(PASSWORD),
        basic_credentials(PASSWORD),
        basic_credentials(service.key),
    ):
        reply = client.post("/api/ask", json={"question": "What cost more?"}, headers=headers)
        assert reply.status_code == 401
        assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert reply.headers["Content-Type"] == "application/problem+json"
    assert service.assistant.asked == []


def test_a_password_is_no_key_and_a_key_no_password(client: TestClient, service: Service) -> None:
    assert client.get("/articles", headers=service.bearer(PASSWORD)).status_code == 401
    assert log_in(client, service.key).status_code == 403


def test_what_is_removed_is_over_at_once(client: TestClient, service: Service) -> None:
    log_in(client)
    assert client.get("/articles").status_code == 200
    assert client.get("/articles", headers=service.bearer()).status_code == 200
    remove(service.file, "staff")
    assert client.get("/articles").status_code == 401
    assert client.get("/articles", headers=service.bearer()).status_code == 200
    remove(service.file, "reports")
    assert client.get("/articles", headers=service.bearer()).status_code == 401


def test_logging_out_ends_the_session_itself(client: TestClient) -> None:
    log_in(client)
    kept = client.cookies[COOKIE]
    assert 'action="logout"' in client.get("/logout").text
    left = client.post("/logout")
    assert (left.status_code, left.headers["Location"]) == (303, "/login")
    assert COOKIE not in client.cookies
    assert client.get("/articles", headers={"Cookie": f"{COOKIE}={kept}"}).status_code == 401


@pytest.mark.parametrize("way", ["password", "key"])
def test_wrong_tries_are_bounded_for_each_address(service: Service, way: str) -> None:
    def tried(client: TestClient, *, right: bool) -> int:
        if way == "password":
            return log_in(client, PASSWORD if right else "x").status_code
        return client.get("/articles", headers=service.bearer("" if right else "reports.x")).status_code

    refused, let_in = (403, 303) if way == "password" else (401, 200)
    with service.client() as guesser, service.client(("192.0.2.10", 1)) as other:
        assert [tried(guesser, right=False) for _ in range(MAX_TRIES + 1)] == [refused] * MAX_TRIES + [429]
        assert tried(guesser, right=True) == 429
        assert [tried(other, right=False), tried(other, right=True)] == [refused, let_in]


def test_a_password_that_somebody_has_logged_in_with_is_no_key(service: Service) -> None:
    with service.client() as person, service.client(("192.0.2.10", 1)) as machine:
        log_in(person)
        assert machine.get("/articles", headers=service.bearer(PASSWORD)).status_code == 401
        assert machine.get("/articles", headers=service.bearer()).status_code == 200
        assert log_in(person, service.key).status_code == 403


def test_a_remembered_key_is_no_way_past_the_throttle(client: TestClient, service: Service) -> None:
    assert client.get("/articles", headers=service.bearer()).status_code == 200
    wrong = [client.get("/articles", headers=service.bearer("reports.x")).status_code for _ in range(12)]
    assert wrong == [401] * MAX_TRIES + [429] * 2
    assert client.get("/articles", headers=service.bearer()).status_code == 429


def test_addresses_that_one_proxy_forwards_have_a_limit_together(tmp_path: Path) -> None:
    """A local program that may set `X-Forwarded-For` has a new address for every guess, but one connection."""
    service = Service(tmp_path, root_path="/ask")
    with TestClient(
        outermost_middleware(service.app, service.settings), "http://localhost", client=("127.0.0.1", 1)
    ) as client:

        def guess(number: int) -> int:
            headers = {**service.bearer("nobody.x"), "X-Forwarded-For": f"198.51.100.{number}"}
            return client.get("/articles", headers=headers).status_code

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("hashlib.scrypt", lambda secret, **_: secret)
            statuses = [guess(number) for number in range(2 * MAX_PEER_TRIES)]
    # A token comes back every 0.6 seconds.
    assert statuses[:MAX_PEER_TRIES] == [401] * MAX_PEER_TRIES
    assert 429 in statuses


def test_a_page_says_how_long_to_wait(client: TestClient) -> None:
    for _ in range(MAX_TRIES):
        log_in(client, "x")
    reply = log_in(client)
    assert reply.status_code == 429
    assert re.search(r"Too many wrong passwords: try again in [1-6] seconds?\.", reply.text)
    assert 0 < int(reply.headers["Retry-After"]) <= 6


def test_many_guesses_at_once_are_as_many_tries(tmp_path: Path) -> None:
    async def crowd() -> list[int]:
        transport = httpx2.ASGITransport(Service(tmp_path).app, client=CLIENT)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            sent = [client.post("/login", data={"password": f"guess {n}"}) for n in range(30)]
            return [reply.status_code for reply in await asyncio.gather(*sent)]

    statuses = asyncio.run(crowd())
    assert (statuses.count(403), statuses.count(429)) == (MAX_TRIES, 30 - MAX_TRIES)


def test_a_right_secret_in_many_requests_at_once_is_one_try(tmp_path: Path) -> None:
    service = Service(tmp_path)

    async def crowd() -> list[int]:
        transport = httpx2.ASGITransport(service.app, client=CLIENT)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            sent = [client.get("/api/articles", headers=service.bearer()) for _ in range(30)]
            return [reply.status_code for reply in await asyncio.gather(*sent)]

    assert asyncio.run(crowd()) == [200] * 30


def test_only_so_many_secrets_are_compared_at_once(tmp_path: Path) -> None:
    add(tmp_path / FILE, "staff", PASSWORD)

    async def crowd() -> list[object]:
        door = Authenticator(Keyring(tmp_path / FILE), max_waiting=3)
        from web.access.credentials import Kind

        asked = [door.authenticate(Kind.PASSWORD, "x", Client(f"192.0.2.{n}", "")) for n in range(8)]
        return list(await asyncio.gather(*asked))

    assert sorted(map(str, asyncio.run(crowd()))) == ["0"] * 3 + ["1"] * 5


def test_the_admin_page_has_its_own_key(tmp_path: Path) -> None:
    service = Service(tmp_path, admin_key=ADMIN_KEY)
    with service.client() as client:
        assert client.get("/admin").status_code == 401
        assert client.get("/admin", headers=service.bearer()).status_code == 401
        assert client.get("/admin", headers=basic_credentials(ADMIN_KEY)).status_code == 200
        assert client.get("/articles", headers=basic_credentials(ADMIN_KEY)).status_code == 401


def test_the_admin_key_is_guessed_at_one_limit_on_all_its_pages(tmp_path: Path) -> None:
    with Service(tmp_path, admin_key=ADMIN_KEY).client() as client:
        for page in ("/admin", "/metrics") * (MAX_TRIES // 2):
            assert client.get(page, headers=basic_credentials("wrong")).status_code == 401
        for page in ("/admin", "/metrics"):
            assert client.get(page, headers=basic_credentials(ADMIN_KEY)).status_code == 429


SAFE = (
    "/articles",
    "/articles/harbour?c=1-2&q=a%20b",
    "/",
    "/evidence?c=a:1-2&c=b:3-4",
    "/embed/demo",
    "/?q=x#y",
)


@pytest.mark.parametrize("wanted", SAFE)
def test_pages_of_this_service_are_gone_on_to(wanted: str) -> None:
    assert safe_next(wanted) == wanted.partition("#")[0]


@pytest.mark.parametrize(
    "wanted",
    [
        *(
            "",
            "https://evil.example",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
        ),
        *("/%2Fevil.example", "/%5Cevil.example", "/\t/evil.example", "/\n/evil.example", " //evil.example"),
        *("https:evil.example", "javascript:alert(1)", "data:text/html,x", "/@evil.example", ".evil.example"),
        *("evil.example", "/..//evil.example", "/articles/..//evil.example", "http://[", "/login", "/logout"),
        *(
            "/admin",
            "/api/ask",
            "/gradio_api/run/predict",
            "/config",
            "/articles\r\nSet-Cookie: a=b",
            "/\x00",
        ),
    ],
)
def test_nothing_else_is(wanted: str, client: TestClient) -> None:
    assert safe_next(wanted) == "/"
    assert log_in(client, wanted=wanted).headers["Location"] == "/"


def test_a_query_cannot_leave_the_address() -> None:
    assert safe_next('/articles?q="><script>\r\nX: y') == "/articles?q=%22%3E%3Cscript%3EX:%20y"


def test_settings_that_have_no_login_page_answer_404(tmp_path: Path) -> None:
    app = own_app(
        ServiceContext(AnswerService(FakeAssistant()), ServiceSettings(data=tmp_path), load_catalogue())
    )
    with TestClient(app) as client:
        for method, path in (("GET", "/login"), ("POST", "/login"), ("GET", "/logout"), ("POST", "/logout")):
            assert client.request(method, path).status_code == 404


def test_a_service_without_credentials_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(AccessRefused, match="lets nobody in"):
        own_app(
            ServiceContext(
                AnswerService(FakeAssistant()),
                ServiceSettings(data=tmp_path, access=Access.PASSWORD),
                load_catalogue(),
            )
        )


def behind_a_proxy(address: str, **others: Any) -> TestClient:
    proxies = ("192.0.2.0/28", "2001:db8::7")
    settings = ServiceSettings(access=Access.PROXY, proxy_addresses=proxies, **others)
    context = ServiceContext(AnswerService(FakeAssistant()), settings, load_catalogue())
    return TestClient(own_app(context), client=(address, 1))


NAMED = {"X-Forwarded-User": "ada"}


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("192.0.2.1", NAMED, 200),
        ("2001:db8::7", NAMED, 200),
        ("::ffff:192.0.2.15", NAMED, 200),
        ("192.0.2.1", {}, 401),
        ("192.0.2.1", {"X-Forwarded-User": "  "}, 401),
        ("192.0.2.1", {"X-Auth-Request-User": "ada"}, 401),
        ("192.0.2.16", NAMED, 403),
        ("127.0.0.1", NAMED, 403),
        ("2001:db8::8", NAMED, 403),
        ("testclient", NAMED, 403),
        ("", NAMED, 403),
    ],
)
def test_only_whom_the_proxy_names_is_let_in(address: str, headers: dict[str, str], status: int) -> None:
    with behind_a_proxy(address) as client:
        assert client.get("/articles", headers=headers).status_code == status
        assert client.get("/health", headers=headers).status_code == 200


def test_two_names_are_no_name() -> None:
    with behind_a_proxy("192.0.2.1") as client:
        twice = [("X-Forwarded-User", "ada"), ("X-Forwarded-User", "root")]
        assert client.get("/articles", headers=twice).status_code == 401


def test_the_header_is_the_one_of_the_settings() -> None:
    with behind_a_proxy("192.0.2.1", proxy_user_header="X-Auth-Request-User") as client:
        assert client.get("/articles", headers={"x-auth-request-user": "ada"}).status_code == 200
        assert client.get("/articles", headers=NAMED).status_code == 401


def test_in_other_settings_the_header_says_nothing(client: TestClient) -> None:
    assert client.get("/articles", headers=NAMED).status_code == 401


def test_the_admin_page_is_behind_the_proxy_too() -> None:
    with behind_a_proxy("192.0.2.1", admin_key=ADMIN_KEY) as client:
        assert client.get("/admin", headers=basic_credentials(ADMIN_KEY)).status_code == 401
        assert client.get("/admin", headers=NAMED).status_code == 401
        assert client.get("/admin", headers={**NAMED, **basic_credentials(ADMIN_KEY)}).status_code == 200
    with behind_a_proxy("192.0.2.99", admin_key=ADMIN_KEY) as client:
        assert client.get("/admin", headers={**NAMED, **basic_credentials(ADMIN_KEY)}).status_code == 403
