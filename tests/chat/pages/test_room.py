"""The room's page, as it is without JavaScript."""

import json
import re
from uuid import UUID, uuid4

import pytest

from chat.actions.rooms import update_room
from chat.models import Membership, Message
from tests.chat.pages.conftest import Browse
from tests.chat.pages.reading import leads_to, page, submit
from tests.chat.schema.arranging import person, room, said
from tests.chat.schema.asking import queries

pytestmark = pytest.mark.django_db


def room_data(html: str) -> dict[str, object]:
    found = re.search(r'<script id="room-data" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    data = json.loads(found[1])
    assert isinstance(data, dict)
    return data


def test_an_anonymous_reader_is_sent_to_the_log_in_and_back(browse: Browse) -> None:
    plaza = room(person(), name="Plaza")
    assert leads_to(browse().get(f"/rooms/{plaza.slug}/")) == f"/accounts/login/?next=/rooms/{plaza.slug}/"


def test_a_member_reads_what_was_said_in_order(browse: Browse) -> None:
    mika, kenji = person(display_name="Mika"), person(display_name="Kenji")
    plaza = room(mika, kenji, name="Plaza")
    for author, body in [(mika, "First words"), (kenji, "Second words"), (mika, "Third words")]:
        said(plaza, author, body)
    text = page(browse(kenji).get(f"/rooms/{plaza.slug}/")).text
    assert text.index("First words") < text.index("Second words") < text.index("Third words")


def test_the_page_carries_what_the_client_starts_from(browse: Browse) -> None:
    mika = person()
    plaza = room(mika, name="Plaza")
    message = said(plaza, mika, "</script><script>alert(1)</script>")
    response = browse(mika).get(f"/rooms/{plaza.slug}/")
    data = room_data(response.content.decode())
    assert data.keys() == {"viewer", "inboxCursor", "room", "rooms"}
    plaza_data = data["room"]
    assert isinstance(plaza_data, dict)
    assert [node["id"] for node in plaza_data["messages"]["nodes"]] == [str(message.pk)]
    assert plaza_data["cursor"]
    shown = page(response)
    assert shown.metas["todoku-viewer"] == str(mika.pk)
    assert shown.metas["todoku-csrf"]


@pytest.mark.parametrize("visibility", ["PUBLIC", "PRIVATE"])
def test_who_is_no_member_joins_a_public_room_and_knows_of_no_private_one(browse: Browse, visibility: str) -> None:
    mika, stranger = person(), person()
    plaza = room(mika, name="Plaza", visibility=visibility)
    said(plaza, mika, "Words of members")
    browser = browse(stranger)
    response = browser.get(f"/rooms/{plaza.slug}/")
    join = f"/rooms/{plaza.slug}/join"
    if visibility == "PUBLIC":
        assert "Words of members" in page(response).text
        assert leads_to(submit(browser, response, join)) == f"/rooms/{plaza.slug}/"
        assert Membership.objects.filter(room=plaza, user=stranger).exists()
    else:
        assert response.status_code == 404
        assert "Words of members" not in response.content.decode()
        assert "Plaza" not in response.content.decode()
        assert browser.get("/rooms/no-such-room/").content.decode().count("it is private") == 2
        token = page(browser.get("/rooms/")).metas["todoku-csrf"]
        assert browser.post(join, {"csrfmiddlewaretoken": token}).status_code == 404
        assert not Membership.objects.filter(room=plaza, user=stranger).exists()


def test_a_plain_form_posts_a_message(browse: Browse) -> None:
    mika = person()
    plaza = room(mika, name="Plaza")
    browser = browse(mika)
    address = f"/rooms/{plaza.slug}/"
    form = browser.get(address)
    response = submit(browser, form, address, body="Posted\r\nwithout a script")
    assert response.status_code == 302
    message = Message.objects.get()
    assert (message.author, message.room, message.body) == (mika, plaza, "Posted\nwithout a script")
    assert "without a script" in page(browser.get(leads_to(response))).text


def test_a_form_sent_twice_posts_one_message(browse: Browse) -> None:
    mika = person()
    plaza = room(mika, name="Plaza")
    browser = browse(mika)
    address = f"/rooms/{plaza.slug}/"
    form = browser.get(address)
    for _ in range(2):
        assert submit(browser, form, address, body="Once").status_code == 302
    assert [message.body for message in Message.objects.all()] == ["Once"]


def test_an_old_form_with_other_words_is_given_back_with_them_and_works_then(browse: Browse) -> None:
    mika = person()
    plaza = room(mika, name="Plaza")
    browser = browse(mika)
    address = f"/rooms/{plaza.slug}/"
    form = browser.get(address)
    submit(browser, form, address, body="First")
    refused = submit(browser, form, address, body="Second")
    assert refused.status_code == 422
    assert "Your text is kept" in page(refused).text
    again = page(refused).form(address)
    assert again.values["body"] == "Second"
    assert browser.post(address, again.values).status_code == 302
    assert [message.body for message in Message.objects.order_by("seq")] == ["First", "Second"]


def test_a_text_that_is_too_long_is_given_back_whole(browse: Browse, settings: pytest.FixtureRequest) -> None:
    mika = person()
    plaza = room(mika, name="Plaza")
    browser = browse(mika)
    address = f"/rooms/{plaza.slug}/"
    body = "長" * 10_001
    refused = submit(browser, browser.get(address), address, body=body)
    assert refused.status_code == 422
    assert "too long" in page(refused).text
    assert page(refused).form(address).values["body"] == body
    assert not Message.objects.exists()


def test_older_messages_are_pages_of_their_own(browse: Browse) -> None:
    mika = person()
    plaza = room(mika, name="Plaza")
    for number in range(60):
        said(plaza, mika, f"Message number {number:02}")
    browser = browse(mika)
    newest = page(browser.get(f"/rooms/{plaza.slug}/"))
    assert "Message number 59" in newest.text
    assert "Message number 09" not in newest.text
    [earlier] = [link for link in newest.links if "before=" in link]
    oldest = page(browser.get(f"/rooms/{plaza.slug}/{earlier}"))
    assert "Message number 00" in oldest.text
    assert "Message number 10" not in oldest.text
    assert not [link for link in oldest.links if "before=" in link]


def test_the_number_of_queries_does_not_grow_with_the_messages(browse: Browse) -> None:
    mika, kenji = person(), person()
    plaza = room(mika, kenji, name="Plaza")
    browser = browse(kenji)
    counts = []
    for _ in range(2):
        for number in range(20):
            said(plaza, mika, f"Message {number}", reply_to=said(plaza, kenji, "asked"))
        browser.get(f"/rooms/{plaza.slug}/")
        with queries() as counted:
            browser.get(f"/rooms/{plaza.slug}/")
        counts.append(len(counted))
    assert counts[0] == counts[1]


def test_an_archived_room_is_read_only(browse: Browse) -> None:
    mika = person()
    plaza = room(mika, name="Plaza")
    browser = browse(mika)
    address = f"/rooms/{plaza.slug}/"
    form = browser.get(address)
    update_room(plaza.pk, actor=mika, archived=True)
    refused = submit(browser, form, address, body="Too late")
    assert refused.status_code == 422
    assert "archived" in page(refused).text
    assert "Too late" in refused.content.decode()
    assert not Message.objects.exists()


def test_a_message_without_a_proper_id_is_a_bad_request(browse: Browse) -> None:
    mika = person()
    plaza = room(mika, name="Plaza")
    browser = browse(mika)
    address = f"/rooms/{plaza.slug}/"
    form = browser.get(address)
    assert submit(browser, form, address, id="not-an-id", body="Words").status_code == 400
    assert not Message.objects.exists()


def test_a_form_without_its_token_changes_nothing(browse: Browse) -> None:
    mika = person()
    plaza = room(mika, name="Plaza")
    response = browse(mika).post(f"/rooms/{plaza.slug}/", {"id": str(uuid4()), "body": "Forged"})
    assert response.status_code == 403
    assert "grown old" in page(response).text
    assert not Message.objects.exists()


def test_every_form_names_its_message_anew(browse: Browse) -> None:
    mika = person()
    plaza = room(mika, name="Plaza")
    browser = browse(mika)
    address = f"/rooms/{plaza.slug}/"
    ids = {UUID(page(browser.get(address)).form(address).values["id"]) for _ in range(2)}
    assert len(ids) == 2


def test_what_was_written_is_given_back_to_somebody_who_was_logged_out_meanwhile(browse: Browse) -> None:
    mika = person()
    plaza = room(mika, name="Plaza")
    browser = browse(mika)
    address = f"/rooms/{plaza.slug}/"
    form = browser.get(address)
    del browser.cookies["sessionid"]
    response = submit(browser, form, address, body="Words & all")
    assert response.status_code == 401
    assert '<textarea class="input failure__written" id="written" rows="6" readonly>Words &amp; all</textarea>' in (
        response.content.decode()
    )
    assert f"/accounts/login/?next={address}" in page(response).links
    assert not Message.objects.exists()


def test_a_cursor_that_is_none_is_a_bad_request(browse: Browse) -> None:
    mika = person()
    plaza = room(mika, name="Plaza")
    response = browse(mika).get(f"/rooms/{plaza.slug}/", {"before": "no cursor"})
    assert response.status_code == 400
    assert "Not done" in page(response).text


def test_leaving_asks_first(browse: Browse) -> None:
    mika, kenji = person(), person()
    plaza = room(mika, kenji, name="Plaza", visibility="PRIVATE")
    browser = browse(kenji)
    asked = browser.get(f"/rooms/{plaza.slug}/leave")
    assert "You will not be able to read it any more" in page(asked).text
    assert Membership.objects.filter(room=plaza, user=kenji).exists()
    assert leads_to(submit(browser, asked, "")) == "/rooms/"
    assert not Membership.objects.filter(room=plaza, user=kenji).exists()
    assert browser.get(f"/rooms/{plaza.slug}/").status_code == 404
