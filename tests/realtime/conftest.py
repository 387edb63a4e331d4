"""People on the module's server, and what they say to it."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from chat.drill.parts.server import Server
from tests.parts.peer import Peer, introduced
from tests.realtime.arranging import Community, Person, arrange
from tests.realtime.asking import WHO, Post


@pytest.fixture(scope="module")
def community(server: Server) -> Community:
    """A room of six people on the module's server."""
    return arrange(server, "aiko", "ben", "chie", "daigo", "emi", "fumi")


@pytest.fixture(scope="module")
def aiko(community: Community) -> Person:
    return community.people[0]


@pytest.fixture
async def peer(server: Server, aiko: Person) -> AsyncIterator[Peer]:
    """A connection of aiko's whose connection_init was acknowledged."""
    async with introduced(server.websocket_url, aiko.token) as peer:
        yield peer


@pytest.fixture
async def unharmed(server: Server, aiko: Person) -> AsyncIterator[None]:
    """Whatever the test said, the same process serves the next client, and has logged no traceback for it."""
    pid, said = server.pid, len(server.log)
    yield
    async with introduced(server.websocket_url, aiko.token) as peer:
        assert await peer.execute("{ viewer { username } }") == {"data": {"viewer": {"username": "aiko"}}}
    assert server.pid == pid
    assert "Traceback" not in server.log[said:]


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    """An anonymous client that asks nothing of its own accord: no Accept, no user agent, no cookies kept."""
    with httpx.Client(base_url=server.url, timeout=20) as client:
        client.headers = httpx.Headers({"Host": client.base_url.netloc.decode()})
        yield client


@pytest.fixture
def calm(server: Server, client: httpx.Client) -> Iterator[None]:
    """Whatever a test sent, the same process answers the next request, and has logged no traceback for it."""
    pid, said = server.pid, len(server.log)
    yield
    assert client.post("/graphql", json={"query": WHO}).json() == {"data": {"viewer": None}}
    assert server.pid == pid
    assert "Traceback" not in server.log[said:]


@pytest.fixture
def post(client: httpx.Client) -> Post:
    return Post(client)
