"""The table of routes against the app's real ones, called in every setting of access with and without credentials."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute, compile_path
from starlette.testclient import TestClient

from tests.support.fake_assistant import FakeAssistant
from tests.support.html_text import ADMIN_KEY, basic_credentials
from tests.support.repository import ROOT
from web.access.credentials import FILE, add
from web.http.routes import PAGE_EVENTS, RULES, Caller, rule_of
from web.service import build_app
from web.service_settings import Access, ServiceSettings

PASSWORD = "correct horse battery"
PROXY = "192.0.2.7"
METHODS = ("GET", "POST", "DELETE")
JSON = {"Accept": "application/json"}

# Routes of Gradio without a rule: uploads, files by path or address, a proxy, queues, monitoring, its own login,
# code edited from the page.
CLOSED = """
/config /config/ /login/ /manifest.json /monitoring /monitoring/summary /monitoring/{key}
/pwa_icon /pwa_icon/{size} /robots.txt /svelte/{path:path}
/gradio_api/api/{api_name} /gradio_api/api/{api_name}/ /gradio_api/app_id /gradio_api/app_id/
/gradio_api/call/{api_name} /gradio_api/call/{api_name}/ /gradio_api/call/{api_name}/{event_id}
/gradio_api/call/v2/{api_name} /gradio_api/call/v2/{api_name}/ /gradio_api/call/v2/{api_name}/{event_id}
/gradio_api/cancel /gradio_api/component_server /gradio_api/component_server/
/gradio_api/custom_component/{id}/{environment}/{type}/{file_name} /gradio_api/deep_link
/gradio_api/dev/reload
/gradio_api/file/{path:path} /gradio_api/file={path_or_url:path} /gradio_api/heartbeat/{session_hash}
/gradio_api/info /gradio_api/info/ /gradio_api/login_check /gradio_api/login_check/ /gradio_api/openapi.json
/gradio_api/process_recording /gradio_api/proxy={url_path:path} /gradio_api/queue/data /gradio_api/queue/join
/gradio_api/queue/status /gradio_api/reset /gradio_api/reset/ /gradio_api/run/{api_name}
/gradio_api/run/{api_name}/
/gradio_api/runs /gradio_api/runs/ /gradio_api/startup-events /gradio_api/stream/{event_id}
/gradio_api/stream/{event_id}/close /gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file
/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8
/gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext} /gradio_api/theme.css
/gradio_api/token
/gradio_api/token/ /gradio_api/undo-vibe-edit /gradio_api/undo-vibe-edit/ /gradio_api/upload
/gradio_api/upload_progress /gradio_api/user /gradio_api/user/ /gradio_api/vibe-code /gradio_api/vibe-code/
/gradio_api/vibe-edit /gradio_api/vibe-edit/ /gradio_api/vibe-starter-queries
/gradio_api/vibe-starter-queries/
""".split()
PATHS = {**dict.fromkeys(CLOSED), **{rule.path: rule for rule in RULES}}
NOBODY = "nobody"


class Setting:
    """A service with one setting of access, and what lets a caller in."""

    def __init__(self, access: Access, data: Path) -> None:
        self.access = access
        self.key = add(data / FILE, access)
        add(data / FILE, "staff", PASSWORD)
        settings = ServiceSettings(
            data=data, access=access, mcp=True, admin_key=ADMIN_KEY, proxy_addresses=(PROXY,), origins=()
        )
        self.app = build_app(FakeAssistant(), settings)
        self.client = TestClient(self.app, client=(PROXY, 1), headers=JSON, follow_redirects=False)

    def known(self) -> dict[str, str]:
        if self.access is Access.PASSWORD:
            return {"Authorization": f"Bearer {self.key}"}
        return {"X-Forwarded-User": "ada"} if self.access is Access.PROXY else {}


@pytest.fixture(scope="module", params=list(Access))
def setting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    served = Setting(request.param, tmp_path_factory.mktemp(str(request.param)))
    with served.client:
        yield served


@pytest.fixture(scope="module")
def service() -> FastAPI:
    return build_app(FakeAssistant(), ServiceSettings())


def real_routes(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, frozenset[str]]]:
    """Path and methods of every route, those of mounted apps and of routers within too; HEAD counts as GET."""
    for route in routes:
        within = getattr(getattr(route, "original_router", route), "routes", None)
        if within:
            yield from real_routes(within)
        else:
            methods = getattr(route, "methods", None) or {"POST"}  # the tools' route takes what it is sent
            as_get = ("GET" if method == "HEAD" else method for method in methods)
            yield str(getattr(route, "path", "")), frozenset(as_get)


def differences(service: FastAPI) -> tuple[set[str], set[str], set[str]]:
    """Real routes that the table does not list, listed ones that are not real, and methods that differ."""
    real: dict[str, set[str]] = {}
    for path, methods in real_routes(service.routes):
        real.setdefault(path, set()).update(methods)
    of_pattern = {PAGE_EVENTS: "/gradio_api/run/{api_name}"}
    methods_differ = {
        rule.path for rule in RULES if set(rule.methods) != real.get(of_pattern.get(rule.path, rule.path))
    }
    return set(real) - set(PATHS), set(PATHS) - set(real) - {PAGE_EVENTS}, methods_differ


def test_every_real_route_is_listed_and_every_listed_one_is_real() -> None:
    unlisted, unreal, methods_differ = differences(build_app(FakeAssistant(), ServiceSettings(mcp=True)))
    assert (unlisted, unreal, methods_differ) == (set(), set(), set())
    count = Counter(rule.caller for rule in RULES)
    print(f"\n{len(PATHS)} routes: {dict(count)}, {len(CLOSED)} closed")
    assert min(count[caller] for caller in Caller) > 1
    assert len(PATHS) == len(RULES) + len(CLOSED)


def test_a_route_that_is_not_listed_is_found_and_closed(service: FastAPI) -> None:
    added = FastAPI()
    added.router.routes = [*service.router.routes]

    @added.get("/debug")
    def debug() -> str:
        return "all of it"

    assert differences(added)[0] == {"/debug"}
    assert rule_of("/debug") is None


def called(path: str) -> str:
    """The path with something in its blanks, such as somebody would ask for."""
    fill = {
        "api_name": "predict2",
        "identifier": "harbour",
        "language": "en",
        "suffix": "csv",
        "name": "days",
    }
    return re.sub(r"{(\w+)(?::path)?}", lambda blank: fill.get(blank.group(1), "x"), path)


def refused(setting: Setting, method: str, path: str, headers: dict[str, str]) -> int:
    """The status when the service does not let a request in, 0 when it does."""
    # The login page is told from its refusals by a password that is right; no cookie of it is kept.
    form = {"password": PASSWORD} if (method, path) == ("POST", "/login") else None
    status = setting.client.request(method, path, headers=headers, data=form).status_code
    setting.client.cookies.clear()
    return status if status in (401, 403, 404, 405) else 0


def test_each_route_lets_in_whom_the_table_says_and_nobody_else(setting: Setting) -> None:
    """0 differences, over every route, every method, without credentials and with them."""
    outcomes: Counter[tuple[str, str, bool]] = Counter()
    differ = []
    for pattern, rule in PATHS.items():
        path, caller = called(pattern), rule.caller if rule else NOBODY
        for method in METHODS:
            for credentials in ("none", "known", "admin"):
                let_in = rule and method in rule.methods and lets_in(setting, rule.caller, credentials)
                headers = credentials_of(setting, credentials)
                status = refused(setting, method, path, headers)
                if (status == 0) != (bool(let_in) and not absent(setting, path)):
                    differ.append((method, path, credentials, status))
                outcomes[caller, credentials, status == 0] += 1
    print(f"\n{setting.access}: {sum(outcomes.values())} calls, {sorted(map(str, outcomes.items()))}")
    assert differ == []
    assert outcomes[Caller.USER, "known", True] > 10
    assert outcomes[NOBODY, "known", False] > 100
    assert outcomes[Caller.ADMIN, "admin", True] > 0
    assert outcomes[Caller.USER, "none", True] == (
        0 if setting.access is not Access.OPEN else outcomes[Caller.USER, "known", True]
    )


def lets_in(setting: Setting, caller: Caller, credentials: str) -> bool:
    if caller is Caller.ADMIN:
        return credentials == "admin"
    known = setting.access is Access.OPEN or credentials == "known"
    # Behind a proxy the admin is somebody whom it names; with a password the admin's key is no other key.
    known = known or (setting.access is Access.PROXY and credentials == "admin")
    return {Caller.PUBLIC: True, Caller.USER: known}.get(caller, False)


def credentials_of(setting: Setting, credentials: str) -> dict[str, str]:
    if credentials == "admin":
        return {
            **({} if setting.access is Access.PASSWORD else setting.known()),
            **basic_credentials(ADMIN_KEY),
        }
    return setting.known() if credentials == "known" else {}


def absent(setting: Setting, path: str) -> bool:
    """What this service, without a store and in another setting, answers 404 to though one is let in."""
    logs_in = path in ("/login", "/logout") and setting.access is not Access.PASSWORD
    return logs_in or path.startswith(("/admin/export", "/assets/x", "/static/x", "/files/x"))


UP = (
    *(
        "..",
        "%2e%2e",
        "%2e.",
        ".%2e",
        "%2E%2E",
        "%252e%252e",
        "%25252e%25252e",
        "..%00",
        "%00..",
        "..;",
        "..%3b",
    ),
    *(
        "%c0%ae%c0%ae",
        "%e0%80%ae%e0%80%ae",
        "%uff0e%uff0e",
        "．．",
        "‥",
        "....",
        "..%09",
        "..%0a",
        "..%20",
        ". .",
    ),
)
SEPARATORS = ("/", "%2f", "%252f", "\\", "%5c", "%255c", "%c0%af", "%e0%80%af", "//", "/./", "%2f%2f", "∕")
WANTED = ("etc/passwd", "web/service_settings.py", "access.json")
ABSOLUTE = (
    *("/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd", "%252fetc%252fpasswd", "file:///etc/passwd"),
    *(
        "/proc/self/environ",
        "%00/etc/passwd",
        "/etc/passwd%00.js",
        "C:%5cwindows%5cwin.ini",
        "~root/.ssh/id_rsa",
    ),
    *("/gradio_api/file=/etc/passwd", "/gradio_api/file=%2fetc%2fpasswd", "/gradio_api/file/etc/passwd"),
    *("/gradio_api/proxy=http://127.0.0.1/", "/gradio_api/custom_component/1/client/component/../../x"),
)
FOLDERS = (
    "/assets",
    "/static",
    "/files",
    "/widget",
    "/articles",
    "/api/articles",
    "/evidence",
    "/admin/export",
)
SECRET = re.compile(r"root:[^:]*:0:0|PATH=|QA_DATA|scrypt|\"digest\"|\[fonts\]")


def attempts() -> list[str]:
    climbing = [
        f"{folder}/{(up + separator) * 8}{wanted}"
        for number, (up, separator) in enumerate((up, separator) for up in UP for separator in SEPARATORS)
        for folder in (FOLDERS[number % len(FOLDERS)], "/assets")
        for wanted in (WANTED[number % len(WANTED)],)
    ]
    return climbing + list(ABSOLUTE) + [f"{folder}/{absolute}" for folder in FOLDERS for absolute in ABSOLUTE]


def test_no_way_of_writing_a_path_leads_out(service: FastAPI) -> None:
    outcomes: Counter[int] = Counter()
    leaks = []
    with TestClient(service, base_url="http://127.0.0.1:7860", raise_server_exceptions=False) as client:
        for path in attempts():
            reply = client.get(path)
            outcomes[reply.status_code] += 1
            if reply.status_code not in (404, 401, 422) or SECRET.search(reply.text):
                leaks.append((path, reply.status_code))
    print(f"\n{sum(outcomes.values())} ways of writing a path: {dict(outcomes)}")
    assert leaks == []
    assert outcomes[404] >= 100


def test_a_leak_would_be_seen(service: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the table of routes gone, Gradio gives away what this service has closed."""
    monkeypatch.setattr(
        "web.access.middleware.rule_of", lambda path: RULES[-3] if path != "/" else rule_of(path)
    )
    with TestClient(service) as client:
        assert client.get("/config").status_code == 200
        assert "components" in client.get("/config").text


def test_static_files_are_served_with_their_types_and_for_an_hour(service: FastAPI) -> None:
    static = ROOT / "web" / "static"
    kinds = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
    with TestClient(service) as client:
        for file in static.iterdir():
            reply = client.get(f"/files/{file.name}")
            assert (reply.status_code, reply.content) == (200, file.read_bytes())
            assert reply.headers["Content-Type"] == kinds[file.suffix]
            assert reply.headers["Cache-Control"] == "public, max-age=3600"
        for path in (
            "",
            "gone.js",
            "gone.css/x",
            "document.css/",
            "../service.py",
            "../static/page.js",
            "x" * 5_000,
        ):
            assert client.get(f"/files/{path}").status_code == 404


@pytest.mark.parametrize("step", ["..", ".", "a\\b", "a\x00b", "a\nb", "a//b", ""])
def test_a_step_astray_has_no_rule(step: str) -> None:
    for folder in ("/assets/", "/static/", "/files/", "/articles/", "/widget/"):
        assert rule_of(f"{folder}{step}") is None or (
            step == "" and folder in ("/assets/", "/static/", "/files/")
        )
        assert rule_of(f"{folder}{step}/x") is None


def test_rules_are_found_by_the_routers_own_patterns() -> None:
    for rule in RULES:
        assert rule_of(called(rule.path)) == rule
        assert compile_path(rule.path)[0].match(called(rule.path))
    for path in CLOSED:
        assert rule_of(called(path)) is None, path
