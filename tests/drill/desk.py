"""Pages of people who talk on a stage, and what their record comes to."""

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from chat.drill import history
from chat.drill.checks import fifo, gapless, no_duplicate, no_loss, one_order, real_time, state
from chat.drill.clients.page import PageClient
from chat.drill.clients.pages import Pages
from chat.drill.history import Applied, Fresh, History, Logged, Record, Room
from chat.drill.parts.databases import ROOT
from tests.drill.stage import Stage
from tests.parts.eventually import eventually

WITHIN_S = 30.0
ONLY_OF_SEVERAL = (fifo, real_time)  # of one send they say nothing
PROMISES = (no_loss, no_duplicate, gapless, one_order, state, *ONLY_OF_SEVERAL)

R = TypeVar("R", bound=Record)


@dataclass
class Desk:
    """Belongs to one test."""

    stage: Stage
    pages: Pages
    open: list[PageClient] = field(default_factory=list)

    async def prepare(self, person: str, room: str, *, name: str = "") -> PageClient:
        """A page that has not started, in a browser and on a path of its own."""
        name = name or person
        path = self.stage.paths[name] = await self.stage.network.open_path(name)
        page = PageClient(self.pages, name=name, person=self.stage.people[person], room=room, path=path)
        self.open.append(page)
        return page

    async def page(self, person: str, room: str, *, name: str = "") -> PageClient:
        """A page that has started."""
        page = await self.prepare(person, room, name=name)
        await page.start()
        return page

    async def tab(self, page: PageClient, name: str) -> PageClient:
        """Another tab of its browser, started."""
        tab = page.tab(name)
        self.open.append(tab)
        await tab.start()
        return tab

    async def reload(self, page: PageClient, *, orderly: bool = True) -> PageClient:
        again = await (page.restart() if orderly else page.crash_and_restart())
        self.open[self.open.index(page)] = again
        return again

    async def crash(self, page: PageClient) -> None:
        self.open.remove(page)
        await page.crash()

    async def until(self, what: str, holds: Any, *given: Any) -> None:
        await self.pages.until(partial(holds, *given), within_s=WITHIN_S, what=what)

    async def until_arrived(self, room: str, sent: list[str]) -> None:
        """Wait until every open page knows the newest of these messages, has nothing left to send, and was told all."""
        for page in self.open:
            await self.until(f"{page.name} has all and has sent all", _has_sent_and_has, page, room, set(sent[-40:]))
        head = (await self.stage.fresh(self.open[0].person.username))[room]["lastSeq"]
        for page in self.open:
            await self.until(f"{page.name} has come to {head}", lambda: page.position(room) == head)  # noqa: B023

    async def until_sent(self, *pages: PageClient) -> None:
        """Wait until these pages have nothing left to send."""
        for page in pages:
            await self.until(f"{page.name} has sent all", lambda: page.unsent == 0)  # noqa: B023  it is awaited here

    async def until_fresh(self, room: str) -> None:
        """Wait until each open page has what a new client of its person fetches; the inbox may be late."""
        for page in self.open:
            fresh: bool = await eventually(
                partial(self._is_fresh, page, room), what=f"the state of {page.name} is fresh"
            )
            assert fresh

    async def until_recorded(self, kind: type[R], **wanted: Any) -> R:
        """Wait for a record, and return the first."""
        found = await eventually(partial(self.of, kind, **wanted), within_s=WITHIN_S, what=f"{kind.__name__} {wanted}")
        return found[0]

    async def verify(self, room: str) -> None:
        """Wait for rest, and hold what was recorded against the promises that speak of the pages alone."""
        await self.until_fresh(room)
        members = sorted({page.person.id for page in self.open})
        records: list[Record] = [
            Room(0.0, room, "PRIVATE", members),
            *history.read([self.pages.history]).records,
            Logged(monotonic(), final=True, **await asyncio.to_thread(self._log, room)),
        ]
        for page in self.open:
            fresh = await self.stage.fresh(page.person.username)
            records.append(Fresh(monotonic(), page.person.id, {room: fresh[room]}))
        found = [promise.check(History(records)) for promise in PROMISES]
        assert [failure for each in found for failure in each.failures] == []
        assert all(outcome.shown for outcome in found[: -len(ONLY_OF_SEVERAL)]), found

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

    async def stored(self, room: str) -> list[str]:
        """The room's messages in their order."""
        messages = (await self.stage.fresh(self.open[0].person.username))[room]["messages"]
        return sorted(messages, key=lambda message: int(messages[message]["seq"]))

    async def _is_fresh(self, page: PageClient, room: str) -> bool:
        mine, theirs = (await page.state())[room], (await self.stage.fresh(page.person.username))[room]
        if not mine["complete"]:
            first = min(message["seq"] for message in mine["messages"].values())
            theirs["messages"] = {key: each for key, each in theirs["messages"].items() if each["seq"] >= first}
        return {**mine, "complete": True} == theirs

    def _log(self, room: str) -> dict[str, Any]:
        asked = subprocess.run(
            [sys.executable, "-m", "chat.drill.steward"],
            input=json.dumps({"do": "log", "rooms": [room]}),
            cwd=ROOT,
            env=self.stage.server.env,
            capture_output=True,
            text=True,
            check=True,
        )
        logged: dict[str, Any] = json.loads(asked.stdout)["done"][0]
        return logged


def _has_sent_and_has(page: PageClient, room: str, wanted: set[str]) -> bool:
    return page.unsent == 0 and wanted <= set(page.messages(room))
