"""The execution that skips work for plain fields: its answers are those of graphql-core, errors included."""

from typing import Any

import pytest
from graphql import DocumentNode, ExecutionResult, execute, get_operation_ast, parse

from chat.models import Room, User
from chat.pages.asking import CLIENT_OPERATIONS
from chat.schema.context import Context
from realtime.plain_fields import Execution, PlainFields
from tests.chat.schema.arranging import person, room, said
from tests.chat.schema.asking import SCHEMA

pytestmark = pytest.mark.django_db


def answers(document: str, viewer: User, **given: Any) -> list[ExecutionResult]:
    """What graphql-core answers, then what PlainFields does, first and again."""
    parsed = parse(document)
    found = []
    again = _execution(parsed, given.get("operation_name"))
    for executing in (None, PlainFields, again, again):
        context = Context(viewer)
        options: dict[str, Any] = {"context_value": context, "execution_context_class": executing}
        result = execute(SCHEMA, parsed, **options, **given)
        assert isinstance(result, ExecutionResult)
        found.append(result)
    return found


def _execution(document: DocumentNode, name: str | None = None) -> Execution:
    operation = get_operation_ast(document, name)
    assert operation is not None
    return Execution(operation, document)


def test_the_room_page_s_answer_is_the_same_with_its_fields_in_the_same_order() -> None:
    mika, kenji = person(display_name="Mika"), person()
    plaza = room(mika, kenji)
    first = said(plaza, mika, "First")
    said(plaza, kenji, "Second", reply_to=first)
    document = "".join((CLIENT_OPERATIONS / name).read_text() for name in ("fragments.graphql", "room.graphql"))
    # The subscription beside it is of another schema.
    document = document.partition("subscription RoomFeed")[0]
    variables = {"slug": plaza.slug, "last": 50}
    usual, *plain = answers(document, kenji, operation_name="RoomPage", variable_values=variables)
    assert usual.errors is None
    assert [repr(each) for each in plain] == [repr(usual)] * len(plain)


@pytest.mark.parametrize("selection", ["slug messageCount", "slug viewerMembership { lastReadSeq mentionCount }"])
def test_a_value_that_its_type_cannot_write_is_the_same_error_at_the_same_place(selection: str) -> None:
    viewer = person()
    plaza = room(viewer)
    too_large = 2**31  # for GraphQL's Int
    Room.objects.update(message_count=too_large)
    plaza.memberships.update(last_read_seq=too_large)
    usual, *plain = answers(f"{{ viewer {{ username }} rooms {{ nodes {{ {selection} }} }} }}", viewer)
    assert usual.errors
    for each in plain:
        assert [error.formatted for error in each.errors or ()] == [error.formatted for error in usual.errors]
        assert each.data == usual.data


def test_what_a_variable_decides_is_decided_each_time() -> None:
    viewer = person()
    room(viewer)
    document = "query ($with: Boolean!) { rooms { nodes { slug name @include(if: $with) } } }"
    parsed = parse(document)
    executing = _execution(parsed)
    for included in (True, False, True):
        options: dict[str, Any] = {"context_value": Context(viewer), "execution_context_class": executing}
        result = execute(SCHEMA, parsed, variable_values={"with": included}, **options)
        assert isinstance(result, ExecutionResult)
        assert result.data is not None
        assert ("name" in result.data["rooms"]["nodes"][0]) == included
