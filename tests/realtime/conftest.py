"""People on the module's server, and connections of theirs."""

from collections.abc import AsyncIterator

import pytest

from tests.parts.peer import Peer, introduced
from tests.parts.server import Server
from tests.realtime.arranging import Community, Person, arrange


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
