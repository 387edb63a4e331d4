"""What is executed once for many: nothing of one person reaches another, and nothing that is the same is made twice."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from chat.actions.members import add_member, remove_member, set_role
from chat.actions.messages import delete_message, edit_message, send_message
from chat.actions.reactions import add_reaction, remove_reaction
from chat.actions.reading import mark_read
from chat.actions.rooms import create_room, update_room
from chat.models import Membership, Message, Room, User
from realtime import documents, log, payloads
from realtime.errors import NotFound
from realtime.hub import Hub
from realtime.interface import interface
from realtime.payloads import Activity, Happened, Passing, Ready, Request, Reset, ResetReason, Root
from realtime.strict_json import read_json
from realtime.threads import in_thread
from realtime.viewing import is_marked
from tests.realtime.listening import person, play, subscribe

DEPTH = 5
ARGUMENTS = {"roomId": '"1"'}
ROOTS = ("roomEvents", "roomSignals", "inbox")


def schema() -> GraphQLSchema:
    return interface().schema


def root_field(name: str) -> GraphQLField:
    root = schema().subscription_type
    assert root is not None
    field: GraphQLField = root.fields[name]
    return field


def call(name: str, field: GraphQLField) -> str:
    """The field with its required arguments."""
    given = [f"{key}: {ARGUMENTS[key]}" for key, argument in field.args.items() if is_required_argument(argument)]
    return f"{name}({', '.join(given)})" if given else name


def outcomes(graphql_type: GraphQLNamedType) -> list[GraphQLObjectType]:
    """The object types that a field of this type may turn out to be."""
    if isinstance(graphql_type, GraphQLUnionType | GraphQLInterfaceType):
        return list(schema().get_possible_types(graphql_type))
    return [graphql_type] if isinstance(graphql_type, GraphQLObjectType) else []


def paths_to_marked(graphql_type: GraphQLNamedType, within: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Each marked field below a type, on every path without a circle: its name, and a selection that reaches it."""
    for outcome in outcomes(graphql_type):
        if outcome.name in within:
            continue
        for name, field in outcome.fields.items():
            inner = get_named_type(field.type)
            selected = call(name, field)
            if is_marked(field.resolve):
                leaf = "" if is_leaf_type(inner) else " { __typename }"
                yield f"{outcome.name}.{name}", f"... on {outcome.name} {{ {selected}{leaf} }}"
                continue
            for marked, selection in paths_to_marked(inner, (*within, outcome.name)):
                yield marked, f"... on {outcome.name} {{ {selected} {{ {selection} }} }}"


def everything(graphql_type: GraphQLNamedType, depth: int = DEPTH) -> str:
    """All unmarked fields below a type, as deep as `depth`."""
    parts = ["__typename"]
    for outcome in outcomes(graphql_type):
        fields = []
        for name, field in outcome.fields.items():
            inner = get_named_type(field.type)
            if is_marked(field.resolve):
                continue
            # Types that differ in whether a field may be null can't share its name in one selection.
            alias = f"{outcome.name}_{name}"
            if is_leaf_type(inner):
                fields.append(f"{alias}: {call(name, field)}")
            elif depth > 0:
                fields.append(f"{alias}: {call(name, field)} {{ {everything(inner, depth - 1)} }}")
        if fields:
            parts.append(f"... on {outcome.name} {{ {' '.join(fields)} }}")
    return " ".join(parts)


def marked_selections() -> list[tuple[str, str]]:
    """Every marked field that a subscription reaches, with an operation that selects it alone."""
    found = []
    for name in ROOTS:
        field = root_field(name)
        for marked, selection in paths_to_marked(get_named_type(field.type)):
            found.append((marked, f"subscription {{ {call(name, field)} {{ {selection} }} }}"))
    return found


def request(query: str, viewer: User, **variables: Any) -> Request:
    return Request.of(documents.operation(query, None), variables, viewer)


@pytest.fixture
def two() -> tuple[User, User]:
    return User(pk=1, username="aiko"), User(pk=2, username="ben")


def test_subscriptions_reach_the_fields_that_are_known_to_depend_on_the_viewer() -> None:
    assert {marked for marked, _ in marked_selections()} >= {"Reaction.viewerReacted", "Room.viewerMembership"}
    assert set(interface().sources) == set(ROOTS)


def test_an_operation_with_a_field_that_depends_on_the_viewer_is_keyed_by_the_viewer(two: tuple[User, User]) -> None:
    for _, query in marked_selections():
        one, other = (request(query, viewer).key for viewer in two)
        assert one != other, query


@pytest.mark.parametrize("name", ROOTS)
def test_an_operation_without_one_is_shared_by_all(two: tuple[User, User], name: str) -> None:
    field = root_field(name)
    for depth in (0, 1):
        query = f"subscription {{ {call(name, field)} {{ {everything(get_named_type(field.type), depth)} }} }}"
        one, other = (request(query, viewer).key for viewer in two)
        assert one == other


def test_those_who_come_with_different_cursors_share_what_is_live(two: tuple[User, User]) -> None:
    query = "subscription($room: ID!, $at: String) { roomEvents(roomId: $room, after: $at) { cursor } }"
    keys = {request(query, two[0], room="1", at=cursor).key for cursor in ("a", "b", None)}
    keys |= {request(query, two[1], room="1").key}
    assert len(keys) == 1
    assert request(query, two[0], room="1", at="a").after == "a"
    assert request(query, two[0], room="2", at="a").key not in keys


TWICE = "subscription($at: String) { roomEvents(roomId: 1, after: $at) { ...F } }"
MEMBERS = "event { ... on RoomUpdated { room { members(after: $at) { nodes { id } } } } }"


@pytest.mark.parametrize(
    "query",
    [
        TWICE.replace("...F", MEMBERS),
        f"{TWICE} fragment F on RoomEvents {{ {MEMBERS} }}",
        'subscription { roomEvents(roomId: 1, after: "LITERAL") { cursor } }',
        "subscription($at: ID!) { roomEvents(roomId: $at) { cursor } }",
    ],
)
def test_an_operation_that_uses_its_cursor_elsewhere_too_is_not_shared(two: tuple[User, User], query: str) -> None:
    keys = {
        request(query.replace("LITERAL", at), two[0], **({"at": at} if "$at" in query else {})).key for at in ("a", "b")
    }
    assert len(keys) == 2


@pytest.mark.parametrize(("one", "other"), [({"f": False}, {"f": True}), ({"f": False}, {}), ({"f": True}, {})])
def test_other_variables_are_never_taken_for_the_same(
    two: tuple[User, User], one: dict[str, Any], other: dict[str, Any]
) -> None:
    query = "subscription($f: Boolean = false) { inbox { cursor again: cursor @include(if: $f) } }"
    keys = {request(query, two[0], **variables).key for variables in (one, other)}
    assert len(keys) == 2


# --- On real data -----------------------------------------------------------------------------------


def eventful() -> tuple[Room, list[User]]:
    """A room to which everything has happened that can."""
    aiko, ben, chie = people = [person(name) for name in ("aiko", "ben", "chie")]
    room = create_room(author=aiko, name="Town square")
    for other in (ben, chie):
        add_member(room.pk, actor=aiko, user_id=other.pk)
    first = said(room, ben, "first")
    reply = said(room, aiko, f"a reply to @{ben.username} and **words**", reply_to_id=first.pk)
    for emoji in ("👍", "🎉"):
        add_reaction(first.pk, actor=aiko, emoji=emoji)
    add_reaction(reply.pk, actor=ben, emoji="👍")
    remove_reaction(first.pk, actor=aiko, emoji="🎉")
    edit_message(reply.pk, actor=aiko, body="edited")
    delete_message(said(room, chie, "to be deleted").pk, actor=chie)
    set_role(room.pk, actor=aiko, user_id=ben.pk, role=Membership.Role.MODERATOR)
    remove_member(room.pk, actor=aiko, user_id=chie.pk)
    update_room(room.pk, actor=aiko, topic="New")
    mark_read(room.pk, actor=ben, seq=3)
    return room, people


def said(room: Room, author: User, body: str, **more: Any) -> Message:
    message = send_message(room.pk, author=author, body=body, **more).message
    assert message is not None, "nothing holds messages here"
    return message


def happened(stream_id: int) -> list[Root]:
    head = log.head(stream_id)
    events = log.read_between(stream_id, 1, head.seq)
    return [*(Happened(event) for event in events), Ready(head), Reset(head, ResetReason.CURSOR_INVALID)]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ROOTS)
def test_whatever_is_not_marked_can_be_executed_for_all_at_once(
    name: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound in ("bounds.MAX_PARTS", "documents.MAX_CHARS", "payloads.MAX_ROWS_PER_EVENT"):
        monkeypatch.setattr(f"realtime.{bound}", 10**6)
    room, (_, ben, _) = eventful()
    settings.GRAPHQL_MAX_FIELDS = settings.GRAPHQL_MAX_TOKENS = 10**6
    all_roots: dict[str, list[Root]] = {
        "roomEvents": happened(room.stream_id),
        "roomSignals": [
            Passing({"kind": "typing", "user": str(ben.pk), "typing": True}),
            Passing({"kind": "read", "user": str(ben.pk), "seq": 3}),
        ],
        "inbox": [*happened(ben.stream_id), Activity(room.stream_id)],
    }
    roots = all_roots[name]
    field = root_field(name)
    query = f"subscription {{ {call(name, field)} {{ {everything(get_named_type(field.type))} }} }}"
    asked = request(query, ben)
    assert not asked.operation.depends_on_viewer
    made = [read_json(payload) for payload in payloads.make(asked, roots)]
    assert len(made) == len(roots)
    assert [answer.get("errors") for answer in made] == [None] * len(roots)


VIEWS = """
subscription Views($roomId: ID!, $after: String) {
  roomEvents(roomId: $roomId, after: $after) {
    event {
      __typename seq
      ... on ReactionsChanged { message { reactions { emoji viewerReacted } } }
      ... on RoomUpdated { room { viewerMembership { role } } }
    }
  }
}
"""


@pytest.mark.usefixtures("database")
def test_two_people_with_one_operation_each_get_their_own_view_live_and_in_replay() -> None:
    aiko, ben = person("aiko"), person("ben")
    room = create_room(author=aiko, name="Town square")
    add_member(room.pk, actor=aiko, user_id=ben.pk)
    message = said(room, aiko, "well?")
    start = str(log.head(room.stream_id))

    def views(subscriber: Any) -> list[object]:
        found: list[object] = []
        for event in subscriber.events:
            if event["__typename"] == "ReactionsChanged":
                found.append([reaction["viewerReacted"] for reaction in event["message"]["reactions"]])
            elif event["__typename"] == "RoomUpdated":
                found.append(event["room"]["viewerMembership"]["role"])
        return found

    def act() -> int:
        add_reaction(message.pk, actor=ben, emoji="👍")
        update_room(room.pk, actor=aiko, topic="New")
        return log.head(room.stream_id).seq

    async def scene(hub: Hub) -> None:
        live = [await subscribe(hub, viewer, VIEWS, roomId=str(room.pk)) for viewer in (aiko, ben, aiko)]
        for listener in live:
            await listener.until_ready()
        seq = await in_thread(act)
        late = [await subscribe(hub, viewer, VIEWS, roomId=str(room.pk), after=start) for viewer in (aiko, ben)]
        for listener in [*live, *late]:
            await listener.until_seq(seq)
        of_aiko, of_ben = [[False], "OWNER"], [[True], "MEMBER"]
        assert [views(listener) for listener in live] == [of_aiko, of_ben, of_aiko]
        assert [views(listener) for listener in late] == [of_aiko, of_ben]

    play(scene)


SHARED = """
subscription Shared($roomId: ID!, $after: String) {
  roomEvents(roomId: $roomId, after: $after) { event { __typename seq ... on MessageSent { message { body } } } }
}
"""


@pytest.mark.usefixtures("database")
def test_members_moderators_and_readers_share_one_execution_until_they_may_not_read_and_strangers_get_nothing() -> None:
    owner, moderator, member, reader, stranger = map(person, ("owner", "moderator", "member", "reader", "stranger"))
    room = create_room(author=owner, name="Town square")
    for someone in (moderator, member):
        add_member(room.pk, actor=owner, user_id=someone.pk)
    set_role(room.pk, actor=owner, user_id=moderator.pk, role=Membership.Role.MODERATOR)

    async def scene(hub: Hub) -> None:
        members = [await subscribe(hub, viewer, SHARED, roomId=str(room.pk)) for viewer in (owner, moderator, member)]
        outside = await subscribe(hub, reader, SHARED, roomId=str(room.pk))  # a public room may be read by everybody
        for listener in [*members, outside]:
            await listener.until_ready()
        executed = hub.counters.executions
        first = (await in_thread(said, room, owner, "for all")).seq or 0
        for listener in [*members, outside]:
            await listener.until_seq(first)
        assert hub.counters.executions == executed + 1
        assert len({tuple(map(str, listener.events[-1:])) for listener in [*members, outside]}) == 1

        await in_thread(lambda: update_room(room.pk, actor=owner, visibility=Room.Visibility.PRIVATE))
        await in_thread(lambda: remove_member(room.pk, actor=moderator, user_id=member.pk))
        last = (await in_thread(said, room, owner, "for those who are in")).seq or 0
        for listener in members[:2]:
            await listener.until_seq(last)
        for listener in (members[2], outside):
            await listener.until(lambda one: one.ended)
            assert listener.seqs[-1] < last
            assert "those who are in" not in str(listener.events)
        for viewer in (member, reader, stranger):
            with pytest.raises(NotFound):
                await subscribe(hub, viewer, SHARED, roomId=str(room.pk))

    play(scene)
