"""`python -m tests.realtime.wire {ours|patient|plain} PORT`: a server of ours, or daphne as it comes, for tests.

/close          a consumer that closes with the code it is sent
/flood/B/N      N frames of B bytes as fast as the writer takes them
/busy/N         takes nothing until it is told to go on, then N frames, and says how many it got
/large/B        B bytes over HTTP
/told           over HTTP, what has become of these; /told/go lets those who are busy go on
anything else   Todoku itself
"""

# isort: off
import config.server  # first: it installs the reactor

# isort: on
import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from typing import Any

import daphne.server

from config.asgi import application as todoku
from realtime.closing import CloseCode
from realtime.consumer import WRITER_EXTENSION, Consumer


class Closing(Consumer):
    """Closes with the code that it is sent."""

    async def _receive(self, text: str | None) -> None:
        await self.close(CloseCode(int(text or 0)), "as asked")


@dataclass(slots=True)
class Told:
    """What has become of what this process was asked for."""

    sent: int = 0
    most_waiting: int = 0
    stalled: int = 0
    disconnected: int = 0
    queued: int = 0
    answered: int = 0


told = Told()
go = asyncio.Event()
closing = Closing.as_asgi()


async def flooding(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Write numbered frames, waiting whenever the writer has no room; then wait for the peer to leave."""
    _, _, size, count = scope["path"].split("/")
    await receive()
    await send({"type": "websocket.accept"})

    def stalled() -> None:
        told.stalled += 1

    writer = scope["extensions"][WRITER_EXTENSION](stalled)

    async def write() -> None:
        for number in range(int(count)):
            room = writer.send(f"{number:<{size}}".encode())
            told.sent += 1
            told.most_waiting = max(told.most_waiting, writer.waiting)
            if not room:
                await writer.drained()
        while True:  # what else is written, is none of ours
            told.most_waiting = max(told.most_waiting, writer.waiting)
            await asyncio.sleep(0.005)

    writing = asyncio.create_task(write())
    while (await receive())["type"] != "websocket.disconnect":
        pass
    told.disconnected += 1
    writer.stop()
    writing.cancel()


async def busy(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Take nothing of what comes until all is told to go on."""
    queue = receive.__self__
    await receive()
    await send({"type": "websocket.accept"})
    while not go.is_set():
        told.queued = max(told.queued, queue.qsize())
        await asyncio.sleep(0.01)
    expected = int(scope["path"].rpartition("/")[2])
    for number in range(expected):
        assert (await receive())["text"] == str(number)
    await send({"type": "websocket.send", "text": "all of them, in order"})
    await receive()


async def telling(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["path"] == "/told/go":
        go.set()
    await answer(receive, send, json.dumps(asdict(told)).encode())


async def large(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await answer(receive, send, b"x" * int(scope["path"].rpartition("/")[2]))
    told.answered += 1


async def answer(receive: Any, send: Any, body: bytes) -> None:
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


SHOWN = {"close": closing, "flood": flooding, "busy": busy, "large": large, "told": telling}


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await SHOWN.get(scope["path"].split("/")[1], todoku)(scope, receive, send)


if __name__ == "__main__":
    kind = daphne.server.Server if sys.argv[1] == "plain" else config.server.TodokuServer
    kind(application, endpoints=[f"tcp:port={sys.argv[2]}:interface=127.0.0.1"], websocket_timeout=-1).run()
