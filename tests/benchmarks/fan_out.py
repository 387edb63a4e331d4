"""Server CPU per delivery: N subscribers of one room, M messages. `python -m tests.benchmarks.fan_out --help`.

Starts a server of its own on SQLite and the in-memory layer; the subscribers live in this process, so the server's
core is its own. CPU is the server process's user and system time, as the kernel counts it.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import websockets
from graphql import parse, print_ast, separate_operations

from chat.drill.parts.databases import SqliteDatabases
from chat.drill.parts.server import Server, prepare

FRAGMENTS = Path("static/src/operations/fragments.graphql")
ROOM = Path("static/src/operations/room.graphql")

AS_IN_PRODUCTION = {
    "DEBUG": "0",
    "HTTPS": "0",
    "ALLOWED_HOSTS": "127.0.0.1",
    "SECRET_KEY": "of this benchmark alone",
    "REALTIME_MAX_CONNECTIONS_PER_PERSON": "100000",  # one person is the whole crowd
}

SETTING = """
from chat.actions.rooms import create_room
from chat.actions.tokens import create_token
from chat.models import User
aiko = User.objects.create_user("aiko", password=None)
room = create_room(author=aiko, name="Town square")
print(create_token(aiko, name="benchmark")[1], room.pk)
"""


def feed_operation() -> str:
    """The subscription that the room page makes."""
    document = parse(ROOM.read_text() + FRAGMENTS.read_text())
    return print_ast(separate_operations(document)["RoomFeed"])


class Crowd:
    """Subscribers that note when each message came."""

    def __init__(self, server: Server, token: str, room_id: str) -> None:
        self.server, self.token, self.room_id = server, token, room_id
        self.arrivals: list[float] = []
        self.expected = 0
        self.all_arrived = asyncio.Event()
        self.readers: list[asyncio.Task[None]] = []

    async def join(self, number: int) -> None:
        socket = await websockets.connect(
            self.server.websocket_url, subprotocols=[websockets.Subprotocol("graphql-transport-ws")], compression=None
        )
        await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {self.token}"}}))
        await socket.recv()
        variables = {"roomId": self.room_id}
        payload = {"query": feed_operation(), "operationName": "RoomFeed", "variables": variables}
        await socket.send(json.dumps({"id": f"op-{number}", "type": "subscribe", "payload": payload}))
        ready = await socket.recv()
        if "StreamReady" not in str(ready):
            raise RuntimeError(f"expected StreamReady, got {ready!r}")
        self.readers.append(asyncio.create_task(self.read(socket)))

    async def read(self, socket: websockets.ClientConnection) -> None:
        async for _ in socket:
            self.arrivals.append(time.perf_counter())
            if len(self.arrivals) == self.expected:
                self.all_arrived.set()


async def measure(server: Server, *, subscribers: int, messages: int) -> None:
    token, room_id = server.python(SETTING).split()
    crowd = Crowd(server, token, room_id)
    for start in range(0, subscribers, 50):
        await asyncio.gather(*(crowd.join(number) for number in range(start, min(start + 50, subscribers))))
    process = psutil.Process(server.pid)
    send = "mutation($r: ID!, $b: String!) { sendMessage(input: {roomId: $r, body: $b}) { status } }"
    costs, halves, ends = [], [], []
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http:
        for number in range(messages):
            crowd.arrivals.clear()
            crowd.expected = subscribers
            crowd.all_arrived.clear()
            before = process.cpu_times()
            begun = time.perf_counter()
            body = {"query": send, "variables": {"r": room_id, "b": f"message {number}, of an ordinary length"}}
            await http.post(f"{server.url}/graphql", json=body)
            await crowd.all_arrived.wait()
            after = process.cpu_times()
            costs.append((after.user - before.user + after.system - before.system) / subscribers * 1e6)
            arrived = sorted(moment - begun for moment in crowd.arrivals)
            halves.append(arrived[len(arrived) // 2] * 1e3)
            ends.append(arrived[-1] * 1e3)
    print(f"{subscribers} subscribers, {messages} messages")
    print(f"server CPU per delivery, sends included: {statistics.mean(costs):.1f} µs")
    half, end = statistics.median(halves), statistics.median(ends)
    print(f"from the send to half of them: {half:.0f} ms, to all: {end:.0f} ms")
    print(f"resident memory: {process.memory_info().rss / 2**20:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=1_000)
    parser.add_argument("--messages", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        databases = SqliteDatabases(Path(folder))
        server = prepare(Path(folder) / "server", database_url=databases.create(), **AS_IN_PRODUCTION)
        server.start()
        try:
            asyncio.run(measure(server, subscribers=arguments.subscribers, messages=arguments.messages))
        finally:
            server.kill()


if __name__ == "__main__":
    main()
