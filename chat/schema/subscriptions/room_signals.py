"""What passes in a room and is not kept: typing, presence, read markers."""

from collections.abc import Mapping, Sequence
from typing import Any

import graphene

from chat import models
from chat.schema.context import Context
from chat.schema.subscriptions.room_events import RoomSource, person
from chat.schema.user import User
from realtime.interface import Place, Viewer
from realtime.payloads import Passing, Root


def topic_of(room_id: int | str) -> str:
    """The name under which actions hand on what passes in the room."""
    return f"room:{room_id}"


def _person(signal: Mapping[str, Any], info: graphene.ResolveInfo) -> models.User | None:
    return person(int(signal["user"]), info)


class TypingSignal(graphene.ObjectType):
    """Somebody types, or has stopped to. Lapses by itself after some seconds."""

    user = graphene.Field(User, required=True, description="Who.")
    typing = graphene.Boolean(required=True, description="Whether they type now.")

    @staticmethod
    def resolve_user(signal: Mapping[str, Any], info: graphene.ResolveInfo) -> models.User | None:
        return _person(signal, info)

    @staticmethod
    def resolve_typing(signal: Mapping[str, Any], _info: graphene.ResolveInfo) -> bool:
        return bool(signal["typing"])


class ReadSignal(graphene.ObjectType):
    """Somebody has read up to a place."""

    user = graphene.Field(User, required=True, description="Who.")
    last_read_seq = graphene.Int(required=True, description="The seq of the last event that they have read.")

    @staticmethod
    def resolve_user(signal: Mapping[str, Any], info: graphene.ResolveInfo) -> models.User | None:
        return _person(signal, info)

    @staticmethod
    def resolve_last_read_seq(signal: Mapping[str, Any], _info: graphene.ResolveInfo) -> int:
        return int(signal["seq"])


_PRESENCES = {
    "ONLINE": "Has a page open and uses it.",
    "AWAY": "Has a page open, but has not used it for a while.",
    "OFFLINE": "Has no page open.",
}


class Presence(graphene.Enum):
    """Whether a person is there."""

    ONLINE = "ONLINE"
    AWAY = "AWAY"
    OFFLINE = "OFFLINE"

    @property
    def description(self) -> str:
        return _PRESENCES[self.value]


class UserPresence(graphene.ObjectType):
    """One person's presence."""

    user = graphene.Field(User, required=True, description="Who.")
    presence = graphene.Field(Presence, required=True, description="Whether they are there.")


class PresenceSignal(graphene.ObjectType):
    """Who is there: everybody at first, then those for whom it has changed."""

    users = graphene.List(graphene.NonNull(UserPresence), required=True, description="People and their presence.")


class RoomSignal(graphene.Union):
    """One thing that passes."""

    class Meta:
        types = (TypingSignal, PresenceSignal, ReadSignal)

    @classmethod
    def resolve_type(cls, signal: Mapping[str, Any], _info: graphene.ResolveInfo) -> type[graphene.ObjectType]:
        return _TYPE_OF_KIND[signal["kind"]]


_TYPE_OF_KIND: dict[str, type[graphene.ObjectType]] = {"typing": TypingSignal, "read": ReadSignal}


class RoomSignals(graphene.ObjectType):
    """The next thing that passes in a room."""

    signal = graphene.Field(RoomSignal, description="What passes; null where it can't be shown.")

    @staticmethod
    def resolve_signal(root: Passing, info: graphene.ResolveInfo) -> Mapping[str, Any] | None:
        known = root.payload.get("kind") in _TYPE_OF_KIND and _person(root.payload, info) is not None
        return root.payload if known else None


class RoomSignalsSource(RoomSource):
    """`roomSignals`: the room's topic; who may not read the room's stream gets none of it."""

    def locate(self, viewer: Viewer, arguments: Mapping[str, Any]) -> Place:
        place = super().locate(viewer, arguments)
        return Place(place.stream_id, topic_of(arguments["room_id"]))

    def prepare(self, context: Context, roots: Sequence[Root]) -> None:
        """One signal at a time: there is nothing to batch."""
