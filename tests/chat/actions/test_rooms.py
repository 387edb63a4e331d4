"""Making, entering, leaving and changing rooms, and direct rooms."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.actions.members import remove_member
from chat.actions.people import ban
from chat.actions.reading import mark_read, mark_unread
from chat.actions.rooms import MAX_DIRECT_PEOPLE, create_room, join_room, leave_room, open_direct_room, update_room
from chat.models import Membership, Operation, Room, User
from chat.texts import RESERVED_SLUGS, room_name, room_slug, slugs_for
from realtime.errors import BadUserInput
from realtime.models import Stream
from tests.chat.actions.arranging import admin, happened, head, person, promote, refused, room, rows, said

pytestmark = pytest.mark.django_db


def roles(place: Room) -> dict[User, str]:
    return {m.user: m.role for m in Membership.objects.filter(room=place).select_related("user")}


# --- Making ---------------------------------------------------------------------------------------


def test_whoever_makes_a_room_owns_it() -> None:
    author = person()
    place = create_room(author=author, name="  The\tkitchen ", topic=" Tea ")
    place.refresh_from_db()
    assert (place.name, place.slug, place.topic) == ("The kitchen", "the-kitchen", "Tea")
    assert (place.visibility, place.version, place.message_count) == ("PUBLIC", 0, 0)
    assert (place.created_by, place.direct_key, place.archived_at) == (author, None, None)
    assert roles(place) == {author: "OWNER"}
    assert happened(place.stream) == [("member.joined", author.pk, str(author.pk), {"role": "OWNER"})]
    assert happened(author.stream) == [("membership.changed", author.pk, str(place.pk), {})]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("開発", "開発"),
        ("晩ごはん 相談", "晩ごはん-相談"),
        ("ＡＢＣ", "abc"),
        ("Café & Bar!", "café-bar"),
        ("🎉", "room"),
        ("New", "new-2"),
        ("x" * 80, "x" * 80),
    ],
)
def test_a_slug_is_made_from_the_name(name: str, slug: str) -> None:
    assert create_room(author=person(), name=name).slug == slug


def test_rooms_of_one_name_get_slugs_of_their_own() -> None:
    slugs = [create_room(author=person(), name="x" * 80).slug for _ in range(3)]
    assert slugs == ["x" * 80, "x" * 78 + "-2", "x" * 78 + "-3"]


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "a\x07b", "\u202egnp.exe", "\u200b", "x" * 81, "a\ud83d"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    author = person()
    before = rows()
    assert refused(create_room, author=author, name=name) == ("BAD_USER_INPUT", "NAME_INVALID", "name")
    assert rows() == before


@pytest.mark.parametrize(
    ("slug", "reason"),
    [("a b", "SLUG_INVALID"), ("a/b", "SLUG_INVALID"), ("x" * 81, "SLUG_INVALID"), ("new", "SLUG_TAKEN"),
     ("Direct", "SLUG_TAKEN"), ("kitchen", "SLUG_TAKEN"), ("KITCHEN", "SLUG_TAKEN")],
)  # fmt: skip
def test_a_slug_that_can_not_be_had_is_refused(slug: str, reason: str) -> None:
    create_room(author=person(), name="Kitchen")
    author = person()
    before = rows()
    make = refused(create_room, author=author, name="Other", slug=slug)
    assert make == ("BAD_USER_INPUT", reason, "slug")
    assert rows() == before


def test_a_room_is_made_public_or_private_and_nothing_else() -> None:
    assert create_room(author=person(), name="a", visibility="PRIVATE").visibility == "PRIVATE"
    for visibility in ("DIRECT", "SECRET"):
        make = refused(create_room, author=person(), name="b", visibility=visibility)
        assert make == ("BAD_USER_INPUT", "VISIBILITY_INVALID", "visibility")


def test_a_topic_is_one_line_of_limited_length() -> None:
    for topic in ("x" * 251, "a\x00"):
        make = refused(create_room, author=person(), name="a", topic=topic)
        assert make == ("BAD_USER_INPUT", "TOPIC_INVALID", "topic")


def test_making_a_room_again_under_one_op_id_returns_the_one_made() -> None:
    author = person()
    op_id = uuid4()
    first = create_room(author=author, name="Kitchen", op_id=op_id)
    before = rows()
    assert create_room(author=author, name="Kitchen", op_id=op_id) == first
    assert rows() == before


@given(st.text(max_size=100))
def test_every_name_that_is_taken_gives_slugs_that_are(name: str) -> None:
    try:
        taken = room_name(name)
    except BadUserInput:
        return
    slugs = slugs_for(taken)
    first = [next(slugs) for _ in range(3)]
    assert len(set(first)) == 3
    for slug in first:
        assert room_slug(slug) == slug
        assert slug not in RESERVED_SLUGS


# --- Joining and leaving ----------------------------------------------------------------------------


def test_a_newcomer_has_nothing_unread() -> None:
    owner, newcomer = person(), person()
    place = room(owner=owner)
    said(place, owner)
    said(place, owner)
    before = head(place.stream)
    join_room(place.pk, actor=newcomer)
    membership = Membership.objects.get(user=newcomer)
    assert (membership.last_read_seq, membership.read_message_count, membership.version) == (before + 1, 2, 1)
    detail = {"role": "MEMBER"}
    assert happened(place.stream, after=before) == [("member.joined", newcomer.pk, str(newcomer.pk), detail)]
    assert happened(newcomer.stream) == [("membership.changed", newcomer.pk, str(place.pk), {})]


def test_joining_twice_changes_nothing() -> None:
    member = person()
    place = room(member)
    before = rows()
    join_room(place.pk, actor=member)
    assert rows() == before


def test_nobody_joins_a_private_direct_or_archived_room() -> None:
    stranger, owner = person(), person()
    unknown = ("NOT_FOUND", "ROOM_UNKNOWN", None)
    private = room(visibility=Room.Visibility.PRIVATE)
    direct = open_direct_room(actor=owner, user_ids=[person().pk])
    archived = room(owner=owner)
    update_room(archived.pk, actor=owner, archived=True)
    before = rows()
    assert refused(join_room, private.pk, actor=stranger) == unknown
    assert refused(join_room, direct.pk, actor=stranger) == unknown
    assert refused(join_room, 1, actor=stranger) == unknown
    assert refused(join_room, archived.pk, actor=stranger) == ("FORBIDDEN", "ROOM_ARCHIVED", None)
    assert rows() == before


def test_one_who_leaves_is_a_member_no_longer() -> None:
    owner, member = person(), person()
    place = room(member, owner=owner)
    before, own = head(place.stream), head(member.stream)
    leave_room(place.pk, actor=member)
    assert roles(place) == {owner: "OWNER"}
    assert happened(place.stream, after=before) == [("member.left", member.pk, str(member.pk), {})]
    assert happened(member.stream, after=own) == [("membership.changed", member.pk, str(place.pk), {})]


def test_a_membership_that_begins_again_goes_on_above_its_earlier_version() -> None:
    owner, guest = person(), person()
    place = room(guest, owner=owner)
    said(place, owner)
    mark_read(place.pk, actor=guest, seq=head(place.stream))
    mark_unread(place.pk, actor=guest, seq=1)
    before = Membership.objects.get(room=place, user=guest).version
    leave_room(place.pk, actor=guest)
    join_room(place.pk, actor=guest)
    assert Membership.objects.get(room=place, user=guest).version > before


def test_leaving_a_room_that_one_is_not_in_changes_nothing() -> None:
    stranger = person()
    place = room()
    before = rows()
    leave_room(place.pk, actor=stranger)
    assert rows() == before


def test_a_repeated_leave_is_answered_even_where_the_room_can_no_longer_be_seen() -> None:
    member = person()
    place = room(member, visibility=Room.Visibility.PRIVATE)
    op_id = uuid4()
    leave_room(place.pk, actor=member, op_id=op_id)
    before = rows()
    assert leave_room(place.pk, actor=member, op_id=op_id) == place
    assert rows() == before
    assert refused(leave_room, place.pk, actor=member) == ("NOT_FOUND", "ROOM_UNKNOWN", None)


def test_a_late_repeat_of_a_join_does_not_undo_a_leave() -> None:
    member = person()
    place = room()
    op_id = uuid4()
    join_room(place.pk, actor=member, op_id=op_id)
    leave_room(place.pk, actor=member)
    before = rows()
    join_room(place.pk, actor=member, op_id=op_id)
    assert rows() == before


def test_the_longest_serving_moderator_inherits_the_room_of_its_last_owner() -> None:
    owner, elder, moderator, younger = person(), person(), person(), person()
    place = room(elder, moderator, younger, owner=owner)
    promote(place, younger, "MODERATOR")
    promote(place, moderator, "MODERATOR")
    before, own = head(place.stream), head(moderator.stream)
    leave_room(place.pk, actor=owner)
    assert roles(place) == {elder: "MEMBER", moderator: "OWNER", younger: "MODERATOR"}
    assert happened(place.stream, after=before) == [
        ("member.left", owner.pk, str(owner.pk), {}),
        ("member.updated", owner.pk, str(moderator.pk), {"role": "OWNER"}),
    ]
    assert happened(moderator.stream, after=own) == [("membership.changed", owner.pk, str(place.pk), {})]
    assert Membership.objects.get(user=moderator, room=place).version == 3


def test_without_moderators_the_longest_serving_member_inherits_and_banned_ones_do_not() -> None:
    owner, banned, elder, younger = person(), person(), person(), person()
    place = room(banned, elder, younger, owner=owner)
    ban(banned.pk, actor=None, reason="")
    leave_room(place.pk, actor=owner)
    assert roles(place) == {banned: "MEMBER", elder: "OWNER", younger: "MEMBER"}


def test_nobody_inherits_where_another_owner_stays_or_nobody_is_left() -> None:
    owner, other, member = person(), person(), person()
    place = room(other, member, owner=owner)
    promote(place, other, "OWNER")
    leave_room(place.pk, actor=owner)
    assert roles(place) == {other: "OWNER", member: "MEMBER"}
    leave_room(place.pk, actor=other)
    leave_room(place.pk, actor=member)
    assert roles(place) == {}


# --- Changing -------------------------------------------------------------------------------------


def test_a_change_is_one_event_and_the_rooms_version() -> None:
    owner = person()
    place = room(owner=owner, name="Kitchen")
    before = head(place.stream)
    changed = update_room(place.pk, actor=owner, name="Canteen", topic="Lunch", visibility="PRIVATE", archived=True)
    for seen in (changed, Room.objects.get(pk=place.pk)):
        assert (seen.name, seen.slug, seen.topic, seen.visibility) == ("Canteen", "kitchen", "Lunch", "PRIVATE")
        assert seen.archived_at is not None
        assert seen.version == before + 1
    assert happened(place.stream, after=before) == [
        ("room.updated", owner.pk, str(place.pk), {"visibility": "PRIVATE"})
    ]


def test_what_is_as_it_was_changes_nothing() -> None:
    owner = person()
    place = room(owner=owner, name="Kitchen", topic="Tea")
    before = rows()
    update_room(place.pk, actor=owner)
    update_room(place.pk, actor=owner, name=" Kitchen", topic="Tea", visibility="PUBLIC", archived=False)
    assert rows() == before


def test_an_archived_room_is_opened_again_and_archiving_twice_keeps_the_first_time() -> None:
    owner = person()
    place = room(owner=owner)
    first = update_room(place.pk, actor=owner, archived=True).archived_at
    assert update_room(place.pk, actor=owner, archived=True).archived_at == first
    assert update_room(place.pk, actor=owner, archived=False).archived_at is None


def test_messages_do_not_change_the_rooms_version() -> None:
    owner = person()
    place = room(owner=owner)
    version = update_room(place.pk, actor=owner, topic="Tea").version
    said(place, owner)
    assert Room.objects.get(pk=place.pk).version == version


NAME: dict[str, Any] = {"name": "Other"}


@pytest.mark.parametrize(
    ("role", "change", "allowed"),
    [
        ("OWNER", NAME, True),
        ("OWNER", {"visibility": "PRIVATE"}, True),
        ("MODERATOR", NAME, True),
        ("MODERATOR", {"topic": "x"}, True),
        ("MODERATOR", {"visibility": "PRIVATE"}, False),
        ("MODERATOR", {"archived": True}, False),
        ("MEMBER", NAME, False),
        (None, NAME, False),
    ],
)
def test_who_may_change_what(role: str | None, change: dict[str, Any], allowed: bool) -> None:
    actor = person()
    place = room(*([actor] if role else []))
    if role and role != "MEMBER":
        promote(place, actor, role)
    before = rows()
    if allowed:
        update_room(place.pk, actor=actor, **change)
        assert rows() != before
    else:
        update = refused(update_room, place.pk, actor=actor, **change)
        assert update == ("FORBIDDEN", "NOT_ALLOWED", None)
        assert rows() == before


def test_staff_may_change_any_room_but_a_direct_one() -> None:
    staff = admin()
    private = room(visibility=Room.Visibility.PRIVATE)
    direct = open_direct_room(actor=person(), user_ids=[person().pk])
    assert update_room(private.pk, actor=staff, archived=True).archived_at is not None
    assert refused(update_room, direct.pk, actor=staff, name="x") == ("FORBIDDEN", "DIRECT_ROOM", None)


# --- Direct rooms ---------------------------------------------------------------------------------


def test_a_direct_room_belongs_to_exactly_its_people() -> None:
    one, other, third = person(), person(), person()
    place = open_direct_room(actor=one, user_ids=[other.pk, other.pk])
    assert (place.name, place.visibility) == ("", "DIRECT")
    assert roles(place) == {one: "MEMBER", other: "MEMBER"}
    assert sorted(happened(place.stream), key=str) == sorted(
        [("member.joined", one.pk, str(who.pk), {"role": "MEMBER"}) for who in (one, other)], key=str
    )
    for who in (one, other):
        assert happened(who.stream) == [("membership.changed", one.pk, str(place.pk), {})]
    assert open_direct_room(actor=one, user_ids=[other.pk, third.pk]) != place


def test_whoever_opens_it_gets_the_same_direct_room() -> None:
    people = [person() for _ in range(3)]
    ids = [who.pk for who in people]
    first = open_direct_room(actor=people[0], user_ids=ids)
    before = rows()
    assert open_direct_room(actor=people[1], user_ids=ids) == first
    assert open_direct_room(actor=people[2], user_ids=ids[:2], op_id=uuid4()) == first
    assert rows() == before


def test_one_may_have_a_direct_room_with_oneself() -> None:
    me = person()
    place = open_direct_room(actor=me, user_ids=[])
    assert roles(place) == {me: "MEMBER"}
    assert open_direct_room(actor=me, user_ids=[me.pk]) == place


def test_a_direct_room_needs_people_who_are_there_and_not_too_many() -> None:
    me, banned = person(), person()
    ban(banned.pk, actor=None, reason="")
    before = rows()
    for ids in ([banned.pk], [1], [person().pk, 3]):
        opened = refused(open_direct_room, actor=me, user_ids=ids)
        assert opened == ("NOT_FOUND", "PERSON_UNKNOWN", "userIds")
    opened = refused(open_direct_room, actor=me, user_ids=range(1, 2 * MAX_DIRECT_PEOPLE, 2))
    assert opened == ("BAD_USER_INPUT", "TOO_MANY_PEOPLE", "userIds")
    assert rows()["Room"] == before["Room"]


def test_nobody_leaves_or_is_removed_from_a_direct_room() -> None:
    me, other = person(), person()
    place = open_direct_room(actor=me, user_ids=[other.pk])
    direct = ("FORBIDDEN", "DIRECT_ROOM", None)
    assert refused(leave_room, place.pk, actor=me) == direct
    assert refused(remove_member, place.pk, actor=me, user_id=other.pk) == direct
    assert refused(update_room, place.pk, actor=me, name="x") == direct


def test_a_repeated_opening_is_remembered_once() -> None:
    me, other = person(), person()
    op_id = uuid4()
    for _ in range(2):
        open_direct_room(actor=me, user_ids=[other.pk], op_id=op_id)
    assert Operation.objects.count() == 1
    assert Stream.objects.filter(key__startswith="room:").count() == 1
