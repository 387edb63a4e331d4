"""Pages of messages, members and rooms: walked in either direction they show everything once, in order."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat.actions.messages import delete_message
from chat.actions.reactions import add_reaction
from chat.models import Membership, Message, Room, User
from chat.schema.message import message_cursor
from chat.schema.paging import write_cursor
from chat.schema.room import room_cursor
from tests.chat.schema.arranging import person, room, said
from tests.chat.schema.asking import ask, refusal

LENGTHS = (0, 1, 2, 9)
SIZES = st.one_of(st.integers(1, 11), st.just(200))
PLACES = st.one_of(st.none(), st.integers(0, 8))

PAGE_INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
MESSAGES = f"""
query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String, $afterSeq: Int, $beforeSeq: Int) {{
  room(id: $id) {{
    messages(
      first: $first, after: $after, afterSeq: $afterSeq, last: $last, before: $before, beforeSeq: $beforeSeq
    ) {{
      edges {{ cursor node {{ seq }} }} nodes {{ seq }} {PAGE_INFO}
    }}
  }}
}}
"""
MEMBERS = f"""
query ($id: ID!, $first: Int, $after: String) {{
  room(id: $id) {{
    members(first: $first, after: $after) {{ edges {{ cursor role node {{ id }} }} nodes {{ id }} {PAGE_INFO} }}
  }}
}}
"""
ROOMS = f"""
query ($first: Int, $after: String, $joined: Boolean, $query: String) {{
  rooms(first: $first, after: $after, joined: $joined, query: $query) {{
    edges {{ cursor node {{ slug }} }} nodes {{ slug }} {PAGE_INFO}
  }}
}}
"""


def hold(place: Room, author: User) -> Message:
    """A message that waits for a moderator."""
    return Message.objects.create(room=place, author=author, status=Message.Status.HELD, body="Held")


def conversations(viewer: User) -> dict[int, Room]:
    """Rooms by the number of their messages; some are deleted, and some others wait for a moderator."""
    rooms = {}
    for length in LENGTHS:
        rooms[length] = place = room(viewer)
        for number in range(length):
            message = said(place, viewer)
            if number % 3 == 1:
                delete_message(message.pk, actor=viewer)
            hold(place, viewer)
    return rooms


def messages_in(place: Room) -> list[Message]:
    return list(Message.objects.filter(room=place, status=Message.Status.STORED).order_by("seq"))


def check_page(page: dict[str, Any], expected: Sequence[Any], key: str, cursors: Sequence[str]) -> None:
    """That edges, nodes and the outer cursors of a page are these, in this order."""
    assert [node[key] for node in page["nodes"]] == list(expected)
    assert [edge["node"][key] for edge in page["edges"]] == list(expected)
    assert [edge["cursor"] for edge in page["edges"]] == list(cursors)
    assert page["pageInfo"]["startCursor"] == (cursors[0] if cursors else None)
    assert page["pageInfo"]["endCursor"] == (cursors[-1] if cursors else None)


@pytest.mark.usefixtures("database")
def test_a_page_of_messages_is_exactly_what_its_arguments_say() -> None:
    viewer = person()
    rooms = conversations(viewer)

    @given(st.sampled_from(LENGTHS), st.booleans(), SIZES, PLACES, PLACES, st.booleans())
    @example(length=9, forward=False, size=3, after=1, before=8, by_seq=False)
    @example(length=9, forward=True, size=3, after=1, before=8, by_seq=True)
    @settings(deadline=None, max_examples=150)
    def law(length: int, forward: bool, size: int, after: int | None, before: int | None, by_seq: bool) -> None:
        place = rooms[length]
        messages = messages_in(place)
        assert len(messages) == length
        after = None if after is None or after >= length else after
        before = None if before is None or before >= length else before
        inside = messages[0 if after is None else after + 1 : before]
        expected = inside[:size] if forward else inside[-size:]

        arguments: dict[str, object] = {"first": size} if forward else {"last": size}
        for name, index in (("after", after), ("before", before)):
            if index is not None and by_seq:
                arguments[f"{name}Seq"] = messages[index].seq
            elif index is not None:
                arguments[name] = message_cursor(messages[index])

        page = ask(viewer, MESSAGES, id=str(place.pk), **arguments)["room"]["messages"]

        cursors = [message_cursor(message) for message in expected]
        check_page(page, [message.seq for message in expected], "seq", cursors)
        assert page["pageInfo"]["hasNextPage"] is (expected[-1] != messages[-1] if expected else before is not None)
        assert page["pageInfo"]["hasPreviousPage"] is (expected[0] != messages[0] if expected else after is not None)

    law()


@pytest.mark.usefixtures("database")
def test_walking_the_messages_in_either_direction_shows_each_once() -> None:
    viewer = person()
    rooms = conversations(viewer)

    @given(st.sampled_from(LENGTHS), SIZES)
    @settings(deadline=None, max_examples=40)
    def law(length: int, size: int) -> None:
        place = rooms[length]

        def page(**variables: Any) -> dict[str, Any]:
            found: dict[str, Any] = ask(viewer, MESSAGES, id=str(place.pk), **variables)["room"]["messages"]
            return found

        everything = [message.seq for message in messages_in(place)]
        forward = walk(lambda cursor: page(first=size, after=cursor), "hasNextPage", "endCursor")
        backward = walk(lambda cursor: page(last=size, before=cursor), "hasPreviousPage", "startCursor")

        assert [node["seq"] for part in forward for node in part] == everything
        assert [node["seq"] for part in reversed(backward) for node in part] == everything

    law()


def walk(page_at: Callable[[str | None], dict[str, Any]], more: str, end: str) -> list[list[dict[str, Any]]]:
    """The nodes of all pages, from the first one on until one says that there is no more."""
    cursor, parts = None, []
    while True:
        page = page_at(cursor)
        parts.append(page["nodes"])
        if not page["pageInfo"][more]:
            return parts
        assert page["nodes"], "a page with nothing in it promised more"
        cursor = page["pageInfo"][end]


@pytest.mark.usefixtures("database")
def test_members_come_in_the_order_in_which_they_joined_and_each_once() -> None:
    people = [person() for _ in range(7)]
    place = room(*people)
    memberships = list(Membership.objects.filter(room=place).order_by("pk"))
    assert [membership.user_id for membership in memberships] == [each.pk for each in people]

    for size in (1, 2, 3, 6, 7, 8, 200):

        def page(cursor: str | None, size: int = size) -> dict[str, Any]:
            found: dict[str, Any] = ask(people[0], MEMBERS, id=str(place.pk), first=size, after=cursor)["room"][
                "members"
            ]
            assert found["pageInfo"]["hasPreviousPage"] is (cursor is not None)
            ids = [node["id"] for node in found["nodes"]]
            shown = [membership for membership in memberships if str(membership.user_id) in ids]
            check_page(found, ids, "id", [write_cursor("member", place.pk, each.pk) for each in shown])
            assert [edge["role"] for edge in found["edges"]] == [each.role for each in shown]
            return found

        parts = walk(page, "hasNextPage", "endCursor")
        assert [node["id"] for part in parts for node in part] == [str(each.pk) for each in people]
        assert max(map(len, parts)) <= size


@pytest.mark.usefixtures("database")
def test_rooms_come_by_slug_and_each_once() -> None:
    viewer, other = person(), person()
    places = [room(viewer, slug=slug) for slug in ("cedar", "ash", "birch")]
    places += [room(other, slug="elm"), room(other, viewer, slug="fir", visibility="PRIVATE")]
    room(other, slug="hidden", visibility="PRIVATE")
    slugs = ["ash", "birch", "cedar", "elm", "fir"]
    cursors = {place.slug: room_cursor(place) for place in places}

    for size in (1, 2, 4, 5, 6):

        def page(cursor: str | None, size: int = size) -> dict[str, Any]:
            found: dict[str, Any] = ask(viewer, ROOMS, first=size, after=cursor)["rooms"]
            assert found["pageInfo"]["hasPreviousPage"] is (cursor is not None)
            shown = [node["slug"] for node in found["nodes"]]
            check_page(found, shown, "slug", [cursors[slug] for slug in shown])
            return found

        parts = walk(page, "hasNextPage", "endCursor")
        assert [node["slug"] for part in parts for node in part] == slugs
        assert max(map(len, parts)) <= size


@pytest.mark.usefixtures("database")
def test_pages_of_several_rooms_at_once_are_the_pages_of_each() -> None:
    viewer = person()
    others = [person() for _ in range(3)]
    places = [*conversations(viewer).values(), room(viewer, *others)]
    document = f"""
    query ($first: Int, $last: Int) {{
      rooms {{ nodes {{
        id memberCount
        messages(first: $first, last: $last) {{ nodes {{ seq }} edges {{ cursor node {{ seq }} }} {PAGE_INFO} }}
        members(first: 2) {{ nodes {{ id }} edges {{ cursor role node {{ id }} }} {PAGE_INFO} }}
      }} }}
    }}
    """

    for arguments in ({"first": 1}, {"first": 2}, {"last": 2}, {"last": 9}, {"first": 9}, {"last": 100}):
        nodes = ask(viewer, document, **arguments)["rooms"]["nodes"]
        assert {node["id"] for node in nodes} == {str(place.pk) for place in places}
        for node in nodes:
            one = ask(viewer, MESSAGES, id=node["id"], **{"last": None, **arguments})["room"]["messages"]
            assert node["messages"] == one
            assert node["members"] == ask(viewer, MEMBERS, id=node["id"], first=2)["room"]["members"]
            assert node["memberCount"] == Membership.objects.filter(room=node["id"]).count()


@pytest.mark.django_db
def test_without_arguments_it_is_the_newest_50_messages() -> None:
    viewer = person()
    place = room(viewer)
    for number in range(52):
        said(place, viewer, f"Word {number}")
    document = "query ($slug: String!) { room(slug: $slug) { messages { nodes { body } } } }"

    nodes = ask(viewer, document, slug=place.slug)["room"]["messages"]["nodes"]

    assert [node["body"] for node in nodes] == [f"Word {number}" for number in range(2, 52)]


@pytest.mark.django_db
@pytest.mark.parametrize("seq", [-1, 0, 1, 10**9])
def test_a_seq_need_not_be_that_of_a_message(seq: int) -> None:
    viewer = person()
    place = room(viewer)
    seqs = [said(place, viewer).seq or 0 for _ in range(3)]

    before = ask(viewer, MESSAGES, id=str(place.pk), beforeSeq=seq)["room"]["messages"]
    after = ask(viewer, MESSAGES, id=str(place.pk), first=200, afterSeq=seq)["room"]["messages"]

    lower, higher = [each for each in seqs if each < seq], [each for each in seqs if each > seq]
    assert [node["seq"] for node in before["nodes"]] == lower
    assert before["pageInfo"]["hasNextPage"] is bool(higher)
    assert [node["seq"] for node in after["nodes"]] == higher
    assert after["pageInfo"]["hasPreviousPage"] is bool(lower)


@pytest.mark.django_db
def test_where_both_first_and_last_are_given_first_decides() -> None:
    viewer = person()
    place = room(viewer)
    messages = [said(place, viewer) for _ in range(5)]

    page = ask(viewer, MESSAGES, id=str(place.pk), first=2, last=3)["room"]["messages"]

    assert [node["seq"] for node in page["nodes"]] == [message.seq for message in messages[:2]]


@pytest.mark.django_db
@pytest.mark.parametrize("size", [0, -1, 201, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize(
    ("field", "document"),
    [
        ("first", "query ($n: Int, $id: ID) { room(id: $id) { messages(first: $n) { nodes { id } } } }"),
        ("last", "query ($n: Int, $id: ID) { room(id: $id) { messages(last: $n) { nodes { id } } } }"),
        ("first", "query ($n: Int, $id: ID) { room(id: $id) { members(first: $n) { nodes { id } } } }"),
        ("first", "query ($n: Int) { rooms(first: $n) { nodes { id } } }"),
        (
            "first",
            "query ($n: Int, $id: ID) { room(id: $id) { messages { nodes { reactions { users(first: $n) { id }}}}}}",
        ),
    ],
    ids=["messages first", "messages last", "members", "rooms", "reaction's users"],
)
def test_a_page_has_1_to_200_nodes(field: str, document: str, size: int) -> None:
    viewer = person()
    place = room(viewer)
    add_reaction(said(place, viewer).pk, actor=viewer, emoji="👍")

    answer = refusal(viewer, document, n=size, id=str(place.pk))

    assert answer == {"code": "BAD_USER_INPUT", "reason": "OUT_OF_RANGE", "field": field}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "cursor_in",
    [
        lambda _place: "",
        lambda _place: "nonsense",
        lambda _place: "日本",
        lambda _place: "\x00",
        lambda _place: "\ud800",
        lambda _place: "=",
        lambda _place: write_cursor("message", 1, 1),
        lambda place: write_cursor("message", place.pk, -1),
        lambda place: write_cursor("message", place.pk, 2**63),
        lambda place: write_cursor("message", place.pk, "１"),
        lambda place: write_cursor("member", place.pk, "1" * 500),
        lambda place: write_cursor("member", place.pk, ""),
        lambda _place: write_cursor("room", "a\x00b"),
        lambda place: str(place.stream.cursor),
    ],
)
def test_what_is_no_cursor_of_the_list_is_refused(cursor_in: Callable[[Room], str]) -> None:
    viewer = person()
    place = room(viewer)
    said(place, viewer)
    cursor = cursor_in(place)

    for field in ("after", "before"):
        answer = refusal(viewer, MESSAGES, id=str(place.pk), **{field: cursor})
        assert answer == {"code": "BAD_USER_INPUT", "reason": "CURSOR_INVALID", "field": field}
    for document in (MEMBERS, ROOMS):
        answer = refusal(viewer, document, id=str(place.pk), after=cursor)
        assert answer == {"code": "BAD_USER_INPUT", "reason": "CURSOR_INVALID", "field": "after"}
