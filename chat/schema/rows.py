"""What the loaders read: each function answers for many keys with a number of queries that does not grow with them."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, reduce
from operator import or_
from typing import Any, Protocol, TypeVar

from django.db import connection
from django.db.models import BigIntegerField, Count, Model, OuterRef, Q, QuerySet, Subquery, UUIDField

from chat.models import Membership, Message, Reaction, Room, User
from chat.schema.paging import Ends, Slice, Window
from realtime.prepared import Parameter, Prepared, Several


class InRoom(Protocol):
    """A row of one room's list."""

    @property
    def room_id(self) -> int: ...


Row = TypeVar("Row", bound=InRoom)
Stored = TypeVar("Stored", bound=Model)
Found = TypeVar("Found")

# What the schema shows of a person: a password's hash never leaves the database for it.
# In the model's order, in which `from_db` takes the values.
_PERSON = tuple(
    each.attname for each in User._meta.concrete_fields if each.attname in {"id", "username", "display_name", "version"}
)


@dataclass(slots=True)
class ReactionGroup:
    """One emoji under one message. `user_ids` are the first who used it, in the order in which they did."""

    message_id: uuid.UUID
    emoji: str
    count: int
    user_ids: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody's place among the members of a room."""

    pk: int
    room_id: int
    role: str
    user: User


_IDS = Several("ids", BigIntegerField())
_users = Prepared(lambda: User.objects.only(*_PERSON).filter(pk__in=_IDS))
_rooms = Prepared(lambda: Room.objects.select_related("stream").filter(pk__in=_IDS))
_rooms_by_stream = Prepared(lambda: Room.objects.select_related("stream").filter(stream_id__in=_IDS))
_messages_by_id = Prepared(lambda: shown_messages().filter(pk__in=Several("ids", UUIDField())))


def users(ids: Iterable[int]) -> Mapping[int, User]:
    return {user.pk: user for user in _users(ids=ids)}


def rooms(ids: Iterable[int]) -> Mapping[int, Room]:
    return {room.pk: room for room in _rooms(ids=ids)}


def rooms_by_stream(stream_ids: Iterable[int]) -> Mapping[int, Room]:
    return {room.stream_id: room for room in _rooms_by_stream(ids=stream_ids)}


def messages(ids: Iterable[uuid.UUID]) -> Mapping[uuid.UUID, Message]:
    return {message.pk: message for message in _messages_by_id(ids=ids)}


def shown_messages() -> QuerySet[Message]:
    """Messages with their authors; those that are held for a moderator have no place yet and are left out."""
    return _messages().filter(seq__gt=0)


def _messages() -> QuerySet[Message]:
    authors = (f"author__{name}" for name in _PERSON)
    return Message.objects.select_related("author").only(*_MESSAGE, *authors)


_MESSAGE = (
    "id",
    "room_id",
    "seq",
    "version",
    "body",
    "body_html",
    "reply_to_id",
    "thread_root_id",
    "created_at",
    "edited_at",
    "deleted_at",
)


_member_counts = Prepared(
    lambda: Membership.objects.filter(room_id__in=_IDS).order_by().values_list("room_id").annotate(Count("pk"))
)


def member_counts(room_ids: Iterable[int]) -> Mapping[int, int]:
    room_ids = list(room_ids)
    return dict.fromkeys(room_ids, 0) | dict(_member_counts(ids=room_ids))


_participants = Prepared(
    lambda: (
        Membership.objects.filter(room_id__in=_IDS, room__visibility=Room.Visibility.DIRECT)
        .order_by("pk")
        .values_list("room_id", *(f"user__{name}" for name in _PERSON))
    )
)


def participants(room_ids: Iterable[int]) -> Mapping[int, list[User]]:
    """The people of those that are direct rooms."""
    people: dict[int, User] = {}  # each once, however many of the rooms they are in
    by_room: dict[int, list[User]] = {}
    for room_id, *person in _participants(ids=room_ids):
        user = people.setdefault(person[0], User.from_db(connection.alias, _PERSON, person))
        by_room.setdefault(room_id, []).append(user)
    return by_room


_memberships = Prepared(
    lambda: Membership.objects.filter(user_id=Parameter("user_id", BigIntegerField()), room_id__in=_IDS)
)


def memberships(room_ids: Iterable[int], *, user_id: int) -> Mapping[int, Membership]:
    return {found.room_id: found for found in _memberships(ids=room_ids, user_id=user_id)}


def message_ends(room_ids: Iterable[int]) -> Mapping[int, Ends]:
    return {pk: Ends(first, last) for pk, first, last in _message_ends(ids=room_ids)}


def member_ends(room_ids: Iterable[int]) -> Mapping[int, Ends]:
    return {pk: Ends(first, last) for pk, first, last in _member_ends(ids=room_ids)}


def message_slices(room_ids: Iterable[int], *, window: Window) -> Mapping[int, Slice[Message]]:
    room_ids = list(room_ids)
    # The one lower bound also leaves out what has no place. Of two, SQLite may seek the wrong one, and read on from
    # there: half a room, for a page from its middle.
    placed = replace(window, after=max(window.after or 0, 0))
    if len(room_ids) == 1:
        found: Iterable[Message] = _asked(_messages_of_one, room_ids[0], placed)
    else:
        found = _window(_messages(), "seq", room_ids, placed)
    return _slices(found, room_ids, placed)


def member_slices(room_ids: Iterable[int], *, window: Window) -> Mapping[int, Slice[Member]]:
    room_ids = list(room_ids)
    if len(room_ids) == 1:
        found: Iterable[tuple[Any, ...]] = _asked(_members_of_one, room_ids[0], window)
    else:
        found = _window(Membership.objects.all(), "id", room_ids, window).values_list(*_MEMBER)
    return _slices(_members(found), room_ids, window)


def _members(found: Iterable[tuple[Any, ...]]) -> Iterator[Member]:
    """Each person once, however many of the rooms they are in: a model's instance costs 20 µs."""
    people: dict[int, User] = {}
    for pk, room_id, user_id, role, *person in found:
        user = people.get(user_id)
        if user is None:
            user = people[user_id] = User.from_db(connection.alias, _PERSON, person)
        yield Member(pk, room_id, role, user)


_MEMBER = ("id", "room_id", "user_id", "role", *(f"user__{name}" for name in _PERSON))


def reactions(message_ids: Iterable[uuid.UUID], *, people: int) -> Mapping[uuid.UUID, list[ReactionGroup]]:
    """The reactions by message, in the order in which each emoji was first used."""
    by_message: dict[uuid.UUID, list[ReactionGroup]] = {message_id: [] for message_id in message_ids}
    key = Reaction._meta.get_field("message").target_field
    # Written out, because every event needs it: the ORM takes 1.5 ms to compile what the database answers in 0.1.
    statement = f"""
        SELECT message_id, emoji, user_id, uses FROM (
            SELECT id, message_id, emoji, user_id,
                   ROW_NUMBER() OVER (PARTITION BY message_id, emoji ORDER BY id) AS place,
                   COUNT(*) OVER (PARTITION BY message_id, emoji) AS uses
            FROM {Reaction._meta.db_table}
            WHERE message_id IN ({", ".join(["%s"] * len(by_message))})
        ) AS placed WHERE place <= %s ORDER BY id"""  # noqa: S608  (placeholders alone)
    values = [key.get_db_prep_value(message_id, connection) for message_id in by_message]
    groups: dict[tuple[uuid.UUID, str], ReactionGroup] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, people])
        for found_id, emoji, user_id, uses in cursor.fetchall():
            message_id = key.to_python(found_id)
            group = groups.setdefault((message_id, emoji), ReactionGroup(message_id, emoji, uses))
            group.user_ids.append(user_id)
    for group in groups.values():
        by_message[group.message_id].append(group)
    return by_message


def reacted(message_ids: Iterable[uuid.UUID], *, user_id: int) -> Mapping[uuid.UUID, frozenset[str]]:
    emoji_by_message: dict[uuid.UUID, set[str]] = defaultdict(set)
    found = Reaction.objects.filter(user=user_id, message__in=list(message_ids))
    for message_id, emoji in found.values_list("message_id", "emoji"):
        emoji_by_message[message_id].add(emoji)
    return {message_id: frozenset(emoji) for message_id, emoji in emoji_by_message.items()}


# The same window of each room's list, and the first row beyond it. One room: one query that reads no more than that.
# Several: one seek per room finds where its window ends, then one query reads them all; a window function would read
# the whole of every room.


@cache
def _messages_of_one(count: int, shape: "_Shape") -> Prepared[Message]:
    return Prepared(lambda: shape.of_one(_messages(), "seq")[:count])


@cache
def _members_of_one(count: int, shape: "_Shape") -> Prepared[tuple[Any, ...]]:
    return Prepared(lambda: shape.of_one(Membership.objects.all(), "id").values_list(*_MEMBER)[:count])


def _asked(prepared: Callable[[int, "_Shape"], Prepared[Found]], room_id: int, window: Window) -> list[Found]:
    """One room's window and the first row beyond it."""
    shape = _Shape(window.forward, window.after is not None, window.before is not None)
    return prepared(window.count + 1, shape)(room_id=room_id, after=window.after, before=window.before)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What windows have in common whose query is the same but for its values."""

    forward: bool
    after: bool
    before: bool

    def of_one(self, found: QuerySet[Stored], key: str) -> QuerySet[Stored]:
        """One room's rows inside the window, in its order."""
        found = found.filter(room_id=Parameter("room_id", BigIntegerField()))
        if self.after:
            found = found.filter(**{f"{key}__gt": Parameter("after", BigIntegerField())})
        if self.before:
            found = found.filter(**{f"{key}__lt": Parameter("before", BigIntegerField())})
        return found.order_by(key if self.forward else f"-{key}")


def _window(found: QuerySet[Stored], key: str, room_ids: list[int], window: Window) -> QuerySet[Stored]:
    """The window of each of several rooms."""
    if window.after is not None:
        found = found.filter(**{f"{key}__gt": window.after})
    if window.before is not None:
        found = found.filter(**{f"{key}__lt": window.before})
    found = found.order_by(key if window.forward else f"-{key}")
    return found.filter(_up_to_the_row_after(found, key, room_ids, window))


def _slices(found: Iterable[Row], room_ids: list[int], window: Window) -> Mapping[int, Slice[Row]]:
    """Rows in the order of their window, as the slices of their rooms."""
    by_room: dict[int, list[Row]] = {room_id: [] for room_id in room_ids}
    for row in found:
        by_room[row.room_id].append(row)
    return {room_id: _slice(part, window) for room_id, part in by_room.items()}


def _up_to_the_row_after(found: QuerySet[Stored], key: str, room_ids: list[int], window: Window) -> Q:
    """That a row is in its room's window or the first one beyond it."""
    row_after = found.filter(room=OuterRef("pk")).values(key)[window.count : window.count + 1]
    bounds = Room.objects.filter(pk__in=room_ids).annotate(bound=Subquery(row_after)).values_list("pk", "bound")
    inside = "lte" if window.forward else "gte"
    whole = [room_id for room_id, bound in bounds if bound is None]
    cut = [Q(room=room_id, **{f"{key}__{inside}": bound}) for room_id, bound in bounds if bound is not None]
    return reduce(or_, cut, Q(room__in=whole))


def _slice(part: list[Row], window: Window) -> Slice[Row]:
    more = len(part) > window.count
    kept = part[: window.count]
    return Slice(kept if window.forward else kept[::-1], more)


def _ends(found: QuerySet[Stored], key: str) -> "QuerySet[Room, tuple[int, int | None, int | None]]":
    """Two seeks per room: a MIN and MAX over the group would read the whole of it."""
    inside = found.filter(room=OuterRef("pk")).values(key)
    ends = Room.objects.filter(pk__in=_IDS).annotate(
        first_key=Subquery(inside.order_by(key)[:1]), last_key=Subquery(inside.order_by(f"-{key}")[:1])
    )
    return ends.values_list("pk", "first_key", "last_key")


_message_ends = Prepared(lambda: _ends(Message.objects.filter(seq__gt=0), "seq"))
_member_ends = Prepared(lambda: _ends(Membership.objects.all(), "id"))
