"""Three people on the module's server, and a stage for each test."""

from collections.abc import AsyncIterator

import pytest

from chat.drill.clients.client import Person
from chat.drill.parts.server import Server
from tests.drill.stage import Stage, admit


@pytest.fixture(scope="module")
def people(server: Server) -> dict[str, Person]:
    return admit(server, "aiko", "ben", "chie")


@pytest.fixture
async def stage(server: Server, people: dict[str, Person]) -> AsyncIterator[Stage]:
    stage = Stage(server, people)
    yield stage
    await stage.close()
