"""Read markers."""

import graphene

from chat.actions.reading import mark_read, mark_unread
from chat.schema.ids import room_key
from chat.schema.mutations.payloads import OPERATION, RoomPayload, acting, room_payload, taking
from chat.schema.scalars import UUID


class MarkReadInput(graphene.InputObjectType):
    """A place in a room."""

    room_id = graphene.ID(required=True, description="The room.")
    seq = graphene.Int(required=True, description="The place: the seq of an event of the room.")
    op_id = UUID(description=OPERATION)


class ReadingMutations(graphene.ObjectType):
    mark_read = graphene.Field(
        RoomPayload,
        required=True,
        marker=taking(MarkReadInput),
        description="Moves the viewer's read marker forward (never back) to `seq`.",
    )
    mark_unread = graphene.Field(
        RoomPayload,
        required=True,
        marker=taking(MarkReadInput),
        description="The person's own wish to have `seq` and what follows unread again; the one way back.",
    )

    @staticmethod
    def resolve_mark_read(_root: None, info: graphene.ResolveInfo, marker: MarkReadInput) -> RoomPayload:
        actor = acting(info)
        room = mark_read(room_key(marker.room_id), actor=actor, seq=marker.seq, op_id=marker.op_id)
        return room_payload(info, room)

    @staticmethod
    def resolve_mark_unread(_root: None, info: graphene.ResolveInfo, marker: MarkReadInput) -> RoomPayload:
        actor = acting(info)
        room = mark_unread(room_key(marker.room_id), actor=actor, seq=marker.seq, op_id=marker.op_id)
        return room_payload(info, room)
