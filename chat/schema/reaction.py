"""The type Reaction: one emoji under one message, and who used it."""

import graphene
from graphene.types.resolver import attr_resolver

from chat import models
from chat.schema.paging import page_size
from chat.schema.rows import ReactionGroup
from chat.schema.user import User
from realtime.viewing import depends_on_viewer

PEOPLE = 20


class Reaction(graphene.ObjectType):
    """All uses of one emoji under one message."""

    class Meta:
        default_resolver = attr_resolver

    emoji = graphene.String(required=True, description="The emoji itself, not its name.")
    count = graphene.Int(required=True, description="How many people reacted with it.")
    viewer_reacted = graphene.Boolean(
        required=True,
        description="Whether the viewer is among them. For queries: an operation that selects it in a subscription is"
        " executed for each viewer apart. Follow it by the actor, emoji and added of ReactionsChanged.",
    )
    users = graphene.List(
        graphene.NonNull(User),
        required=True,
        first=graphene.Int(default_value=PEOPLE, description="How many at most: 1 to 200."),
        description="The first people who reacted with it, in the order in which they did.",
    )

    @staticmethod
    @depends_on_viewer
    def resolve_viewer_reacted(group: ReactionGroup, info: graphene.ResolveInfo) -> bool:
        reacted = info.context.loaders.reacted_by(info.context.person.pk).get(group.message_id)
        return reacted is not None and group.emoji in reacted

    @staticmethod
    def resolve_users(group: ReactionGroup, info: graphene.ResolveInfo, first: int | None = None) -> list[models.User]:
        size = page_size(first, field="first", default=PEOPLE)
        people = info.context.loaders.users
        found = (people.get(user_id) for user_id in _first_people(group, info, size))
        return [person for person in found if person is not None]


def _first_people(group: ReactionGroup, info: graphene.ResolveInfo, size: int) -> list[int]:
    if size <= PEOPLE or group.count <= PEOPLE:
        return group.user_ids[:size]
    wider = info.context.loaders.reactions(size).get(group.message_id) or []
    return next((same.user_ids for same in wider if same.emoji == group.emoji), group.user_ids)
