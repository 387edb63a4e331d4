"""The assembled GraphQL schema, and what `realtime` needs to serve it."""

import graphene

from chat.authentication import authenticate, authenticate_request, closes, introduced
from chat.schema import Mutation, Query
from chat.schema.context import Context
from chat.schema.subscriptions import SOURCES, TYPES, Subscription
from realtime.interface import Interface

schema = graphene.Schema(query=Query, mutation=Mutation, subscription=Subscription, types=TYPES)

interface = Interface(
    schema=schema.graphql_schema,
    personal_context=Context,
    shared_context=Context.shared,
    authenticate=authenticate,
    authenticate_request=authenticate_request,
    introduced=introduced,
    closes=closes,
    sources=SOURCES,
)
