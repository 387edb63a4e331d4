"""A phone: one thing at a time, a finger instead of a pointer, and the browser's back."""

from typing import Any

from playwright.sync_api import Locator, expect

from tests.browser.arranging import Arrange
from tests.browser.conftest import Enter

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


def test_rooms_and_members_are_pages_that_back_closes(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("pocket", "aiko", "ben", messages=40)
    aiko = enter(community, "aiko", **PHONE)
    rooms = aiko.page.get_by_role("navigation", name="Rooms")
    members = aiko.page.get_by_role("complementary", name="Members")
    expect(rooms).to_be_hidden()

    aiko.page.get_by_role("link", name="All rooms").tap()
    expect(rooms).to_be_visible()
    expect(aiko.composer).to_be_hidden()
    aiko.page.go_back()
    expect(rooms).to_be_hidden()
    expect(aiko.row("Message 40")).to_be_in_viewport()

    aiko.page.get_by_role("button", name="Members").tap()
    expect(members.get_by_text("@ben-pocket")).to_be_visible()
    aiko.page.go_back()
    expect(members).to_be_hidden()
    expect(aiko.composer).to_be_visible()


def test_enter_breaks_the_line_and_the_button_sends(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("thumb", "aiko")
    aiko = enter(community, "aiko", **PHONE)

    aiko.composer.press_sequentially("one")
    aiko.composer.press("Enter")
    aiko.composer.press_sequentially("two")
    expect(aiko.composer).to_have_value("one\ntwo")
    aiko.page.get_by_role("button", name="Send").tap()

    aiko.sees("one\ntwo")
    aiko.has_stored(1)


def test_a_long_press_offers_what_can_be_done_and_a_tap_does_not(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("palm", "aiko", "ben", messages=3)
    ben = enter(community, "ben", **PHONE)
    actions = ben.page.get_by_role("toolbar", name="This message")

    ben.row("Message 2").tap()
    expect(actions).to_be_hidden()
    _press(ben.row("Message 2"))
    expect(actions).to_be_visible()
    actions.get_by_role("button", name="Reply").tap()

    expect(ben.page.get_by_text("Reply to Aiko")).to_be_visible()


def test_nothing_is_wider_than_the_screen(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("narrow", "aiko")
    aiko = enter(community, "aiko", **{**PHONE, "viewport": {"width": 320, "height": 600}})
    aiko.composer.fill("W" * 300 + " https://example.org/" + "a" * 200 + "\n\n```\n" + "x" * 300 + "\n```")
    aiko.page.get_by_role("button", name="Send").tap()
    aiko.has_stored(1)

    assert aiko.page.evaluate("document.documentElement.scrollWidth") == 320
    view = aiko.page.locator("[data-timeline-view]")
    assert view.evaluate("view => view.scrollWidth - view.clientWidth") == 0


def _press(row: Locator) -> None:
    """Put a finger on the row and leave it there until the page has noticed."""
    box = row.bounding_box()
    assert box is not None
    cdp = row.page.context.new_cdp_session(row.page)
    finger = {"x": box["x"] + 90, "y": box["y"] + box["height"] / 2}
    cdp.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [finger]})
    row.page.get_by_role("toolbar", name="This message").wait_for()
    cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
