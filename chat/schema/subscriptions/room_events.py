"""The events of a room: one type for each kind, and where they come from."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import graphene
from django.db.models import BigIntegerField

from chat import models
from chat.actions.turns import room_on, room_unknown, stream_of
from chat.events import RoomEvent as Kind
from chat.permissions import who_may_read
from chat.schema.context import Context
from chat.schema.ids import room_key
from chat.schema.membership import MembershipRole
from chat.schema.message import Message
from chat.schema.room import Room
from chat.schema.scalars import DateTime
from chat.schema.user import User
from realtime.errors import NotFound
from realtime.interface import Place, Viewer
from realtime.models import Event
from realtime.payloads import Happened, Ready, Reset, ResetReason, Root
from realtime.prepared import Parameter, Prepared

_REASONS = {
    None: "Why a cursor can't be honoured.",
    ResetReason.CURSOR_INVALID: "It is no cursor, or another stream's.",
    ResetReason.CURSOR_EXPIRED: "The log no longer reaches back to it.",
    ResetReason.TOO_FAR_BEHIND: "Fetching anew costs less than replaying what came after it.",
    ResetReason.HISTORY_CHANGED: "The log holds something else there: a backup was restored.",
}

StreamResetReason = graphene.Enum.from_enum(ResetReason, name="StreamResetReason", description=_REASONS.get)


def person(user_id: int, info: graphene.ResolveInfo) -> models.User | None:
    """Somebody whom an event is about; None where the account is gone."""
    found: models.User | None = info.context.loaders.users.get(user_id)
    return found


class RoomEvent(graphene.Interface):
    """One change in a room, or a sign between them."""

    room_id = graphene.ID(required=True, description="The room.")
    seq = graphene.Int(required=True, description="Its number among the room's events; of a sign: the head's.")
    at = graphene.Field(DateTime, required=True, description="When it happened.")
    actor = graphene.Field(User, description="Who did it; null where nobody did, or the account is gone.")

    @classmethod
    def resolve_type(cls, root: Root, _info: graphene.ResolveInfo) -> type[graphene.ObjectType]:
        if isinstance(root, Happened):
            return _TYPE_OF_KIND[Kind(root.event.kind)]
        return StreamReset if isinstance(root, Reset) else StreamReady

    @staticmethod
    def resolve_room_id(root: Happened | Ready | Reset, _info: graphene.ResolveInfo) -> int:
        return room_on(root.cursor.stream_id)

    @staticmethod
    def resolve_seq(root: Happened | Ready | Reset, _info: graphene.ResolveInfo) -> int:
        return root.cursor.seq

    @staticmethod
    def resolve_at(root: Happened | Ready | Reset, _info: graphene.ResolveInfo) -> datetime:
        return root.event.created_at if isinstance(root, Happened) else root.at

    @staticmethod
    def resolve_actor(root: Root, info: graphene.ResolveInfo) -> models.User | None:
        if not isinstance(root, Happened) or root.event.actor_id is None:
            return None
        return person(root.event.actor_id, info)


class _OfMessage(graphene.ObjectType):
    class Meta:
        abstract = True

    message = graphene.Field(Message, required=True, description="The message as it is now.")

    @staticmethod
    def resolve_message(root: Happened, info: graphene.ResolveInfo) -> models.Message | None:
        return _message_of(root.event, info.context)


class MessageSent(_OfMessage):
    """A message was sent."""

    class Meta:
        interfaces = (RoomEvent,)


class MessageEdited(_OfMessage):
    """Its author changed a message's text."""

    class Meta:
        interfaces = (RoomEvent,)


class MessageDeleted(_OfMessage):
    """A message was deleted; it keeps its place without its words."""

    class Meta:
        interfaces = (RoomEvent,)


class ReactionsChanged(_OfMessage):
    """Somebody reacted to a message, or took a reaction back."""

    class Meta:
        interfaces = (RoomEvent,)

    emoji = graphene.String(required=True, description="The reaction.")
    added = graphene.Boolean(required=True, description="Whether it was added; else it was taken back.")

    @staticmethod
    def resolve_emoji(root: Happened, _info: graphene.ResolveInfo) -> object:
        return root.event.detail["emoji"]

    @staticmethod
    def resolve_added(root: Happened, _info: graphene.ResolveInfo) -> object:
        return root.event.detail["added"]


class _OfMember(graphene.ObjectType):
    class Meta:
        abstract = True

    member = graphene.Field(User, required=True, description="The person as they are now.")

    @staticmethod
    def resolve_member(root: Happened, info: graphene.ResolveInfo) -> models.User | None:
        return person(int(root.event.object_id), info)


class MemberJoined(_OfMember):
    """Somebody became a member."""

    class Meta:
        interfaces = (RoomEvent,)


class MemberLeft(_OfMember):
    """Somebody left or was removed."""

    class Meta:
        interfaces = (RoomEvent,)


class MemberUpdated(_OfMember):
    """A member's role, name or picture changed."""

    class Meta:
        interfaces = (RoomEvent,)

    role = graphene.Field(MembershipRole, required=True, description="The member's role since then.")

    @staticmethod
    def resolve_role(root: Happened, _info: graphene.ResolveInfo) -> object:
        return root.event.detail.get("role", models.Membership.Role.MEMBER)


class RoomUpdated(graphene.ObjectType):
    """The room's name, topic or visibility changed, or it was archived."""

    class Meta:
        interfaces = (RoomEvent,)

    room = graphene.Field(Room, required=True, description="The room as it is now.")

    @staticmethod
    def resolve_room(root: Happened, info: graphene.ResolveInfo) -> models.Room | None:
        room: models.Room | None = info.context.loaders.rooms_by_stream.get(root.event.stream_id)
        return room


class StreamReady(graphene.ObjectType):
    """All that came before was replayed; what follows is live. Not in the log."""

    class Meta:
        interfaces = (RoomEvent,)


class StreamReset(graphene.ObjectType):
    """The cursor can't be honoured: fetch the room anew and go on from this one. Not in the log."""

    class Meta:
        interfaces = (RoomEvent,)

    reason = graphene.Field(StreamResetReason, required=True, description="Why.")

    @staticmethod
    def resolve_reason(root: Reset, _info: graphene.ResolveInfo) -> ResetReason:
        return root.reason


_TYPE_OF_KIND: dict[Kind, type[graphene.ObjectType]] = {
    Kind.MESSAGE_SENT: MessageSent,
    Kind.MESSAGE_EDITED: MessageEdited,
    Kind.MESSAGE_DELETED: MessageDeleted,
    Kind.REACTIONS_CHANGED: ReactionsChanged,
    Kind.MEMBER_JOINED: MemberJoined,
    Kind.MEMBER_LEFT: MemberLeft,
    Kind.MEMBER_UPDATED: MemberUpdated,
    Kind.ROOM_UPDATED: RoomUpdated,
}
EVENT_TYPES = [*_TYPE_OF_KIND.values(), StreamReady, StreamReset]

_OF_MESSAGES = frozenset({Kind.MESSAGE_SENT, Kind.MESSAGE_EDITED, Kind.MESSAGE_DELETED, Kind.REACTIONS_CHANGED})
_OF_MEMBERS = frozenset({Kind.MEMBER_JOINED, Kind.MEMBER_LEFT, Kind.MEMBER_UPDATED})


class RoomEvents(graphene.ObjectType):
    """A room's next event, and the place right after it."""

    cursor = graphene.String(required=True, description="Names the place after the event: for `after`.")
    event = graphene.Field(
        RoomEvent,
        description="The event; null where it can no longer be shown: the client takes the cursor and goes on.",
    )

    @staticmethod
    def resolve_cursor(root: Happened | Ready | Reset, _info: graphene.ResolveInfo) -> str:
        return str(root.cursor)

    @staticmethod
    def resolve_event(root: Root, info: graphene.ResolveInfo) -> Root | None:
        return root if _can_be_shown(root, info.context) else None


def _can_be_shown(root: Root, context: Context) -> bool:
    """Whether what the event is about still exists."""
    if not isinstance(root, Happened):
        return True
    kind = root.event.kind
    if kind in _OF_MESSAGES:
        return _message_of(root.event, context) is not None
    if kind in _OF_MEMBERS:
        return context.loaders.users.get(int(root.event.object_id)) is not None
    return kind == Kind.ROOM_UPDATED


def _message_of(event: Event, context: Context) -> models.Message | None:
    return context.loaders.messages.get(uuid.UUID(event.object_id))


_room = Prepared(lambda: models.Room.objects.filter(stream_id=Parameter("stream_id", BigIntegerField())))


class RoomSource:
    """What subscriptions to a room have in common: where it is, and who may read it."""

    def locate(self, viewer: Viewer, arguments: Mapping[str, Any]) -> Place:
        return Place(stream_of(room_key(arguments["room_id"])))

    def who_may_read(self, stream_id: int, viewer_ids: Collection[int]) -> Collection[int]:
        room = _room.first(stream_id=stream_id)
        return set() if room is None else who_may_read(room, viewer_ids)

    def unreadable(self) -> NotFound:
        return room_unknown()

    def may_shut_out(self, event: Event) -> bool:
        return event.kind in (Kind.MEMBER_LEFT, Kind.ROOM_UPDATED)

    def overtakes(self, event: Event) -> bool:
        return event.kind in (Kind.MESSAGE_EDITED, Kind.MESSAGE_DELETED)

    def follows(self, viewer: Viewer) -> Iterable[int]:
        return ()

    def changes_follows(self, event: Event) -> bool:
        return False


class RoomEventsSource(RoomSource):
    """`roomEvents`: the room's stream."""

    def prepare(self, context: Context, roots: Sequence[Root]) -> None:
        events = [root.event for root in roots if isinstance(root, Happened)]
        loaders = context.loaders
        loaders.users.want(event.actor_id for event in events if event.actor_id is not None)
        loaders.users.want(int(event.object_id) for event in events if event.kind in _OF_MEMBERS)
        loaders.messages.want(uuid.UUID(event.object_id) for event in events if event.kind in _OF_MESSAGES)
