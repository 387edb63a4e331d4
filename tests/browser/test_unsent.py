"""What is not sent yet is lost by nothing that happens to the page."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Request, expect

from chat.drill.parts.server import Server
from tests.browser.arranging import Arrange
from tests.browser.conftest import Complaints, Enter, go_in
from tests.browser.room_page import ARRIVES_WITHIN_S, LostSends, RoomPage, agree
from tests.parts.chromium import open_profile
from tests.parts.proxy import Proxy

StartProxy = Callable[[Server], Proxy]


def test_a_reload_keeps_unsent_messages_and_sends_them(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("harbour", "aiko", "ben")
    aiko, ben = enter(community, "aiko"), enter(community, "ben")
    # Only what is sent is lost on its way: a reload needs a server to load from.
    lost = LostSends(aiko.page)

    aiko.say("First")
    aiko.say("Second")
    aiko.sees("First", "Second")
    aiko.page.reload()
    aiko.sees("First", "Second")
    aiko.has_arrivals("waiting", "waiting")
    assert ben.texts() == []
    lost.end()

    ben.sees("First", "Second")
    aiko.has_stored(2)
    agree(aiko, ben)
    assert arrange.stored(community.room_id) == ["First", "Second"]


def test_closing_the_browser_keeps_unsent_messages_and_opening_it_sends_them(
    arrange: Arrange,
    browser: Browser,
    complaints: Complaints,
    enter: Enter,
    server: Server,
    start_proxy: StartProxy,
    tmp_path: Path,
) -> None:
    community = arrange.community("island", "aiko", "ben")
    network = start_proxy(server)
    ben = enter(community, "ben")
    # The address is part of what a browser keeps things under, so both times it is the proxy's.
    with open_profile(browser, tmp_path) as context:
        page = context.new_page()
        complaints.watch(page)
        aiko = go_in(page, community, "aiko", url=network.url)
        network.cut()
        aiko.say("First")
        aiko.say("Second")
        aiko.sees("First", "Second")
    network.restore()
    assert ben.texts() == []

    with open_profile(browser, tmp_path) as context:
        page = context.new_page()
        complaints.watch(page)
        aiko = go_in(page, community, "aiko", url=network.url)
        aiko.sees("First", "Second")
        aiko.has_stored(2)
        ben.sees("First", "Second")
        agree(aiko, ben)
    assert arrange.stored(community.room_id) == ["First", "Second"]


def test_all_tabs_show_the_same_outbox_and_one_of_them_sends(
    arrange: Arrange, complaints: Complaints, enter: Enter, server: Server, start_proxy: StartProxy
) -> None:
    community = arrange.community("meadow", "aiko")
    network = start_proxy(server)
    one = enter(community, "aiko", url=network.url)
    page = one.page.context.new_page()
    complaints.watch(page)
    other = go_in(page, community, "aiko", url=network.url)
    sent = [_sends_of(one), _sends_of(other)]

    network.cut()
    one.say("From one")
    other.say("From the other")
    one.sees("From one", "From the other")
    other.sees("From one", "From the other")
    network.restore()

    one.has_stored(2)
    other.has_stored(2)
    agree(one, other)
    assert arrange.stored(community.room_id) == ["From one", "From the other"]
    # While the network was cut a send may have been tried again and again, but by one of the tabs alone.
    assert sorted(map(len, map(set, sent))) == [0, 2]


def test_a_refused_message_says_why_and_can_be_discarded(
    arrange: Arrange, enter: Enter, server: Server, start_proxy: StartProxy
) -> None:
    community = arrange.community("gate", "aiko", "ben")
    network = start_proxy(server)
    ben = enter(community, "ben", url=network.url)
    network.cut()
    ben.say("Am I late?")
    arrange.archive(community.room_id, by=community.user_ids["aiko"])
    network.restore()

    row = ben.row("Am I late?")
    expect(row).to_contain_text(
        "Not sent: this room is read-only now. Your text is kept.", timeout=ARRIVES_WITHIN_S * 1000
    )
    ben.has_arrivals("refused")
    expect(ben.composer).to_be_hidden()
    expect(ben.page.locator("[data-read-only]")).to_contain_text("This room has been read-only since")
    row.get_by_role("button", name="Discard").click()

    ben.sees()
    assert arrange.stored(community.room_id) == []


def test_logging_out_with_unsent_messages_asks_first(arrange: Arrange, enter: Enter, server: Server) -> None:
    community = arrange.community("station", "aiko")
    aiko = enter(community, "aiko")
    lost = LostSends(aiko.page)
    aiko.say("Not sent yet")
    aiko.sees("Not sent yet")

    _log_out(aiko)
    question = aiko.page.get_by_role("dialog", name="Log out with unsent messages?")
    expect(question).to_contain_text("1 message has not been sent yet. It is kept in this browser")
    question.get_by_role("button", name="Cancel").click()
    expect(question).to_be_hidden()
    assert aiko.texts() == ["Not sent yet"]

    _log_out(aiko)
    question.get_by_role("button", name="Log out").click()
    expect(aiko.page.get_by_role("link", name="Log in").or_(aiko.page.get_by_label("Password")).first).to_be_visible()
    lost.end()
    community.sessions["aiko"] = arrange.session(community.user_ids["aiko"])
    go_in(aiko.page, community, "aiko", url=server.url)
    aiko.has_stored(1)


def test_logging_out_with_nothing_unsent_asks_nothing(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("platform", "aiko")
    aiko = enter(community, "aiko")
    aiko.say("All said")
    aiko.has_stored(1)

    _log_out(aiko)

    expect(aiko.page.get_by_role("link", name="Log in").or_(aiko.page.get_by_label("Password")).first).to_be_visible()


def _sends_of(room: RoomPage) -> list[str]:
    """What the tab sends from now on."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and "sendMessage" in (request.post_data or ""):
            sent.append(request.post_data or "")

    room.page.on("request", note)
    return sent


def _log_out(room: RoomPage) -> None:
    room.page.locator(".account-menu summary").click()
    room.page.get_by_role("button", name="Log out").click()
