"""A whole client in Python, written against the public contract (API.graphql) alone."""

import asyncio
from collections.abc import Callable
from random import Random
from time import monotonic
from uuid import UUID

from chat.drill.clients.answer import Json
from chat.drill.clients.asking import Asking, SignedOutError
from chat.drill.clients.client import Person
from chat.drill.clients.connection import Connection
from chat.drill.clients.documents import ROOM, ROOMS
from chat.drill.clients.endpoint import Endpoint
from chat.drill.clients.inbox import Inbox
from chat.drill.clients.outbox import Operation, Outbox
from chat.drill.clients.room import STALE_PAGE, Room, load_rest
from chat.drill.clients.sending import Sending, Write
from chat.drill.clients.settings import Settings
from chat.drill.clients.state import RoomCache
from chat.drill.clients.tasks import Tasks
from chat.drill.history import Called, Closed, Opened, Recorder, RoomState, State

_VERBS = {"sendMessage": "send", "editMessage": "edit", "deleteMessage": "delete"}


class ContractClient:
    """See `chat.drill.clients.client.Client`.

    It follows the rooms that its person is a member of, from the beginning or since they were let in, for as long as
    the server lets them read.

    Args:
        url: of the server, or of the way through the network that leads to one, without a path.
        path: the name of that way.
        random: its own, for ids and delays.
    """

    def __init__(
        self, url: str, person: Person, *, name: str, path: str, outbox: Outbox, recorder: Recorder, random: Random,
        settings: Settings = Settings(),  # noqa: B008  it is frozen
    ) -> None:  # fmt: skip
        self.name = name
        self.person = person
        self.rooms: dict[str, Room] = {}
        self._url = url
        self._path = path
        self._outbox = outbox
        self._recorder = recorder
        self._random = random
        self._settings = settings
        self._generation = 1
        self._base_name = name
        self._gave_up = False
        self._closed = False
        self._tasks = Tasks(self._expected)
        self._endpoint = Endpoint(url, person.token, timeout_s=settings.request_s)
        self._asking = Asking(self._endpoint, settings=settings, random=random)
        self._connection = Connection(
            url, person.token, settings=settings, random=random, recorder=recorder, client=name
        )  # fmt: skip
        self._connection.stopped.append(self._on_stopped)
        self._inbox = Inbox(self._connection, self._hear, settings=settings, random=random)
        self._sending = Sending(
            outbox, self._connection if settings.over_websocket else self._endpoint, self._tasks, self._writer,
            settings=settings, random=random, recorder=recorder,
        )  # fmt: skip

    @property
    def outbox(self) -> str:
        return self._outbox.name

    # ------------------------------------------------------------------ its life

    async def start(self) -> None:
        self._recorder.add(Opened(monotonic(), self.name, self.outbox, self.person.id, "contract", self._path))
        self._sending.start()
        self._connection.start(self._tasks)
        try:
            cursor, joined = await _rooms(self._asking, joined=True)
            for room in joined:
                self._room(room["id"])
            self._inbox.follow(cursor)
            await asyncio.gather(*(room.open() for room in list(self.rooms.values())))
        except SignedOutError:
            self._connection.give_up()
            return
        if self._settings.reread_s and STALE_PAGE not in self._settings.bugs:
            self._tasks.start(self._look_again())

    async def restart(self) -> "ContractClient":
        await self.stop()
        another = ContractClient(
            self._url, self.person, name=f"{self._base_name}.{self._generation + 1}", path=self._path,
            outbox=self._outbox, recorder=self._recorder, random=self._random, settings=self._settings,
        )  # fmt: skip
        another._base_name, another._generation = self._base_name, self._generation + 1
        await another.start()
        return another

    async def stop(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._recorder.add(Closed(monotonic(), self.name))
        self._end()
        await self._connection.stop()
        await self._tasks.stop()
        await self._endpoint.close()

    def _on_stopped(self) -> None:
        self._gave_up = True
        self._end()
        self._tasks.cancel()

    def _end(self) -> None:
        self._sending.stop()
        self._inbox.stop()
        for room in self.rooms.values():
            room.stop()

    def _expected(self, error: BaseException) -> bool:
        if isinstance(error, SignedOutError):
            self._connection.give_up()
            return True
        return False

    # ------------------------------------------------------------------ what people do

    def send(self, room: str, body: str, *, id: str | None = None, reply_to: str | None = None) -> str:  # noqa: A002
        message = id or self._new_id()
        given: Json = {"id": message, "roomId": room, "body": body}
        if reply_to is not None:
            given["replyToId"] = reply_to
        self._call(Operation(message, room, "sendMessage", given), about=message, body=body)
        return message

    def edit(self, room: str, message: str, body: str) -> None:
        self.do(room, "editMessage", about=message, messageId=message, body=body)

    def delete(self, room: str, message: str) -> None:
        self.do(room, "deleteMessage", about=message, messageId=message)

    def react(self, room: str, message: str, emoji: str, added: bool) -> None:
        self.do(room, "addReaction" if added else "removeReaction", about=message, messageId=message, emoji=emoji)

    def mark_read(self, room: str, seq: int) -> None:
        self.do(room, "markRead", roomId=room, seq=seq)

    def do(self, room: str, mutation: str, *, about: str = "", **given: object) -> None:
        """Put any mutation into the room's queue of the outbox, under an opId of its own.

        Args:
            given: the fields of its input, `roomId` included where it has one.
        """
        key = self._new_id()
        self._call(Operation(key, room, mutation, {**given, "opId": key}), about=about, body=str(given.get("body", "")))

    def _call(self, operation: Operation, *, about: str, body: str) -> None:
        verb = _VERBS.get(operation.mutation, operation.mutation)
        self._recorder.add(
            Called(monotonic(), self.outbox, self.name, operation.room, verb, operation.id, about, body)
        )  # fmt: skip
        self._outbox.add(operation)

    def _new_id(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def _writer(self, room: str) -> Write:
        """What an answer says is written into what the client has of the room now, not into what replaces that."""
        known = self.rooms.get(room)
        cache = None if known is None else known.cache

        def write(message: Json) -> None:
            if known is not None and cache is not None and known.cache is cache:
                cache.write_message(message)

        return write

    # ------------------------------------------------------------------ what it has

    @property
    def unsent(self) -> int:
        return 0 if self._gave_up else self._outbox.size

    def position(self, room: str) -> int | None:
        return self.rooms[room].feed.position if room in self.rooms else None

    def messages(self, room: str) -> list[str]:
        cache = self.rooms[room].cache if room in self.rooms else None
        return [] if cache is None else [each["id"] for each in cache.in_order() if each["deletedAt"] is None]

    async def state(self) -> dict[str, RoomState]:
        self._tasks.check()
        states = {key: room.state() for key, room in self.rooms.items()}
        had = {key: state for key, state in states.items() if state is not None}
        self._recorder.add(State(monotonic(), self.name, had))
        return had

    # ------------------------------------------------------------------ what comes

    def _room(self, key: str) -> Room:
        if key not in self.rooms:
            self.rooms[key] = Room(
                key, self._asking, self._connection, self._tasks, settings=self._settings, random=self._random,
                recorder=self._recorder, client=self.name,
            )  # fmt: skip
        return self.rooms[key]

    def _hear(self, item: Json) -> None:
        kind = item["__typename"]
        if kind == "InboxReset":
            self._tasks.start(self._read_rooms())
        elif kind == "MembershipChanged":
            room = item["room"]
            if room is not None:
                self._standing(item["roomId"], room["viewerMembership"])
        elif kind == "Mentioned":
            if item["message"] is not None:
                self._tell(item["message"]["roomId"], lambda room: room.read_standing())
        elif kind == "RoomActivity":
            last_seq, count = item["lastSeq"], item["messageCount"]
            self._tell(item["roomId"], lambda room: room.tell(lambda cache: cache.saw(last_seq, count)))
        elif kind == "ReadMarkerMoved":
            self._tell(item["roomId"], lambda room: room.tell(lambda cache: cache.move_marker(item)))

    def _tell(self, key: str, news: Callable[[Room], None]) -> None:
        if key in self.rooms:
            news(self.rooms[key])

    def _standing(self, key: str, membership: Json | None) -> None:
        if membership is not None and key not in self.rooms:
            self._room(key).start_anew()
        self._tell(key, lambda room: room.tell(lambda cache: cache.write_membership(membership)))
        if membership is not None:
            self.rooms[key].feed.let_in()

    async def _read_rooms(self) -> None:
        _, rooms = await _rooms(self._asking, joined=False)
        for room in rooms:
            self._standing(room["id"], room["viewerMembership"])

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(self._settings.reread_s * (0.5 + self._random.random()))
            for room in list(self.rooms.values()):
                await room.look_again()


async def fresh(
    url: str,
    person: Person,
    *,
    random: Random,
    settings: Settings = Settings(),  # noqa: B008  it is frozen
) -> dict[str, RoomState]:
    """What a new client of the person fetches: all rooms that they may read, whole.

    Raises:
        SignedOutError: the person may not come in.
    """
    endpoint = Endpoint(url, person.token, timeout_s=settings.request_s)
    asking = Asking(endpoint, settings=settings, random=random)
    found = {}
    try:
        for key in [room["id"] for room in (await _rooms(asking, joined=False))[1]]:
            room = (await asking.fetch(ROOM, {"room": key, "size": settings.page_size}))["room"]
            if room is not None:
                cache = RoomCache(room)
                await load_rest(asking, cache, key, size=settings.page_size)
                found[key] = cache.state()
    finally:
        await endpoint.close()
    return found


async def _rooms(asking: Asking, *, joined: bool) -> tuple[str, list[Json]]:
    """The inbox's cursor from before, and the rooms that the person may read, or has joined."""
    after, cursor = None, None
    found: list[Json] = []
    while True:
        data = await asking.fetch(ROOMS, {"after": after})
        cursor = cursor or data["inboxCursor"]
        found += data["rooms"]["nodes"]
        if not data["rooms"]["pageInfo"]["hasNextPage"]:
            break
        after = data["rooms"]["pageInfo"]["endCursor"]
    return str(cursor), [room for room in found if room["viewerMembership"] is not None or not joined]
