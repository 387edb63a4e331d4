"""Bringing people in, taking them out, roles and mutes."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from chat.actions.members import add_member, mute_member, remove_member, set_role
from chat.actions.people import ban
from chat.actions.rooms import update_room
from chat.models import Membership, Room, User
from tests.chat.actions.arranging import admin, happened, head, person, promote, refused, room, rows

pytestmark = pytest.mark.django_db

NOT_ALLOWED = ("FORBIDDEN", "NOT_ALLOWED", None)


def standing(place: Room, who: User) -> Membership | None:
    return Membership.objects.filter(room=place, user=who).first()


def test_one_who_is_brought_in_is_a_member_and_hears_of_it() -> None:
    owner, guest = person(), person()
    place = room(owner=owner, visibility=Room.Visibility.PRIVATE)
    before = head(place.stream)
    add_member(place.pk, actor=owner, user_id=guest.pk)
    membership = standing(place, guest)
    assert membership is not None
    assert (membership.role, membership.last_read_seq) == ("MEMBER", before + 1)
    assert happened(place.stream, after=before) == [("member.joined", owner.pk, str(guest.pk), {"role": "MEMBER"})]
    assert happened(guest.stream) == [("membership.changed", owner.pk, str(place.pk), {})]


def test_bringing_in_a_member_changes_nothing() -> None:
    owner, member = person(), person()
    place = room(member, owner=owner)
    before = rows()
    add_member(place.pk, actor=owner, user_id=member.pk)
    assert rows() == before


@pytest.mark.parametrize(
    ("visibility", "role", "allowed"),
    [
        ("PUBLIC", "MEMBER", True),
        ("PRIVATE", "MEMBER", False),
        ("PRIVATE", "MODERATOR", True),
        ("PUBLIC", None, False),
    ],
)
def test_who_may_bring_people_in(visibility: str, role: str | None, allowed: bool) -> None:
    actor, guest = person(), person()
    place = room(*([actor] if role else []), visibility=visibility)
    if role == "MODERATOR":
        promote(place, actor, role)
    if allowed:
        add_member(place.pk, actor=actor, user_id=guest.pk)
    else:
        before = rows()
        assert refused(add_member, place.pk, actor=actor, user_id=guest.pk) == NOT_ALLOWED
        assert rows() == before
    assert (standing(place, guest) is not None) is allowed


def test_only_people_who_are_there_are_brought_in_and_into_open_rooms_alone() -> None:
    owner, banned = person(), person()
    place = room(owner=owner)
    ban(banned.pk, actor=None, reason="")
    unknown = ("NOT_FOUND", "PERSON_UNKNOWN", "userId")
    assert refused(add_member, place.pk, actor=owner, user_id=banned.pk) == unknown
    assert refused(add_member, place.pk, actor=owner, user_id=1) == unknown
    update_room(place.pk, actor=owner, archived=True)
    add = refused(add_member, place.pk, actor=owner, user_id=person().pk)
    assert add == ("FORBIDDEN", "ROOM_ARCHIVED", None)


def test_one_who_is_taken_out_is_a_member_no_longer_and_hears_of_it() -> None:
    owner, member = person(), person()
    place = room(member, owner=owner)
    before, own = head(place.stream), head(member.stream)
    remove_member(place.pk, actor=owner, user_id=member.pk)
    assert standing(place, member) is None
    assert happened(place.stream, after=before) == [("member.left", owner.pk, str(member.pk), {})]
    assert happened(member.stream, after=own) == [("membership.changed", owner.pk, str(place.pk), {})]
    after = rows()
    remove_member(place.pk, actor=owner, user_id=member.pk)
    assert rows() == after


@pytest.mark.parametrize(
    ("actor_role", "other_role", "allowed"),
    [
        ("OWNER", "OWNER", True),
        ("OWNER", "MODERATOR", True),
        ("MODERATOR", "MEMBER", True),
        ("MODERATOR", "MODERATOR", False),
        ("MODERATOR", "OWNER", False),
        ("MEMBER", "MEMBER", False),
    ],
)
@pytest.mark.parametrize("verb", ["remove", "mute"])
def test_moderators_have_power_over_members_and_owners_over_everybody(
    verb: str, actor_role: str, other_role: str, allowed: bool
) -> None:
    actor, other = person(), person()
    place = room(actor, other)
    promote(place, actor, actor_role)
    promote(place, other, other_role)
    until = timezone.now() + timedelta(hours=1)

    def act() -> Room:
        if verb == "remove":
            return remove_member(place.pk, actor=actor, user_id=other.pk)
        return mute_member(place.pk, actor=actor, user_id=other.pk, until=until)

    before = rows()
    if allowed:
        act()
        membership = standing(place, other)
        assert membership is None if verb == "remove" else membership and membership.muted_until == until
    else:
        assert refused(act) == NOT_ALLOWED
        assert rows() == before


def test_to_remove_oneself_is_to_leave() -> None:
    owner, member = person(), person()
    place = room(member, owner=owner)
    remove_member(place.pk, actor=owner, user_id=owner.pk)
    assert standing(place, owner) is None
    heir = standing(place, member)
    assert heir is not None
    assert heir.role == "OWNER"


def test_a_role_that_is_given_is_told_to_the_room_and_the_person() -> None:
    owner, member = person(), person()
    place = room(member, owner=owner)
    before, own = head(place.stream), head(member.stream)
    set_role(place.pk, actor=owner, user_id=member.pk, role="MODERATOR")
    membership = standing(place, member)
    assert membership is not None
    assert (membership.role, membership.version) == ("MODERATOR", 2)
    detail = {"role": "MODERATOR"}
    assert happened(place.stream, after=before) == [("member.updated", owner.pk, str(member.pk), detail)]
    assert happened(member.stream, after=own) == [("membership.changed", owner.pk, str(place.pk), {})]
    after = rows()
    set_role(place.pk, actor=owner, user_id=member.pk, role="MODERATOR")
    assert rows() == after


def test_only_owners_and_staff_give_roles() -> None:
    moderator, member = person(), person()
    place = room(moderator, member)
    promote(place, moderator, "MODERATOR")
    give = refused(set_role, place.pk, actor=moderator, user_id=moderator.pk, role="OWNER")
    assert give == NOT_ALLOWED
    set_role(place.pk, actor=admin(), user_id=member.pk, role="OWNER")
    membership = standing(place, member)
    assert membership is not None
    assert membership.role == "OWNER"


def test_a_room_keeps_an_owner() -> None:
    owner, other = person(), person()
    place = room(other, owner=owner)
    step_down = refused(set_role, place.pk, actor=owner, user_id=owner.pk, role="MEMBER")
    assert step_down == ("FORBIDDEN", "LAST_OWNER", "role")
    set_role(place.pk, actor=owner, user_id=other.pk, role="OWNER")
    set_role(place.pk, actor=owner, user_id=owner.pk, role="MEMBER")
    assert [m.role for m in Membership.objects.order_by("pk")] == ["MEMBER", "OWNER"]


def test_a_role_needs_to_be_one_and_its_holder_a_member() -> None:
    owner = person()
    place = room(owner=owner)
    give = refused(set_role, place.pk, actor=owner, user_id=owner.pk, role="KING")
    assert give == ("BAD_USER_INPUT", "ROLE_INVALID", "role")
    give = refused(set_role, place.pk, actor=owner, user_id=person().pk, role="MEMBER")
    assert give == ("NOT_FOUND", "PERSON_UNKNOWN", "userId")


def test_a_mute_is_the_persons_own_concern_and_is_lifted_with_none() -> None:
    owner, member = person(), person()
    place = room(member, owner=owner)
    before, own = head(place.stream), head(member.stream)
    until = timezone.now() + timedelta(hours=1)
    for time in (until, until, None):
        mute_member(place.pk, actor=owner, user_id=member.pk, until=time)
    membership = standing(place, member)
    assert membership is not None
    assert (membership.muted_until, membership.version) == (None, 3)
    assert happened(place.stream, after=before) == []
    assert happened(member.stream, after=own) == [("membership.changed", owner.pk, str(place.pk), {})] * 2
    past = refused(mute_member, place.pk, actor=owner, user_id=member.pk, until=timezone.now())
    assert past == ("BAD_USER_INPUT", "TIME_INVALID", "until")


VERBS: list[Callable[[Room, User, User, UUID | None], Room]] = [
    lambda place, actor, other, op_id: add_member(place.pk, actor=actor, user_id=other.pk, op_id=op_id),
    lambda place, actor, other, op_id: remove_member(place.pk, actor=actor, user_id=other.pk, op_id=op_id),
    lambda place, actor, other, op_id: set_role(place.pk, actor=actor, user_id=other.pk, role="OWNER", op_id=op_id),
    lambda place, actor, other, op_id: mute_member(
        place.pk, actor=actor, user_id=other.pk, until=timezone.now() + timedelta(hours=1), op_id=op_id
    ),
]


@pytest.mark.parametrize("verb", VERBS)
def test_strangers_learn_nothing_of_a_private_room(verb: Callable[..., Room]) -> None:
    place = room(visibility=Room.Visibility.PRIVATE)
    before = rows()
    stranger = person()
    after = rows()
    assert refused(verb, place, stranger, place.created_by, None) == ("NOT_FOUND", "ROOM_UNKNOWN", None)
    assert rows() == after != before


@pytest.mark.parametrize("verb", VERBS)
def test_a_late_repeat_changes_nothing(verb: Callable[..., Room]) -> None:
    owner, member = person(), person()
    place = room(owner=owner)
    if verb is not VERBS[0]:
        add_member(place.pk, actor=owner, user_id=member.pk)
    op_id = uuid4()
    verb(place, owner, member, op_id)
    remove_member(place.pk, actor=owner, user_id=member.pk)
    add_member(place.pk, actor=owner, user_id=member.pk)
    if verb is VERBS[0]:
        remove_member(place.pk, actor=owner, user_id=member.pk)
    before = rows()
    verb(place, owner, member, op_id)
    assert rows() == before
