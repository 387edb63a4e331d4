"""Execute operations on the schema as a person, without a server."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import graphene
from django.db import connection
from django.test.utils import CaptureQueriesContext
from graphql import DocumentNode, ExecutionResult, GraphQLError, graphql_sync, parse, validate
from graphql import execute as execute_document

from chat.models import User
from chat.schema import Mutation, Query
from chat.schema.context import Context
from chat.schema.message import Message
from chat.schema.room import Room
from realtime.errors import Refusal


class Shown(graphene.ObjectType):
    """Objects as events carry them: given, not looked up for a viewer."""

    message = graphene.Field(Message, resolver=lambda given, _info: given)
    room = graphene.Field(Room, resolver=lambda given, _info: given)


SCHEMA = graphene.Schema(query=Query, mutation=Mutation).graphql_schema
SHOWN = graphene.Schema(query=Shown).graphql_schema


@cache
def _valid(document: str) -> DocumentNode:
    """Parsing and validating a large document takes longer than executing it."""
    parsed = parse(document)
    for error in validate(SCHEMA, parsed):
        raise error
    return parsed


def execute(document: str, context: Context, **variables: Any) -> ExecutionResult:
    result = execute_document(SCHEMA, _valid(document), context_value=context, variable_values=variables)
    assert isinstance(result, ExecutionResult)
    return result


def ask(viewer: User | None, document: str, **variables: Any) -> dict[str, Any]:
    """The data of an execution that must have no errors."""
    result = execute(document, Context(viewer), **variables)
    for error in result.errors or []:
        raise error.original_error or error
    assert result.data is not None
    return result.data


def refusal(viewer: User | None, document: str, **variables: Any) -> dict[str, Any]:
    """The extensions of the one error with which an execution was refused."""
    [error] = execute(document, Context(viewer), **variables).errors or []
    if not isinstance(error.original_error, Refusal):
        raise error
    return error.original_error.extensions


def invalid(viewer: User | None, document: str, **variables: Any) -> GraphQLError:
    """The one error with which an operation was refused before any resolver ran."""
    [error] = execute(document, Context(viewer), **variables).errors or []
    assert error.original_error is None or isinstance(error.original_error, GraphQLError)
    return error


def show(kind: str, given: object, selection: str, context: Context) -> ExecutionResult:
    """Execute a selection on a "message" or "room" that an event carries."""
    return graphql_sync(SHOWN, f"{{ {kind} {{ {selection} }} }}", root_value=given, context_value=context)


def queries() -> AbstractContextManager[CaptureQueriesContext]:
    """Count the database queries of a block: `len()` of what it yields."""
    return CaptureQueriesContext(connection)
