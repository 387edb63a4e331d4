"""A long room: history comes as one scrolls, nothing that is read moves, and the page stays small."""

from playwright.sync_api import expect

from chat.drill.parts.waiting import until
from tests.browser.arranging import Arrange
from tests.browser.conftest import Enter
from tests.browser.room_page import ARRIVES_WITHIN_S, RoomPage

WINDOW = 300

# Follows one message from frame to frame, until `stop()` tells how far it ever was from where it stood.
FOLLOW_A_ROW = """
(view) => {
  const edge = view.getBoundingClientRect().top;
  const rows = [...view.querySelectorAll("[data-message-id]")];
  const row = rows.find((one) => one.getBoundingClientRect().top >= edge + 40);
  const stood = row.getBoundingClientRect().top;
  let farthest = 0;
  let going = true;
  const look = () => {
    farthest = Math.max(farthest, row.isConnected ? Math.abs(row.getBoundingClientRect().top - stood) : Infinity);
    if (going) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  window.stopFollowing = () => { going = false; look(); return farthest; };
}
"""


def scroll_to_start(room: RoomPage) -> None:
    room.page.locator("[data-timeline-view]").evaluate("view => { view.scrollTop = 120; }")


def test_history_loads_above_without_moving_what_is_read(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("archive", "aiko", "ben", messages=200)
    ben = enter(community, "ben", viewport={"width": 900, "height": 700})
    ben.page.locator("[data-present]").click()
    expect(ben.row("Message 200")).to_be_in_viewport()
    before = ben.ids()

    view = ben.page.locator("[data-timeline-view]")
    view.evaluate("view => { view.scrollTop = 120; }")
    view.evaluate(FOLLOW_A_ROW)
    until(lambda: len(ben.ids()) > len(before), within_s=ARRIVES_WITHIN_S, what="Older messages")
    farthest = ben.page.evaluate("stopFollowing()")

    assert farthest <= 1
    assert ben.ids()[-len(before) :] == before


def test_what_arrives_below_moves_nothing_either_and_is_counted(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("tower", "aiko", "ben", messages=120)
    ben = enter(community, "ben", viewport={"width": 900, "height": 700})
    view = ben.page.locator("[data-timeline-view]")
    view.evaluate("view => { view.scrollTop = view.scrollHeight / 2; }")
    view.evaluate(FOLLOW_A_ROW)

    arrange.send(community.room_id, community.user_ids["aiko"], "News", "More news")
    present = ben.page.get_by_role("button", name="2 new messages")
    expect(present).to_be_visible(timeout=ARRIVES_WITHIN_S * 1000)
    assert ben.page.evaluate("stopFollowing()") <= 1

    present.click()
    expect(ben.row("More news")).to_be_in_viewport()
    expect(ben.page.locator("[data-present]")).to_be_hidden()


def test_at_the_end_the_view_follows_what_arrives(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("river", "aiko", "ben", messages=60)
    ben = enter(community, "ben", viewport={"width": 900, "height": 700})
    # All of it is new to Ben, so the page opened at the beginning.
    ben.page.locator("[data-present]").click()
    expect(ben.row("Message 60")).to_be_in_viewport()

    arrange.send(community.room_id, community.user_ids["aiko"], *(f"Wave {number}" for number in range(1, 31)))

    expect(ben.row("Wave 30")).to_be_in_viewport(timeout=ARRIVES_WITHIN_S * 1000)


def test_the_page_holds_a_bounded_window_however_far_one_scrolls(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("ocean", "aiko", "ben", messages=700)
    ben = enter(community, "ben", viewport={"width": 900, "height": 700})
    most = 0

    def reached_the_beginning() -> bool:
        nonlocal most
        most = max(most, ben.rows.count())
        scroll_to_start(ben)
        return ben.page.locator("[data-timeline-beginning]").is_visible()

    until(reached_the_beginning, within_s=60, what="The beginning of the room")
    expect(ben.rows.first).to_contain_text("Message 1")
    assert WINDOW / 2 < most <= WINDOW

    ben.page.locator("[data-present]").click()
    expect(ben.row("Message 700")).to_be_in_viewport(timeout=ARRIVES_WITHIN_S * 1000)
    assert ben.rows.count() <= WINDOW
    shown = [int(text.removeprefix("Message ")) for text in ben.texts()]
    assert shown == list(range(shown[0], 701))


def test_what_is_new_begins_at_a_line_that_stays_until_one_leaves(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("ferry", "aiko", "ben")
    ben = enter(community, "ben")
    ben.say("See you later")
    ben.has_stored(1)
    ben.page.goto("about:blank")
    arrange.send(community.room_id, community.user_ids["aiko"], "While you were away", "Something happened")

    ben.page.goto(f"{arrange.server.url}/rooms/{community.slug}/")
    ben.sees("See you later", "While you were away", "Something happened")
    line = ben.page.locator("[data-new-line]")
    below = "element => element.nextElementSibling.querySelector('.prose').textContent.trim()"
    assert line.evaluate(below) == "While you were away"

    ben.say("I am back")
    ben.has_stored(2)
    assert line.evaluate(below) == "While you were away"
    ben.page.reload()
    ben.is_live()
    expect(line).to_have_count(0)
