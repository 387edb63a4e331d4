"""What each type shows, and to whom."""

from datetime import UTC, datetime

import pytest

from chat.actions.members import add_member
from chat.actions.messages import delete_message, edit_message
from chat.actions.reactions import add_reaction
from chat.actions.reading import mark_read
from chat.actions.rooms import open_direct_room, update_room
from chat.models import Membership, Message, Room, User
from chat.schema.scalars import DateTime
from realtime import log
from tests.chat.schema.arranging import person, room, said
from tests.chat.schema.asking import ask, invalid, refusal

pytestmark = pytest.mark.django_db

USER = "id version username displayName avatarUrl"
MESSAGE = f"""
    __typename id roomId seq version author {{ {USER} }} body bodyHtml createdAt editedAt deletedAt threadRootId
    replyTo {{ id }} reactions {{ emoji count viewerReacted users {{ {USER} }} }}
"""
NOT_HERE = [
    "",
    "0",
    "-1",
    "1.5",
    "x",
    "１",
    "9" * 19,
    "9" * 500,
    str(2**63),
    "\x00",
    "\ud800",
    "00000000-0000-4000-8000-000000000000",
    "{00000000-0000-4000-8000-000000000000}",
]


def user_shown(user: User) -> dict[str, object]:
    return {
        "id": str(user.pk),
        "version": user.version,
        "username": user.username,
        "displayName": user.shown_name,
        "avatarUrl": None,
    }


def moment(value: datetime | None) -> str | None:
    return None if value is None else DateTime.serialize(value)


def message_shown(viewer: User, message: Message) -> object:
    return ask(viewer, f"query ($id: ID!) {{ message(id: $id) {{ {MESSAGE} }} }}", id=str(message.pk))["message"]


def test_the_viewer_is_the_signed_in_person() -> None:
    viewer = person("ada", display_name="Ada L.")

    assert ask(viewer, f"{{ viewer {{ {USER} }} }}") == {"viewer": user_shown(viewer)}
    assert ask(None, "{ viewer { id } }") == {"viewer": None}


def test_a_person_without_a_display_name_is_shown_by_the_username() -> None:
    assert ask(person("ada"), "{ viewer { displayName } }") == {"viewer": {"displayName": "ada"}}


def test_a_person_is_found_by_the_username() -> None:
    viewer, other = person("ada"), person("grace")
    person("gone", is_active=False)
    document = f"query ($name: String!) {{ user(username: $name) {{ {USER} }} }}"

    assert ask(viewer, document, name="grace") == {"user": user_shown(other)}
    assert ask(viewer, document, name="gone") == {"user": None}
    assert ask(viewer, document, name="nobody") == {"user": None}


@pytest.mark.parametrize(
    "document",
    [
        "{ rooms { nodes { id } } }",
        '{ room(slug: "x") { id } }',
        '{ message(id: "1") { id } }',
        '{ user(username: "x") { id } }',
        "{ inboxCursor }",
    ],
)
def test_an_anonymous_request_gets_the_viewer_alone(document: str) -> None:
    assert refusal(None, document) == {"code": "UNAUTHENTICATED", "reason": "NOT_SIGNED_IN"}


def test_the_inbox_cursor_is_the_head_of_the_viewers_own_stream() -> None:
    viewer = person()
    room(person(), viewer)

    assert ask(viewer, "{ inboxCursor }") == {"inboxCursor": str(log.head(viewer.stream_id))}


def test_a_message_shows_all_it_is() -> None:
    viewer, other = person(), person(display_name="Other")
    place = room(viewer, other)
    first = said(place, other, "First")
    answer = said(place, viewer, "*Second*", reply_to=first)
    add_reaction(answer.pk, actor=other, emoji="🎉")
    add_reaction(answer.pk, actor=viewer, emoji="👍")
    add_reaction(answer.pk, actor=viewer, emoji="🎉")
    edit_message(answer.pk, actor=viewer, body="*Third*")
    answer.refresh_from_db()

    assert message_shown(viewer, answer) == {
        "__typename": "Message",
        "id": str(answer.pk),
        "roomId": str(place.pk),
        "seq": answer.seq,
        "version": answer.version,
        "author": user_shown(viewer),
        "body": "*Third*",
        "bodyHtml": answer.body_html,
        "createdAt": moment(answer.created_at),
        "editedAt": moment(answer.edited_at),
        "deletedAt": None,
        "threadRootId": None if answer.thread_root_id is None else str(answer.thread_root_id),
        "replyTo": {"id": str(first.pk)},
        "reactions": [
            {"emoji": "🎉", "count": 2, "viewerReacted": True, "users": [user_shown(other), user_shown(viewer)]},
            {"emoji": "👍", "count": 1, "viewerReacted": True, "users": [user_shown(viewer)]},
        ],
    }
    assert answer.edited_at is not None
    assert answer.version > (answer.seq or 0)


def test_a_deleted_message_keeps_its_place_without_its_words() -> None:
    viewer = person()
    place = room(viewer)
    message = said(place, viewer, "Secret")
    answer = said(place, viewer, "Answer", reply_to=message)
    delete_message(message.pk, actor=viewer)
    message.refresh_from_db()

    shown = ask(
        viewer,
        "query ($slug: String!) { room(slug: $slug) { messages { nodes {"
        " seq body bodyHtml deletedAt replyTo { seq body bodyHtml deletedAt } } } } }",
        slug=place.slug,
    )["room"]["messages"]["nodes"]

    gone = {"seq": message.seq, "body": "", "bodyHtml": "", "deletedAt": moment(message.deleted_at)}
    assert shown == [
        {**gone, "replyTo": None},
        {"seq": answer.seq, "body": "Answer", "bodyHtml": answer.body_html, "deletedAt": None, "replyTo": gone},
    ]
    assert message.deleted_at is not None


def test_a_message_whose_author_is_gone_has_none() -> None:
    viewer, other = person(), person()
    message = said(room(viewer, other), other)
    other.delete()

    assert ask(viewer, "query ($id: ID!) { message(id: $id) { author { id } } }", id=str(message.pk)) == {
        "message": {"author": None}
    }


def test_a_message_that_waits_for_a_moderator_is_nowhere() -> None:
    viewer = person()
    place = room(viewer)
    held = Message.objects.create(room=place, author=viewer, status=Message.Status.HELD, body="Held")
    document = (
        "query ($id: ID!, $slug: String!) { message(id: $id) { id } room(slug: $slug) { messages { nodes { id }}}}"
    )

    data = ask(viewer, document, id=str(held.pk), slug=place.slug)

    assert data == {"message": None, "room": {"messages": {"nodes": []}}}


def test_a_room_shows_all_it_is() -> None:
    viewer, other = person(), person()
    place = room(viewer, other, name="Tea", slug="tea", topic="Leaves", visibility="PRIVATE")
    said(place, other)
    said(place, other)
    update_room(place.pk, actor=viewer, archived=True)
    place.refresh_from_db()
    head = log.head(place.stream_id)

    shown = ask(
        viewer,
        """{ room(slug: "tea") {
            __typename id slug name topic visibility archivedAt lastSeq version messageCount memberCount cursor
            members { nodes { id } }
            viewerMembership {
                role lastReadSeq readMessageCount unreadCount mentionCount mutedUntil notify version
            }
        } }""",
    )["room"]

    standing = Membership.objects.get(room=place, user=viewer)
    assert shown == {
        "__typename": "Room",
        "id": str(place.pk),
        "slug": "tea",
        "name": "Tea",
        "topic": "Leaves",
        "visibility": "PRIVATE",
        "archivedAt": moment(place.archived_at),
        "lastSeq": head.seq,
        "version": place.version,
        "messageCount": 2,
        "memberCount": 2,
        "cursor": str(head),
        "members": {"nodes": [{"id": str(viewer.pk)}, {"id": str(other.pk)}]},
        "viewerMembership": {
            "role": "OWNER",
            "lastReadSeq": standing.last_read_seq,
            "readMessageCount": standing.read_message_count,
            "unreadCount": 2,
            "mentionCount": 0,
            "mutedUntil": None,
            "notify": "ALL",
            "version": standing.version,
        },
    }
    assert place.archived_at is not None


def test_a_public_room_is_read_by_everybody_who_is_signed_in() -> None:
    stranger, owner = person(), person()
    place = room(owner)
    message = said(place, owner, "Hello")

    data = ask(
        stranger,
        "query ($slug: String!) { room(slug: $slug) {"
        " viewerMembership { role } members { nodes { id } } messages { nodes { id reactions { viewerReacted } } } } }",
        slug=place.slug,
    )

    assert data["room"] == {
        "viewerMembership": None,
        "members": {"nodes": [{"id": str(owner.pk)}]},
        "messages": {"nodes": [{"id": str(message.pk), "reactions": []}]},
    }


@pytest.mark.parametrize("visibility", ["PRIVATE", "DIRECT"])
def test_who_may_not_read_a_room_is_answered_as_if_it_did_not_exist(visibility: str) -> None:
    owner, member, stranger = person(), person(), person()
    if visibility == "DIRECT":
        place = open_direct_room(actor=owner, user_ids=[member.pk])
    else:
        place = room(owner, member, visibility=visibility)
    message = said(place, owner)
    document = """query ($slug: String!, $id: ID!, $message: ID!) {
        slug: room(slug: $slug) { id } id: room(id: $id) { id } message(id: $message) { id } rooms { nodes { id } } }"""
    names = {"slug": place.slug, "id": str(place.pk), "message": str(message.pk)}

    assert ask(stranger, document, **names) == {
        "slug": None,
        "id": None,
        "message": None,
        "rooms": {"nodes": []},
    }
    assert ask(member, document, **names) == {
        "slug": {"id": str(place.pk)},
        "id": {"id": str(place.pk)},
        "message": {"id": str(message.pk)},
        "rooms": {"nodes": [{"id": str(place.pk)}]},
    }


@pytest.mark.parametrize("text", NOT_HERE)
def test_what_names_nothing_is_null(text: str) -> None:
    viewer = person()
    room(viewer)
    document = """query ($text: String!, $id: ID!) {
        slug: room(slug: $text) { id } room(id: $id) { id } message(id: $id) { id } user(username: $text) { id } }"""

    data = ask(viewer, document, text=text, id=text)

    assert data == {"slug": None, "room": None, "message": None, "user": None}


@pytest.mark.parametrize("arguments", ["", "(slug: null)", '(slug: "a", id: "1")', "(id: null, slug: null)"])
def test_a_room_is_asked_for_by_slug_or_by_id(arguments: str) -> None:
    answer = refusal(person(), f"{{ room{arguments} {{ id }} }}")

    assert answer == {"code": "BAD_USER_INPUT", "reason": "ONE_OF_TWO", "field": "slug"}


def test_a_direct_room_has_no_name() -> None:
    viewer, other = person(), person()
    place = open_direct_room(actor=viewer, user_ids=[other.pk])
    Room.objects.filter(pk=place.pk).update(name="Left over")

    assert ask(viewer, "{ rooms { nodes { name visibility memberCount } } }") == {
        "rooms": {"nodes": [{"name": "", "visibility": "DIRECT", "memberCount": 2}]}
    }


def test_rooms_are_found_by_membership_and_by_their_names() -> None:
    viewer, other = person(), person()
    room(viewer, name="Green Tea", slug="green")
    room(other, name="Black 100%", slug="black-tea")
    add_member(room(other, name="紅茶", slug="red").pk, actor=other, user_id=viewer.pk)

    def slugs(arguments: str) -> list[str]:
        return [
            node["slug"] for node in ask(viewer, f"{{ rooms{arguments} {{ nodes {{ slug }} }} }}")["rooms"]["nodes"]
        ]

    assert slugs("") == slugs("(first: null, joined: null, query: null)") == ["black-tea", "green", "red"]
    assert slugs("(joined: true)") == ["green", "red"]
    assert slugs("(joined: false)") == ["black-tea"]
    assert slugs('(query: "tea")') == ["black-tea", "green"]
    assert slugs('(query: "紅")') == ["red"]
    assert slugs('(query: "0%")') == ["black-tea"]
    assert slugs('(query: "%")') == ["black-tea"]
    assert slugs('(query: "_")') == []
    assert slugs('(query: "")') == ["black-tea", "green", "red"]
    assert slugs('(query: "tea", joined: true)') == ["green"]


@pytest.mark.parametrize(
    ("query", "reason"), [("a\x00", "TEXT_INVALID"), ("\ud800", "TEXT_INVALID"), ("x" * 201, "TEXT_TOO_LONG")]
)
def test_a_search_for_what_no_name_can_be_is_refused(query: str, reason: str) -> None:
    answer = refusal(person(), "query ($query: String) { rooms(query: $query) { nodes { id } } }", query=query)

    assert answer == {"code": "BAD_USER_INPUT", "reason": reason, "field": "query"}


def test_what_is_unread_is_the_difference_to_what_was_read() -> None:
    viewer, other = person(), person()
    place = room(viewer, other)
    messages = [said(place, other) for _ in range(3)]
    mark_read(place.pk, actor=viewer, seq=messages[1].seq or 0)

    [node] = ask(
        viewer, "{ rooms { nodes { messageCount viewerMembership { lastReadSeq readMessageCount unreadCount } } } }"
    )["rooms"]["nodes"]

    assert node == {
        "messageCount": 3,
        "viewerMembership": {"lastReadSeq": messages[1].seq, "readMessageCount": 2, "unreadCount": 1},
    }


def test_a_person_who_was_banned_reads_nothing() -> None:
    viewer = person()
    place = room(viewer)
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    viewer.refresh_from_db()

    data = ask(viewer, "query ($slug: String!) { room(slug: $slug) { id } rooms { nodes { id } } }", slug=place.slug)

    assert data == {"room": None, "rooms": {"nodes": []}}


def test_moments_are_in_utc_with_microseconds() -> None:
    assert DateTime.serialize(datetime(2026, 11, 24, 2, 3, 4, tzinfo=UTC)) == "2026-11-24T02:03:04.000000Z"
    assert DateTime.serialize(datetime.fromisoformat("2026-11-24T02:03:04.5+09:00")) == "2026-11-23T17:03:04.500000Z"
    assert DateTime.parse_value("2026-11-23T17:03:04.5Z") == datetime(2026, 11, 23, 17, 3, 4, 500000, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "{00000000-0000-4000-8000-000000000000}",
        "00000000000040008000000000000000",
        "urn:uuid:00000000-0000-4000-8000-000000000000",
        "00000000-0000-4000-8000-00000000000g",
        "0000000-00000-4000-8000-000000000000",
    ],
)
def test_an_id_that_is_no_uuid_is_refused_before_anything_is_done(text: str) -> None:
    viewer = person()
    place = room(viewer)
    document = """mutation ($id: UUID, $room: ID!) {
        sendMessage(input: {id: $id, roomId: $room, body: "Hello"}) { status } }"""

    error = invalid(viewer, document, id=text, room=str(place.pk))

    assert "expected a UUID" in error.message
    assert not Message.objects.exists()
