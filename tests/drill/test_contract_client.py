"""The drill's Python client: what it promises to record, and that it comes through what a drill does to it."""

from collections.abc import AsyncIterator

import pytest

from chat.drill.clients.client import Person
from chat.drill.history import Applied, Returned, Tried
from chat.drill.parts.server import Server
from tests.drill.stage import Stage
from tests.realtime.arranging import arrange


@pytest.fixture(scope="module")
def people(server: Server) -> dict[str, Person]:
    community = arrange(server, "aiko", "ben", "chie")
    return {each.username: Person(each.id, each.username, each.token) for each in community.people}


@pytest.fixture
async def stage(server: Server, people: dict[str, Person]) -> AsyncIterator[Stage]:
    stage = Stage(server, people)
    yield stage
    await stage.close()


async def test_sends_arrive_once_and_in_order(stage: Stage) -> None:
    room = await stage.room("aiko", "ben")
    aiko, ben = await stage.client("aiko"), await stage.client("ben")
    sent = [aiko.send(room, f"message {number}") for number in range(20)]
    await stage.until_all_have(room, *sent)
    assert aiko.messages(room) == ben.messages(room) == sent
    assert [each.id for each in stage.memory.of(Tried)] == sent
    stored = stage.memory.of(Returned)
    assert [each.outcome for each in stored] == ["stored"] * 20
    for client in (aiko, ben):
        applied = stage.memory.of(Applied, client=client.name, room=room, event="MessageSent")
        assert [each.object for each in applied] == sent
        assert [each.seq for each in applied] == [each.seq for each in stored]
