"""The pages beside the room in a browser: their menus, their widths, and the question before logging out."""

import re

import pytest
from playwright.sync_api import Page, expect

from chat.drill.parts.server import Server
from tests.browser.arranging import Arrange
from tests.browser.conftest import Complaints, sign_in
from tests.conftest import OpenPage

ANYBODY = ["/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"]
SIGNED_IN = [
    "/rooms/",
    "/rooms/new",
    "/people/",
    "/settings/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/sessions/",
    "/accounts/logout/",
    "/rooms/nowhere/",
]

# What the outbox keeps of a message that was not sent: static/src/storage.ts.
LEAVE_UNSENT = """
(viewerId) => new Promise((resolve, reject) => {
  const request = indexedDB.open("todoku", 1);
  request.onupgradeneeded = () =>
    request.result.createObjectStore("operations", { keyPath: "position", autoIncrement: true })
      .createIndex("viewerId", "viewerId");
  request.onerror = () => reject(request.error);
  request.onsuccess = () => {
    const transaction = request.result.transaction("operations", "readwrite");
    transaction.objectStore("operations").add({
      id: crypto.randomUUID(), viewerId, roomId: "1", createdAt: new Date().toISOString(), attempted: false,
      operation: { kind: "send", messageId: crypto.randomUUID(), body: "Not sent yet", replyToId: null },
      state: { kind: "waiting" },
    });
    transaction.oncomplete = () => { request.result.close(); resolve(); };
  };
})
"""


@pytest.fixture
def rooms(arrange: Arrange, server: Server, open_page: OpenPage, complaints: Complaints) -> Page:
    """The list of rooms, for somebody who has just come."""
    page = open_page("about:blank")
    complaints.watch(page)
    sign_in(page.context, arrange.person(f"somebody{server_people(server)}"))
    page.goto(f"{server.url}/rooms/")
    return page


def server_people(server: Server) -> int:
    """How many people the server knows: a number that no name has yet."""
    return int(server.python("from chat.models import User; print(User.objects.count())"))


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_page_fits_a_small_phone_and_complains_of_nothing(
    arrange: Arrange, server: Server, open_page: OpenPage, complaints: Complaints, language: str
) -> None:
    page = open_page("about:blank", viewport={"width": 320, "height": 568}, locale=language)
    complaints.watch(page)
    session = arrange.person(f"phone-{language}-with-a-name-that-takes-all-the-room-there-is")
    for address in [*ANYBODY, *SIGNED_IN]:
        if address == SIGNED_IN[0]:
            sign_in(page.context, session)
        page.goto(f"{server.url}{address}")
        assert page.url == f"{server.url}{address}"
        assert page.evaluate("document.documentElement.lang") == language
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, address


def test_a_menu_is_opened_walked_through_and_closed_with_keys(rooms: Page) -> None:
    opener = rooms.get_by_role("banner").locator("summary")
    settings, log_out = rooms.get_by_role("link", name="Settings"), rooms.get_by_role("button", name="Log out")
    opener.press("Enter")
    expect(settings).to_be_visible()
    rooms.keyboard.press("ArrowDown")
    expect(settings).to_be_focused()
    rooms.keyboard.press("ArrowDown")
    expect(log_out).to_be_focused()
    rooms.keyboard.press("ArrowDown")
    expect(settings).to_be_focused()
    rooms.keyboard.press("End")
    expect(log_out).to_be_focused()
    rooms.keyboard.press("Escape")
    expect(settings).to_be_hidden()
    expect(opener).to_be_focused()


def test_a_click_elsewhere_closes_a_menu(rooms: Page) -> None:
    rooms.get_by_role("banner").locator("summary").click()
    expect(rooms.get_by_role("link", name="Settings")).to_be_visible()
    rooms.get_by_role("heading", name="Rooms", exact=True).click()
    expect(rooms.get_by_role("link", name="Settings")).to_be_hidden()


def log_out(page: Page) -> None:
    page.get_by_role("banner").locator("summary").click()
    page.get_by_role("banner").get_by_role("button", name="Log out").click()


def test_logging_out_with_nothing_unsent_asks_nothing(rooms: Page, server: Server) -> None:
    log_out(rooms)
    rooms.wait_for_url(f"{server.url}/")
    expect(rooms.get_by_text("You are logged out.")).to_be_visible()


def test_logging_out_with_something_unsent_asks_first(rooms: Page, server: Server) -> None:
    viewer = rooms.locator('meta[name="todoku-viewer"]').get_attribute("content")
    rooms.evaluate(LEAVE_UNSENT, viewer)
    log_out(rooms)
    question = rooms.get_by_role("dialog", name="Log out with unsent messages?")
    expect(question).to_contain_text(re.compile("1 message has not been sent yet"))
    question.get_by_role("button", name="Cancel").click()
    expect(question).to_be_hidden()
    rooms.reload()
    expect(rooms.get_by_role("heading", name="Rooms", exact=True)).to_be_visible()

    log_out(rooms)
    question.get_by_role("button", name="Log out").click()
    rooms.wait_for_url(f"{server.url}/")


def test_somebody_else_s_unsent_messages_keep_nobody(rooms: Page, server: Server) -> None:
    rooms.evaluate(LEAVE_UNSENT, "another person")
    log_out(rooms)
    rooms.wait_for_url(f"{server.url}/")
