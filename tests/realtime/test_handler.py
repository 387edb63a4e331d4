"""Django's requests in one hop to a thread each: nothing that Django does is lost, and nothing is left open."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.signals import request_finished
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import FileResponse, HttpRequest, HttpResponse
from django.urls import path

import config.urls
from chat.models import User
from realtime.handler import Handler
from realtime.threads import REQUESTS, Lane

PARTS = 5
WAIT_S = 10.0

pytestmark = pytest.mark.usefixtures("urls")


class Opened:
    """Files that views have answered with, and requests that wait until they are let."""

    def __init__(self) -> None:
        self.files: list[Any] = []
        self.path = Path()
        self.let = threading.Event()
        self.waiting = threading.Semaphore(0)
        self.order: list[str] = []


opened = Opened()


def _whole(request: HttpRequest) -> HttpResponse:
    return HttpResponse(threading.current_thread().name)


def _counted(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(User.objects.count()))


def _broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("nobody's business")


def _streamed(request: HttpRequest) -> FileResponse:
    file = opened.path.open("rb")
    opened.files.append(file)
    return FileResponse(file)


def _patient(request: HttpRequest) -> HttpResponse:
    opened.order.append(request.GET["n"])
    opened.waiting.release()
    assert opened.let.wait(WAIT_S)
    return HttpResponse(request.GET["n"])


urlpatterns = [
    *(path(view.__name__, view) for view in (_whole, _counted, _broken, _streamed, _patient)),
    *config.urls.urlpatterns,  # error pages lead to others
]


@pytest.fixture
def urls(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.ROOT_URLCONF = __name__
    settings.ALLOWED_HOSTS = ["here"]
    settings.DEBUG = False
    opened.__init__()  # type: ignore[misc]
    opened.path = tmp_path / "file"
    opened.path.write_bytes(bytes(range(256)) * 256 * PARTS)
    yield
    REQUESTS.renew()


class Answer:
    """What the application has sent; who has `gone` takes nothing."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.bodies: list[bytes] = []
        self.takes = 1_000

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
            return
        if not self.takes:
            raise ConnectionResetError
        self.takes -= 1
        self.bodies.append(message.get("body", b""))

    @property
    def body(self) -> bytes:
        return b"".join(self.bodies)


async def _get(view: Any, *, query: str = "", host: bytes = b"here", answer: Answer | None = None) -> Answer:
    answer = answer or Answer()
    await Handler()(_scope(f"/{view.__name__}", query=query, host=host), _nothing_more, answer.send)
    return answer


def _scope(path: str = "/", *, query: str = "", host: bytes = b"here") -> dict[str, Any]:
    return {
        "type": "http", "method": "GET", "path": path, "query_string": query.encode(),
        "headers": [(b"host", host)], "server": ("here", 80), "client": ("127.0.0.1", 1),
    }  # fmt: skip


async def _nothing_more() -> Any:
    return {"type": "http.request", "body": b""}


async def test_a_request_is_one_hop_and_passes_all_middleware(monkeypatch: pytest.MonkeyPatch) -> None:
    hops, run = [], Lane.run

    async def counted(lane: Lane, work: Any, *args: Any, **kwargs: Any) -> Any:
        hops.append(work)
        return await run(lane, work, *args, **kwargs)

    monkeypatch.setattr(Lane, "run", counted)
    answer = await _get(_whole)
    assert answer.status == 200
    assert answer.body.startswith(b"requests")
    assert len(hops) == 1
    assert {b"Content-Security-Policy", b"X-Frame-Options", b"Referrer-Policy", b"Cross-Origin-Opener-Policy"} <= set(
        answer.headers
    )


HEADERS_OF_PAGES_ALONE = {b"Content-Language", b"Content-Security-Policy"}


async def test_a_view_of_its_own_answers_behind_its_own_middleware(settings: Any) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"{request.user} {request.session.session_key}")

    answer, page = Answer(), await _get(_whole)
    await Handler(view, settings.ENDPOINT_MIDDLEWARE)(_scope(), _nothing_more, answer.send)
    assert answer.body == b"AnonymousUser None"
    assert set(page.headers) - set(answer.headers) <= HEADERS_OF_PAGES_ALONE


async def test_a_view_of_its_own_is_as_strict_as_a_page(settings: Any) -> None:
    elsewhere, plain = Answer(), Answer()
    await Handler(_whole, settings.ENDPOINT_MIDDLEWARE)(_scope(host=b"elsewhere"), _nothing_more, elsewhere.send)
    assert elsewhere.status == 400
    settings.SECURE_SSL_REDIRECT = True
    await Handler(_whole, settings.ENDPOINT_MIDDLEWARE)(_scope(), _nothing_more, plain.send)
    assert plain.status == 301
    broken = Answer()
    settings.SECURE_SSL_REDIRECT = False
    await Handler(_broken, settings.ENDPOINT_MIDDLEWARE)(_scope(), _nothing_more, broken.send)
    assert (broken.status, b"business" in broken.body) == (500, False)


async def test_a_failing_view_says_nothing_of_why() -> None:
    answer = await _get(_broken)
    assert answer.status == 500
    assert b"business" not in answer.body


async def test_another_host_is_refused() -> None:
    assert (await _get(_whole, host=b"elsewhere")).status == 400


async def test_a_file_comes_whole_in_parts_and_is_closed() -> None:
    finished: list[object] = []

    def note(sender: object, **_: object) -> None:
        finished.append(sender)

    request_finished.connect(note, dispatch_uid=__name__)
    try:
        answer = await _get(_streamed)
    finally:
        request_finished.disconnect(dispatch_uid=__name__)
    assert answer.body == opened.path.read_bytes()
    assert len(answer.bodies) > PARTS
    assert [file.closed for file in opened.files] == [True]
    assert len(finished) == 1


async def test_a_file_is_closed_when_its_reader_goes() -> None:
    answer = Answer()
    answer.takes = 2
    with pytest.raises(ConnectionResetError):
        await _get(_streamed, answer=answer)
    assert [file.closed for file in opened.files] == [True]


async def test_who_breaks_off_while_asking_is_not_answered() -> None:
    async def gone() -> Any:
        return {"type": "http.disconnect"}

    answer = Answer()
    scope = {"type": "http", "method": "POST", "path": "/_whole", "query_string": b"", "headers": []}
    await Handler()(scope, gone, answer.send)
    assert (answer.status, answer.bodies) == (0, [])


async def test_requests_beyond_the_threads_wait_in_their_order(settings: Any) -> None:
    settings.REQUESTS_AT_ONCE = 2
    REQUESTS.renew()
    asking = [asyncio.create_task(_get(_patient, query=f"n={number}")) for number in range(5)]
    for _ in range(2):
        assert await asyncio.to_thread(opened.waiting.acquire, timeout=WAIT_S)
    assert opened.order == ["0", "1"]
    opened.let.set()
    assert [answer.body for answer in await asyncio.gather(*asking)] == [b"0", b"1", b"2", b"3", b"4"]
    assert opened.order[:2] == ["0", "1"]
    assert opened.order[2] == "2"


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_thread_keeps_its_connection_to_sqlite_from_request_to_request(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.REQUESTS_AT_ONCE = 1
    REQUESTS.renew()
    connected: list[str] = []
    connect = BaseDatabaseWrapper.connect

    def noted(wrapper: BaseDatabaseWrapper) -> None:
        connected.append(wrapper.alias)
        connect(wrapper)

    monkeypatch.setattr(BaseDatabaseWrapper, "connect", noted)
    for _ in range(3):
        assert (await _get(_counted)).body == b"0"
    assert connected == ["default"]
