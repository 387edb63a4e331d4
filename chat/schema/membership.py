"""The type Membership: the viewer's own standing in a room."""

import graphene
from graphene.types.resolver import attr_resolver

from chat import models
from chat.schema.scalars import DateTime

_ROLES = {
    None: "What a person may do in a room.",
    models.Membership.Role.MEMBER: "Reads and writes.",
    models.Membership.Role.MODERATOR: "Deletes messages and removes members as well.",
    models.Membership.Role.OWNER: "Changes the room and its members' roles as well.",
}
_LEVELS = {
    None: "Of what a person wants to be notified in a room.",
    models.Membership.Notify.ALL: "Of every message.",
    models.Membership.Notify.MENTIONS: "Of messages that mention the person.",
    models.Membership.Notify.NOTHING: "Of nothing.",
}

MembershipRole = graphene.Enum.from_enum(models.Membership.Role, name="MembershipRole", description=_ROLES.get)
NotifyLevel = graphene.Enum.from_enum(models.Membership.Notify, name="NotifyLevel", description=_LEVELS.get)


class Membership(graphene.ObjectType):
    """The viewer's own standing in one room."""

    class Meta:
        default_resolver = attr_resolver

    version = graphene.Int(
        required=True, description="Grows with every change of the membership: what carries a lower one is older."
    )
    role = graphene.Field(MembershipRole, required=True, description="What the person may do in the room.")
    last_read_seq = graphene.Int(required=True, description="Up to which seq the person has read the room.")
    read_message_count = graphene.Int(required=True, description="`Room.messageCount` as it was at `lastReadSeq`.")
    unread_count = graphene.Int(required=True, description="`Room.messageCount` less `readMessageCount`.")
    mention_count = graphene.Int(required=True, description="How many unread messages mention the person.")
    muted_until = graphene.Field(
        DateTime, description="Until when a moderator keeps the person from writing here; null for one who may."
    )
    notify = graphene.Field(
        NotifyLevel, required=True, description="Of what the person wants to be notified: their own choice."
    )

    @staticmethod
    def resolve_unread_count(membership: models.Membership, _info: graphene.ResolveInfo) -> int:
        return max(0, membership.room.message_count - membership.read_message_count)
