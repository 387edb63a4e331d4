"""The GraphQL schema: types beside their resolvers, queries, mutations. `config` assembles it."""

from chat.schema.mutations import Mutation
from chat.schema.queries import Query

__all__ = ["Mutation", "Query"]
