"""A person's own concerns across rooms."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import graphene
from django.db.models import BigIntegerField

from chat import models
from chat.events import EVERY_CREDENTIAL
from chat.events import UserEvent as Kind
from chat.permissions import can_read
from chat.reasons import Reason
from chat.schema.context import Context
from chat.schema.message import Message
from chat.schema.room import Room
from chat.schema.scalars import DateTime
from chat.schema.subscriptions.room_events import StreamResetReason
from realtime.errors import NotFound
from realtime.interface import Place, Viewer
from realtime.models import Event
from realtime.payloads import Activity, Happened, Ready, Reset, ResetReason, Root
from realtime.prepared import Parameter, Prepared


def _owner_id(event: Event) -> int:
    """Whose stream the event is in."""
    return int(event.stream.key.removeprefix("user:"))


def _room_id(event: Event) -> int:
    return int(event.object_id)


def _membership(root: Happened, context: Context) -> models.Membership | None:
    return context.loaders.memberships_of(_owner_id(root.event)).get(_room_id(root.event))


class RoomActivity(graphene.ObjectType):
    """A joined room has come this far. The same for all its members; at most one per room and second."""

    room_id = graphene.ID(required=True, description="The room.")
    last_seq = graphene.Int(required=True, description="The seq of its last event.")
    message_count = graphene.Int(required=True, description="Messages ever sent to it.")

    @staticmethod
    def resolve_room_id(root: Activity, info: graphene.ResolveInfo) -> int:
        return _followed(root, info).pk

    @staticmethod
    def resolve_last_seq(root: Activity, info: graphene.ResolveInfo) -> int:
        return _followed(root, info).stream.last_seq

    @staticmethod
    def resolve_message_count(root: Activity, info: graphene.ResolveInfo) -> int:
        return _followed(root, info).message_count


def _followed(root: Activity, info: graphene.ResolveInfo) -> models.Room:
    room: models.Room = info.context.loaders.rooms_by_stream.get(root.stream_id)
    return room


class Mentioned(graphene.ObjectType):
    """Somebody mentioned the viewer."""

    message = graphene.Field(Message, description="Where; null where the viewer can't read it any more.")

    @staticmethod
    def resolve_message(root: Happened, info: graphene.ResolveInfo) -> models.Message | None:
        message: models.Message | None = info.context.loaders.messages.get(uuid.UUID(root.event.object_id))
        room = None if message is None else info.context.loaders.rooms.get(message.room_id)
        return message if room is not None and can_read(_owner_id(root.event), room) else None


class MembershipChanged(graphene.ObjectType):
    """The viewer joined or left a room, or has another role there."""

    room_id = graphene.ID(required=True, description="The room.")
    room = graphene.Field(Room, description="The room as it is now; null where the viewer may no longer see it.")

    @staticmethod
    def resolve_room_id(root: Happened, _info: graphene.ResolveInfo) -> int:
        return _room_id(root.event)

    @staticmethod
    def resolve_room(root: Happened, info: graphene.ResolveInfo) -> models.Room | None:
        room: models.Room | None = info.context.loaders.rooms.get(_room_id(root.event))
        if room is None or not can_read(_owner_id(root.event), room):
            return None
        info.context.saw_rooms([room])
        return room


class ReadMarkerMoved(graphene.ObjectType):
    """The viewer has read on in a room, here or on another device."""

    room_id = graphene.ID(required=True, description="The room.")
    version = graphene.Int(required=True, description="The membership's version.")
    last_read_seq = graphene.Int(required=True, description="The seq of the last event that the viewer has read.")
    read_message_count = graphene.Int(required=True, description="How many of the room's messages that covers.")
    mention_count = graphene.Int(required=True, description="Mentions after it.")

    @staticmethod
    def resolve_room_id(root: Happened, _info: graphene.ResolveInfo) -> int:
        return _room_id(root.event)

    @staticmethod
    def resolve_version(root: Happened, info: graphene.ResolveInfo) -> int | None:
        return getattr(_membership(root, info.context), "version", None)

    @staticmethod
    def resolve_last_read_seq(root: Happened, info: graphene.ResolveInfo) -> int | None:
        return getattr(_membership(root, info.context), "last_read_seq", None)

    @staticmethod
    def resolve_read_message_count(root: Happened, info: graphene.ResolveInfo) -> int | None:
        return getattr(_membership(root, info.context), "read_message_count", None)

    @staticmethod
    def resolve_mention_count(root: Happened, info: graphene.ResolveInfo) -> int | None:
        return getattr(_membership(root, info.context), "mention_count", None)


class SessionEnded(graphene.ObjectType):
    """All sessions of the viewer have ended; the connection closes."""

    reason = graphene.String(required=True, description="Why, as a stable word.")

    @staticmethod
    def resolve_reason(root: Happened, _info: graphene.ResolveInfo) -> object:
        return root.event.detail.get("reason", "")


class InboxReady(graphene.ObjectType):
    """All that came before was replayed; what follows is live."""

    at = graphene.Field(DateTime, required=True, description="When.")

    @staticmethod
    def resolve_at(root: Ready, _info: graphene.ResolveInfo) -> datetime:
        return root.at


class InboxReset(graphene.ObjectType):
    """The cursor can't be honoured: fetch anew and go on from this one."""

    reason = graphene.Field(StreamResetReason, required=True, description="Why.")

    @staticmethod
    def resolve_reason(root: Reset, _info: graphene.ResolveInfo) -> ResetReason:
        return root.reason


_TYPE_OF_KIND: dict[str, type[graphene.ObjectType]] = {
    Kind.MENTIONED: Mentioned,
    Kind.MEMBERSHIP_CHANGED: MembershipChanged,
    Kind.READ_MARKER_MOVED: ReadMarkerMoved,
    Kind.SESSION_ENDED: SessionEnded,
}
_TYPE_OF_SIGN: dict[type[Root], type[graphene.ObjectType]] = {
    Activity: RoomActivity,
    Ready: InboxReady,
    Reset: InboxReset,
}


class InboxItem(graphene.Union):
    """One concern."""

    class Meta:
        types = (RoomActivity, Mentioned, MembershipChanged, ReadMarkerMoved, SessionEnded, InboxReady, InboxReset)

    @classmethod
    def resolve_type(cls, root: Root, _info: graphene.ResolveInfo) -> type[graphene.ObjectType]:
        return _TYPE_OF_KIND[root.event.kind] if isinstance(root, Happened) else _TYPE_OF_SIGN[type(root)]


class Inbox(graphene.ObjectType):
    """The viewer's next concern, and the place right after it."""

    cursor = graphene.String(description="Names the place: for `after`. Null on RoomActivity, which is in no order.")
    item = graphene.Field(InboxItem, description="The concern; null where it can't be shown any more.")

    @staticmethod
    def resolve_cursor(root: Root, _info: graphene.ResolveInfo) -> str | None:
        return str(root.cursor) if isinstance(root, (Happened, Ready, Reset)) else None

    @staticmethod
    def resolve_item(root: Root, info: graphene.ResolveInfo) -> Root | None:
        return root if _can_be_shown(root, info.context) else None


def _can_be_shown(root: Root, context: Context) -> bool:
    if isinstance(root, Activity):
        return context.loaders.rooms_by_stream.get(root.stream_id) is not None
    if not isinstance(root, Happened):
        return True
    match root.event.kind:
        case Kind.READ_MARKER_MOVED:
            return _membership(root, context) is not None
        case Kind.SESSION_ENDED:
            # The end of one session is not the others' concern; its own connection is closed for it.
            return root.event.object_id == EVERY_CREDENTIAL
    return True


_user_id = Parameter("user_id", BigIntegerField())
_own_stream = Prepared(lambda: models.User.objects.filter(pk=_user_id).values_list("stream_id", flat=True))
_owner = Prepared(
    lambda: models.User.objects.filter(stream_id=Parameter("stream_id", BigIntegerField()), is_active=True).values_list(
        "pk", flat=True
    )
)
_streams_of_rooms = Prepared(
    lambda: models.Membership.objects.filter(user_id=_user_id).values_list("room__stream_id", flat=True)
)


class InboxSource:
    """`inbox`: the viewer's own stream, and the activity of the rooms that they have joined."""

    def locate(self, viewer: Viewer, arguments: Mapping[str, Any]) -> Place:
        (stream_id,) = _own_stream(user_id=viewer.pk)
        return Place(stream_id)

    def who_may_read(self, stream_id: int, viewer_ids: Collection[int]) -> Collection[int]:
        return set(_owner(stream_id=stream_id)) & set(viewer_ids)

    def unreadable(self) -> NotFound:
        return NotFound("this person is no longer here", reason=Reason.PERSON_UNKNOWN)

    def may_shut_out(self, event: Event) -> bool:
        return False  # it ends with the connection

    def overtakes(self, event: Event) -> bool:
        return False

    def prepare(self, context: Context, roots: Sequence[Root]) -> None:
        events = [root.event for root in roots if isinstance(root, Happened)]
        context.loaders.messages.want(uuid.UUID(each.object_id) for each in events if each.kind == Kind.MENTIONED)
        context.loaders.rooms.want(_room_id(each) for each in events if each.kind == Kind.MEMBERSHIP_CHANGED)

    def follows(self, viewer: Viewer) -> Iterable[int]:
        return _streams_of_rooms(user_id=viewer.pk)

    def changes_follows(self, event: Event) -> bool:
        return event.kind == Kind.MEMBERSHIP_CHANGED
