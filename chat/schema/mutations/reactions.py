"""Adding and removing reactions."""

import graphene

from chat.actions.reactions import add_reaction, remove_reaction
from chat.schema.ids import message_key
from chat.schema.mutations.payloads import OPERATION, MessagePayload, acting, message_payload, taking
from chat.schema.scalars import UUID


class ReactionInput(graphene.InputObjectType):
    """An emoji under a message."""

    message_id = graphene.ID(required=True, description="The message.")
    emoji = graphene.String(required=True, description="One emoji, itself and not its name.")
    op_id = UUID(description=OPERATION)


class ReactionMutations(graphene.ObjectType):
    add_reaction = graphene.Field(
        MessagePayload,
        required=True,
        reaction=taking(ReactionInput),
        description="Reacts to a message. Reacting twice with the same emoji changes nothing.",
    )
    remove_reaction = graphene.Field(
        MessagePayload,
        required=True,
        reaction=taking(ReactionInput),
        description="Takes a reaction of the viewer's back. One that is not there changes nothing.",
    )

    @staticmethod
    def resolve_add_reaction(_root: None, info: graphene.ResolveInfo, reaction: ReactionInput) -> MessagePayload:
        actor = acting(info)
        message_id = message_key(reaction.message_id)
        message = add_reaction(message_id, actor=actor, emoji=reaction.emoji, op_id=reaction.op_id)
        return message_payload(info, message)

    @staticmethod
    def resolve_remove_reaction(_root: None, info: graphene.ResolveInfo, reaction: ReactionInput) -> MessagePayload:
        actor = acting(info)
        message_id = message_key(reaction.message_id)
        message = remove_reaction(message_id, actor=actor, emoji=reaction.emoji, op_id=reaction.op_id)
        return message_payload(info, message)
