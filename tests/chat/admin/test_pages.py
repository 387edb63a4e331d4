"""Every page of the admin opens, and what staff do there goes through the actions."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from chat.actions.people import ban
from chat.actions.reactions import add_reaction
from chat.actions.rooms import open_direct_room
from chat.actions.tokens import authenticate_token, create_token
from chat.admin.people import PersonAdmin
from chat.credentials import credential_of_token
from chat.models import ApiToken, Membership, Message, Reaction, Room, User
from realtime.models import Event, Stream
from tests.chat.actions.arranging import admin as superuser
from tests.chat.actions.arranging import happened, head, person, room, rows, said

pytestmark = pytest.mark.django_db

MODELS = (User, Room, Membership, Message, Reaction, ApiToken, Stream, Event)


@pytest.fixture
def staff() -> User:
    return superuser()


@pytest.fixture
def client(staff: User) -> Client:
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


def page(model: type[Model], what: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=args)


def notes(client: Client, path: str, **fields: object) -> list[str]:
    """Post the form, follow to the page that comes, and return what that says was done or refused."""
    response = client.post(path, fields, follow=True)
    assert response.status_code == 200
    form = response.context.get("adminform")
    assert not (form and form.errors), form.errors
    return [str(message) for message in response.context["messages"]]


def tick(client: Client, model: type[Model], action: str, *chosen: object, **fields: object) -> list[str]:
    """Carry out an action of the list on the chosen rows."""
    return notes(client, page(model, "changelist"), action=action, _selected_action=chosen, **fields)


@pytest.mark.parametrize("model", MODELS)
def test_every_list_and_every_row_has_a_page(client: Client, staff: User, model: type[Model]) -> None:
    author = person(display_name="佐藤 はるか")
    place = room(author, owner=staff, name="開発")
    root = said(place, author, "<b>Hello</b> " * 20)
    said(place, author, "Reply", reply_to_id=root.pk)
    add_reaction(root.pk, actor=author, emoji="👍")
    create_token(author, name="bot")
    open_direct_room(actor=author, user_ids=[staff.pk])
    for query in ("", "?q=a", "?q=%E9%96%8B%E7%99%BA", "?o=1"):
        assert client.get(page(model, "changelist") + query).status_code == 200
    for row in model._default_manager.all():
        response = client.get(page(model, "change", row.pk))
        assert response.status_code == 200
        assert b"<b>Hello</b>" not in response.content


def test_every_model_of_ours_is_registered() -> None:
    ours = {model for model in admin.site._registry if model._meta.app_label in ("chat", "realtime")}
    assert ours == set(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_a_list_costs_the_same_queries_however_long_it_is(client: Client, model: type[Model]) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page(model, "changelist")).status_code == 200
        return len(captured)

    def more() -> None:
        for _ in range(4):
            author = person()
            message = said(room(author), author)
            add_reaction(message.pk, actor=author, emoji="👍")
            create_token(author, name="bot")

    more()
    few = queries()
    more()
    assert queries() == few


# --- Messages -------------------------------------------------------------------------------------


def test_a_message_deleted_in_the_admin_becomes_a_tombstone(client: Client, staff: User) -> None:
    author = person()
    place = room(author, visibility=Room.Visibility.PRIVATE)
    message = said(place, author, "Secret")
    add_reaction(message.pk, actor=author, emoji="👍")
    before = head(place.stream)
    assert client.get(page(Message, "delete", message.pk)).status_code == 200
    assert "deleted successfully" in notes(client, page(Message, "delete", message.pk), post="yes")[0]
    stored = Message.objects.get()
    assert (stored.body, stored.body_html) == ("", "")
    assert stored.deleted_at is not None
    assert not Reaction.objects.exists()
    assert happened(place.stream, after=before) == [("message.deleted", staff.pk, str(message.pk), {})]


def test_many_messages_are_deleted_at_once_in_the_same_way(client: Client, staff: User) -> None:
    author = person()
    place = room(author)
    kept, *gone = (said(place, author) for _ in range(3))
    before = head(place.stream)
    chosen = [message.pk for message in gone]
    asked = client.post(page(Message, "changelist"), {"action": "delete_selected", "_selected_action": chosen})
    assert b"Are you sure" in asked.content
    tick(client, Message, "delete_selected", *chosen, post="yes")
    assert set(Message.objects.filter(deleted_at=None)) == {kept}
    assert sorted(happened(place.stream, after=before)) == sorted(
        ("message.deleted", staff.pk, str(key), {}) for key in chosen
    )


def test_nobody_writes_or_changes_messages_in_the_admin(client: Client) -> None:
    author = person()
    message = said(room(author), author)
    before = rows()
    assert client.get(page(Message, "add")).status_code == 403
    assert client.post(page(Message, "change", message.pk), {"body": "x"}).status_code == 403
    assert rows()["Message"] == before["Message"]


# --- Rooms ----------------------------------------------------------------------------------------


def test_a_room_is_made_as_its_owner_would(client: Client, staff: User) -> None:
    notes(client, page(Room, "add"), name="開発", topic="Code", visibility="PRIVATE")
    made = Room.objects.get()
    assert (made.name, made.slug, made.topic, made.visibility) == ("開発", "開発", "Code", "PRIVATE")
    assert happened(made.stream) == [("member.joined", staff.pk, str(staff.pk), {"role": "OWNER"})]


def test_a_room_is_changed_with_one_event(client: Client, staff: User) -> None:
    place = room(name="Kitchen")
    before = head(place.stream)
    path = page(Room, "change", place.pk)
    notes(client, path, name="Canteen", topic="", visibility="PRIVATE", archived="on")
    changed = Room.objects.get(pk=place.pk)
    assert (changed.name, changed.visibility, changed.version) == ("Canteen", "PRIVATE", before + 1)
    assert changed.archived_at is not None
    assert happened(place.stream, after=before) == [
        ("room.updated", staff.pk, str(place.pk), {"visibility": "PRIVATE"})
    ]
    notes(client, path, name="Canteen", topic="", visibility="PRIVATE", archived="on")
    assert head(place.stream) == before + 1


def test_a_refusal_is_told_on_the_page_and_nothing_is_kept(client: Client) -> None:
    place = room(name="Kitchen")
    before = rows()
    told = notes(client, page(Room, "change", place.pk), name="\u202eKitchen", topic="", visibility="PUBLIC")
    assert told == ["expected one line of text, got control characters in it (NAME_INVALID)"]
    assert rows()["Room"] == before["Room"]


def test_direct_rooms_are_only_looked_at_and_no_room_is_deleted(client: Client) -> None:
    direct = open_direct_room(actor=person(), user_ids=[person().pk])
    assert client.post(page(Room, "change", direct.pk), {"name": "x"}).status_code == 403
    for place in (direct, room()):
        assert client.post(page(Room, "delete", place.pk), {"post": "yes"}).status_code == 403


# --- Memberships ----------------------------------------------------------------------------------


def test_people_are_brought_in_given_roles_muted_and_taken_out(client: Client, staff: User) -> None:
    place, guest = room(), person()
    before = head(place.stream)
    notes(client, page(Membership, "add"), room=place.pk, user=guest.pk, role="MODERATOR")
    membership = Membership.objects.get(user=guest)
    assert membership.role == "MODERATOR"
    until = timezone.now().replace(microsecond=0) + timedelta(hours=1)
    path = page(Membership, "change", membership.pk)
    notes(client, path, role="MEMBER", muted_until_0=f"{until:%Y-%m-%d}", muted_until_1=f"{until:%H:%M:%S}")
    membership.refresh_from_db()
    assert (membership.role, membership.muted_until) == ("MEMBER", until)
    notes(client, page(Membership, "delete", membership.pk), post="yes")
    assert not Membership.objects.filter(user=guest).exists()
    key = str(guest.pk)
    assert happened(place.stream, after=before) == [
        ("member.joined", staff.pk, key, {"role": "MEMBER"}),
        ("member.updated", staff.pk, key, {"role": "MODERATOR"}),
        ("member.updated", staff.pk, key, {"role": "MEMBER"}),
        ("member.left", staff.pk, key, {}),
    ]


def test_members_are_taken_out_many_at_once(client: Client) -> None:
    people = [person(), person()]
    place = room(*people)
    before = head(place.stream)
    chosen = Membership.objects.filter(user__in=people).values_list("pk", flat=True)
    tick(client, Membership, "delete_selected", *chosen, post="yes")
    assert [kind for kind, *_ in happened(place.stream, after=before)] == ["member.left"] * 2


# --- People ---------------------------------------------------------------------------------------


def test_people_are_banned_with_a_reason_and_let_in_again(client: Client, staff: User) -> None:
    people = [person(), person()]
    chosen = [who.pk for who in people]
    assert tick(client, User, "ban_people", *chosen, reason="spam") == ["Banned: 2"]
    assert set(User.objects.filter(pk__in=chosen).values_list("is_active", "ban_reason")) == {(False, "spam")}
    for who in people:
        assert happened(who.stream) == [("session.ended", staff.pk, "*", {"reason": "banned"})]
    tick(client, User, "unban_people", *chosen)
    assert User.objects.filter(pk__in=chosen, is_active=True, banned_at=None).count() == 2


def test_nobody_bans_themselves_and_then_nobody_is_banned(client: Client, staff: User) -> None:
    other = person()
    assert tick(client, User, "ban_people", other.pk, staff.pk) == [
        "you may not change this person's account (NOT_ALLOWED)"
    ]
    assert User.objects.filter(is_active=True).count() == 2


def test_all_sessions_of_people_are_ended(client: Client, staff: User) -> None:
    who = person()
    _, token = create_token(who, name="bot")
    tick(client, User, "end_sessions", who.pk)
    assert authenticate_token(token) is None
    assert happened(who.stream) == [("session.ended", staff.pk, "*", {"reason": "ended by a moderator"})]


def form_of(who: User, **fields: object) -> dict[str, object]:
    return {"display_name": who.display_name, "email": who.email} | fields


def test_a_name_changed_in_the_admin_is_told_in_the_rooms(client: Client, staff: User) -> None:
    who = person()
    place = room(who)
    before = head(place.stream)
    notes(client, page(User, "change", who.pk), **form_of(who, display_name="Haruka", email="h@a.example"))
    stored = User.objects.get(pk=who.pk)
    assert (stored.display_name, stored.email, stored.version) == ("Haruka", "h@a.example", 2)
    assert happened(place.stream, after=before) == [("member.updated", staff.pk, str(who.pk), {"role": "MEMBER"})]


def test_saving_a_person_does_not_undo_a_ban_of_that_moment(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    who = person()
    save_form = PersonAdmin.save_form

    def overtaken(*args: Any, **kwargs: Any) -> Any:
        ban(who.pk, actor=None, reason="spam")
        return save_form(*args, **kwargs)

    monkeypatch.setattr(PersonAdmin, "save_form", overtaken)
    notes(client, page(User, "change", who.pk), **form_of(who, email="h@a.example"))
    stored = User.objects.get(pk=who.pk)
    assert (stored.email, stored.is_active, stored.ban_reason) == ("h@a.example", False, "spam")


def test_a_person_is_added_with_a_stream_of_their_own(client: Client) -> None:
    password = "correct horse battery"
    fields = {"username": "newcomer", "usable_password": "true", "password1": password, "password2": password}
    notes(client, page(User, "add"), **fields)
    assert User.objects.get(username="newcomer").stream.key.startswith("user:")


def test_a_password_set_in_the_admin_ends_the_persons_sessions(client: Client, staff: User) -> None:
    for who in (person(), staff):
        other = Client()
        other.force_login(who, backend="django.contrib.auth.backends.ModelBackend")
        before = head(who.stream)
        password = {"password1": "correct horse battery", "password2": "correct horse battery"}
        path = reverse("admin:auth_user_password_change", args=[who.pk])
        client.post(path, password | {"usable_password": "true", "set-password": "x"})
        assert "session.ended" in [kind for kind, *_ in happened(who.stream, after=before)]
        assert "_auth_user_id" not in other.session
        assert client.get(page(Room, "changelist")).status_code == 200


def test_a_moderator_neither_gives_rights_nor_touches_an_administrator() -> None:
    moderator, target = person(is_staff=True), person()
    moderator.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    client = Client()
    client.force_login(moderator, backend="django.contrib.auth.backends.ModelBackend")
    notes(client, page(User, "change", target.pk), **form_of(target, is_superuser="on", is_staff="on"))
    stored = User.objects.get(pk=target.pk)
    assert (stored.is_superuser, stored.is_staff) == (False, False)
    administrator = superuser()
    path = reverse("admin:auth_user_password_change", args=[administrator.pk])
    assert client.post(path, {"password1": "x", "password2": "x"}).status_code == 403
    assert client.post(page(User, "change", administrator.pk), form_of(administrator)).status_code == 403
    assert client.post(page(User, "delete", target.pk), {"post": "yes"}).status_code == 403


# --- Tokens ---------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_revoked_from_the_list(client: Client) -> None:
    who = person()
    told = " ".join(notes(client, page(ApiToken, "add"), user=who.pk, name="bot"))
    text = told.partition("<code>")[2].partition("</code>")[0]
    token = ApiToken.objects.get()
    assert authenticate_token(text) == (who, token)
    assert text.encode() not in client.get(page(ApiToken, "change", token.pk)).content
    tick(client, ApiToken, "revoke", token.pk)
    assert authenticate_token(text) is None
    ended = ("session.ended", who.pk, credential_of_token(token.pk), {"reason": "token revoked"})
    assert happened(who.stream) == [ended]


def test_ones_own_password_is_changed_on_the_one_page_that_ends_the_other_sessions(client: Client) -> None:
    response = client.get(reverse("admin:password_change"))
    assert (response.status_code, response.headers["Location"]) == (302, reverse("account_change_password"))
