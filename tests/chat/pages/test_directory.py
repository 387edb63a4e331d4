"""The lists of rooms and people, and what one starts from them."""

import pytest

from chat.models import Membership, Room
from tests.chat.pages.conftest import Browse
from tests.chat.pages.reading import leads_to, page, submit
from tests.chat.schema.arranging import person, room, said

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("address", ["/rooms/", "/rooms/new", "/people/", "/settings/"])
def test_an_anonymous_reader_is_sent_to_the_log_in_and_back(browse: Browse, address: str) -> None:
    assert leads_to(browse().get(address)) == f"/accounts/login/?next={address}"


def test_the_list_has_joined_and_public_rooms_and_no_private_ones(browse: Browse) -> None:
    mika, kenji = person(), person()
    joined = room(mika, kenji, name="Joined", visibility="PRIVATE")
    said(joined, mika)
    room(mika, name="Open to all")
    room(mika, name="Secret", visibility="PRIVATE")
    shown = page(browse(kenji).get("/rooms/"))
    assert shown.text.index("Your rooms") < shown.text.index("Joined") < shown.text.index("Public rooms to join")
    assert shown.text.index("Public rooms to join") < shown.text.index("Open to all")
    assert "1 unread" in shown.text
    assert "Secret" not in shown.text


def test_rooms_are_found_by_name(browse: Browse) -> None:
    mika = person()
    room(mika, name="Gardening")
    room(mika, name="Cooking")
    browser = browse(mika)
    found = page(browser.get("/rooms/", {"q": "garden"})).text
    assert "Gardening" in found
    assert "Cooking" not in found
    assert "No room that you may read is called “<b>”" in page(browser.get("/rooms/", {"q": "<b>"})).text


def test_public_rooms_are_joined_from_the_list(browse: Browse) -> None:
    mika, kenji = person(), person()
    plaza = room(mika, name="Plaza")
    browser = browse(kenji)
    response = submit(browser, browser.get("/rooms/"), f"/rooms/{plaza.slug}/join")
    assert leads_to(response) == f"/rooms/{plaza.slug}/"
    assert Membership.objects.get(room=plaza, user=kenji).role == Membership.Role.MEMBER


def test_a_form_that_is_sent_twice_creates_one_room(browse: Browse) -> None:
    mika = person()
    browser = browse(mika)
    form = browser.get("/rooms/new")
    for _ in range(2):
        response = submit(browser, form, "", name="写真部", topic="Pictures of the week", visibility="PRIVATE")
        assert response.status_code == 302
    made = Room.objects.get()
    assert (made.name, made.topic, made.visibility) == ("写真部", "Pictures of the week", Room.Visibility.PRIVATE)
    assert browser.get(leads_to(response)).status_code == 200
    assert Membership.objects.get(room=made).role == Membership.Role.OWNER


def test_a_room_without_a_name_is_asked_for_again(browse: Browse) -> None:
    browser = browse(person())
    response = submit(browser, browser.get("/rooms/new"), "", name="  ", topic="Kept as it was typed")
    assert response.status_code == 422
    assert "Something is missing here" in page(response).text
    assert page(response).form("").values["topic"] == "Kept as it was typed"
    assert not Room.objects.exists()


def test_people_are_found_by_either_name_and_written_to(browse: Browse) -> None:
    mika, kenji = person("mika"), person("kenji", display_name="田中 健太")
    person("tom")
    browser = browse(mika)
    everybody = page(browser.get("/people/")).text
    assert "@kenji" in everybody
    assert "@tom" in everybody
    assert "@mika" not in everybody
    response = browser.get("/people/", {"q": "健太"})
    assert "@tom" not in page(response).text
    first = leads_to(submit(browser, response, "/people/kenji/direct"))
    again = leads_to(submit(browser, response, "/people/kenji/direct"))
    assert first == again
    direct = Room.objects.get(visibility=Room.Visibility.DIRECT)
    assert set(direct.members.all()) == {mika, kenji}
    assert "田中 健太" in page(browser.get(first)).text


def test_links_to_what_is_done_with_a_form_lead_to_the_form(browse: Browse) -> None:
    mika, kenji = person(), person("kenji")
    plaza = room(mika, name="Plaza")
    browser = browse(kenji)
    assert leads_to(browser.get(f"/rooms/{plaza.slug}/join")) == f"/rooms/{plaza.slug}/"
    assert leads_to(browser.get("/people/kenji/direct")) == "/people/?q=kenji"
    assert not Membership.objects.filter(user=kenji).exists()


def test_a_banned_person_is_not_among_the_people(browse: Browse) -> None:
    person("gone", is_active=False)
    assert "@gone" not in page(browse(person()).get("/people/")).text
