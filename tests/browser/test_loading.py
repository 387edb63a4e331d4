"""Opening a room: how much comes before anybody asks for more, and that nothing moves meanwhile."""

import gzip
from typing import Any

import pytest
from playwright.sync_api import Response, expect

from tests.browser.arranging import Arrange
from tests.browser.conftest import Complaints, sign_in
from tests.browser.room_page import RoomPage
from tests.conftest import OpenPage

# Promised are 90 kB. Whoever needs more than this asks first whether it can come when it is asked for: `import()`.
FIRST_JAVASCRIPT_BYTES = 75_000

WIDTHS: dict[str, dict[str, Any]] = {
    "phone": {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True},
    "narrow": {"viewport": {"width": 800, "height": 600}},
    "wide": {"viewport": {"width": 1400, "height": 900}},
}
# A script that writes times and days in the reader's zone, and words in the reader's language, has the most to move.
READERS: dict[str, dict[str, Any]] = {
    "en": {"locale": "en-GB", "timezone_id": "Europe/London"},
    "ja": {"locale": "ja-JP", "timezone_id": "Asia/Tokyo"},
}

NOTE_SHIFTS = """
window.shifts = [];
const box = ({ x, y, width, height }) => `${[x, y, width, height]}`;
new PerformanceObserver((list) => {
  for (const { value, hadRecentInput, sources } of list.getEntries()) {
    if (hadRecentInput) continue;
    const told = sources.map(({ node, previousRect: from, currentRect: to }) =>
      `${node?.className ?? node?.nodeName} ${box(from)} → ${box(to)}`);
    shifts.push(`${value.toFixed(5)}: ${told.join("; ")}`);
  }
}).observe({ type: "layout-shift", buffered: true });
"""

# Two frames later everything that was drawn has been measured.
SHIFTS = """
async () => {
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  return shifts;
}
"""


def test_a_room_page_loads_little_javascript_at_first(arrange: Arrange, open_page: OpenPage) -> None:
    community = arrange.community("light", "aiko", "ben", messages=3)
    page = open_page("about:blank")
    sign_in(page.context, community.sessions["aiko"])
    scripts: dict[str, Response] = {}

    def note(response: Response) -> None:
        if response.url.endswith(".js"):
            scripts[response.url] = response

    page.on("response", note)

    page.goto(f"{arrange.server.url}/rooms/{community.slug}/")
    room = RoomPage(page)
    room.is_live()
    room.say("All is there")
    room.has_stored(4)

    sizes = {url.rpartition("/")[2]: len(gzip.compress(script.body(), mtime=0)) for url, script in scripts.items()}
    assert {"room.js", "site.js"} <= set(sizes)
    assert sum(sizes.values()) <= FIRST_JAVASCRIPT_BYTES, sizes


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("seen", ["all is read", "all is new", "empty"])
def test_nothing_moves_while_a_room_opens(
    arrange: Arrange, open_page: OpenPage, complaints: Complaints, width: str, reader: str, seen: str
) -> None:
    slug = f"still-{width}-{reader}-{seen.replace(' ', '-')}"
    community = arrange.community(slug, "aiko", "ben", messages=0 if seen == "empty" else 60)
    page = open_page("about:blank", **WIDTHS[width], **READERS[reader])
    complaints.watch(page)
    page.add_init_script(NOTE_SHIFTS)
    sign_in(page.context, community.sessions["ben" if seen == "all is new" else "aiko"])

    page.goto(f"{arrange.server.url}/rooms/{community.slug}/")
    RoomPage(page).is_live()
    expect(page.locator("[data-status]")).to_be_hidden()

    assert page.evaluate(SHIFTS) == []
