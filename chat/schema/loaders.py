"""Batched loading: a list announces what its nodes may ask for, and the first that asks loads it for all of them.

Synchronous on purpose: an execution runs in one worker thread, where an async loader would pay a hop per batch.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from typing import Generic, TypeVar

from chat.models import Membership, Message, Room, User
from chat.schema import rows
from chat.schema.paging import Ends, Slice, Window
from chat.schema.rows import Member, ReactionGroup

KEYS_PER_QUERY = 5_000

Key = TypeVar("Key")
Value = TypeVar("Value")


class Loader(Generic[Key, Value]):
    """What `fetch` finds for keys, each asked for once.

    Args:
        fetch: loads many keys in one query; it leaves out what does not exist.
        announced: keys that will be asked for; loaders of the same kind of key may share them.
    """

    def __init__(self, fetch: Callable[[list[Key]], Mapping[Key, Value]], *, announced: set[Key] | None = None) -> None:
        self._fetch = fetch
        self._announced: set[Key] = set() if announced is None else announced
        self._known: dict[Key, Value | None] = {}

    def want(self, keys: Iterable[Key]) -> None:
        """Announce keys: the next that has to be fetched brings them along."""
        self._announced.update(keys)

    def prime(self, key: Key, value: Value) -> None:
        """Keep what was read on the way."""
        self._known.setdefault(key, value)

    def get(self, key: Key, *, alone: bool = False) -> Value | None:
        """The value of `key`; None where it does not exist.

        Args:
            alone: the others that are announced won't be asked for, or not for this.
        """
        if key not in self._known:
            self._announced.add(key)
            missing = [key] if alone else [each for each in self._announced if each not in self._known]
            for start in range(0, len(missing), KEYS_PER_QUERY):
                batch = missing[start : start + KEYS_PER_QUERY]
                found = self._fetch(batch)
                self._known.update((fetched, found.get(fetched)) for fetched in batch)
        return self._known[key]


class Loaders:
    """The loaders of one execution, or of several that may share what was read at one moment (a page of events)."""

    def __init__(self) -> None:
        self._rooms_seen: set[int] = set()
        self._messages_seen: set[uuid.UUID] = set()
        self._message_slices: dict[Window, Loader[int, Slice[Message]]] = {}
        self._member_slices: dict[Window, Loader[int, Slice[Member]]] = {}
        self._memberships: dict[int, Loader[int, Membership]] = {}
        self._reacted: dict[int, Loader[uuid.UUID, frozenset[str]]] = {}
        self._reactions: dict[int, Loader[uuid.UUID, list[ReactionGroup]]] = {}

    # What has been read, and so may be asked about next.

    def saw_rooms(self, seen: Iterable[Room]) -> None:
        """Announce rooms: their members, counts and messages may be asked for."""
        self._rooms_seen.update(room.pk for room in seen)

    def saw_messages(self, seen: Iterable[Message]) -> None:
        """Announce messages read with their authors: their reactions and what they reply to may be asked for."""
        for message in seen:
            if message.version != message.seq:
                self._messages_seen.add(message.pk)
            if message.author is not None:
                self.users.prime(message.author.pk, message.author)
            if message.reply_to_id is not None:
                self.messages.want([message.reply_to_id])

    # By their own ids.

    @cached_property
    def users(self) -> Loader[int, User]:
        return Loader(rows.users)

    @cached_property
    def rooms(self) -> Loader[int, Room]:
        """Rooms with the head of their stream as of the same moment. Who may read them is not asked here."""

        def fetch(keys: list[int]) -> Mapping[int, Room]:
            found = rows.rooms(keys)
            self.saw_rooms(found.values())
            return found

        return Loader(fetch)

    @cached_property
    def rooms_by_stream(self) -> Loader[int, Room]:
        """Rooms by the id of their stream, with its head."""

        def fetch(keys: list[int]) -> Mapping[int, Room]:
            found = rows.rooms_by_stream(keys)
            self.saw_rooms(found.values())
            return found

        return Loader(fetch)

    @cached_property
    def messages(self) -> Loader[uuid.UUID, Message]:
        """Messages that have their place in a room. Who may read them is not asked here."""

        def fetch(keys: list[uuid.UUID]) -> Mapping[uuid.UUID, Message]:
            found = rows.messages(keys)
            self.saw_messages(found.values())
            return found

        return Loader(fetch)

    # By room.

    @cached_property
    def member_counts(self) -> Loader[int, int]:
        return Loader(rows.member_counts, announced=self._rooms_seen)

    @cached_property
    def participants(self) -> Loader[int, list[User]]:
        """The people of direct rooms."""
        return Loader(rows.participants, announced=self._rooms_seen)

    @cached_property
    def message_ends(self) -> Loader[int, Ends]:
        """The first and the last message's seq."""
        return Loader(rows.message_ends, announced=self._rooms_seen)

    @cached_property
    def member_ends(self) -> Loader[int, Ends]:
        """The first and the last membership's key."""
        return Loader(rows.member_ends, announced=self._rooms_seen)

    def message_slices(self, window: Window) -> Loader[int, Slice[Message]]:
        def fetch(room_ids: list[int]) -> Mapping[int, Slice[Message]]:
            found = rows.message_slices(room_ids, window=window)
            for part in found.values():
                self.saw_messages(part.rows)
            return found

        if window not in self._message_slices:
            self._message_slices[window] = Loader(fetch, announced=self._rooms_seen)
        return self._message_slices[window]

    def member_slices(self, window: Window) -> Loader[int, Slice[Member]]:
        if window not in self._member_slices:
            fetch = partial(rows.member_slices, window=window)
            self._member_slices[window] = Loader(fetch, announced=self._rooms_seen)
        return self._member_slices[window]

    def memberships_of(self, user_id: int) -> Loader[int, Membership]:
        """One person's memberships, by room."""
        if user_id not in self._memberships:
            fetch = partial(rows.memberships, user_id=user_id)
            self._memberships[user_id] = Loader(fetch, announced=self._rooms_seen)
        return self._memberships[user_id]

    # By message.

    def reactions(self, people: int) -> Loader[uuid.UUID, list[ReactionGroup]]:
        """The reactions to a message, with the first `people` of each emoji."""

        def fetch(message_ids: list[uuid.UUID]) -> Mapping[uuid.UUID, list[ReactionGroup]]:
            found = rows.reactions(message_ids, people=people)
            for groups in found.values():
                for group in groups:
                    self.users.want(group.user_ids)
            return found

        if people not in self._reactions:
            self._reactions[people] = Loader(fetch, announced=self._messages_seen)
        return self._reactions[people]

    def reacted_by(self, user_id: int) -> Loader[uuid.UUID, frozenset[str]]:
        """The emoji with which one person reacted, by message."""
        if user_id not in self._reacted:
            fetch = partial(rows.reacted, user_id=user_id)
            self._reacted[user_id] = Loader(fetch, announced=self._messages_seen)
        return self._reacted[user_id]
