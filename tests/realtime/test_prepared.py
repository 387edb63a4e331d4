"""Prepared queries find what the same query finds, on both databases, for all kinds of values."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import django
import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import BigIntegerField, CharField, QuerySet, UUIDField
from django.test.utils import CaptureQueriesContext

from chat.models import ApiToken, Message, Room, User
from realtime.models import Stream
from realtime.prepared import Parameter, Prepared, Several, insert_all

pytestmark = pytest.mark.usefixtures("database")

MANY = 3_000


def test_it_was_read_against_this_version_of_django() -> None:
    assert django.VERSION[:2] == (5, 2), "read realtime/prepared.py against the new version, then note it here"


@pytest.fixture
def people() -> list[User]:
    return [User.objects.create_user(name, password=None) for name in ("aiko", "ben", "chie")]


def test_a_row_comes_with_what_was_selected_with_it(people: list[User]) -> None:
    token = ApiToken.objects.create(user=people[0], name="x", digest="d" * 64)
    find = Prepared(
        lambda: ApiToken.objects.select_related("user").filter(digest=Parameter("digest", CharField()), revoked_at=None)
    )
    found = find.first(digest="d" * 64)
    with CaptureQueriesContext(connection) as queries:
        assert found == token
        assert found is not None
        assert found.user.date_joined == people[0].date_joined
    assert len(queries) == 0
    assert find.first(digest="e" * 64) is None


def test_the_sql_is_made_once_and_the_values_are_new_each_time(people: list[User]) -> None:
    made: list[int] = []

    def query() -> QuerySet[User]:
        made.append(1)
        return User.objects.filter(username=Parameter("name", CharField()))

    find = Prepared(query)
    for person in (*people, *people):
        assert find(name=person.username) == [person]
    assert len(made) == 1


def test_any_number_of_values_travels_as_one(people: list[User]) -> None:
    find = Prepared(lambda: User.objects.filter(pk__in=Several("ids", BigIntegerField())).order_by("username"))
    assert find(ids=[]) == []
    assert find(ids=[people[2].pk, people[0].pk]) == [people[0], people[2]]
    assert find(ids=[*range(MANY), *(person.pk for person in people)]) == people


def test_uuids_are_stored_as_each_database_does(people: list[User]) -> None:
    room = Room.objects.create(slug="r", name="R")
    message = Message.objects.create(room=room, author=people[0], seq=1, number=1)
    find = Prepared(lambda: Message.objects.filter(pk__in=Several("ids", UUIDField())).values_list("pk", flat=True))
    assert find(ids=[uuid.uuid4(), message.pk]) == [message.pk]
    one = Prepared(lambda: Message.objects.filter(pk=Parameter("id", UUIDField())))
    assert one.first(id=message.pk) == message


def test_constants_stand_between_parameters(people: list[User]) -> None:
    find = Prepared(
        lambda: User.objects.filter(
            username__gt=Parameter("after", CharField()), is_active=True, username__lt=Parameter("before", CharField())
        ).exclude(username="zora")[:1]
    )
    assert find(before="chie", after="aiko") == [people[1]]


def test_a_lock_is_a_lock(people: list[User]) -> None:
    find = Prepared(lambda: Stream.objects.select_for_update().filter(pk=Parameter("pk", BigIntegerField())))
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        find.first(pk=people[0].stream_id)
    assert ("FOR UPDATE" in queries[0]["sql"]) == (connection.vendor == "postgresql")


def test_threads_and_later_connections_have_their_own(people: list[User]) -> None:
    find = Prepared(lambda: User.objects.filter(username=Parameter("name", CharField())))
    assert find(name="aiko") == [people[0]]

    def elsewhere() -> None:
        try:
            found.append(find.first(name="ben"))
        finally:
            connection.close()

    found: list[Any] = []
    _in_thread(elsewhere)
    connection.close()
    assert found == [people[1]]
    assert find(name="chie") == [people[2]]


def _in_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)


def test_rows_are_inserted_as_django_would_have(people: list[User]) -> None:
    room = Room.objects.create(slug="r", name="R")
    messages = [
        Message(room=room, author=person, seq=number, number=number, body=f"«{number}»", digest=b"\0\xff")
        for number, person in enumerate(people, start=1)
    ]
    insert_all(messages)
    assert [(each.pk, each.body, bytes(each.digest), each.created_at) for each in room.messages.order_by("seq")] == [
        (each.pk, each.body, each.digest, each.created_at) for each in messages
    ]
    messages[0].body = "edited"
    messages[0].save(update_fields=["body"])  # it is known to be stored
    assert Message.objects.get(pk=messages[0].pk).body == "edited"


def test_of_rows_of_which_one_is_there_already_none_is_kept(people: list[User]) -> None:
    room = Room.objects.create(slug="r", name="R")
    new, old = (Message(room=room, author=people[0], seq=number, number=number) for number in (1, 2))
    insert_all([old])
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_all([new, old])
    assert list(room.messages.all()) == [old]
    insert_all([])
