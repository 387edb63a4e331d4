"""The type Message, and pages of them."""

import graphene
from graphene.types.resolver import attr_resolver

from chat import models
from chat.schema.paging import PageInfo, write_cursor
from chat.schema.reaction import PEOPLE, Reaction
from chat.schema.rows import ReactionGroup
from chat.schema.scalars import DateTime
from chat.schema.user import User

MESSAGES = "message"


class Message(graphene.ObjectType):
    """What somebody said in a room. A deleted one keeps its place, without its words."""

    class Meta:
        default_resolver = attr_resolver

    id = graphene.ID(required=True, description="The UUID that its sender's client chose.")
    room_id = graphene.ID(required=True, description="The room that it was sent to.")
    seq = graphene.Int(
        required=True, description="The seq of the event that sent it: a room's messages are ordered by it."
    )
    version = graphene.Int(
        required=True, description="The seq of the last event that changed it: what carries a lower one is older."
    )
    author = graphene.Field(User, description="Who sent it; null where the account is gone.")
    body = graphene.String(required=True, description="The text as it was written; empty once deleted.")
    body_html = graphene.String(required=True, description="The same rendered to sanitised HTML.")
    created_at = graphene.Field(
        DateTime, required=True, description="When it was sent. Never runs backwards within a room, but orders nothing."
    )
    edited_at = graphene.Field(DateTime, description="When its text was last changed; null where it never was.")
    deleted_at = graphene.Field(DateTime, description="When it was deleted; null where it was not.")
    reply_to = graphene.Field(lambda: Message, description="The message of the same room that it answers.")
    thread_root_id = graphene.ID(description="The first message of the thread it belongs to.")
    reactions = graphene.List(
        graphene.NonNull(Reaction),
        required=True,
        description="Its reactions, in the order in which each emoji was first used.",
    )

    @staticmethod
    def resolve_author(message: models.Message, info: graphene.ResolveInfo) -> models.User | None:
        return None if message.author_id is None else info.context.loaders.users.get(message.author_id)

    @staticmethod
    def resolve_reply_to(message: models.Message, info: graphene.ResolveInfo) -> models.Message | None:
        return None if message.reply_to_id is None else info.context.loaders.messages.get(message.reply_to_id)

    @staticmethod
    def resolve_reactions(message: models.Message, info: graphene.ResolveInfo) -> list[ReactionGroup]:
        if message.version == message.seq:
            return []  # Nothing has happened to it since it was sent: most events are of such messages.
        return info.context.loaders.reactions(PEOPLE).get(message.pk) or []


class MessageEdge(graphene.ObjectType):
    """A message's place in its room."""

    cursor = graphene.String(required=True, description="Names the place: for `after` and `before`.")
    node = graphene.Field(Message, required=True, description="The message.")

    @staticmethod
    def resolve_cursor(message: models.Message, _info: graphene.ResolveInfo) -> str:
        return message_cursor(message)

    @staticmethod
    def resolve_node(message: models.Message, _info: graphene.ResolveInfo) -> models.Message:
        return message


class MessageConnection(graphene.ObjectType):
    """A page of a room's messages, always in rising seq order."""

    class Meta:
        default_resolver = attr_resolver

    edges = graphene.List(graphene.NonNull(MessageEdge), required=True, description="The messages with their cursors.")
    nodes = graphene.List(graphene.NonNull(Message), required=True, description="The messages themselves.")
    page_info = graphene.Field(PageInfo, required=True, description="Where the page lies among the room's messages.")


def message_cursor(message: models.Message) -> str:
    return write_cursor(MESSAGES, message.room_id, message.seq)
