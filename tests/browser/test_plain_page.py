"""The page without its scripts, and what its policy allows the scripts."""

import re

from playwright.sync_api import expect

from chat.drill.parts.server import Server
from tests.browser.arranging import Arrange
from tests.browser.conftest import Complaints, Enter, sign_in
from tests.browser.room_page import RoomPage
from tests.conftest import OpenPage


def test_reading_and_writing_work_without_javascript(
    arrange: Arrange, enter: Enter, open_page: OpenPage, server: Server
) -> None:
    community = arrange.community("plain", "aiko", "ben", messages=60)
    page = open_page("about:blank", java_script_enabled=False)
    sign_in(page.context, community.sessions["ben"])
    page.goto(f"{server.url}/rooms/{community.slug}/")
    ben, aiko = RoomPage(page), enter(community, "aiko")
    expect(ben.row("Message 60")).to_be_in_viewport()

    ben.composer.fill("Written <b>plainly</b>")
    page.get_by_role("button", name="Send").click()

    expect(ben.rows.last).to_contain_text("Written <b>plainly</b>")
    expect(ben.rows.last).to_be_in_viewport()
    expect(aiko.rows.last).to_contain_text("Written <b>plainly</b>")
    page.get_by_role("link", name="Earlier messages").click()
    expect(ben.rows.first).to_contain_text("Message 1")


def test_the_policy_allows_nothing_inline_and_the_page_needs_nothing_inline(
    arrange: Arrange, enter: Enter, complaints: Complaints
) -> None:
    community = arrange.community("policy", "aiko")
    aiko = enter(community, "aiko")
    response = aiko.page.reload()
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert re.search(r"default-src 'self'|script-src 'self'", policy)
    aiko.is_live()

    # The watch is awake: what is forbidden is heard.
    aiko.page.evaluate(
        "document.head.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = true'}))"
    )
    assert aiko.page.evaluate("window.ran") is None
    heard = [complaint for complaint in complaints if "script" in complaint.lower()]
    assert heard
    for complaint in heard:
        complaints.remove(complaint)
    aiko.say("Nothing but *files*")
    aiko.has_stored(1)


def test_what_people_write_is_never_run(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("forge", "aiko", "ben")
    aiko, ben = enter(community, "aiko"), enter(community, "ben")
    attack = '<img src=x onerror="window.ran = true"><script>window.ran = true</script> [x](javascript:alert(1))'

    aiko.say(attack)
    ben.rows.first.wait_for()
    aiko.has_stored(1)

    for room in (aiko, ben):
        assert room.page.evaluate("window.ran") is None
        assert room.rows.locator("img, script, a[href^=javascript]").count() == 0
