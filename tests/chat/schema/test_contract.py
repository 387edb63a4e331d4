"""The published contract, and that the whole schema keeps it."""

from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, find_breaking_changes, find_dangerous_changes, print_schema
from graphql.type import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    is_specified_scalar_type,
)

from config.schema import schema

CONTRACT = Path(__file__).with_name("contract.graphql")
# Parts of the contract that the server doesn't answer yet.
NOT_YET = {
    "FIELD_REMOVED Query.searchMessages was removed.",
    "TYPE_REMOVED SearchConnection was removed.",
    "TYPE_REMOVED SearchEdge was removed.",
    "FIELD_REMOVED Mutation.reportMessage was removed.",
    "TYPE_REMOVED ReportMessageInput was removed.",
    "TYPE_REMOVED ReportMessagePayload was removed.",
}


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    return build_schema(CONTRACT.read_text())


@pytest.fixture(scope="module")
def ours() -> GraphQLSchema:
    """The schema as clients see it: its types compare with the contract's only once they are printed and read."""
    return build_schema(print_schema(schema.graphql_schema))


def test_the_schema_keeps_the_contract(contract: GraphQLSchema, ours: GraphQLSchema) -> None:
    missing = {f"{change.type.name} {change.description}" for change in find_breaking_changes(contract, ours)}

    assert missing == NOT_YET


def test_no_default_of_the_contract_has_changed(contract: GraphQLSchema, ours: GraphQLSchema) -> None:
    changed = {change.description for change in find_dangerous_changes(contract, ours)}

    assert {description for description in changed if "default" in description} == set()


def test_every_public_field_has_a_description() -> None:
    silent = {
        name
        for graphql_type in schema.graphql_schema.type_map.values()
        if not graphql_type.name.startswith("__") and not is_specified_scalar_type(graphql_type)
        for name, description in _described(graphql_type)
        if not (description or "").strip()
    }

    assert silent == set()


def _described(graphql_type: GraphQLNamedType) -> list[tuple[str, str | None]]:
    parts = [(graphql_type.name, graphql_type.description)]
    if isinstance(graphql_type, GraphQLObjectType | GraphQLInterfaceType):
        for name, field in graphql_type.fields.items():
            parts.append((f"{graphql_type.name}.{name}", field.description))
            parts += [(f"{graphql_type.name}.{name}({key}:)", arg.description) for key, arg in field.args.items()]
    elif isinstance(graphql_type, GraphQLInputObjectType):
        parts += [(f"{graphql_type.name}.{name}", field.description) for name, field in graphql_type.fields.items()]
    elif isinstance(graphql_type, GraphQLEnumType):
        parts += [(f"{graphql_type.name}.{name}", value.description) for name, value in graphql_type.values.items()]
    return parts
