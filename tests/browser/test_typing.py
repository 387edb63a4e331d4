"""Writing waits for nothing: not for the network, not for the conversation above."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from chat.drill.parts.server import Server
from tests.browser.arranging import Arrange
from tests.browser.conftest import Enter
from tests.browser.room_page import ARRIVES_WITHIN_S
from tests.parts.proxy import Proxy

StartProxy = Callable[[Server], Proxy]

TEXT = "Nothing waits for an answer 何も待たない"

# Notes what is changed in the conversation and in the composer's box, and what is measured in the conversation, which
# would make the browser lay it out.
WATCH = """
() => {
  const timeline = document.querySelector(".timeline");
  const list = document.querySelector("[data-timeline-list]");
  window.seen = { timeline: [], composer: [], measured: [] };
  const name = (node) => node.dataset?.messageId ?? node.className ?? node.nodeName;
  const tell = (record) =>
    `${record.type} ${record.attributeName ?? ""} of ${name(record.target)}: ` +
    `+[${[...record.addedNodes].map(name)}] -[${[...record.removedNodes].map(name)}]`;
  const all = { subtree: true, childList: true, attributes: true, characterData: true };
  const watch = (element, records) => {
    const observer = new MutationObserver((list) => records.push(...list.map(tell)));
    observer.observe(element, all);
  };
  watch(list, seen.timeline);
  watch(document.querySelector(".composer__box"), seen.composer);
  const note = (element, what) => timeline.contains(element) && seen.measured.push(`${what} of ${name(element)}`);
  for (const what of ["scrollTop", "scrollHeight", "clientHeight"]) {
    const { get, set } = Object.getOwnPropertyDescriptor(Element.prototype, what);
    const measured = { configurable: true, get() { note(this, what); return get.call(this); } };
    Object.defineProperty(Element.prototype, what, set === undefined ? measured : { ...measured, set });
  }
  const measure = Element.prototype.getBoundingClientRect;
  Element.prototype.getBoundingClientRect = function () {
    note(this, "rectangle");
    return measure.call(this);
  };
}
"""

# Two frames later all has been drawn that these changes lead to.
SEEN = """
async () => {
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  return seen;
}
"""


def seen(page: Page) -> dict[str, Any]:
    """What was changed and measured since the watch began."""
    result: dict[str, Any] = page.evaluate(SEEN)
    return result


def test_characters_appear_at_once_while_no_request_is_answered(
    arrange: Arrange, enter: Enter, server: Server, start_proxy: StartProxy
) -> None:
    community = arrange.community("quill", "aiko", "ben", messages=60)
    network = start_proxy(server)
    aiko = enter(community, "aiko", url=network.url)
    aiko.composer.focus()
    network.stall()
    aiko.page.evaluate(WATCH)

    for count, character in enumerate(TEXT, start=1):
        aiko.page.keyboard.insert_text(character)
        assert aiko.composer.evaluate("field => field.value") == TEXT[:count]

    assert seen(aiko.page) == {"timeline": [], "composer": [], "measured": []}
    network.restore()


def test_what_arrives_is_added_and_touches_neither_its_neighbours_nor_what_one_writes(
    arrange: Arrange, enter: Enter
) -> None:
    community = arrange.community("inkwell", "aiko", "ben", messages=60)
    aiko, ben = enter(community, "aiko"), enter(community, "ben")
    # The line above what is new comes with the first of it.
    ben.say("You first")
    expect(aiko.row("You first")).to_be_in_viewport(timeout=ARRIVES_WITHIN_S * 1000)
    aiko.composer.press_sequentially("Half a sent")
    aiko.page.keyboard.press("ArrowLeft")
    before = aiko.ids()
    aiko.page.evaluate(WATCH)

    ben.say("I was faster")
    expect(aiko.row("I was faster")).to_be_in_viewport(timeout=ARRIVES_WITHIN_S * 1000)

    [arrived] = aiko.ids()[len(before) :]
    changes = seen(aiko.page)
    assert (changes["timeline"], changes["composer"]) == ([f"childList  of timeline__list: +[{arrived}] -[]"], [])
    assert aiko.ids()[:-1] == before
    aiko.page.keyboard.type("en")
    expect(aiko.composer).to_be_focused()
    expect(aiko.composer).to_have_value("Half a senent")
