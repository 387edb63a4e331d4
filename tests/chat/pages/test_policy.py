"""The Content-Security-Policy: every page has it, and needs nothing that it forbids."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpResponse

from chat.models import Room, User
from chat.pages import rooms
from tests.chat.pages.conftest import Browse
from tests.chat.pages.reading import page
from tests.chat.schema.arranging import person, room, said

pytestmark = pytest.mark.django_db

OPEN = [
    "/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/none-at-all/",
    "/accounts/password/reset/key/done/",
    "/accounts/confirm-email/",
    "/accounts/confirm-email/none/",
    "/accounts/inactive/",
    "/nothing/here",
]
SIGNED_IN = [
    "/rooms/",
    "/rooms/new",
    "/rooms/plaza/",
    "/rooms/plaza/leave",
    "/rooms/nowhere/",
    "/rooms/plaza/?before=nonsense",
    "/people/",
    "/settings/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/sessions/",
    "/accounts/logout/",
    "/accounts/reauthenticate/",
]
STAFF = ["/admin/", "/admin/chat/message/", "/admin/chat/room/", "/admin/chat/user/"]


@pytest.fixture
def plaza() -> Room:
    mika = person("mika", is_staff=True, is_superuser=True, password="correct horse battery")
    made = room(mika, name="Plaza", slug="plaza")
    said(made, mika, "**Hello** `there` <b onclick=alert(1)>you</b>")
    return made


def assert_obeys(response: Any) -> None:
    policy = response.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    shown = page(response)
    assert shown.inline == []
    assert all(source.startswith("/") and not source.startswith("//") for source in shown.scripts)
    assert len(shown.ids) == len(set(shown.ids)), "an id stands for one element"
    assert shown.title.strip() not in {"", "· Todoku"}


@pytest.mark.parametrize("address", OPEN)
def test_what_anybody_may_see_needs_nothing_inline(browse: Browse, address: str) -> None:
    assert_obeys(browse().get(address, follow=True))


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("address", SIGNED_IN)
def test_what_people_see_needs_nothing_inline(browse: Browse, plaza: Room, address: str, language: str) -> None:
    assert_obeys(browse(plaza.members.get(), language=language).get(address))


@pytest.mark.parametrize("address", STAFF)
def test_the_admin_needs_nothing_inline(browse: Browse, plaza: Room, address: str) -> None:
    response = browse(plaza.members.get()).get(address)
    assert response.status_code == 200
    assert "unsafe" not in response.headers["content-security-policy"]
    assert page(response).inline == []


@pytest.mark.parametrize(
    ("error", "status", "said", "retry_after"),
    [
        (ZeroDivisionError(), 500, "サーバー側で問題が起きました", None),
        (OperationalError("couldn't get a connection after 3.00 sec"), 503, "サーバーが混み合っています", "5"),
    ],
)
def test_a_failure_is_said_in_our_words_and_asks_nothing_of_the_database(
    browse: Browse,
    monkeypatch: pytest.MonkeyPatch,
    plaza: Room,
    django_assert_num_queries: Callable[..., Any],
    error: Exception,
    status: int,
    said: str,
    retry_after: str | None,
) -> None:
    def fail(*_args: object, **_kwargs: object) -> HttpResponse:
        raise error

    monkeypatch.setattr(rooms, "ask", fail)
    browser = browse(plaza.members.get(), language="ja")
    browser.raise_request_exception = False
    with django_assert_num_queries(2):  # the session and its person, asked for before the page failed
        response = browser.get("/rooms/")
    assert response.status_code == status
    assert response.headers.get("retry-after") == retry_after
    assert said in page(response).text
    assert_obeys(response)


def test_what_is_not_there_is_said_in_our_words(browse: Browse) -> None:
    response = browse().get("/nothing/here")
    assert response.status_code == 404
    assert "There is nothing at this address" in page(response).text


def test_a_person_sees_no_other_s_settings_menu(browse: Browse) -> None:
    mika: User = person(display_name="Mika")
    assert "Administration" not in page(browse(mika).get("/rooms/")).text
