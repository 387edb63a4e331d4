"""One room's events in the order in which they come, through every cut.

The client is a witness, not a diplomat: every event that comes on a subscription is recorded as applied, as it came.
A program for people would pass over a repeated event, and ask again for what is missing before it shows the next; here
both would hide from the history what the server did. So an event after a gap is taken, and so is the position behind
it; what the gap has hidden the state gets from the room, read again. An event that was there already is recorded, and
changes nothing.
"""

import asyncio
from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from time import monotonic
from typing import Protocol

from chat.drill.clients.answer import Json, Later, Refused, SignedOut
from chat.drill.clients.connection import Completed, Connection, Cut, End, Operation
from chat.drill.clients.documents import ROOM_EVENTS
from chat.drill.clients.settings import Settings
from chat.drill.history import Applied, Ended, Passed, Ready, Recorder, Reset

_MAY_NOT_READ = ("NOT_FOUND", "FORBIDDEN")


class Target(Protocol):
    """What a feed keeps up to date."""

    def apply(self, event: Json) -> None:
        """Change the state by the event."""
        ...

    def told_up_to(self) -> int:
        """The highest seq that answers have told of; 0: none."""
        ...

    def start_anew(self) -> None:
        """Drop everything and fetch it; then `Feed.follow` or, after a reset, `Feed.go_on`."""
        ...

    def read_again(self) -> None:
        """Something is missing in the state: bring it up to date by reading the room."""
        ...


class State(Enum):
    FETCHING = auto()  # the room is being fetched; what comes is held
    FOLLOWING = auto()
    ENDED = auto()  # the viewer may not read
    STOPPED = auto()


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the stream: after the event that `cursor` names, whose seq lies between `least` and `most`.

    They differ at the beginning, where a response says how far the room was at most.
    """

    cursor: str
    least: int
    most: int


class Feed:
    """Follows `roomEvents` from a cursor of its own."""

    def __init__(
        self, room: str, connection: Connection, target: Target, *, settings: Settings, random: Random,
        recorder: Recorder, client: str,
    ) -> None:  # fmt: skip
        self.room = room
        self.state = State.FETCHING
        self._connection = connection
        self._target = target
        self._settings = settings
        self._random = random
        self._recorder = recorder
        self._client = client
        self._position: Position | None = None
        """What to subscribe after; None: nothing was fetched yet."""
        self._held: list[Json] = []
        self._operation: Operation | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._failures = 0
        self._told_up_to = 0
        """How far the room had come before the subscription was asked for, as far as answers have told."""
        self._let_in = False
        """Whether the viewer was told, since the subscription began, that they may read the room."""
        connection.connected.append(self._open)

    @property
    def position(self) -> int | None:
        """The seq of the last event; None where it isn't known, or the room isn't followed."""
        if self.state is not State.FOLLOWING or self._position is None:
            return None
        return self._position.most

    def follow(self, cursor: str, last_seq: int) -> None:
        """Begin after `cursor`, at which the room's seq was at most `last_seq`."""
        self._position = Position(cursor, 0, last_seq)
        self.state = State.FOLLOWING
        self._open()

    @property
    def reset_to(self) -> str | None:
        """The cursor to go on from once the room was fetched, where a reset has come; else None."""
        return None if self._position is None else self._position.cursor

    def go_on(self) -> None:
        """The room was fetched after a reset: apply what came meanwhile."""
        self.state = State.FOLLOWING
        held, self._held = self._held, []
        for item in held:
            self._take(item)

    def end(self) -> None:
        """The viewer may not read the room."""
        if self.state in (State.ENDED, State.STOPPED):
            return
        self._close()
        self.state = State.ENDED
        self._position = None
        self._recorder.add(Ended(monotonic(), self._client, self.room))

    def let_in(self) -> None:
        """The viewer may read the room, says their inbox: where it had ended, begin it anew."""
        self._let_in = True
        if self.state is State.ENDED:
            self._begin_again()

    def stop(self) -> None:
        if self.state is not State.STOPPED:
            self._close()
            self.state = State.STOPPED
            self._connection.connected.remove(self._open)

    # ------------------------------------------------------------------ the subscription

    def _open(self) -> None:
        if self.state in (State.ENDED, State.STOPPED) or self._position is None or not self._connection.is_connected:
            return
        self._close()
        self._held.clear()  # it comes again
        self._let_in = False
        self._told_up_to = self._target.told_up_to()
        variables = {"room": self.room, "after": self._position.cursor}
        self._operation = self._connection.open(ROOM_EVENTS, variables, self._next, self._ended)

    def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._operation is not None:
            self._operation.close()
            self._operation = None

    def _ended(self, how: End) -> None:
        self._operation = None
        match how:
            case Cut() | SignedOut():
                return  # the connection comes back, or never will
            case Completed():
                self._shut_out()
            case Refused(code) if code in _MAY_NOT_READ:
                self._shut_out()
            case Later(retry_after=retry_after):
                self._retry(retry_after)
            case Refused():
                self._retry(None)

    def _shut_out(self) -> None:
        let_in = self._let_in
        self.end()
        if let_in:  # the news of it has overtaken the end
            self._begin_again()

    def _begin_again(self) -> None:
        self._let_in = False
        self.state = State.FETCHING
        self._target.start_anew()

    def _retry(self, after: float | None) -> None:
        """Subscribe again from the own cursor, later and later while that leads nowhere."""
        self._close()
        delay = (after or 0.0) + self._settings.retrying.delay(self._failures, self._random)
        self._failures += 1
        self._timer = asyncio.get_running_loop().call_later(delay, self._open)

    # ------------------------------------------------------------------ what comes

    def _next(self, payload: Json) -> None:
        data = payload.get("data")
        if payload.get("errors") or not data:
            # An event that the server could not make is not passed over: it has to be asked for again.
            self._retry(None)
            return
        item = data["roomEvents"]
        event = item["event"]
        if event is not None and event["__typename"] == "StreamReset":
            self._reset(item["cursor"], event)
        elif self.state is State.FETCHING:
            self._held.append(item)
        else:
            self._take(item)

    def _take(self, item: Json) -> None:
        """One item in its turn."""
        position = self._position
        if position is None:
            return  # it came after the end
        self._failures = 0
        cursor, event = item["cursor"], item["event"]
        if event is None:
            self._position = Position(cursor, position.least + 1, position.most + 1)
            self._recorder.add(Passed(monotonic(), self._client, self.room, cursor))
        elif event["__typename"] == "StreamReady":
            self._move(position, cursor, event["seq"], skipped=event["seq"] > position.most)
            if event["seq"] < self._told_up_to:
                self._target.read_again()
            self._recorder.add(Ready(monotonic(), self._client, self.room, event["seq"], cursor))
        else:
            if event["seq"] > position.least:
                self._target.apply(event)
            self._record(cursor, event)
            self._move(position, cursor, event["seq"], skipped=event["seq"] > position.most + 1)

    def _move(self, position: Position, cursor: str, seq: int, *, skipped: bool) -> None:
        """Go on to this place, unless it lies behind."""
        if seq >= position.least:
            self._position = Position(cursor, seq, seq)
        if skipped:
            self._target.read_again()

    def _record(self, cursor: str, event: Json) -> None:
        about = event.get("message") or event.get("member") or event.get("room") or {}
        self._recorder.add(
            Applied(
                monotonic(), self._client, self.room, event["seq"], cursor, event["__typename"], about.get("id", "")
            )
        )

    def _reset(self, cursor: str, event: Json) -> None:
        after = None if self._position is None else self._position.cursor
        self._recorder.add(Reset(monotonic(), self._client, self.room, event["seq"], cursor, event["reason"], after))
        self._position = Position(cursor, event["seq"], event["seq"])
        self._held.clear()
        self.state = State.FETCHING
        self._target.start_anew()
