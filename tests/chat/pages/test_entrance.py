"""`/`: what this place is, and where those who are signed in go."""

import pytest

from chat.actions.rooms import update_room
from tests.chat.pages.conftest import Browse
from tests.chat.pages.reading import leads_to, page, submit
from tests.chat.schema.arranging import person, room, said

pytestmark = pytest.mark.django_db


def test_a_stranger_reads_what_this_is_and_finds_the_way_in(browse: Browse) -> None:
    shown = page(browse().get("/"))
    assert "Each message reaches everybody in the room" in shown.text
    assert shown.form("/accounts/login/").values.keys() == {"csrfmiddlewaretoken", "login", "password"}
    assert "/accounts/signup/" in shown.links


def test_logging_in_on_the_first_page_leads_into_the_room_one_is_in(browse: Browse) -> None:
    mika = person("mika", password="correct horse battery")
    quiet = room(mika, name="Quiet")
    busy = room(mika, name="Busy")
    said(busy, mika)
    browser = browse()
    response = submit(browser, browser.get("/"), "/accounts/login/", login="mika", password="correct horse battery")
    assert leads_to(response) == "/"
    assert leads_to(browser.get("/")) == f"/rooms/{busy.slug}/"
    assert quiet.slug != busy.slug


def test_somebody_new_comes_into_the_busiest_public_room(browse: Browse) -> None:
    founder = person()
    room(founder, name="Empty")
    busy = room(founder, name="Busy")
    said(busy, founder)
    secret = room(founder, name="Secret", visibility="PRIVATE")
    for _ in range(3):
        said(secret, founder)
    old = room(founder, name="Old")
    for _ in range(4):
        said(old, founder)
    update_room(old.pk, actor=founder, archived=True)
    assert leads_to(browse(person()).get("/")) == f"/rooms/{busy.slug}/"


def test_one_comes_back_to_the_room_one_was_in_last(browse: Browse) -> None:
    mika = person()
    busy = room(mika, name="Busy")
    said(busy, mika)
    quiet = room(mika, name="Quiet")
    browser = browse(mika)
    browser.get(f"/rooms/{quiet.slug}/")
    assert leads_to(browser.get("/")) == f"/rooms/{quiet.slug}/"


def test_where_there_is_no_room_one_comes_to_the_list(browse: Browse) -> None:
    assert leads_to(browse(person()).get("/")) == "/rooms/"


def test_the_manifest_names_the_icons_that_there_are(browse: Browse) -> None:
    from django.contrib.staticfiles import finders

    manifest = browse().get("/manifest.webmanifest").json()
    assert manifest["start_url"] == "/"
    for icon in manifest["icons"]:
        assert finders.find(icon["src"].removeprefix("/static/")), icon["src"]
