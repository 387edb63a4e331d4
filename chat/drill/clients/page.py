"""A page of the product: its own modules in one tab of one browser."""

from asyncio import Future
from typing import Any
from uuid import uuid4

from chat.drill.clients.client import Person
from chat.drill.clients.pages import Pages, Status
from chat.drill.history import RoomState
from chat.drill.network import Path
from chat.drill.parts.ports import LOOPBACK


class PageClient:
    """The page of one room, which it follows. What it sends may be for any room.

    All pages with the same `outbox` are tabs of one browser: they share its storage, its locks and its clock. What
    people do in them is recorded as `Called` when the browser's storage has it, so in the order in which the outbox
    accepted it, whichever tab it came from.
    """

    def __init__(
        self, pages: Pages, *, name: str, person: Person, room: str, path: Path, outbox: str | None = None
    ) -> None:
        self.name = name
        self.outbox = outbox or name
        self.person = person
        self.room = room
        self.path = path
        self._pages = pages
        self._orders: set[Future[Any]] = set()

    # ------------------------------------------------------------------ what every client can do

    async def start(self) -> None:
        """Load the page; returns when a server has given it, or says that the person may not come in."""
        self._pages.statuses[self.name] = Status()
        await self._pages.ask(
            "open",
            address={
                "name": self.name,
                "outbox": self.outbox,
                "person": self.person.id,
                "token": self.person.token,
                "room": self.room,
                "url": f"http://{LOOPBACK}:{self.path.port}",
                "path": self.path.name,
            },
        )

    def send(self, room: str, body: str, *, id: str | None = None, reply_to: str | None = None) -> str:  # noqa: A002
        id = id or str(uuid4())  # noqa: A001
        self._act("send", room, id=id, object=id, body=body, replyTo=reply_to)
        return id

    def edit(self, room: str, message: str, body: str) -> None:
        self._act("edit", room, object=message, body=body)

    def delete(self, room: str, message: str) -> None:
        self._act("delete", room, object=message)

    def react(self, room: str, message: str, emoji: str, added: bool) -> None:
        self._act("addReaction" if added else "removeReaction", room, object=message, emoji=emoji)

    def mark_read(self, room: str, seq: int) -> None:
        self._act("markRead", room, seq=seq)

    @property
    def unsent(self) -> int:
        return self._status.unsent + len(self._orders)

    @property
    def stopped(self) -> bool:
        """Whether it has given up for good: banned, signed out."""
        return self._status.stopped

    def position(self, room: str) -> int | None:
        return self._status.position if room == self.room else None

    def messages(self, room: str) -> list[str]:
        return list(self._status.messages) if room == self.room else []

    async def restart(self) -> "PageClient":
        return await self._again(orderly=True)

    async def state(self) -> dict[str, RoomState]:
        state: dict[str, RoomState] = await self._pages.ask("state", page=self.name)
        return state

    async def stop(self) -> None:
        await self._close(orderly=True)

    # ------------------------------------------------------------------ what happens to tabs and browsers

    def tab(self, name: str, *, path: Path | None = None) -> "PageClient":
        """Another tab of the same browser, to be started."""
        return PageClient(
            self._pages, name=name, person=self.person, room=self.room, path=path or self.path, outbox=self.outbox
        )  # fmt: skip

    async def crash(self) -> None:
        """The tab is gone, and got no chance to do anything about it."""
        await self._close(orderly=False)

    async def crash_and_restart(self) -> "PageClient":
        """As `restart`, but after a crash."""
        return await self._again(orderly=False)

    def freeze(self) -> None:
        """As browsers do with tabs in the background: nothing happens in it, and what it holds it keeps."""
        self._pages.tell("freeze", page=self.name)

    def thaw(self) -> None:
        """The frozen tab goes on, in view."""
        self._pages.tell("thaw", page=self.name)

    def come_into_view(self) -> None:
        self._pages.tell("tell", page=self.name, event="visible")

    def go_offline(self) -> None:
        """The browser, with all its tabs, has no network."""
        self._pages.tell("network", outbox=self.outbox, online=False)

    def go_online(self) -> None:
        self._pages.tell("network", outbox=self.outbox, online=True)

    def shift_clock(self, seconds: float) -> None:
        """Set the browser's wall clock forward, or back."""
        self._pages.tell("shift", outbox=self.outbox, seconds=seconds)

    # ------------------------------------------------------------------

    @property
    def _status(self) -> Status:
        return self._pages.statuses.get(self.name, Status())

    def _act(self, verb: str, room: str, **more: Any) -> None:
        deed = {"id": str(uuid4()), "object": "", "body": "", "replyTo": None, "emoji": "", "seq": 0} | more
        order = self._pages.tell("act", page=self.name, deed={"verb": verb, "room": room, **deed})
        self._orders.add(order)
        order.add_done_callback(self._orders.discard)

    async def _close(self, *, orderly: bool) -> None:
        await self._pages.ask("close", page=self.name, orderly=orderly)

    async def _again(self, *, orderly: bool) -> "PageClient":
        await self._close(orderly=orderly)
        first, _, number = self.name.partition("~")
        again = self.tab(f"{first}~{int(number or 1) + 1}")
        await again.start()
        return again
