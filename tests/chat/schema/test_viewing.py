"""Fields that depend on the viewer are marked, and nothing else can learn who looks."""

from collections.abc import Iterator

import pytest
from graphql import GraphQLField, GraphQLNamedType, GraphQLObjectType, get_named_type

from chat.actions.reactions import add_reaction
from chat.models import Message, Room, User
from chat.schema.context import Context
from realtime.viewing import ViewerNotShared, is_marked
from tests.chat.schema.arranging import person, room, said
from tests.chat.schema.asking import SCHEMA, SHOWN, execute, show

DEPTH = 5
MARKED = {
    "Query.viewer",
    "Query.rooms",
    "Query.room",
    "Query.message",
    "Query.user",
    "Query.inboxCursor",
    "Room.viewerMembership",
    "Reaction.viewerReacted",
}


def fields() -> Iterator[tuple[GraphQLObjectType, str, GraphQLField]]:
    """Every field of every object type, but the introspection's and the mutations."""
    for graphql_type in SCHEMA.type_map.values():
        if isinstance(graphql_type, GraphQLObjectType) and not graphql_type.name.startswith("__"):
            for name, field in graphql_type.fields.items():
                if graphql_type.name != "Mutation":
                    yield graphql_type, name, field


def selection(graphql_type: GraphQLNamedType, depth: int = DEPTH) -> str:
    """All unmarked fields below a type, as deep as `depth`."""
    assert isinstance(graphql_type, GraphQLObjectType)
    parts = []
    for name, field in graphql_type.fields.items():
        inner = get_named_type(field.type)
        if is_marked(field.resolve):
            continue
        if not isinstance(inner, GraphQLObjectType):
            parts.append(name)
        elif depth > 0:
            parts.append(f"{name} {{ {selection(inner, depth - 1)} }}")
    return " ".join(parts)


@pytest.fixture
def scene() -> tuple[User, Room, Message]:
    viewer, other = person(), person()
    place = room(viewer, other)
    message = said(place, viewer, reply_to=said(place, other))
    message = add_reaction(message.pk, actor=other, emoji="👍")
    return viewer, Room.objects.select_related("stream").get(pk=place.pk), message


def test_the_marked_fields_are_these() -> None:
    assert {f"{parent.name}.{name}" for parent, name, field in fields() if is_marked(field.resolve)} == MARKED


@pytest.mark.django_db
def test_what_is_not_marked_can_be_executed_once_for_all(scene: tuple[User, Room, Message]) -> None:
    viewer, place, message = scene
    for kind, given in (("room", place), ("message", message)):
        everything = selection(get_named_type(SHOWN.type_map[kind.title()]))

        shared = show(kind, given, everything, Context.shared())
        own = show(kind, given, everything, Context(viewer))

        assert shared.errors is None
        assert shared.data == own.data


@pytest.mark.django_db
@pytest.mark.parametrize("nobody", [False, True], ids=["many look", "nobody is signed in"])
def test_what_is_marked_never_answers_without_a_viewer(scene: tuple[User, Room, Message], *, nobody: bool) -> None:
    viewer, place, message = scene
    asked = {
        "Query.viewer": "{ viewer { id } }",
        "Query.rooms": "{ rooms { nodes { id } } }",
        "Query.room": f'{{ room(id: "{place.pk}") {{ id }} }}',
        "Query.message": f'{{ message(id: "{message.pk}") {{ id }} }}',
        "Query.user": f'{{ user(username: "{viewer.username}") {{ id }} }}',
        "Query.inboxCursor": "{ inboxCursor }",
    }
    given = {
        "Room.viewerMembership": ("room", place, "viewerMembership { unreadCount }"),
        "Reaction.viewerReacted": ("message", message, "reactions { viewerReacted }"),
    }
    assert {*asked, *given} == MARKED
    expected = "Unauthenticated" if nobody else ViewerNotShared.__name__

    for name, document in asked.items():
        answered = execute(document, Context(viewer))
        assert answered.errors is None
        assert answered.data
        assert None not in answered.data.values()
        result = execute(document, Context(None) if nobody else Context.shared())
        if nobody and name == "Query.viewer":
            assert (result.data, result.errors) == ({"viewer": None}, None)
            continue
        [error] = result.errors or []
        assert type(error.original_error).__name__ == expected
    for kind, value, selected in given.values():
        assert show(kind, value, selected, Context(viewer)).errors is None
        [error] = show(kind, value, selected, Context(None) if nobody else Context.shared()).errors or []
        assert type(error.original_error).__name__ == expected


@pytest.mark.django_db
def test_each_viewer_sees_their_own_through_loaders_that_they_share(scene: tuple[User, Room, Message]) -> None:
    viewer, place, message = scene
    other = place.members.exclude(pk=viewer.pk).get()
    stranger = person()
    loaders = Context.shared().loaders

    def seen_by(who: User) -> tuple[object, object]:
        context = Context(who, loaders=loaders)
        standing = show("room", place, "viewerMembership { role }", context).data
        reacted = show("message", message, "reactions { viewerReacted }", context).data
        assert standing
        assert reacted
        return standing["room"]["viewerMembership"], reacted["message"]["reactions"]

    assert seen_by(viewer) == ({"role": "OWNER"}, [{"viewerReacted": False}])
    assert seen_by(other) == ({"role": "MEMBER"}, [{"viewerReacted": True}])
    assert seen_by(stranger) == (None, [{"viewerReacted": False}])
