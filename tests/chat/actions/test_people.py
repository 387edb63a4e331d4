"""Bans, the end of sessions, names and API tokens; and what Django's own signals lead to."""

from datetime import timedelta

import pytest
from allauth.account.signals import password_changed
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.utils import timezone

from chat.actions.people import ban, end_all_sessions, end_other_sessions, end_session, rename, unban
from chat.actions.tokens import LAST_USED_STEP, authenticate_token, create_token, note_use, revoke_token
from chat.credentials import credential_of_session, credential_of_token, token_of_credential
from chat.models import ApiToken, User
from tests.chat.actions.arranging import admin, happened, head, person, refused, room, rows

pytestmark = pytest.mark.django_db

NOT_ALLOWED = ("FORBIDDEN", "NOT_ALLOWED", None)


def session_of(who: User) -> str:
    """The key of a new session of this person."""
    client = Client()
    client.force_login(who, backend="django.contrib.auth.backends.ModelBackend")
    return client.session.session_key or ""


def sessions() -> set[str]:
    keys = set(Session.objects.values_list("session_key", flat=True))
    assert keys == set(UserSession.objects.values_list("session_key", flat=True))
    return keys


def ended(credential: str, reason: str, who: int | None) -> tuple[str, int | None, str, dict[str, str]]:
    return "session.ended", who, credential, {"reason": reason}


# --- Credentials ------------------------------------------------------------------------------------


def test_a_credentials_name_tells_nothing_of_the_session_key() -> None:
    assert credential_of_session("abc") == "s:ba7816bf8f01cfea414140de5dae2223"
    assert token_of_credential(credential_of_token(12)) == 12
    for other in (credential_of_session("12"), "t:", "t:x", "12", "*"):
        assert token_of_credential(other) is None


# --- Bans -----------------------------------------------------------------------------------------


def test_a_ban_closes_the_account_and_ends_all_that_let_the_person_in() -> None:
    banned, other, moderator = person(), person(), admin()
    session_of(banned)
    kept = session_of(other)
    _, token = create_token(banned, name="bot")
    own = head(banned.stream)

    ban(banned.pk, actor=moderator, reason="spam")

    stored = User.objects.get(pk=banned.pk)
    assert (stored.is_active, stored.ban_reason) == (False, "spam")
    assert stored.banned_at is not None
    assert sessions() == {kept}
    assert authenticate_token(token) is None
    assert ApiToken.objects.get().revoked_at is not None
    assert happened(banned.stream, after=own) == [ended("*", "banned", moderator.pk)]


def test_banning_again_changes_the_reason_alone() -> None:
    banned = person()
    first = ban(banned.pk, actor=None, reason="spam").banned_at
    own = head(banned.stream)
    again = ban(banned.pk, actor=None, reason="scam")
    assert (again.banned_at, again.ban_reason) == (first, "scam")
    assert happened(banned.stream, after=own) == []


def test_a_lifted_ban_lets_the_person_log_in_and_revives_no_token() -> None:
    banned = person()
    _, token = create_token(banned, name="bot")
    ban(banned.pk, actor=None, reason="spam")
    own = head(banned.stream)
    unban(banned.pk, actor=None)
    stored = User.objects.get(pk=banned.pk)
    assert (stored.is_active, stored.banned_at, stored.ban_reason) == (True, None, "")
    assert authenticate_token(token) is None
    assert happened(banned.stream, after=own) == []
    before = rows()
    unban(banned.pk, actor=None)
    assert rows() == before


def test_an_account_that_was_closed_otherwise_is_not_opened_by_lifting_a_ban() -> None:
    closed = person(is_active=False)
    unban(closed.pk, actor=None)
    assert not User.objects.get(pk=closed.pk).is_active


def test_who_may_ban() -> None:
    target, superuser = person(), admin()
    helper = person(is_staff=True)
    before = rows()
    for actor, whom in ((person(), target), (helper, target), (superuser, superuser)):
        assert refused(ban, whom.pk, actor=actor, reason="") == NOT_ALLOWED
    helper.user_permissions.add(Permission.objects.get(codename="change_user"))
    helper = User.objects.get(pk=helper.pk)
    assert refused(ban, superuser.pk, actor=helper, reason="") == NOT_ALLOWED
    assert not any(row["banned_at"] for row in rows()["User"])
    assert len(rows()["Event"]) == len(before["Event"])
    assert not ban(target.pk, actor=helper, reason="").is_active


def test_a_ban_needs_somebody_and_a_short_reason() -> None:
    assert refused(ban, 1, actor=None, reason="") == ("NOT_FOUND", "PERSON_UNKNOWN", "userId")
    long = refused(ban, person().pk, actor=None, reason="x" * 201)
    assert long == ("BAD_USER_INPUT", "REASON_INVALID", "reason")


# --- Sessions -------------------------------------------------------------------------------------


def test_one_session_ends_and_the_others_stay() -> None:
    who = person()
    lost, kept = session_of(who), session_of(who)
    own = head(who.stream)
    end_session(who.pk, credential=credential_of_session(lost), reason="lost phone")
    assert sessions() == {kept}
    assert happened(who.stream, after=own) == [ended(credential_of_session(lost), "lost phone", who.pk)]


def test_nobody_ends_the_session_of_somebody_else_by_its_name() -> None:
    who, other = person(), person()
    key = session_of(other)
    token, text = create_token(other, name="bot")
    for credential in (credential_of_session(key), credential_of_token(token.pk)):
        end_session(who.pk, credential=credential, reason="mischief")
    assert sessions() == {key}
    assert authenticate_token(text) is not None


def test_all_sessions_end_with_all_tokens() -> None:
    who = person()
    session_of(who)
    session_of(who)
    _, text = create_token(who, name="bot")
    own = head(who.stream)
    end_all_sessions(who.pk, reason="lost laptop")
    assert sessions() == set()
    assert authenticate_token(text) is None
    assert User.objects.get(pk=who.pk).is_active
    assert happened(who.stream, after=own) == [ended("*", "lost laptop", who.pk)]
    assert refused(end_all_sessions, who.pk, reason="", actor=person()) == NOT_ALLOWED


def test_all_sessions_but_one_end() -> None:
    who = person()
    old, kept = session_of(who), session_of(who)
    own = head(who.stream)
    end_other_sessions(who.pk, session_key=kept, reason="x")
    assert sessions() == {kept}
    assert happened(who.stream, after=own) == [ended(credential_of_session(old), "x", who.pk)]


def test_logging_out_ends_the_connections_of_that_session() -> None:
    who = person()
    client = Client()
    client.force_login(who, backend="django.contrib.auth.backends.ModelBackend")
    key, other = client.session.session_key or "", session_of(who)
    own = head(who.stream)
    client.post("/accounts/logout/")
    assert sessions() == {other}
    assert happened(who.stream, after=own) == [ended(credential_of_session(key), "signed out", who.pk)]


def test_a_session_from_the_admins_log_in_page_is_known_too() -> None:
    staff = admin()
    staff.set_password("a good one")
    staff.save()
    client = Client()
    client.post("/admin/login/", {"username": staff.username, "password": "a good one"})
    key = client.session.session_key
    assert UserSession.objects.get(user=staff).session_key == key
    end_all_sessions(staff.pk, reason="x")
    assert client.get("/admin/").status_code == 302


def test_a_new_password_ends_the_other_sessions() -> None:
    who = person()
    old, kept = session_of(who), session_of(who)
    own = head(who.stream)
    request = RequestFactory().post("/")
    client = Client()
    client.cookies["sessionid"] = kept
    request.session = client.session
    request.user = who
    password_changed.send(User, request=request, user=who)
    assert sessions() == {kept}
    assert happened(who.stream, after=own) == [ended(credential_of_session(old), "password changed", who.pk)]


# --- Names ----------------------------------------------------------------------------------------


def test_another_name_is_told_in_all_of_the_persons_rooms() -> None:
    who = person()
    places = [room(who), room(who)]
    elsewhere = room()
    before = [head(place.stream) for place in (*places, elsewhere)]
    own = head(who.stream)
    rename(who.pk, actor=who, display_name=" 佐藤  はるか ")
    stored = User.objects.get(pk=who.pk)
    assert (stored.display_name, stored.version) == ("佐藤 はるか", 2)
    told = ("member.updated", who.pk, str(who.pk), {"role": "MEMBER"})
    assert [happened(place.stream, after=seq) for place, seq in zip((*places, elsewhere), before, strict=True)] == [
        [told],
        [told],
        [],
    ]
    assert happened(who.stream, after=own) == []
    after = rows()
    rename(who.pk, actor=who, display_name="佐藤 はるか")
    assert rows() == after


def test_a_name_is_changed_by_oneself_or_by_staff() -> None:
    who = person()
    assert refused(rename, who.pk, actor=person(), display_name="x") == NOT_ALLOWED
    assert rename(who.pk, actor=admin(), display_name="x").display_name == "x"
    for name in ("", "\u202e", "x" * 61):
        renamed = refused(rename, who.pk, actor=who, display_name=name)
        assert renamed == ("BAD_USER_INPUT", "NAME_INVALID", "displayName")
    ban(who.pk, actor=None, reason="")
    assert refused(rename, who.pk, actor=who, display_name="y") == ("FORBIDDEN", "BANNED", None)


# --- Tokens ---------------------------------------------------------------------------------------


def test_a_token_lets_its_person_in_and_is_not_stored() -> None:
    who = person()
    token, text = create_token(who, name=" bot ")
    assert text.startswith("tdk_")
    assert authenticate_token(text) == (who, token)
    stored = ApiToken.objects.values().get()
    assert text not in str(stored)
    assert (stored["name"], stored["user_id"], stored["revoked_at"]) == ("bot", who.pk, None)


def test_what_is_no_token_lets_nobody_in() -> None:
    _, text = create_token(person(), name="bot")
    for other in ("", "tdk_", text[:-1], text + "x", text.upper(), "tdk_届", ApiToken.digest_of(text)):
        assert authenticate_token(other) is None


def test_a_revoked_token_lets_nobody_in_and_ends_its_connections() -> None:
    who = person()
    token, text = create_token(who, name="bot")
    own = head(who.stream)
    revoke_token(token)
    revoke_token(token)
    assert token.revoked_at is not None
    assert authenticate_token(text) is None
    assert happened(who.stream, after=own) == [ended(f"t:{token.pk}", "token revoked", who.pk)]


def test_when_a_token_was_last_used_is_kept_to_some_minutes() -> None:
    token, _ = create_token(person(), name="bot")
    note_use(token)
    first = ApiToken.objects.get().last_used_at
    note_use(ApiToken.objects.get())
    assert first is not None
    assert ApiToken.objects.get().last_used_at == first
    earlier = timezone.now() - LAST_USED_STEP - timedelta(seconds=1)
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=earlier)
    note_use(ApiToken.objects.get())
    last = ApiToken.objects.get().last_used_at
    assert last is not None
    assert last >= first


def test_a_use_that_cannot_be_noted_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    token, text = create_token(person(), name="bot")

    def full(*_: object, **__: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(ApiToken, "save", full)
    note_use(token)
    assert authenticate_token(text) is not None


def test_a_token_needs_a_name_and_a_person_who_is_there() -> None:
    who = person()
    for name in ("", "  ", "x" * 61, "a\0b"):
        make = refused(create_token, who, name=name)
        assert make == ("BAD_USER_INPUT", "NAME_INVALID", "name")
    ban(who.pk, actor=None, reason="")
    assert refused(create_token, who, name="bot") == ("FORBIDDEN", "BANNED", None)
