"""How many database queries a response costs, however much it shows."""

import pytest

from chat.actions.reactions import add_reaction
from chat.models import Message, Room, User
from chat.schema.context import Context
from chat.schema.loaders import Loaders
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
        for reacting in people[:2]:
            add_reaction(messages[-1].pk, actor=reacting, emoji="👍")
        add_reaction(messages[-1].pk, actor=people[-1], emoji="🎉")
    return messages


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("older", [False, True], ids=["the newest page", "an older page"])
def test_a_page_of_messages_costs_at_most_8_queries_whether_it_shows_10_or_100(*, older: bool) -> None:
    people = [person() for _ in range(5)]
    place = room(*people)
    messages = conversation(place, people, 130)
    document = PAGE
    before = None
    if older:
        edges = ask(people[0], PAGE, slug=place.slug, last=1)["room"]["messages"]["edges"]
        before = edges[0]["cursor"]
        messages = messages[:-1]

    costs = []
    for length in (10, 100):
        with queries() as made:
            data = ask(people[0], document, slug=place.slug, last=length, before=before)
        page = data["room"]["messages"]
        assert [node["id"] for node in page["nodes"]] == [str(message.pk) for message in messages[-length:]]
        assert page["pageInfo"]["hasNextPage"] is older
        assert page["pageInfo"]["hasPreviousPage"] is True
        assert all(len(node["reactions"]) == 2 for node in page["nodes"])
        assert all(node["replyTo"]["author"] for node in page["nodes"])
        costs.append(len(made))

    assert costs[0] == costs[1] <= 8


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
    for number in range(3):
        message = said(place, people[0], f"Word {number}")
        for reacting in people:
            add_reaction(message.pk, actor=reacting, emoji="👍")
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
