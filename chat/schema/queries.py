"""The root type Query."""

from collections.abc import Iterable
from functools import cache

import graphene
from django.db.models import BigIntegerField, CharField, Exists, OuterRef, Q, QuerySet

from chat import models
from chat.permissions import readable_by, readable_rooms
from chat.schema.context import Context
from chat.schema.ids import is_storable, key_in
from chat.schema.message import Message
from chat.schema.opening import Opener, open_with
from chat.schema.paging import Page, page_size, read_cursor
from chat.schema.room import ROOMS, Room, RoomConnection, room_cursor
from chat.schema.rows import shown_messages
from chat.schema.scalars import uuid_in
from chat.schema.user import User
from realtime import log
from realtime.errors import BadUserInput
from realtime.prepared import Parameter, Prepared
from realtime.viewing import depends_on_viewer

FIRST_ROOMS = 50
MAX_QUERY_CHARS = 200  # SQLite refuses a pattern of more than 50,000 bytes


class Query(graphene.ObjectType):
    """What can be read. An anonymous request gets `viewer` alone."""

    viewer = graphene.Field(User, description="The signed-in user; null for an anonymous request.")
    rooms = graphene.Field(
        RoomConnection,
        required=True,
        first=graphene.Int(default_value=FIRST_ROOMS, description="How many at most: 1 to 200."),
        after=graphene.String(description="Only rooms after the one with this cursor."),
        joined=graphene.Boolean(description="Only rooms that the viewer is a member of, or only those it is not."),
        query=graphene.String(description="Only rooms with this text in their name or slug."),
        description="Rooms the viewer may read: public ones, and private ones it is a member of. Ordered by slug.",
    )
    room = graphene.Field(
        Room,
        slug=graphene.String(description="The room's name in URLs. Either this or `id`."),
        id=graphene.ID(description="The room's id. Either this or `slug`."),
        description="A room by its slug or id. null where it does not exist or the viewer may not know that it does.",
    )
    message = graphene.Field(
        Message,
        id=graphene.ID(required=True, description="The message's id."),
        description="A message by its id. null where it does not exist or the viewer may not read its room.",
    )
    user = graphene.Field(
        User,
        username=graphene.String(required=True, description="The unique name to mention and to sign in with."),
        description="A person by their username; null where there is none, or the account is closed.",
    )
    inbox_cursor = graphene.String(
        description="Where the viewer's own stream stood before the rest of this response was read."
    )

    @staticmethod
    @depends_on_viewer
    def resolve_viewer(_root: None, info: graphene.ResolveInfo) -> models.User | None:
        viewer = info.context.viewer
        if viewer is None:
            return None
        # Read anew: the one that authentication read is older than the cursors of this response.
        open_with(OPENERS, info)
        return info.context.loaders.users.get(viewer.pk)  # type: ignore[no-any-return]

    @staticmethod
    @depends_on_viewer
    def resolve_rooms(_root: None, info: graphene.ResolveInfo, **_arguments: object) -> Page[models.Room]:
        return open_with(OPENERS, info)  # type: ignore[no-any-return]

    @staticmethod
    @depends_on_viewer
    def resolve_room(_root: None, info: graphene.ResolveInfo, **_arguments: object) -> models.Room | None:
        return open_with(OPENERS, info)  # type: ignore[no-any-return]

    @staticmethod
    @depends_on_viewer
    def resolve_message(_root: None, info: graphene.ResolveInfo, id: str) -> models.Message | None:  # noqa: A002
        rooms = readable_rooms(info.context.person)
        open_with(OPENERS, info)
        if (key := uuid_in(id)) is None:
            return None
        found = shown_messages().filter(pk=key, room__in=rooms).first()
        if found is not None:
            info.context.loaders.saw_messages([found])
        return found

    @staticmethod
    @depends_on_viewer
    def resolve_user(_root: None, info: graphene.ResolveInfo, username: str) -> models.User | None:
        _signed_in: models.User = info.context.person
        open_with(OPENERS, info)
        people = models.User.objects.filter(username=username, is_active=True)
        return people.first() if is_storable(username) else None

    @staticmethod
    @depends_on_viewer
    def resolve_inbox_cursor(_root: None, info: graphene.ResolveInfo) -> str:
        return open_with(OPENERS, info)  # type: ignore[no-any-return]


def room_readable(context: Context, room_id: int) -> models.Room | None:
    """The room, with its cursor fixed; None where it is not there or the viewer may not read it."""
    return _first(context, readable_rooms(context.person).filter(pk=room_id))


def _inbox_cursor(context: Context) -> str:
    return str(log.head(context.person.stream_id))


def _room(context: Context, slug: str | None = None, id: str | None = None) -> models.Room | None:  # noqa: A002
    rooms = readable_rooms(context.person)
    if (slug is None) == (id is None):
        raise BadUserInput("give the room's slug or its id, one of them", reason="ONE_OF_TWO", field="slug")
    if slug is not None:
        return _by_slug(context, slug) if is_storable(slug) else None
    key = key_in(id or "")
    return None if key is None else _first(context, rooms.filter(pk=key))


def _rooms(
    context: Context,
    first: int | None = None,
    after: str | None = None,
    joined: bool | None = None,
    query: str | None = None,
) -> Page[models.Room]:
    size = page_size(first, field="first", default=FIRST_ROOMS)
    asked = _asked(context.person, joined, query)
    place = None if after is None else read_cursor(after, ROOMS, field="after")
    following = asked if place is None else asked.filter(slug__gt=place)
    listed = following.order_by("slug")[: size + 1]
    # One statement reads the rooms and where their streams stand: nothing can happen in between.
    if not joined:
        found = list(listed.select_related("stream"))
    elif place is None and not query and context.person.is_active:
        found = _with_memberships(context, _from_the_beginning(size + 1)(user_id=context.person.pk))
    else:
        found = _with_memberships(context, _memberships(context.person.pk).filter(room__in=listed.values("pk")))
    rooms = found[:size]
    context.saw_rooms(rooms)
    return Page(
        rooms,
        cursor_of=room_cursor,
        has_next=lambda: len(found) > size,
        has_previous=lambda: place is not None and asked.filter(slug__lte=place).exists(),
    )


def _with_memberships(context: Context, memberships: Iterable[models.Membership]) -> list[models.Room]:
    """Joined rooms in their order. The statement that reads them brings the viewer's own standing along."""
    of_viewer = context.loaders.memberships_of(context.person.pk)
    rooms = []
    for membership in memberships:
        of_viewer.prime(membership.room_id, membership)
        rooms.append(membership.room)
    return rooms


def _memberships(user_id: int | Parameter) -> QuerySet[models.Membership]:
    """A person's memberships in the order of the list of rooms, with the rooms."""
    memberships = models.Membership.objects.filter(user_id=user_id)
    return memberships.select_related("room__stream").order_by("room__slug")


@cache
def _from_the_beginning(count: int) -> Prepared[models.Membership]:
    """The list of joined rooms as each page asks for it: from its beginning, all of them."""
    return Prepared(lambda: _memberships(Parameter("user_id", BigIntegerField()))[:count])


def _asked(viewer: models.User, joined: bool | None, query: str | None) -> QuerySet[models.Room]:
    rooms = readable_rooms(viewer)
    if joined:
        # From the viewer's memberships to their rooms: asked of each room, the question would go to all there are.
        rooms = models.Room.objects.filter(memberships__user=viewer) if viewer.is_active else rooms
    elif joined is not None:
        rooms = rooms.filter(~Exists(models.Membership.objects.filter(room=OuterRef("pk"), user=viewer)))
    if query:
        if not is_storable(query):
            raise BadUserInput("query has a character that no text has", reason="TEXT_INVALID", field="query")
        if len(query) > MAX_QUERY_CHARS:
            expected = f"expected at most {MAX_QUERY_CHARS} characters, got {len(query)}"
            raise BadUserInput(expected, reason="TEXT_TOO_LONG", field="query")
        rooms = rooms.filter(Q(name__icontains=query) | Q(slug__icontains=query))
    return rooms


_readable_by_slug = Prepared(
    lambda: (
        models.Room.objects.select_related("stream")
        .filter(slug=Parameter("slug", CharField()))
        .filter(readable_by(Parameter("user_id", BigIntegerField())))
    )
)


def _by_slug(context: Context, slug: str) -> models.Room | None:
    viewer = context.person
    room = _readable_by_slug.first(slug=slug, user_id=viewer.pk) if viewer.is_active else None
    if room is not None:
        context.saw_rooms([room])
    return room


def _first(context: Context, rooms: QuerySet[models.Room]) -> models.Room | None:
    # One statement reads the room and where its stream stands: nothing can happen in between.
    room = rooms.select_related("stream").first()
    if room is not None:
        context.saw_rooms([room])
    return room


# The viewer's own stream before the memberships that the others read.
OPENERS: dict[str, Opener] = {"inboxCursor": _inbox_cursor, "room": _room, "rooms": _rooms}
