"""Adding and removing members, and their roles."""

import graphene

from chat.actions.members import add_member, remove_member, set_role
from chat.schema.ids import person_key, room_key
from chat.schema.membership import MembershipRole
from chat.schema.mutations.payloads import OPERATION, RoomPayload, acting, room_payload, taking
from chat.schema.scalars import UUID


class MemberInput(graphene.InputObjectType):
    """A person in a room."""

    room_id = graphene.ID(required=True, description="The room.")
    user_id = graphene.ID(required=True, description="The person.")
    op_id = UUID(description=OPERATION)


class SetRoleInput(graphene.InputObjectType):
    """A member's new role."""

    room_id = graphene.ID(required=True, description="The room.")
    user_id = graphene.ID(required=True, description="The member.")
    role = MembershipRole(required=True, description="What the member may do from now on.")
    op_id = UUID(description=OPERATION)


class MemberMutations(graphene.ObjectType):
    add_member = graphene.Field(
        RoomPayload,
        required=True,
        member=taking(MemberInput),
        description="Makes a person a member of a room. Adding a member changes nothing.",
    )
    remove_member = graphene.Field(
        RoomPayload,
        required=True,
        member=taking(MemberInput),
        description="Ends a person's membership. Removing one who is no member changes nothing.",
    )
    set_role = graphene.Field(
        RoomPayload, required=True, change=taking(SetRoleInput), description="Changes what a member may do."
    )

    @staticmethod
    def resolve_add_member(_root: None, info: graphene.ResolveInfo, member: MemberInput) -> RoomPayload:
        actor = acting(info)
        room_id, user_id = room_key(member.room_id), person_key(member.user_id)
        return room_payload(info, add_member(room_id, actor=actor, user_id=user_id, op_id=member.op_id))

    @staticmethod
    def resolve_remove_member(_root: None, info: graphene.ResolveInfo, member: MemberInput) -> RoomPayload:
        actor = acting(info)
        room_id, user_id = room_key(member.room_id), person_key(member.user_id)
        return room_payload(info, remove_member(room_id, actor=actor, user_id=user_id, op_id=member.op_id))

    @staticmethod
    def resolve_set_role(_root: None, info: graphene.ResolveInfo, change: SetRoleInput) -> RoomPayload:
        actor = acting(info)
        room_id, user_id = room_key(change.room_id), person_key(change.user_id)
        room = set_role(room_id, actor=actor, user_id=user_id, role=change.role, op_id=change.op_id)
        return room_payload(info, room)
