"""`python -m tests.realtime.wire {ours|plain} PORT`: a server of ours, or daphne as it comes, that shows what it does.

/close          a consumer that closes with the code it is sent
/flood/B/N      N frames of B bytes as fast as the writer takes them; its HTTP side tells how much has waited
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
class Flood:
    """What has become of the one flood of this process."""

    sent: int = 0
    most_waiting: int = 0
    stalled: int = 0
    disconnected: int = 0


flood = Flood()
closing = Closing.as_asgi()


async def flooding(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Write numbered frames, waiting whenever the writer has no room; then wait for the peer to leave."""
    _, _, size, count = scope["path"].split("/")
    await receive()
    await send({"type": "websocket.accept"})

    def stalled() -> None:
        flood.stalled += 1

    writer = scope["extensions"][WRITER_EXTENSION](stalled)

    async def write() -> None:
        for number in range(int(count)):
            room = writer.send(f"{number:<{size}}".encode())
            flood.sent += 1
            flood.most_waiting = max(flood.most_waiting, writer.waiting)
            if not room:
                await writer.drained()

    writing = asyncio.create_task(write())
    while (await receive())["type"] != "websocket.disconnect":
        pass
    flood.disconnected += 1
    writer.stop()
    writing.cancel()


async def telling(receive: Any, send: Any) -> None:
    await receive()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(asdict(flood)).encode()})


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["path"] == "/close":
        await closing(scope, receive, send)
    elif scope["path"].startswith("/flood"):
        await (telling(receive, send) if scope["type"] == "http" else flooding(scope, receive, send))
    else:
        await todoku(scope, receive, send)


if __name__ == "__main__":
    kind = config.server.TodokuServer if sys.argv[1] == "ours" else daphne.server.Server
    kind(application, endpoints=[f"tcp:port={sys.argv[2]}:interface=127.0.0.1"], websocket_timeout=-1).run()
