"""The type User."""

import graphene
from graphene.types.resolver import attr_resolver


class User(graphene.ObjectType):
    """A person."""

    class Meta:
        default_resolver = attr_resolver

    id = graphene.ID(required=True, description="Stable and opaque.")
    version = graphene.Int(
        required=True, description="Grows with every change of the person: what carries a lower one is older."
    )
    username = graphene.String(required=True, description="The unique name to mention and to sign in with.")
    display_name = graphene.String(
        source="shown_name",
        required=True,
        description="The name to show: the one that the person chose, else the username.",
    )
    # Nobody has one yet: people have no such attribute.
    avatar_url = graphene.String(description="Where the person's picture is; null for a person without one.")
