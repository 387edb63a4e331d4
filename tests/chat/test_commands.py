"""What operators type: demo, createroom, createtoken, ban, unban, endsession."""

from datetime import UTC, datetime
from io import StringIO
from unittest import mock

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth import authenticate
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from chat.actions.tokens import authenticate_token, create_token
from chat.credentials import credential_of_session, credential_of_token
from chat.demo.cast import PEOPLE, PLACES, password
from chat.models import ApiToken, Membership, Message, Reaction, Room, User
from realtime.models import Event, Stream
from tests.chat.actions.arranging import happened, head, person, room, rows

pytestmark = pytest.mark.django_db


def run(*command: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command(*command, stdout=out, stderr=StringIO())
    return out.getvalue()


# --- demo -----------------------------------------------------------------------------------------


def test_the_demo_tells_a_history_that_the_log_bears_out() -> None:
    started = timezone.now()
    printed = run("demo")
    for account in PEOPLE:
        assert authenticate(username=account.username, password=password()) is not None
        assert account.username in printed
    assert password() in printed

    assert set(Room.objects.values_list("visibility", flat=True)) == {"PUBLIC", "PRIVATE", "DIRECT"}
    assert Room.objects.count() == len(PLACES)
    assert Room.objects.filter(archived_at__isnull=False).count() == 1
    assert Message.objects.count() > 150
    assert Reaction.objects.count() > 100
    for kind in ("edited_at", "deleted_at", "reply_to", "thread_root"):
        assert Message.objects.exclude(**{kind: None}).exists(), kind

    for stream in Stream.objects.all():
        events = list(Event.objects.filter(stream=stream).order_by("seq"))
        times = [event.created_at for event in events]
        assert times == sorted(times)
        assert not events or stream.last_at == times[-1]
        assert [event.seq for event in events] == list(range(1, stream.last_seq + 1))
    sent = Message.objects.order_by("created_at").values_list("created_at", flat=True)
    assert (started - sent[0]).days > 30
    assert (started - sent[len(sent) - 1]).total_seconds() > 0
    assert len({time.date() for time in sent}) >= 6
    for message in Message.objects.select_related("room__stream"):
        event = Event.objects.get(stream=message.room.stream, seq=message.seq or 0)
        assert (event.kind, event.object_id, event.created_at) == ("message.sent", str(message.pk), message.created_at)


def test_somebody_has_unread_messages_in_the_demo_and_most_have_none() -> None:
    run("demo")
    unread = {
        (m.user.username, m.room.slug): m.room.message_count - m.read_message_count
        for m in Membership.objects.select_related("user", "room")
    }
    assert unread["haruka", "plaza"] == 3
    assert len([count for count in unread.values() if count]) < len(unread) / 3


def test_the_demo_is_staged_once() -> None:
    printed = run("demo")
    before = rows()
    assert run("demo") == printed
    assert run("demo", "--if-empty") == printed
    assert rows() == before


def test_the_demo_leaves_other_peoples_data_alone_unless_told() -> None:
    room(person())
    before = rows()
    with pytest.raises(CommandError, match="--force"):
        run("demo")
    assert run("demo", "--if-empty") == ""
    assert rows() == before
    assert password() in run("demo", "--force")
    assert User.objects.count() == len(before["User"]) + len(PEOPLE)


def test_the_demo_takes_nobodys_name() -> None:
    person(username=PEOPLE[0].username)
    before = rows()
    with pytest.raises(CommandError, match=PEOPLE[0].username):
        run("demo", "--force")
    assert rows() == before


def test_a_demo_that_fails_leaves_nothing() -> None:
    with mock.patch("chat.demo.staging._read_all_but", side_effect=OSError), pytest.raises(OSError):  # noqa: PT011
        run("demo")
    assert not User.objects.exists()
    assert not Stream.objects.exists()
    assert abs((timezone.now() - datetime.now(UTC)).total_seconds()) < 60


def test_the_demos_password_is_another_one_on_every_installation(settings: Settings) -> None:
    first = password()
    settings.SECRET_KEY = "another"
    assert password() != first
    assert len(password()) == 10


def test_the_demos_moderator_may_moderate_and_no_more() -> None:
    run("demo")
    moderator = User.objects.get(username="hiro")
    assert not moderator.is_superuser
    assert moderator.has_perms(["chat.delete_message", "chat.change_room", "chat.change_user", "realtime.view_event"])
    assert not moderator.has_perm("chat.add_user")


# --- rooms and tokens -------------------------------------------------------------------------------


def test_a_room_is_made_for_its_owner() -> None:
    owner = person()
    assert run("createroom", "開発", "--owner", owner.username, "--topic", "Code", "--private") == "開発\n"
    made = Room.objects.get()
    assert (made.visibility, made.topic) == ("PRIVATE", "Code")
    assert Membership.objects.get().role == "OWNER"


def test_a_refusal_is_one_line() -> None:
    owner = person()
    with pytest.raises(CommandError, match=r"^NAME_INVALID: "):
        run("createroom", " ", "--owner", owner.username)
    with pytest.raises(CommandError, match="nobody"):
        run("createroom", "x", "--owner", "nobody")


def test_a_token_is_printed_alone_and_works() -> None:
    who = person()
    text = run("createtoken", who.username, "--name", "bot").removesuffix("\n")
    assert authenticate_token(text) == (who, ApiToken.objects.get(name="bot"))


# --- bans and sessions ------------------------------------------------------------------------------


def test_a_ban_and_its_end() -> None:
    who = person()
    own = head(who.stream)
    run("ban", who.username, "--reason", "spam")
    assert User.objects.filter(pk=who.pk, is_active=False, ban_reason="spam").exists()
    assert happened(who.stream, after=own) == [("session.ended", None, "*", {"reason": "banned"})]
    run("unban", who.username)
    assert User.objects.filter(pk=who.pk, is_active=True, ban_reason="").exists()


def test_sessions_are_listed_by_name_and_ended_one_or_all() -> None:
    who = person()
    clients = [Client(), Client()]
    for client in clients:
        client.force_login(who, backend="django.contrib.auth.backends.ModelBackend")
    token, _ = create_token(who, name="bot")
    names = [credential_of_session(client.session.session_key or "") for client in clients]
    names.append(credential_of_token(token.pk))
    assert [line.split()[0] for line in run("endsession", who.username).splitlines()] == names
    own = head(who.stream)

    run("endsession", who.username, "--credential", names[0])
    assert Session.objects.get().session_key == UserSession.objects.get().session_key == clients[1].session.session_key
    run("endsession", who.username, "--credential", names[2])
    assert ApiToken.objects.get().revoked_at is not None
    run("endsession", who.username, "--all", "--reason", "stolen")
    assert not Session.objects.exists()
    reason = {"reason": "ended by the operator"}
    assert happened(who.stream, after=own) == [
        ("session.ended", who.pk, names[0], reason),
        ("session.ended", who.pk, names[2], reason),
        ("session.ended", who.pk, "*", {"reason": "stolen"}),
    ]
    assert run("endsession", who.username) == ""
