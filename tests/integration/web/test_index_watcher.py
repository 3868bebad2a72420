"""What is published beside the running service: it answers, or is refused and told, and no reply mixes two."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from starlette.testclient import TestClient

from corpus.article import Article
from index.building.build import build
from index.generation.data_folder import CURRENT, DataFolder
from index.generation.generation import Generation
from index.storage.durable_io import Disk
from qa.assistant import Assistant
from tests.support.browser_page import running
from tests.support.fakes import WordEncoder, article
from tests.support.index_changes import Counts, scratch
from tests.support.repository import ROOT
from tests.support.tiers import full, samples
from web.answering.answer_service import AnswerService
from web.answering.index_watcher import RETRY_POLLS, IndexWatcher
from web.context import ServiceContext
from web.i18n import load_catalogue
from web.pages import gradio_page
from web.pages.page_state import PageState
from web.service import build_app, own_app
from web.service_settings import ServiceSettings

GROWTH = 5  # megabytes that all reloads together may add
QUESTION = "Which ferry sails from the quay?"
ROUTES = (
    "/api/articles",
    "/api/articles/harbour",
    f"/articles/harbour?c=0-10&q={quote(QUESTION)}",
    "/articles",
    "/evidence?c=harbour:0-10&c=leaf:0-10",
    "/evidence/download.csv?c=harbour:0-10&c=leaf:0-10",
    "/health",
)


def state(number: int) -> list[Article]:
    """Two articles that say nothing but what state they are of: "state7x"."""
    mark = f"state{number}x"
    harbour = article(
        "harbour", f"The ferry of {mark} sails from the quay. It is {mark}.", heading=f"Quay {mark}"
    )
    return [
        harbour,
        article("leaf", f"The quay of {mark} is green. The ferry is {mark}.", heading=f"Leaf {mark}"),
    ]


def publish(data: Path, number: int) -> Generation:
    build(state(number), WordEncoder(), data)
    return DataFolder(data).open()


def numbers(text: str) -> set[str]:
    """The states that a text is of."""
    return set(re.findall(r"state\d+x", text))


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    with scratch(tmp_path) as folder:
        publish(folder / "data", 1)
        yield folder / "data"


@pytest.fixture
def desk(data: Path) -> AnswerService:
    return AnswerService(Assistant(DataFolder(data).open(), WordEncoder()), remembered=50)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def reloading(desk: AnswerService, data: Path, said: list[str]) -> IndexWatcher:
    return IndexWatcher(desk, DataFolder(data), seconds=0.01, announce=said.append)


def answer(desk: AnswerService) -> str:
    """What the desk answers, as one text."""
    reply = asyncio.run(desk.ask(QUESTION)).answer
    assert reply.generation == desk.assistant.generation.id
    return " ".join(one.text for one in (*reply.extracts, *reply.nearest))


def flip(file: Path) -> None:
    content = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def test_what_is_published_answers(
    desk: AnswerService, data: Path, reloading: IndexWatcher, said: list[str]
) -> None:
    assert not reloading.poll()
    assert numbers(answer(desk)) == {"state1x"}
    new = publish(data, 2).id
    assert reloading.poll()
    assert numbers(answer(desk)) == {"state2x"}
    assert (desk.assistant.generation.id, desk.fault) == (new, "")
    assert not reloading.poll()
    assert said == [f"{new} answers now: 2 articles."]


def test_damage_is_refused_once_told_and_gone_back_from(
    desk: AnswerService, data: Path, reloading: IndexWatcher, said: list[str]
) -> None:
    old = desk.assistant.generation.id
    new = publish(data, 2).id
    flip(data / new / "vectors.npy")
    for _ in range(5):
        assert not reloading.poll()
    fault = f"damaged index: {new}/vectors.npy: changed: its SHA-256 is not the one in the manifest"
    assert desk.fault.startswith(fault)
    assert str(data) not in desk.fault
    assert numbers(answer(desk)) == {"state1x"}
    assert (desk.assistant.generation.id, len(said)) == (old, 1)
    assert said[0].startswith(f"{old} answers on, and what was published is refused: damaged index: {data}/")
    assert DataFolder(data).recover() == old
    assert not reloading.poll()
    assert desk.fault == ""


def test_the_next_sound_one_ends_the_fault(desk: AnswerService, data: Path, reloading: IndexWatcher) -> None:
    flip(data / publish(data, 2).id / "digests.npy")
    reloading.poll()
    assert desk.fault
    publish(data, 3)
    assert reloading.poll()
    assert (desk.fault, numbers(answer(desk))) == ("", {"state3x"})


def test_a_refused_generation_is_tried_again_every_few_polls(
    desk: AnswerService, data: Path, said: list[str]
) -> None:
    opened: list[int] = []
    poll_number = 0

    class CountingFolder(DataFolder):
        def open(self) -> Generation:
            opened.append(poll_number)
            return super().open()

    reloading = IndexWatcher(desk, CountingFolder(data), seconds=0.01, announce=said.append)
    file = data / publish(data, 2).id / "digests.npy"
    flip(file)
    for poll_number in range(4 * RETRY_POLLS):  # noqa: B007
        reloading.poll()
    assert opened == [0, RETRY_POLLS, 2 * RETRY_POLLS, 3 * RETRY_POLLS]
    flip(file)
    assert any(reloading.poll() for _ in range(RETRY_POLLS))
    assert (desk.fault, numbers(answer(desk))) == ("", {"state2x"})


def test_another_model_is_refused(desk: AnswerService, data: Path, reloading: IndexWatcher) -> None:
    build(state(2), WordEncoder(fingerprint="e" * 64), data)
    assert not reloading.poll()
    assert "was built with the model words, not with words as it is now" in desk.fault
    assert numbers(answer(desk)) == {"state1x"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "damaged index: CURRENT: does not hold a generation"),
        (
            b"gen-9-0123456789abcdef " + b"0" * 64 + b"\n",
            "damaged index: CURRENT: names gen-9-0123456789abcdef",
        ),
        (None, "no index is published in the data folder, though gen-1"),
    ],
)
def test_a_bad_pointer_is_told_and_waited_out(
    desk: AnswerService,
    data: Path,
    reloading: IndexWatcher,
    said: list[str],
    content: bytes | None,
    told: str,
) -> None:
    sound = (data / CURRENT).read_bytes()
    (data / CURRENT).unlink()
    if content is not None:
        (data / CURRENT).write_bytes(content)
    for _ in range(3):
        assert not reloading.poll()
    assert desk.fault.startswith(told)
    assert len(said) == 1
    assert "refused" in said[0]
    assert numbers(answer(desk)) == {"state1x"}
    (data / CURRENT).write_bytes(sound)
    assert not reloading.poll()
    assert desk.fault == ""


def test_health_tells_what_is_wrong(desk: AnswerService, data: Path, reloading: IndexWatcher) -> None:
    client = TestClient(own_app(ServiceContext(desk, ServiceSettings(), load_catalogue(), watcher=reloading)))
    ready = client.get("/health").json()
    assert (ready["status"], ready["reasons"], ready["generation"]) == (
        "ready",
        [],
        desk.assistant.generation.id,
    )
    flip(data / publish(data, 2).id / "digests.npy")
    reloading.poll()
    degraded = client.get("/health").json()
    assert (degraded["status"], degraded["generation"]) == ("degraded", ready["generation"])
    (reason,) = degraded["reasons"]
    assert "…: changed" in reason


def test_it_looks_by_itself_while_the_service_runs(
    desk: AnswerService, data: Path, reloading: IndexWatcher
) -> None:
    answered = threading.Event()
    reloading.on_reload.append(lambda _: answered.set())
    with TestClient(own_app(ServiceContext(desk, ServiceSettings(), load_catalogue(), watcher=reloading))):
        publish(data, 2)
        assert answered.wait(60)
    assert "reload" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ends_by_mistake_is_told(
    desk: AnswerService, reloading: IndexWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def mistaken() -> bool:
        tried.set()
        raise ZeroDivisionError

    monkeypatch.setattr(reloading, "poll", mistaken)
    with reloading.running():
        assert tried.wait(60)
        deadline = time.monotonic() + 60
        while not desk.fault and time.monotonic() < deadline:
            time.sleep(0.01)
    assert "not looked for any more" in desk.fault


def test_an_old_answer_takes_no_place_among_the_new_ones(
    desk: AnswerService, data: Path, reloading: IndexWatcher
) -> None:
    """A question asked before the swap and answered after it."""
    old = desk.assistant
    publish(data, 2)
    reloading.poll()
    asyncio.run(desk.ask(QUESTION))
    asyncio.run(desk.ask(QUESTION, assistant=old))
    asked: list[str] = []
    desk.assistant.ask = lambda question, *_: asked.append(question)  # type: ignore[assignment, method-assign]
    assert numbers(answer(desk)) == {"state2x"}
    assert asked == []


class Turning(AnswerService):
    """Another assistant answers each time it is asked which one does: who asks twice gets two."""

    def __init__(self, assistants: Sequence[Assistant], **options: Any) -> None:
        self._turns = cycle(assistants)
        super().__init__(assistants[0], **options)

    @property
    def assistant(self) -> Assistant:
        return next(self._turns)

    @assistant.setter
    def assistant(self, _: Assistant) -> None: ...


@pytest.fixture
def turning(data: Path, desk: AnswerService) -> tuple[ServiceContext, dict[str, str]]:
    """A site that turns from one generation to the other, and the state of each generation."""
    old, new = desk.assistant, Assistant(publish(data, 2), WordEncoder())
    states = {old.generation.id: "state1x", new.generation.id: "state2x"}
    return ServiceContext(Turning([old, new]), ServiceSettings(), load_catalogue()), states


def mixture(text: str, states: dict[str, str]) -> bool:
    """Whether a reply is of two generations, told by what it says and by what it calls itself."""
    return len(numbers(text) | {state for generation, state in states.items() if generation in text}) > 1


def test_every_reply_is_of_one_generation(turning: tuple[ServiceContext, dict[str, str]]) -> None:
    site, states = turning
    client, counts = TestClient(own_app(site)), Counts()
    for _ in range(4):
        for route in ROUTES:
            counts[_told(client.get(route), states)] += 1
        counts[_told(client.post("/api/ask", json={"question": QUESTION}), states)] += 1
        _, shown, filters = asyncio.run(gradio_page.reply(site, PageState(question=QUESTION)))
        counts["mixed" if mixture(shown + filters, states) else "whole"] += 1
    counts.tell("replies while generations turn")
    assert counts == {"whole": 4 * (len(ROUTES) + 2)}


def _told(reply: Any, states: dict[str, str]) -> str:
    assert reply.status_code == 200, reply.text
    assert numbers(reply.text) or "generation" in reply.text
    return "mixed" if mixture(reply.text, states) else "whole"


def test_tools_reply_of_one_generation(turning: tuple[ServiceContext, dict[str, str]]) -> None:
    client_class = pytest.importorskip("mcp", reason="the extra 'mcp' is not installed").Client
    from web.api.mcp_tools import build_mcp_server

    site, states = turning

    async def called(name: str, **arguments: Any) -> str:
        async with client_class(build_mcp_server(site)) as client:
            return json.dumps((await client.call_tool(name, arguments)).structured_content)

    for _ in range(3):
        for name, arguments in (("ask", {"question": QUESTION}), ("read_article", {"article_id": "leaf"})):
            text = asyncio.run(called(name, **arguments))
            assert numbers(text)
            assert not mixture(text, states)


def test_a_reply_that_asks_twice_is_seen(turning: tuple[ServiceContext, dict[str, str]]) -> None:
    """The test of these tests."""
    site, states = turning
    found = site.answers.assistant.generation.facets.article("harbour")
    assert found
    assert mixture(found.text + site.answers.assistant.generation.id, states)


def test_the_page_of_new_visitors_is_of_the_new_generation(data: Path, said: list[str]) -> None:
    """Facts and examples stand in the page before anybody asks."""
    assistant = Assistant(DataFolder(data).open(), WordEncoder())
    app = build_app(assistant, ServiceSettings(data=data, reload=1), announce=said.append)
    with TestClient(app) as client:
        before = client.get("/").text
        assert numbers(before) == {"state1x"}
        generation = publish(data, 2).id
        deadline = time.monotonic() + 60
        while client.get("/health").json()["generation"] != generation and time.monotonic() < deadline:
            time.sleep(0.05)
        after = client.get("/").text
    assert numbers(after) == {"state2x"}
    assert said == [f"{generation} answers now: 2 articles."]


class Readers:
    """Threads that ask a service again and again, and judge each reply."""

    def __init__(self, address: str, count: int) -> None:
        self._address = urlsplit(address)
        self._ended = threading.Event()
        self.replies: list[tuple[str, int, str]] = []
        self.errors: list[str] = []
        self._threads = [threading.Thread(target=self._read, args=(number,)) for number in range(count)]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _read(self, number: int) -> None:
        connection = HTTPConnection(str(self._address.hostname), self._address.port, timeout=60)
        asked = ("/api/ask", *ROUTES)
        try:
            while not self._ended.is_set():
                route = asked[number % len(asked)]
                number += 1
                self.replies.append((route, *_exchange(connection, route)))
        except (OSError, HTTPException) as error:
            self.errors.append(repr(error))
        finally:
            connection.close()


def _exchange(connection: HTTPConnection, route: str) -> tuple[int, str]:
    body = json.dumps({"question": QUESTION}) if route == "/api/ask" else None
    headers = {"Content-Type": "application/json"} if body else {}
    connection.request("POST" if body else "GET", route, body, headers)
    response = connection.getresponse()
    return response.status, response.read().decode()


@samples("publishes", 20, 200, 2_000, seconds=3_000)
def test_publishing_under_readers(
    desk: AnswerService, data: Path, reloading: IndexWatcher, said: list[str], publishes: int
) -> None:
    """Eight readers ask by HTTP while generations are published; the service looks for them by itself."""
    states = {desk.assistant.generation.id: "state1x"}
    site = ServiceContext(desk, ServiceSettings(), load_catalogue(), watcher=reloading)
    with running(own_app(site)) as address, Readers(address, 8) as readers:
        for number in range(2, publishes + 2):
            states[build(state(number), WordEncoder(), data).generation] = f"state{number}x"
            wait_for(lambda: desk.assistant.generation.id == max(states, key=_place))
    counts = Counts(judged(status, text, states) for _, status, text in readers.replies)
    seen = {found for _, _, text in readers.replies for found in numbers(text)}
    counts.tell(f"{publishes} publishes, {len(said)} reloads, {len(seen)} states seen, 8 readers")
    assert readers.errors == []
    assert set(counts) == {"whole"}
    assert {route for route, _, _ in readers.replies} == {"/api/ask", *ROUTES}
    assert len(said) == publishes
    assert all("answers now" in line for line in said)
    assert len(seen) > publishes // 4


def _place(generation: str) -> int:
    return int(generation.split("-")[1])


def judged(status: int, text: str, states: dict[str, str]) -> str:
    if status != 200:
        return f"error {status}"
    return "mixed" if mixture(text, states) else "whole"


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@samples("reloads", 20, 100, 5_000)
def test_files_and_threads_stay_what_they_were(
    desk: AnswerService, data: Path, reloading: IndexWatcher, reloads: int
) -> None:
    """What a generation holds is given back when the last request lets go of it. Two are published by turns."""
    publish(data, 2)
    pointers = [(data / CURRENT).read_bytes()]
    publish(data, 3)
    pointers.append((data / CURRENT).read_bytes())

    def held() -> tuple[int, int, int]:
        links = [os.readlink(f"/proc/self/fd/{name}") for name in _listed("/proc/self/fd")]
        mapped = Path("/proc/self/maps").read_text(encoding="utf-8").count(str(data))
        return len(links), len(_listed("/proc/self/task")), mapped

    def reload(times: int) -> None:
        for number in range(times):
            Disk().replace(data / CURRENT, pointers[number % 2])
            assert reloading.poll()
            answer(desk)

    reload(20)
    before, memory = settled(held), resident()
    reload(reloads)
    after, grown = settled(held), resident() - memory
    print(f"{reloads} reloads: files, threads, maps {before} -> {after}; {grown:.1f} MB grown")
    assert before[2] > 0
    assert all(now <= then + 2 for now, then in zip(after, before, strict=True))
    assert grown < GROWTH


def resident() -> float:
    """Megabytes of memory that the process holds and has not freed."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _listed(folder: str) -> list[str]:
    return [name for name in os.listdir(folder) if os.path.lexists(f"{folder}/{name}")]


def settled(held: Callable[[], tuple[int, int, int]]) -> tuple[int, int, int]:
    """What is held once tantivy's threads, which live half a second on, have ended."""
    least = held()
    for _ in range(15):
        time.sleep(0.1)
        now = held()
        least = min(least[0], now[0]), min(least[1], now[1]), min(least[2], now[2])
    return least


@full
@pytest.mark.slow
def test_the_real_service_takes_what_qa_index_publishes_beside_it(tmp_path: Path) -> None:
    articles, data = tmp_path / "articles", tmp_path / "data"
    articles.mkdir()
    (articles / "harbour.txt").write_text("The harbour silted up by 1850.", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QA_")}
    environment |= {"QA_DATA": str(data), "QA_PORT": "0", "QA_DEVICE": "cpu", "QA_RELOAD": "1"}
    index = [sys.executable, "-c", "from cli.main import main; main()", "index", str(articles)]

    def run_index() -> None:
        subprocess.run(index, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=240)

    run_index()
    with subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as door:
        try:
            assert door.stdout
            address = urlsplit(door.stdout.readline().split()[-1])
            _follows(str(address.netloc), articles, data, run_index)
        finally:
            door.terminate()
    assert door.returncode == 0


def _follows(address: str, articles: Path, data: Path, run_index: Callable[[], None]) -> None:
    def told(route: str) -> tuple[int, str]:
        # A connection each time: one that waits for an index to be built is closed meanwhile.
        with closing(HTTPConnection(address, timeout=60)) as connection:
            return _exchange(connection, route)

    def health() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(told("/health")[1])
        return found

    assert health()["articles"] == 1
    (articles / "quokka.txt").write_text("The quokka waited on the pier.", encoding="utf-8")
    run_index()
    wait_for(lambda: health()["articles"] == 2)
    assert health()["generation"] == DataFolder(data).current().generation
    sound = (data / CURRENT).read_bytes()
    (data / CURRENT).write_bytes(sound[:-1])
    wait_for(lambda: health()["status"] == "degraded")
    assert "CURRENT: does not hold a generation" in health()["reasons"][0]
    assert told("/api/ask")[0] == 200
    (data / CURRENT).write_bytes(sound)
    wait_for(lambda: health()["status"] == "ready")
