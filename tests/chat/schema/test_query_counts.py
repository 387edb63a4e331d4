"""How many database queries a response costs, however much it shows."""

import pytest
from django.db.models import F
from django.db.models.signals import post_init
from graphql import parse, print_ast, separate_operations

from chat.actions.rooms import open_direct_room
from chat.models import Message, Reaction, Room, User
from chat.pages.asking import CLIENT_OPERATIONS
from chat.schema.context import Context
from chat.schema.loaders import Loaders
from chat.schema.message import message_cursor
from tests.chat.schema.arranging import person, room, said
from tests.chat.schema.asking import ask, queries, show

MESSAGE = """
    id roomId seq version body bodyHtml createdAt editedAt deletedAt threadRootId
    author { id version username displayName avatarUrl }
    replyTo { id seq version body author { id displayName } }
    reactions { emoji count users { id displayName } }
"""
PAGE = f"""
query ($slug: String!, $last: Int!, $before: String) {{
  room(slug: $slug) {{
    id
    cursor
    messages(last: $last, before: $before) {{
      nodes {{ {MESSAGE} reactions {{ viewerReacted }} }}
      edges {{ cursor }}
      pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
    }}
  }}
}}
"""
ROOMS = """
{
  rooms(first: 200) {
    nodes {
      id name lastSeq messageCount memberCount cursor
      viewerMembership { role lastReadSeq readMessageCount unreadCount mentionCount notify version mutedUntil }
      members(first: 8) { edges { role cursor } nodes { id displayName } pageInfo { hasNextPage hasPreviousPage } }
      messages(last: 1) { nodes { seq body author { displayName } } pageInfo { hasNextPage hasPreviousPage } }
    }
    pageInfo { hasNextPage hasPreviousPage }
  }
}
"""


def conversation(place: Room, people: list[User], length: int) -> list[Message]:
    """Messages by everybody in turn, each an answer to the one four before it, each with reactions of two kinds."""
    messages: list[Message] = []
    for number in range(length):
        reply_to = messages[number - 4] if number >= 4 else None
        messages.append(said(place, people[number % len(people)], f"Word {number}", reply_to=reply_to))
    react(messages, [(people[0], "👍"), (people[1], "👍"), (people[-1], "🎉")])
    return messages


def react(messages: list[Message], uses: list[tuple[User, str]]) -> None:
    """What many calls of the action leave behind, made at once."""
    Reaction.objects.bulk_create(
        Reaction(message=message, user=user, emoji=emoji) for message in messages for user, emoji in uses
    )
    Message.objects.filter(pk__in=[message.pk for message in messages]).update(version=F("version") + len(uses))


@pytest.mark.usefixtures("database")
def test_a_page_of_messages_costs_at_most_8_queries_whether_it_shows_10_or_100() -> None:
    people = [person() for _ in range(5)]
    place = room(*people)
    messages = conversation(place, people, 105)

    def cost(shown: list[Message], *, before: str | None) -> int:
        with queries() as made:
            data = ask(people[0], PAGE, slug=place.slug, last=len(shown), before=before)
        page = data["room"]["messages"]
        assert [node["id"] for node in page["nodes"]] == [str(message.pk) for message in shown]
        assert page["pageInfo"]["hasNextPage"] is (before is not None)
        assert page["pageInfo"]["hasPreviousPage"] is True
        assert all(len(node["reactions"]) == 2 for node in page["nodes"])
        assert all(node["replyTo"]["author"] for node in page["nodes"])
        return len(made)

    newest = message_cursor(messages[-1])
    assert cost(messages[-10:], before=None) == cost(messages[-100:], before=None) <= 8
    assert cost(messages[-11:-1], before=newest) == cost(messages[-101:-1], before=newest) <= 8


@pytest.mark.usefixtures("database")
def test_100_messages_executed_one_by_one_cost_a_constant_number_of_queries_when_they_share_loaders() -> None:
    people = [person() for _ in range(5)]
    place = room(*people)
    messages = conversation(place, people, 100)

    def replay(part: list[Message]) -> int:
        loaders = Loaders()
        loaders.messages.want(message.pk for message in part)
        with queries() as made:
            for message in part:
                shown = loaders.messages.get(message.pk)
                assert shown is not None
                data = show("message", shown, MESSAGE, Context.shared(loaders=loaders)).data
                assert data is not None
                result = data["message"]
                assert result["id"] == str(message.pk)
                assert result["replyTo"] is None or result["replyTo"]["author"]["id"]
                assert [len(reaction["users"]) for reaction in result["reactions"]] == [2, 1]
        return len(made)

    assert replay(messages[:10]) == replay(messages) <= 4


@pytest.mark.usefixtures("database")
def test_a_list_of_rooms_costs_the_same_for_3_and_for_30() -> None:
    viewer = person()
    others = [person() for _ in range(9)]

    def grow(to: int, rooms: list[Room]) -> None:
        while len(rooms) < to:
            rooms.append(room(viewer, *others))
            for number in range(3):
                said(rooms[-1], others[number])

    def cost() -> int:
        with queries() as made:
            nodes = ask(viewer, ROOMS)["rooms"]["nodes"]
        assert [node["id"] for node in nodes] == [str(place.pk) for place in sorted(rooms, key=lambda each: each.slug)]
        for node in nodes:
            assert node["memberCount"] == 10
            assert len(node["members"]["nodes"]) == 8
            assert node["members"]["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": False}
            assert node["viewerMembership"]["role"] == "OWNER"
            assert node["viewerMembership"]["unreadCount"] == 3
            assert [shown["seq"] for shown in node["messages"]["nodes"]] == [node["lastSeq"]]
            assert node["messages"]["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": True}
        return len(made)

    rooms: list[Room] = []
    grow(3, rooms)
    few = cost()
    grow(30, rooms)

    assert cost() == few <= 8


@pytest.mark.usefixtures("database")
def test_a_list_of_users_under_a_reaction_costs_the_same_however_long() -> None:
    people = [person() for _ in range(30)]
    place = room(*people)
    react([said(place, people[0], f"Word {number}") for number in range(3)], [(each, "👍") for each in people])
    document = "query ($slug: String!, $first: Int) { room(slug: $slug) { messages { nodes { reactions {"
    document += " count users(first: $first) { username } } } } } }"

    for first, seen in ((None, 20), (5, 5), (20, 20), (25, 25), (200, 30)):
        nodes = ask(people[0], document, slug=place.slug, first=first)["room"]["messages"]["nodes"]
        for node in nodes:
            [reaction] = node["reactions"]
            assert reaction["count"] == 30
            assert [user["username"] for user in reaction["users"]] == [each.username for each in people[:seen]]
        with queries() as made:
            ask(people[0], document, slug=place.slug, first=first)
        assert len(made) <= 5


@pytest.mark.usefixtures("database")
def test_a_room_s_page_reads_messages_of_that_room_alone() -> None:
    viewer = person()
    places = [room(viewer) for _ in range(5)]
    for place in places:
        said(place, viewer)
    written = "".join((CLIENT_OPERATIONS / name).read_text() for name in ("fragments.graphql", "room.graphql"))
    document = print_ast(separate_operations(parse(written))["RoomPage"])
    read: list[Message] = []

    def note(instance: Message, **_: object) -> None:
        read.append(instance)

    post_init.connect(note, sender=Message)
    try:
        shown = ask(viewer, document, slug=places[2].slug, last=50)
    finally:
        post_init.disconnect(note, sender=Message)
    assert len(shown["rooms"]["nodes"]) == len(places)
    assert len(shown["room"]["messages"]["nodes"]) == len(read) == 1


@pytest.mark.usefixtures("database")
def test_the_room_page_s_list_of_joined_rooms_costs_5_queries_whether_it_shows_3_or_30() -> None:
    viewer = person()
    others = [person() for _ in range(9)]
    written = "".join((CLIENT_OPERATIONS / name).read_text() for name in ("fragments.graphql", "rooms.graphql"))
    document = print_ast(separate_operations(parse(written))["JoinedRooms"])

    def cost(rooms: list[Room]) -> int:
        with queries() as made:
            nodes = ask(viewer, document)["rooms"]["nodes"]
        assert [node["id"] for node in nodes] == [str(place.pk) for place in sorted(rooms, key=lambda each: each.slug)]
        assert {node["viewerMembership"]["unreadCount"] for node in nodes} == {1}
        assert {len(node["participants"]) for node in nodes if node["visibility"] == "DIRECT"} == {2}
        assert {len(node["participants"]) for node in nodes if node["visibility"] != "DIRECT"} == {0}
        return len(made)

    def more(count: int) -> list[Room]:
        places = [room(viewer, *others) for _ in range(count)]
        for place in places:
            said(place, others[0])
        other = person()
        direct = open_direct_room(actor=viewer, user_ids=[other.pk])
        said(direct, other)
        return [*places, direct]

    few = more(3)
    assert cost(few) == 5
    assert cost(few + more(27)) == 5
