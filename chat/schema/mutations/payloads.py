"""What most mutations share: how they begin, what they take and what they answer with."""

import graphene
from graphene.types.resolver import attr_resolver
from graphql import FieldNode

from chat import models
from chat.schema.message import Message
from chat.schema.queries import room_readable
from chat.schema.room import Room

OPERATION = "Names this operation: repeating it changes nothing and returns the present state."


class MessagePayload(graphene.ObjectType):
    """What became of a message."""

    class Meta:
        default_resolver = attr_resolver

    message = graphene.Field(Message, required=True, description="The message as it is now.")


class RoomPayload(graphene.ObjectType):
    """What became of a room."""

    class Meta:
        default_resolver = attr_resolver

    room = graphene.Field(
        Room,
        description="The room as it is now; null where the viewer may no longer see it (a private room just left).",
    )


def taking(input_type: type[graphene.InputObjectType]) -> graphene.Argument:
    """The one argument `input` of a mutation; resolvers get it as the name under which the field declares it."""
    return graphene.Argument(input_type, required=True, name="input", description="What to do.")


def acting(info: graphene.ResolveInfo) -> models.User:
    """The signed-in person about to change something: what this response read before is forgotten.

    Raises:
        Unauthenticated: nobody is signed in.
    """
    person: models.User = info.context.person
    info.context.reads_anew()
    return person


def message_payload(info: graphene.ResolveInfo, message: models.Message) -> MessagePayload:
    return MessagePayload(message=message_now(info, message))


def message_now(info: graphene.ResolveInfo, message: models.Message) -> models.Message:
    """The message to answer with.

    Where other fields of the response may fix the room's cursor after this one, it is fixed here and the message read
    again behind it: else a change between the two would be in neither.
    """
    selections = info.operation.selection_set.selections
    if len(selections) == 1 and isinstance(selections[0], FieldNode):
        return message
    room = info.context.loaders.rooms.get(message.room_id)
    if room is not None:
        info.context.cursor_of(room)
    return info.context.loaders.messages.get(message.pk) or message


def room_payload(info: graphene.ResolveInfo, room: models.Room) -> RoomPayload:
    return RoomPayload(room=room_readable(info.context, room.pk))
