"""Who may read, write and moderate."""

import pytest
from django.contrib.auth.models import Permission
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import DjangoAssertNumQueries

from chat.actions.messages import delete_message
from chat.actions.people import ban
from chat.actions.rooms import open_direct_room, update_room
from chat.models import Membership, Room, User
from chat.permissions import can_delete, can_moderate, can_post, can_read, readable_rooms, who_may_read
from tests.chat.actions.arranging import admin, person, promote, refused, room, said

pytestmark = pytest.mark.django_db

PRIVATE = Room.Visibility.PRIVATE


def test_public_rooms_are_everybodys_and_others_their_members() -> None:
    member, stranger, banned = person(), person(), person()
    public, private = room(member, banned), room(member, banned, visibility=PRIVATE)
    direct = open_direct_room(actor=member, user_ids=[banned.pk])
    ban(banned.pk, actor=None, reason="")
    people = [member.pk, stranger.pk, banned.pk, 1]
    assert who_may_read(public, people) == {member.pk, stranger.pk}
    assert who_may_read(private, people) == {member.pk}
    assert who_may_read(direct, people) == {member.pk}
    assert set(readable_rooms(member)) == {public, private, direct}
    assert set(readable_rooms(stranger)) == {public}
    assert set(readable_rooms(User.objects.get(pk=banned.pk))) == set()


def test_staff_read_private_rooms_as_members_alone() -> None:
    assert not can_read(admin().pk, room(visibility=PRIVATE))


@pytest.mark.parametrize("visibility", ["PUBLIC", "PRIVATE"])
def test_it_is_one_query_however_many_are_asked_about(
    visibility: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    members = [person() for _ in range(3)]
    place = room(*members, visibility=visibility)
    with django_assert_num_queries(1):
        assert who_may_read(place, [*range(2, 20_000, 2), *(who.pk for who in members)]) == {m.pk for m in members}
    with django_assert_num_queries(0):
        assert who_may_read(place, []) == set()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(Room.Visibility.values), st.booleans(), st.booleans())
def test_the_list_of_rooms_and_the_check_of_one_agree(visibility: str, joined: bool, active: bool) -> None:
    who = person(is_active=True)
    place = room(*([who] if joined else []))
    Room.objects.filter(pk=place.pk).update(visibility=visibility)
    User.objects.filter(pk=who.pk).update(is_active=active)
    place.refresh_from_db()
    who.refresh_from_db()
    assert (place in readable_rooms(who)) == can_read(who.pk, place)


def test_members_write_until_the_room_is_archived() -> None:
    member, stranger, owner = person(), person(), person()
    place = room(member, owner=owner)
    assert [can_post(who, place) for who in (member, stranger)] == [True, False]
    assert not can_post(member, update_room(place.pk, actor=owner, archived=True))


def test_moderators_owners_and_staff_with_the_right_look_after_a_room() -> None:
    member, moderator, owner, staff = person(), person(), person(), person(is_staff=True)
    place = room(member, moderator, owner=owner)
    promote(place, moderator, Membership.Role.MODERATOR)
    people = (member, moderator, owner, staff, admin())
    assert [can_moderate(who, place) for who in people] == [False, True, True, False, True]
    staff.user_permissions.add(Permission.objects.get(codename="change_room"))
    assert can_moderate(User.objects.get(pk=staff.pk), place)


@pytest.mark.parametrize("visibility", ["PUBLIC", "PRIVATE"])
def test_what_is_said_of_deleting_is_what_happens(visibility: str) -> None:
    author, gone, member, moderator, owner = (person() for _ in range(5))
    place = room(author, gone, member, moderator, owner=owner, visibility=visibility)
    promote(place, moderator, Membership.Role.MODERATOR)
    for who in (author, gone, member, moderator, owner, person(), admin()):
        for writer in (author, gone):
            message = said(place, writer)
            if writer == gone:
                Membership.objects.filter(room=place, user=gone).delete()
            if can_delete(who, message):
                assert delete_message(message.pk, actor=who).deleted_at is not None
            else:
                assert refused(delete_message, message.pk, actor=who)[0] in ("FORBIDDEN", "NOT_FOUND")
            if writer == gone:
                Membership.objects.create(room=place, user=gone)
