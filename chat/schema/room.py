"""The type Room, and pages of rooms and of their members."""

import graphene
from graphene.types.resolver import attr_resolver
from graphql.pyutils import Path

from chat import models
from chat.schema.membership import Membership, MembershipRole
from chat.schema.message import MESSAGES, MessageConnection, message_cursor
from chat.schema.paging import Ends, Page, PageInfo, Window, page_of, page_size, read_key, write_cursor
from chat.schema.rows import Member
from chat.schema.scalars import DateTime
from chat.schema.user import User
from realtime.viewing import depends_on_viewer

MEMBERS = "member"
ROOMS = "room"
LAST_MESSAGES = 50
FIRST_MEMBERS = 100

_VISIBILITIES = {
    None: "Who may read a room.",
    models.Room.Visibility.PUBLIC: "Every signed-in person; posting needs membership.",
    models.Room.Visibility.PRIVATE: "Its members, who are added by others.",
    models.Room.Visibility.DIRECT: "The people who opened it with one another.",
}

RoomVisibility = graphene.Enum.from_enum(models.Room.Visibility, name="RoomVisibility", description=_VISIBILITIES.get)


class MemberEdge(graphene.ObjectType):
    """A person's place among the members of a room."""

    class Meta:
        default_resolver = attr_resolver

    cursor = graphene.String(required=True, description="Names the place: for `after`.")
    node = graphene.Field(User, required=True, description="The person.")
    role = graphene.Field(MembershipRole, required=True, description="What the person may do in the room.")

    @staticmethod
    def resolve_cursor(member: Member, _info: graphene.ResolveInfo) -> str:
        return _member_cursor(member)

    @staticmethod
    def resolve_node(member: Member, _info: graphene.ResolveInfo) -> models.User:
        return member.user


class MemberConnection(graphene.ObjectType):
    """A page of a room's members, in the order in which they joined."""

    class Meta:
        default_resolver = attr_resolver

    edges = graphene.List(
        graphene.NonNull(MemberEdge), required=True, description="The members with their cursors and roles."
    )
    nodes = graphene.List(graphene.NonNull(User), required=True, description="The people themselves.")
    page_info = graphene.Field(PageInfo, required=True, description="Where the page lies among the room's members.")

    @staticmethod
    def resolve_nodes(page: Page[Member], _info: graphene.ResolveInfo) -> list[models.User]:
        return [member.user for member in page.rows]


class Room(graphene.ObjectType):
    """Where people talk. Every change in it is one event with the room's next seq."""

    class Meta:
        default_resolver = attr_resolver

    id = graphene.ID(required=True, description="Stable and opaque.")
    slug = graphene.String(required=True, description="The room's name in URLs; it never changes.")
    name = graphene.String(required=True, description="Empty for a direct room: pages name it by its members.")
    topic = graphene.String(required=True, description="What the room is for, in a line; may be empty.")
    visibility = graphene.Field(RoomVisibility, required=True, description="Who may read it.")
    archived_at = graphene.Field(
        DateTime, description="Since when the room can be read but not written to; null where it can be."
    )
    last_seq = graphene.Int(required=True, description="The seq of the room's last event. Merge it by maximum.")
    version = graphene.Int(
        required=True, description="The seq of the last event that changed the room: what carries a lower one is older."
    )
    message_count = graphene.Int(
        required=True,
        description="Messages ever sent to the room; what is unread is the difference to Membership.readMessageCount.",
    )
    cursor = graphene.String(
        required=True,
        description="Where the room stood before the rest of this response was read: subscribe with `after: cursor` to"
        " what comes next.",
    )
    messages = graphene.Field(
        MessageConnection,
        required=True,
        first=graphene.Int(description="The first ones, 1 to 200. Where it is given, `last` is not looked at."),
        after=graphene.String(description="Only messages after the one with this cursor."),
        last=graphene.Int(default_value=LAST_MESSAGES, description="The last ones, 1 to 200."),
        before=graphene.String(description="Only messages before the one with this cursor."),
        after_seq=graphene.Int(description="Only messages after this seq; `after` for whom a seq is enough."),
        before_seq=graphene.Int(description="Only messages before this seq; `before` for whom a seq is enough."),
        description="Newest page by default (`last`), older ones with `before`; the nodes are always in rising seq"
        " order. `first` and `last` count within what `after` and `before` leave. Deleted messages keep their places.",
    )
    members = graphene.Field(
        MemberConnection,
        required=True,
        first=graphene.Int(default_value=FIRST_MEMBERS, description="How many at most: 1 to 200."),
        after=graphene.String(description="Only members after the one with this cursor."),
        description="The room's members, in the order in which they joined.",
    )
    participants = graphene.List(
        graphene.NonNull(User),
        required=True,
        description="Of a direct room its members, in the order in which they joined: what pages call it by. Empty for"
        " other rooms.",
    )
    member_count = graphene.Int(required=True, description="How many members the room has.")
    viewer_membership = graphene.Field(
        Membership, description="The viewer's own standing in the room; null where it is no member."
    )

    @staticmethod
    def resolve_name(room: models.Room, _info: graphene.ResolveInfo) -> str:
        return "" if room.visibility == models.Room.Visibility.DIRECT else room.name

    @staticmethod
    def resolve_last_seq(room: models.Room, _info: graphene.ResolveInfo) -> int:
        return room.stream.last_seq

    @staticmethod
    def resolve_cursor(room: models.Room, info: graphene.ResolveInfo) -> str:
        return str(info.context.cursor_of(room))

    @staticmethod
    def resolve_messages(
        room: models.Room,
        info: graphene.ResolveInfo,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        after_seq: int | None = None,
        before_seq: int | None = None,
    ) -> Page[models.Message]:
        # `last` has a default in the contract, so a request can't be told from one for both: `first` decides.
        forward = first is not None
        asked, field = (first, "first") if forward else (last, "last")
        window = Window(
            count=page_size(asked, field=field, default=LAST_MESSAGES),
            forward=forward,
            after=after_seq if after is None else read_key(after, MESSAGES, room.pk, field="after"),
            before=before_seq if before is None else read_key(before, MESSAGES, room.pk, field="before"),
        )
        alone = not _in_list(info)
        part = info.context.loaders.message_slices(window).get(room.pk, alone=alone)

        def ends() -> Ends:
            return info.context.loaders.message_ends.get(room.pk, alone=alone) or Ends(None, None)

        return page_of(part, window, cursor_of=message_cursor, ends=ends)

    @staticmethod
    def resolve_members(
        room: models.Room, info: graphene.ResolveInfo, first: int | None = None, after: str | None = None
    ) -> Page[Member]:
        window = Window(
            count=page_size(first, field="first", default=FIRST_MEMBERS),
            after=read_key(after, MEMBERS, room.pk, field="after"),
        )
        alone = not _in_list(info)
        part = info.context.loaders.member_slices(window).get(room.pk, alone=alone)
        for member in part.rows:
            info.context.loaders.users.prime(member.user.pk, member.user)

        def ends() -> Ends:
            return info.context.loaders.member_ends.get(room.pk, alone=alone) or Ends(None, None)

        return page_of(part, window, cursor_of=_member_cursor, ends=ends)

    @staticmethod
    def resolve_participants(room: models.Room, info: graphene.ResolveInfo) -> list[models.User]:
        if room.visibility != models.Room.Visibility.DIRECT:
            return []
        return info.context.loaders.participants.get(room.pk) or []

    @staticmethod
    def resolve_member_count(room: models.Room, info: graphene.ResolveInfo) -> int:
        return info.context.loaders.member_counts.get(room.pk) or 0

    @staticmethod
    @depends_on_viewer
    def resolve_viewer_membership(room: models.Room, info: graphene.ResolveInfo) -> models.Membership | None:
        of_viewer = info.context.loaders.memberships_of(info.context.person.pk)
        membership: models.Membership | None = of_viewer.get(room.pk)
        if membership is not None:
            membership.room = room
        return membership


def _in_list(info: graphene.ResolveInfo) -> bool:
    """Whether the field is asked of each in a list: else what it asks for, it asks for one room alone."""
    path: Path | None = info.path
    while path is not None:
        if isinstance(path.key, int):
            return True
        path = path.prev
    return False


class RoomEdge(graphene.ObjectType):
    """A room's place among those that the viewer may read."""

    cursor = graphene.String(required=True, description="Names the place: for `after`.")
    node = graphene.Field(Room, required=True, description="The room.")

    @staticmethod
    def resolve_cursor(room: models.Room, _info: graphene.ResolveInfo) -> str:
        return room_cursor(room)

    @staticmethod
    def resolve_node(room: models.Room, _info: graphene.ResolveInfo) -> models.Room:
        return room


class RoomConnection(graphene.ObjectType):
    """A page of rooms, ordered by slug."""

    class Meta:
        default_resolver = attr_resolver

    edges = graphene.List(graphene.NonNull(RoomEdge), required=True, description="The rooms with their cursors.")
    nodes = graphene.List(graphene.NonNull(Room), required=True, description="The rooms themselves.")
    page_info = graphene.Field(PageInfo, required=True, description="Where the page lies among the rooms.")


def room_cursor(room: models.Room) -> str:
    return write_cursor(ROOMS, room.slug)


def _member_cursor(member: Member) -> str:
    return write_cursor(MEMBERS, member.room_id, member.pk)
