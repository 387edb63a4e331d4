"""What a drill asks of a client, whichever kind it is."""

from dataclasses import dataclass
from typing import Protocol

from chat.drill.history import RoomState


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the drilled installation, with an API token."""

    id: str
    username: str
    token: str


class Client(Protocol):
    """One page or program of a person. It records what it does, as `chat.drill.history` says.

    Attributes:
        name: of this client alone; a reloaded one has another.
        outbox: what it shares with the clients before and after a reload.
    """

    name: str
    person: Person

    @property
    def outbox(self) -> str: ...

    async def start(self) -> None:
        """Fetch the rooms, connect and follow. Returns when the rooms were fetched, however long no server answers."""
        ...

    def send(self, room: str, body: str, *, id: str | None = None, reply_to: str | None = None) -> str:  # noqa: A002
        """Put a message into the outbox and return its id."""
        ...

    def edit(self, room: str, message: str, body: str) -> None: ...

    def delete(self, room: str, message: str) -> None: ...

    def react(self, room: str, message: str, emoji: str, added: bool) -> None: ...

    def mark_read(self, room: str, seq: int) -> None: ...

    @property
    def unsent(self) -> int:
        """Operations that the server doesn't have yet; 0 where the client was stopped for good and sends no more."""
        ...

    def position(self, room: str) -> int | None:
        """The seq of the last event that it applied; None where it doesn't follow the room, or fetches it anew."""
        ...

    def messages(self, room: str) -> list[str]:
        """Ids of the messages that it knows, deleted ones left out, the newest last."""
        ...

    async def restart(self) -> "Client":
        """A reload: this client is closed, and another with the same outbox has started."""
        ...

    async def state(self) -> dict[str, RoomState]:
        """What it has of each room that it follows; recorded as its `State`."""
        ...

    async def stop(self) -> None:
        """Close for good."""
        ...
