"""The peers do what Todoku is compared in."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import websockets

from chat.loadtest.wire import FEED, SEND
from tests.benchmarks.peers.processes import FLOORS, GRAPHQL_PEERS, Peer, missing, running

ROOM_ID = "4915944400132374653"
SUBSCRIBERS = 3
LIMIT_S = 5


@pytest.fixture
def peer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Peer]:
    if reason := missing(request.param):
        pytest.skip(reason)
    with running(request.param, tmp_path) as peer:
        yield peer


async def subscribe(socket: websockets.ClientConnection) -> None:
    await socket.send('{"type":"connection_init"}')
    assert json.loads(await socket.recv())["type"] == "connection_ack"
    payload = {"query": FEED, "operationName": "RoomFeed", "variables": {"roomId": ROOM_ID}}
    await socket.send(json.dumps({"id": "feed", "type": "subscribe", "payload": payload}))
    ready = json.loads(await socket.recv())
    assert ready["payload"]["data"]["roomEvents"]["event"]["__typename"] == "StreamReady"


@pytest.mark.parametrize("peer", GRAPHQL_PEERS, indirect=True)
async def test_a_peer_runs_the_operations_of_todoku_as_they_are(peer: Peer) -> None:
    async with asyncio.timeout(LIMIT_S), AsyncExitStack() as open_until_here, httpx.AsyncClient() as http:
        protocol = websockets.Subprotocol("graphql-transport-ws")
        sockets = [
            await open_until_here.enter_async_context(websockets.connect(peer.websocket_url, subprotocols=[protocol]))
            for _ in range(SUBSCRIBERS)
        ]
        for socket in sockets:
            await subscribe(socket)
        variables = {"input": {"roomId": ROOM_ID, "body": "It <arrives>", "id": str(uuid4())}}
        response = await http.post(f"{peer.url}/graphql", json={"query": SEND, "variables": variables})
        answer = response.json()["data"]["sendMessage"]
        frames = [await socket.recv() for socket in sockets]

    assert answer["status"] == "STORED"
    assert len(set(frames)) == 1
    event = json.loads(frames[0])["payload"]["data"]["roomEvents"]["event"]
    author = event["actor"]
    assert author["username"] == "aiko"
    created_at = event["at"]
    assert event == {
        "__typename": "MessageSent",
        "roomId": ROOM_ID,
        "seq": 1,
        "at": created_at,
        "actor": author,
        "message": {
            "__typename": "Message",
            "id": answer["message"]["id"],
            "roomId": ROOM_ID,
            "seq": answer["message"]["seq"],
            "version": 1,
            "author": author,
            "body": "It <arrives>",
            "bodyHtml": "<p>It &lt;arrives&gt;</p>",
            "createdAt": created_at,
            "editedAt": None,
            "deletedAt": None,
            "threadRootId": None,
            "replyTo": None,
            "reactions": [],
        },
    }


@pytest.mark.parametrize("peer", FLOORS, indirect=True)
async def test_a_floor_delivers_each_message_to_all_as_it_came(peer: Peer) -> None:
    async with asyncio.timeout(LIMIT_S), AsyncExitStack() as open_until_here:
        sockets = [
            await open_until_here.enter_async_context(websockets.connect(peer.websocket_url))
            for _ in range(SUBSCRIBERS)
        ]
        for socket in sockets:
            await socket.send("anything")
            assert await socket.recv() == '{"type":"ready"}'
        sender = await open_until_here.enter_async_context(websockets.connect(peer.send_url))
        await sender.send("It arrives")

        assert [await socket.recv() for socket in sockets] == ["It arrives"] * SUBSCRIBERS
