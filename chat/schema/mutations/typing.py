"""That somebody is typing."""

import graphene

from chat.actions.typing import set_typing
from chat.schema.ids import room_key
from chat.schema.mutations.payloads import RoomPayload, acting, room_payload, taking


class SetTypingInput(graphene.InputObjectType):
    """Whether the viewer types in a room."""

    room_id = graphene.ID(required=True, description="The room.")
    typing = graphene.Boolean(required=True, description="True while typing, false at the end of it.")


class TypingMutations(graphene.ObjectType):
    set_typing = graphene.Field(
        RoomPayload,
        required=True,
        sign=taking(SetTypingInput),
        description="Tells the room that the viewer is typing; lapses by itself after some seconds.",
    )

    @staticmethod
    def resolve_set_typing(_root: None, info: graphene.ResolveInfo, sign: SetTypingInput) -> RoomPayload:
        actor = acting(info)
        return room_payload(info, set_typing(room_key(sign.room_id), actor=actor, typing=sign.typing))
