"""Making, joining, leaving and changing rooms."""

import graphene
from graphene.types.resolver import attr_resolver

from chat import models
from chat.actions.rooms import create_room, join_room, leave_room, open_direct_room, update_room
from chat.actions.turns import room_unknown
from chat.schema.ids import person_key, room_key
from chat.schema.mutations.payloads import OPERATION, RoomPayload, acting, room_payload, taking
from chat.schema.queries import room_readable
from chat.schema.room import Room, RoomVisibility
from chat.schema.scalars import UUID


class CreateRoomInput(graphene.InputObjectType):
    """A room to make."""

    name = graphene.String(required=True, description="What people call it.")
    slug = graphene.String(description="Its name in URLs; made from the name where it is left out.")
    topic = graphene.String(description="What it is for, in a line.")
    visibility = RoomVisibility(
        default_value=models.Room.Visibility.PUBLIC, description="Who may read it: PUBLIC or PRIVATE."
    )
    op_id = UUID(description=OPERATION)


class RoomInput(graphene.InputObjectType):
    """A room, and nothing more."""

    room_id = graphene.ID(required=True, description="The room.")
    op_id = UUID(description=OPERATION)


class DirectRoomInput(graphene.InputObjectType):
    """The people of a direct room."""

    user_ids = graphene.List(
        graphene.NonNull(graphene.ID), required=True, description="The others: the viewer is always one of them."
    )
    op_id = UUID(description=OPERATION)


class UpdateRoomInput(graphene.InputObjectType):
    """What to change of a room; what is left out stays as it is."""

    room_id = graphene.ID(required=True, description="The room.")
    name = graphene.String(description="What people call it from now on.")
    topic = graphene.String(description="What it is for from now on.")
    visibility = RoomVisibility(description="Who may read it from now on.")
    archived = graphene.Boolean(description="Whether it can only be read from now on.")
    op_id = UUID(description=OPERATION)


class CreateRoomPayload(graphene.ObjectType):
    """What was made."""

    class Meta:
        default_resolver = attr_resolver

    room = graphene.Field(Room, required=True, description="The new room.")


class RoomMutations(graphene.ObjectType):
    create_room = graphene.Field(
        CreateRoomPayload,
        required=True,
        wanted=taking(CreateRoomInput),
        description="Makes a room, with the viewer as its owner.",
    )
    join_room = graphene.Field(
        RoomPayload,
        required=True,
        which=taking(RoomInput),
        description="Makes the viewer a member of a public room. Joining twice changes nothing.",
    )
    leave_room = graphene.Field(
        RoomPayload,
        required=True,
        which=taking(RoomInput),
        description="Ends the viewer's membership. Leaving twice changes nothing.",
    )
    open_direct_room = graphene.Field(
        RoomPayload,
        required=True,
        people=taking(DirectRoomInput),
        description="The direct room of exactly these people and the viewer; made where there is none yet.",
    )
    update_room = graphene.Field(
        RoomPayload,
        required=True,
        change=taking(UpdateRoomInput),
        description="Changes a room's name, topic or visibility, archives it or opens it again.",
    )

    @staticmethod
    def resolve_create_room(_root: None, info: graphene.ResolveInfo, wanted: CreateRoomInput) -> CreateRoomPayload:
        author = acting(info)
        room = create_room(
            author=author,
            name=wanted.name,
            slug=wanted.slug,
            topic=wanted.topic or "",
            visibility=wanted.visibility or models.Room.Visibility.PUBLIC,
            op_id=wanted.op_id,
        )
        made = room_readable(info.context, room.pk)
        if made is None:
            # A late repeat, by one who has left the room since.
            raise room_unknown()
        return CreateRoomPayload(room=made)

    @staticmethod
    def resolve_join_room(_root: None, info: graphene.ResolveInfo, which: RoomInput) -> RoomPayload:
        actor = acting(info)
        return room_payload(info, join_room(room_key(which.room_id), actor=actor, op_id=which.op_id))

    @staticmethod
    def resolve_leave_room(_root: None, info: graphene.ResolveInfo, which: RoomInput) -> RoomPayload:
        actor = acting(info)
        return room_payload(info, leave_room(room_key(which.room_id), actor=actor, op_id=which.op_id))

    @staticmethod
    def resolve_open_direct_room(_root: None, info: graphene.ResolveInfo, people: DirectRoomInput) -> RoomPayload:
        actor = acting(info)
        user_ids = [person_key(text, field="userIds") for text in people.user_ids]
        return room_payload(info, open_direct_room(actor=actor, user_ids=user_ids, op_id=people.op_id))

    @staticmethod
    def resolve_update_room(_root: None, info: graphene.ResolveInfo, change: UpdateRoomInput) -> RoomPayload:
        actor = acting(info)
        room = update_room(
            room_key(change.room_id),
            actor=actor,
            name=change.name,
            topic=change.topic,
            visibility=change.visibility,
            archived=change.archived,
            op_id=change.op_id,
        )
        return room_payload(info, room)
