"""Each mutation does what its action does, answers with the state after it, and passes refusals on."""

from typing import Any
from uuid import uuid4

import pytest

from chat.actions.members import remove_member
from chat.actions.messages import edit_message
from chat.actions.reactions import add_reaction
from chat.actions.rooms import open_direct_room, update_room
from chat.models import Membership, Message, Reaction, Room, User
from realtime import doorbell, log
from tests.chat.schema.arranging import person, room, said
from tests.chat.schema.asking import SCHEMA, ask, refusal

pytestmark = pytest.mark.django_db

ROOM = (
    "room { id slug name topic visibility archivedAt lastSeq cursor memberCount viewerMembership { role lastReadSeq } }"
)
MESSAGE = "message { id seq version body author { id } reactions { emoji count } deletedAt replyTo { id } }"
SELECTIONS = {"sendMessage": f"status {MESSAGE}", "editMessage": MESSAGE, "deleteMessage": MESSAGE}
SELECTIONS |= {"addReaction": MESSAGE, "removeReaction": MESSAGE}


def document(name: str) -> str:
    assert SCHEMA.mutation_type is not None
    input_type = SCHEMA.mutation_type.fields[name].args["input"].type
    return f"mutation ($input: {input_type}) {{ {name}(input: $input) {{ {SELECTIONS.get(name, ROOM)} }} }}"


def mutate(viewer: User | None, name: str, /, **given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ask(viewer, document(name), input=given)[name]
    return answer


def refused(viewer: User | None, name: str, /, **given: Any) -> dict[str, Any]:
    return refusal(viewer, document(name), input=given)


def standing(place: Room, who: User) -> Membership | None:
    return Membership.objects.filter(room=place, user=who).first()


class Scene:
    """A public room with an owner and a member, and one who is neither."""

    def __init__(self, **fields: Any) -> None:
        self.owner, self.member, self.stranger = person(), person(), person()
        self.room = room(self.owner, self.member, **fields)
        self.id = str(self.room.pk)


NOT_FOUND = {"code": "NOT_FOUND", "reason": "ROOM_UNKNOWN"}
NO_MESSAGE = {"code": "NOT_FOUND", "reason": "MESSAGE_UNKNOWN"}
MINIMAL: dict[str, dict[str, Any]] = {
    "createRoom": {"name": "Tea"},
    "joinRoom": {"roomId": "1"},
    "leaveRoom": {"roomId": "1"},
    "openDirectRoom": {"userIds": ["1"]},
    "updateRoom": {"roomId": "1"},
    "addMember": {"roomId": "1", "userId": "1"},
    "removeMember": {"roomId": "1", "userId": "1"},
    "setRole": {"roomId": "1", "userId": "1", "role": "OWNER"},
    "sendMessage": {"roomId": "1", "body": "Hello"},
    "editMessage": {"messageId": "1", "body": "Hello"},
    "deleteMessage": {"messageId": "1"},
    "addReaction": {"messageId": "1", "emoji": "👍"},
    "removeReaction": {"messageId": "1", "emoji": "👍"},
    "markRead": {"roomId": "1", "seq": 1},
    "markUnread": {"roomId": "1", "seq": 1},
    "setTyping": {"roomId": "1", "typing": True},
}


def test_these_are_all_the_mutations() -> None:
    assert SCHEMA.mutation_type is not None
    assert set(SCHEMA.mutation_type.fields) == set(MINIMAL)


@pytest.mark.parametrize("name", MINIMAL)
def test_nobody_changes_anything_without_signing_in(name: str) -> None:
    assert refused(None, name, **MINIMAL[name]) == {"code": "UNAUTHENTICATED", "reason": "NOT_SIGNED_IN"}


@pytest.mark.parametrize("name", [name for name, given in MINIMAL.items() if "roomId" in given])
@pytest.mark.parametrize("text", ["", "x", "-1", "１", "9" * 19, "9" * 500, "\x00", "\ud800"])
def test_an_id_that_no_room_can_have_is_not_found(name: str, text: str) -> None:
    assert refused(person(), name, **MINIMAL[name] | {"roomId": text}) == {**NOT_FOUND, "field": "roomId"}


@pytest.mark.parametrize("name", [name for name, given in MINIMAL.items() if "roomId" in given])
def test_a_room_that_does_not_exist_is_not_found(name: str) -> None:
    answer = refused(person(), name, **MINIMAL[name] | {"roomId": "42"})

    assert {**answer, "field": None} == {**NOT_FOUND, "field": None}


@pytest.mark.parametrize("name", [name for name, given in MINIMAL.items() if "messageId" in given])
@pytest.mark.parametrize("text", ["", "x", "1", "9" * 500, "\x00", "\ud800", "00000000000040008000000000000000"])
def test_an_id_that_no_message_can_have_is_not_found(name: str, text: str) -> None:
    assert refused(person(), name, **MINIMAL[name] | {"messageId": text}) == {**NO_MESSAGE, "field": "messageId"}


@pytest.mark.parametrize("name", [name for name, given in MINIMAL.items() if "messageId" in given])
def test_a_message_that_one_may_not_read_is_answered_as_if_it_did_not_exist(name: str) -> None:
    scene = Scene(visibility="PRIVATE")
    message = said(scene.room, scene.owner)

    unreadable = refused(scene.stranger, name, **MINIMAL[name] | {"messageId": str(message.pk)})
    unknown = refused(scene.stranger, name, **MINIMAL[name] | {"messageId": str(uuid4())})

    assert unreadable == unknown
    assert unreadable["code"] == "NOT_FOUND"


def test_creating_a_room() -> None:
    viewer = person()

    made = mutate(viewer, "createRoom", name="Tea", slug="tea", topic="Leaves", visibility="PRIVATE")["room"]

    place = Room.objects.get(slug="tea")
    assert (place.name, place.topic, place.visibility, place.created_by) == ("Tea", "Leaves", "PRIVATE", viewer)
    assert made == {
        "id": str(place.pk),
        "slug": "tea",
        "name": "Tea",
        "topic": "Leaves",
        "visibility": "PRIVATE",
        "archivedAt": None,
        "lastSeq": place.stream.last_seq,
        "cursor": str(log.head(place.stream_id)),
        "memberCount": 1,
        "viewerMembership": {"role": "OWNER", "lastReadSeq": made["viewerMembership"]["lastReadSeq"]},
    }
    assert mutate(viewer, "createRoom", name="Coffee")["room"]["visibility"] == "PUBLIC"
    assert refused(viewer, "createRoom", name="Tea", slug="tea") == {
        "code": "BAD_USER_INPUT",
        "reason": "SLUG_TAKEN",
        "field": "slug",
    }
    assert refused(viewer, "createRoom", name=" ")["field"] == "name"
    assert refused(viewer, "createRoom", name="Tea", visibility="DIRECT")["field"] == "visibility"


def test_repeating_the_creation_of_a_room_that_one_has_left_since_is_not_found() -> None:
    viewer, operation = person(), str(uuid4())
    made = mutate(viewer, "createRoom", name="Tea", visibility="PRIVATE", opId=operation)["room"]
    assert mutate(viewer, "createRoom", name="Tea", visibility="PRIVATE", opId=operation)["room"] == made
    mutate(viewer, "leaveRoom", roomId=made["id"])

    assert refused(viewer, "createRoom", name="Tea", visibility="PRIVATE", opId=operation) == NOT_FOUND
    assert Room.objects.count() == 1


def test_joining_and_leaving_a_room() -> None:
    scene = Scene()

    joined = mutate(scene.stranger, "joinRoom", roomId=scene.id)["room"]
    assert joined["viewerMembership"]["role"] == "MEMBER"
    assert joined["memberCount"] == 3
    assert standing(scene.room, scene.stranger)

    left = mutate(scene.stranger, "leaveRoom", roomId=scene.id)["room"]
    assert left["viewerMembership"] is None
    assert left["memberCount"] == 2
    assert not standing(scene.room, scene.stranger)


def test_a_private_room_that_one_has_left_is_null() -> None:
    scene = Scene(visibility="PRIVATE")

    assert refused(scene.stranger, "joinRoom", roomId=scene.id) == NOT_FOUND
    assert refused(scene.stranger, "leaveRoom", roomId=scene.id) == NOT_FOUND
    assert mutate(scene.member, "leaveRoom", roomId=scene.id) == {"room": None}


def test_opening_a_direct_room() -> None:
    viewer, other = person(), person()

    opened = mutate(viewer, "openDirectRoom", userIds=[str(other.pk)])["room"]

    assert (opened["visibility"], opened["name"], opened["memberCount"]) == ("DIRECT", "", 2)
    assert mutate(other, "openDirectRoom", userIds=[str(viewer.pk)])["room"]["id"] == opened["id"]
    nobody = {"code": "NOT_FOUND", "reason": "PERSON_UNKNOWN", "field": "userIds"}
    assert refused(viewer, "openDirectRoom", userIds=["42"]) == nobody
    assert refused(viewer, "openDirectRoom", userIds=[str(other.pk), "x"]) == nobody


def test_updating_a_room() -> None:
    scene = Scene()

    changed = mutate(
        scene.owner, "updateRoom", roomId=scene.id, name="New", topic="What", visibility="PRIVATE", archived=True
    )["room"]

    scene.room.refresh_from_db()
    assert (changed["name"], changed["topic"], changed["visibility"]) == ("New", "What", "PRIVATE")
    assert changed["archivedAt"] is not None
    assert (scene.room.name, scene.room.topic, scene.room.visibility) == ("New", "What", "PRIVATE")
    assert scene.room.archived_at is not None
    again = mutate(scene.owner, "updateRoom", roomId=scene.id, archived=False)["room"]
    assert again == {**changed, "archivedAt": None, "lastSeq": again["lastSeq"], "cursor": again["cursor"]}
    answer = refused(scene.member, "updateRoom", roomId=scene.id, name="Mine")
    assert answer == {"code": "FORBIDDEN", "reason": "NOT_ALLOWED"}


def test_adding_and_removing_a_member_and_giving_a_role() -> None:
    scene = Scene(visibility="PRIVATE")
    who = str(scene.stranger.pk)

    assert mutate(scene.owner, "addMember", roomId=scene.id, userId=who)["room"]["memberCount"] == 3
    mutate(scene.owner, "setRole", roomId=scene.id, userId=who, role="MODERATOR")
    membership = standing(scene.room, scene.stranger)
    assert membership
    assert membership.role == "MODERATOR"
    assert mutate(scene.owner, "removeMember", roomId=scene.id, userId=who)["room"]["memberCount"] == 2
    assert not standing(scene.room, scene.stranger)

    not_allowed = {"code": "FORBIDDEN", "reason": "NOT_ALLOWED"}
    assert refused(scene.member, "addMember", roomId=scene.id, userId=who) == not_allowed
    assert refused(scene.member, "removeMember", roomId=scene.id, userId=str(scene.owner.pk)) == not_allowed
    assert refused(scene.member, "setRole", roomId=scene.id, userId=str(scene.owner.pk), role="MEMBER") == not_allowed
    nobody = {"code": "NOT_FOUND", "reason": "PERSON_UNKNOWN", "field": "userId"}
    assert refused(scene.owner, "addMember", roomId=scene.id, userId="x") == nobody
    assert refused(scene.owner, "removeMember", roomId=scene.id, userId="x") == nobody
    assert refused(scene.owner, "setRole", roomId=scene.id, userId="x", role="MEMBER") == nobody


def test_removing_oneself_from_a_private_room_answers_null() -> None:
    scene = Scene(visibility="PRIVATE")

    assert mutate(scene.member, "removeMember", roomId=scene.id, userId=str(scene.member.pk)) == {"room": None}


def test_sending_a_message() -> None:
    scene = Scene()
    first = said(scene.room, scene.owner)
    message_id = str(uuid4())
    given = {"roomId": scene.id, "id": message_id.upper(), "body": "Hello", "replyToId": str(first.pk)}

    sent = mutate(scene.member, "sendMessage", **given)

    message = Message.objects.get(pk=message_id)
    assert sent == {
        "status": "STORED",
        "message": {
            "id": message_id,
            "seq": message.seq,
            "version": message.seq,
            "body": "Hello",
            "author": {"id": str(scene.member.pk)},
            "reactions": [],
            "deletedAt": None,
            "replyTo": {"id": str(first.pk)},
        },
    }
    assert mutate(scene.member, "sendMessage", **given) == sent
    assert Message.objects.count() == 2
    assert refused(scene.owner, "sendMessage", **given) == {"code": "CONFLICT", "reason": "ID_TAKEN", "field": "id"}
    assert refused(scene.stranger, "sendMessage", roomId=scene.id, body="Hello")["reason"] == "NOT_A_MEMBER"
    assert refused(scene.member, "sendMessage", roomId=scene.id, body=" ")["field"] == "body"
    assert refused(scene.member, "sendMessage", roomId=scene.id, body="a\x00")["code"] == "BAD_USER_INPUT"
    elsewhere = refused(scene.member, "sendMessage", roomId=scene.id, body="Hello", replyToId=str(uuid4()))
    assert elsewhere == {"code": "BAD_USER_INPUT", "reason": "REPLY_ELSEWHERE", "field": "replyToId"}
    nonsense = refused(scene.member, "sendMessage", roomId=scene.id, body="Hello", replyToId="x")
    assert nonsense == {"code": "NOT_FOUND", "reason": "MESSAGE_UNKNOWN", "field": "replyToId"}


def test_a_message_that_has_to_wait_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    monkeypatch.setattr("chat.actions.messages.must_wait", lambda _message: True)

    assert mutate(scene.member, "sendMessage", roomId=scene.id, body="Hello") == {"status": "HELD", "message": None}


def test_one_who_repeats_a_send_after_being_removed_sees_nothing_but_the_message() -> None:
    scene = Scene(visibility="PRIVATE")
    first = said(scene.room, scene.owner)
    given = {"roomId": scene.id, "id": str(uuid4()), "body": "Hello", "replyToId": str(first.pk)}
    sent = mutate(scene.member, "sendMessage", **given)["message"]
    add_reaction(Message.objects.get(pk=sent["id"]).pk, actor=scene.owner, emoji="👍")
    shown = mutate(scene.member, "sendMessage", **given)["message"]
    assert (shown["replyTo"], shown["reactions"]) == ({"id": str(first.pk)}, [{"emoji": "👍", "count": 1}])
    remove_member(scene.room.pk, actor=scene.owner, user_id=scene.member.pk)

    again = mutate(scene.member, "sendMessage", **given)["message"]

    assert again == {**sent, "version": again["version"], "replyTo": None, "reactions": []}


def test_editing_and_deleting_a_message() -> None:
    scene = Scene()
    message = said(scene.room, scene.member, "First")
    which = {"messageId": str(message.pk)}

    edited = mutate(scene.member, "editMessage", body="Second", **which)["message"]
    assert edited["body"] == "Second"
    assert edited["version"] > edited["seq"] == message.seq
    assert refused(scene.owner, "editMessage", body="Third", **which) == {"code": "FORBIDDEN", "reason": "NOT_ALLOWED"}
    assert refused(scene.stranger, "deleteMessage", **which) == {"code": "FORBIDDEN", "reason": "NOT_ALLOWED"}

    deleted = mutate(scene.owner, "deleteMessage", **which)["message"]
    assert deleted["body"] == ""
    assert deleted["deletedAt"] is not None
    message.refresh_from_db()
    assert (message.body, message.version) == ("", deleted["version"])


def test_adding_and_removing_a_reaction() -> None:
    scene = Scene()
    message = said(scene.room, scene.owner)
    given = {"messageId": str(message.pk), "emoji": "👍"}

    added = mutate(scene.member, "addReaction", **given)["message"]
    assert added["reactions"] == [{"emoji": "👍", "count": 1}]
    assert Reaction.objects.get().user == scene.member
    removed = mutate(scene.member, "removeReaction", **given)["message"]
    assert removed["reactions"] == []
    assert removed["version"] > added["version"] > message.version
    assert not Reaction.objects.exists()
    invalid = {"code": "BAD_USER_INPUT", "reason": "EMOJI_INVALID", "field": "emoji"}
    assert refused(scene.member, "addReaction", **given | {"emoji": "x"}) == invalid
    assert refused(scene.member, "removeReaction", **given | {"emoji": "x"}) == invalid


def test_moving_the_read_marker() -> None:
    scene = Scene()
    seqs = [said(scene.room, scene.owner).seq or 0 for _ in range(3)]

    read = mutate(scene.member, "markRead", roomId=scene.id, seq=seqs[1])["room"]
    assert read["viewerMembership"] == {"role": "MEMBER", "lastReadSeq": seqs[1]}
    back = mutate(scene.member, "markRead", roomId=scene.id, seq=seqs[0])["room"]
    assert back["viewerMembership"]["lastReadSeq"] == seqs[1]
    unread = mutate(scene.member, "markUnread", roomId=scene.id, seq=seqs[0])["room"]
    assert unread["viewerMembership"]["lastReadSeq"] == seqs[0] - 1
    no_member = {"code": "FORBIDDEN", "reason": "NOT_A_MEMBER"}
    assert refused(scene.stranger, "markRead", roomId=scene.id, seq=1) == no_member
    assert refused(scene.stranger, "markUnread", roomId=scene.id, seq=1) == no_member


def test_typing_is_passed_on_to_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    passed: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(doorbell, "pass_on", lambda topic, payload: passed.append((topic, payload)))

    assert mutate(scene.member, "setTyping", roomId=scene.id, typing=True)["room"]["id"] == scene.id
    assert refused(scene.stranger, "setTyping", roomId=scene.id, typing=True)["reason"] == "NOT_A_MEMBER"

    assert passed == [(f"room:{scene.id}", {"kind": "typing", "user": str(scene.member.pk), "typing": True})]


def test_a_later_mutation_of_a_request_shows_what_it_changed() -> None:
    scene = Scene()
    message = said(scene.room, scene.owner)
    both = f"""mutation ($id: ID!) {{
        one: addReaction(input: {{messageId: $id, emoji: "👍"}}) {{ {MESSAGE} }}
        two: addReaction(input: {{messageId: $id, emoji: "🎉"}}) {{ {MESSAGE} }} }}"""

    data = ask(scene.member, both, id=str(message.pk))

    assert [reaction["emoji"] for reaction in data["one"]["message"]["reactions"]] == ["👍"]
    assert [reaction["emoji"] for reaction in data["two"]["message"]["reactions"]] == ["👍", "🎉"]


@pytest.mark.parametrize("change", ["edited", "archived"])
def test_repeating_an_operation_answers_with_the_present_state(change: str) -> None:
    scene = Scene()
    message = said(scene.room, scene.member, "First")
    operation = str(uuid4())
    given = {"messageId": str(message.pk), "body": "Second", "opId": operation}
    mutate(scene.member, "editMessage", **given)
    if change == "edited":
        edit_message(message.pk, actor=scene.member, body="Third")
    else:
        update_room(scene.room.pk, actor=scene.owner, archived=True)
    head = log.head(scene.room.stream_id)

    answer = mutate(scene.member, "editMessage", **given)["message"]

    assert answer["body"] == ("Third" if change == "edited" else "Second")
    assert log.head(scene.room.stream_id) == head


def test_people_of_a_direct_room_cannot_be_changed() -> None:
    viewer, other, third = person(), person(), person()
    place = open_direct_room(actor=viewer, user_ids=[other.pk])
    given = {"roomId": str(place.pk), "userId": str(third.pk)}

    direct = {"code": "FORBIDDEN", "reason": "DIRECT_ROOM"}
    assert refused(viewer, "addMember", **given) == direct
    assert refused(viewer, "leaveRoom", roomId=str(place.pk)) == direct


@pytest.mark.parametrize("character", ["\x00", "\ud800"])
@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("createRoom", "name"),
        ("createRoom", "slug"),
        ("createRoom", "topic"),
        ("updateRoom", "name"),
        ("updateRoom", "topic"),
        ("sendMessage", "body"),
        ("editMessage", "body"),
        ("addReaction", "emoji"),
        ("removeReaction", "emoji"),
    ],
)
def test_text_that_no_database_can_hold_is_refused(name: str, field: str, character: str) -> None:
    viewer = person()
    place = room(viewer)
    message = said(place, viewer)
    given = {"roomId": str(place.pk), "messageId": str(message.pk)}
    given = MINIMAL[name] | {key: value for key, value in given.items() if key in MINIMAL[name]}

    answer = refused(viewer, name, **given | {field: f"a{character}"})

    assert (answer["code"], answer["field"]) == ("BAD_USER_INPUT", field)
