"""The root type Mutation: one file for each subject."""

import graphene

from chat.schema.mutations.members import MemberMutations
from chat.schema.mutations.messages import MessageMutations
from chat.schema.mutations.reactions import ReactionMutations
from chat.schema.mutations.reading import ReadingMutations
from chat.schema.mutations.rooms import RoomMutations
from chat.schema.mutations.typing import TypingMutations


class Mutation(
    RoomMutations,
    MemberMutations,
    MessageMutations,
    ReactionMutations,
    ReadingMutations,
    TypingMutations,
    graphene.ObjectType,
):
    """What can be changed. Every input may carry `opId`: repeating it changes nothing and returns the present state."""
