"""The subscriptions: their types, and the sources that say where their events come from."""

import graphene

from chat.schema.subscriptions.inbox import Inbox, InboxSource
from chat.schema.subscriptions.room_events import EVENT_TYPES, RoomEvents, RoomEventsSource
from chat.schema.subscriptions.room_signals import RoomSignals, RoomSignalsSource
from realtime.interface import Source
from realtime.payloads import Root

SOURCES: dict[str, Source] = {
    "roomEvents": RoomEventsSource(),
    "roomSignals": RoomSignalsSource(),
    "inbox": InboxSource(),
}

TYPES = EVENT_TYPES  # reached through their interface alone


def _the_root(root: Root, _info: graphene.ResolveInfo, **_arguments: object) -> Root:
    return root


class Subscription(graphene.ObjectType):
    """What goes on by itself: served over the WebSocket."""

    room_events = graphene.Field(
        RoomEvents,
        required=True,
        room_id=graphene.ID(required=True, description="The room."),
        after=graphene.String(description="Replay first what came after this cursor."),
        resolver=_the_root,
        description="Every event of one room, in order, from `after` on (live only where it is left out), with "
        "StreamReady in between.",
    )
    room_signals = graphene.Field(
        RoomSignals,
        required=True,
        room_id=graphene.ID(required=True, description="The room."),
        resolver=_the_root,
        description="What passes and is not kept: typing, presence, read markers. May be dropped under load; never "
        "late by seconds.",
    )
    inbox = graphene.Field(
        Inbox,
        required=True,
        after=graphene.String(description="Replay first what came after this cursor."),
        resolver=_the_root,
        description="The viewer's own concerns across rooms. Durable ones are a stream of their own, resumed by "
        "`after` like a room's. RoomActivity is not: one for each joined room comes first at every (re)subscription.",
    )
