"""The drill's pages: the product's own client under Node.js comes through what a drill does to it."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from chat.drill import history
from chat.drill.clients.page import PageClient
from chat.drill.clients.pages import Pages
from chat.drill.history import (
    Applied,
    Called,
    Connection,
    Follows,
    Opened,
    Ready,
    Record,
    Returned,
    Tried,
)
from tests.drill.stage import Stage
from tests.parts.eventually import eventually

WITHIN_S = 30.0

R = TypeVar("R", bound=Record)


class Desk:
    """The pages of one test, over its stage."""

    def __init__(self, stage: Stage, pages: Pages) -> None:
        self.stage = stage
        self.pages = pages

    async def page(self, person: str, room: str, *, name: str = "") -> PageClient:
        """A page that has started, in a browser and on a path of its own."""
        name = name or person
        path = self.stage.paths[name] = await self.stage.network.open_path(name)
        page = PageClient(self.pages, name=name, person=self.stage.people[person], room=room, path=path)
        await page.start()
        return page

    async def until_all_have(self, room: str, sent: list[str], *pages: PageClient) -> None:
        for page in pages:
            has = partial(_has_sent_and_has, page, room, set(sent[-40:]))
            await self.pages.until(has, within_s=WITHIN_S, what=f"{page.name} has all and has sent all")

    async def until_fresh(self, room: str, *pages: PageClient) -> None:
        """Wait until each page has what a new client of its person fetches."""
        for page in pages:
            await eventually(partial(self._is_fresh, page, room), what=f"the state of {page.name} is fresh")

    async def _is_fresh(self, page: PageClient, room: str) -> bool:
        return await page.state() == {room: (await self.stage.fresh(page.person.username))[room]}

    def of(self, kind: type[R], **wanted: Any) -> list[R]:
        """The records of a kind whose fields have these values, in the order of time."""
        return [
            record
            for record in history.read([self.pages.history]).of(kind)
            if all(getattr(record, name) == value for name, value in wanted.items())
        ]

    def told(self, page: PageClient) -> list[str]:
        """The messages that were sent, as the page was told."""
        return [each.object for each in self.of(Applied, client=page.name, event="MessageSent")]


def _has_sent_and_has(page: PageClient, room: str, wanted: set[str]) -> bool:
    return page.unsent == 0 and wanted <= set(page.messages(room))


def _rises_by_one(seqs: list[int]) -> bool:
    return seqs == list(range(seqs[0], seqs[0] + len(seqs)))


@pytest.fixture
async def desk(stage: Stage, tmp_path: Path) -> AsyncIterator[Desk]:
    pages = Pages(tmp_path)
    await pages.start()
    yield Desk(stage, pages)
    await pages.stop()
    assert pages.failures == []


async def test_pages_send_and_follow_in_one_order(desk: Desk) -> None:
    room = await desk.stage.room("aiko", "ben")
    aiko, ben = await desk.page("aiko", room), await desk.page("ben", room)
    sent = [aiko.send(room, f"message {number}") for number in range(20)]
    assert aiko.unsent == 20
    await desk.until_all_have(room, sent, aiko, ben)
    assert aiko.messages(room) == ben.messages(room) == sent
    assert [each.id for each in desk.of(Called)] == sent
    assert [each.id for each in desk.of(Tried)] == sent
    assert [each.id for each in desk.of(Returned)] == sent
    for page in (aiko, ben):
        assert desk.of(Opened, client=page.name, person=page.person.id, flavour="page", path=page.name)
        assert desk.of(Follows, client=page.name)
        assert desk.of(Ready, client=page.name)
        assert desk.told(page) == sent
        assert [each.seq for each in desk.of(Applied, client=page.name)] == [each.seq for each in desk.of(Returned)]
        assert page.position(room) == desk.of(Returned)[-1].seq
        assert [each.state for each in desk.of(Connection, client=page.name)] == ["connected"]
    await desk.until_fresh(room, aiko, ben)
