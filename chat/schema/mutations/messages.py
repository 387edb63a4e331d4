"""Sending, editing and deleting messages."""

import graphene
from graphene.types.resolver import attr_resolver

from chat import models
from chat.actions.messages import delete_message, edit_message, send_message
from chat.permissions import can_read
from chat.schema.ids import message_key, room_key
from chat.schema.message import Message
from chat.schema.mutations.payloads import (
    OPERATION,
    MessagePayload,
    acting,
    message_now,
    message_payload,
    taking,
)
from chat.schema.reaction import PEOPLE
from chat.schema.scalars import UUID

_STATUSES = {
    None: "What became of a message that was sent.",
    models.Message.Status.STORED: "It has its place in the room, for good.",
    models.Message.Status.HELD: "It waits for a moderator.",
}

SendStatus = graphene.Enum.from_enum(models.Message.Status, name="SendStatus", description=_STATUSES.get)


class SendMessageInput(graphene.InputObjectType):
    """A message to send."""

    id = UUID(
        description="The message's id, chosen by the client (v4 or v7): sending it again returns the one message that"
        " was stored. The server chooses one where it is left out, and then a repeat is another message."
    )
    room_id = graphene.ID(required=True, description="The room to send it to.")
    body = graphene.String(required=True, description="The text, in the Markdown subset that the room shows.")
    reply_to_id = graphene.ID(description="The message of the same room that it answers.")


class EditMessageInput(graphene.InputObjectType):
    """A new text for a message."""

    message_id = graphene.ID(required=True, description="The message to change.")
    body = graphene.String(required=True, description="The whole new text.")
    op_id = UUID(description=OPERATION)


class MessageInput(graphene.InputObjectType):
    """A message, and nothing more."""

    message_id = graphene.ID(required=True, description="The message.")
    op_id = UUID(description=OPERATION)


class SendMessagePayload(graphene.ObjectType):
    """What became of the message."""

    class Meta:
        default_resolver = attr_resolver

    message = graphene.Field(
        Message, description="The message as it is stored; null while it is HELD: it has no seq yet."
    )
    status = graphene.Field(SendStatus, required=True, description="Whether it has its place in the room.")


class MessageMutations(graphene.ObjectType):
    send_message = graphene.Field(
        SendMessagePayload,
        required=True,
        sent=taking(SendMessageInput),
        description="Sends a message. The answer means that it is stored for good and will reach every member.",
    )
    edit_message = graphene.Field(
        MessagePayload,
        required=True,
        change=taking(EditMessageInput),
        description="Changes the text of one of the viewer's own messages.",
    )
    delete_message = graphene.Field(
        MessagePayload,
        required=True,
        which=taking(MessageInput),
        description="Deletes a message: its words are gone for good, its place remains.",
    )

    @staticmethod
    def resolve_send_message(_root: None, info: graphene.ResolveInfo, sent: SendMessageInput) -> SendMessagePayload:
        author = acting(info)
        outcome = send_message(
            room_key(sent.room_id),
            author=author,
            body=sent.body,
            id=sent.id,
            reply_to_id=None if sent.reply_to_id is None else message_key(sent.reply_to_id, field="replyToId"),
        )
        if outcome.message is None:
            return SendMessagePayload(message=None, status=outcome.status)
        message = message_now(info, outcome.message)
        _hide_what_others_added(info, message)
        return SendMessagePayload(message=message, status=outcome.status)

    @staticmethod
    def resolve_edit_message(_root: None, info: graphene.ResolveInfo, change: EditMessageInput) -> MessagePayload:
        actor = acting(info)
        message = edit_message(message_key(change.message_id), actor=actor, body=change.body, op_id=change.op_id)
        return message_payload(info, message)

    @staticmethod
    def resolve_delete_message(_root: None, info: graphene.ResolveInfo, which: MessageInput) -> MessagePayload:
        actor = acting(info)
        return message_payload(info, delete_message(message_key(which.message_id), actor=actor, op_id=which.op_id))


def _hide_what_others_added(info: graphene.ResolveInfo, message: models.Message) -> None:
    """Show to one who repeats a send, but may read the room no longer, nothing but the message itself."""
    untouched = message.version == message.seq and message.reply_to_id is None
    if untouched or can_read(info.context.person.pk, message.room):
        return
    message.reply_to = None
    info.context.loaders.reactions(PEOPLE).prime(message.pk, [])
