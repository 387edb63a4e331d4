"""Frames while one scrolls and writes in a room of 300 messages. `python -m tests.benchmarks.scrolling --help`.

Starts a server and a Chromium of its own. The page's main thread is throttled (4× by default), another person writes
meanwhile, and the same scroll is done over 300 plain lines, which cost the page nothing: what is missing there, the
machine lacks. The traces stay in `test-results/`; Chromium's DevTools show them.
"""

import argparse
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, CDPSession, Page
from rich.console import Console
from rich.table import Table

from chat.drill.parts.databases import ROOT, SqliteDatabases
from chat.drill.parts.server import Server, prepare
from chat.drill.parts.waiting import until
from tests.benchmarks.frames import CATEGORIES, Frames, percentile, read
from tests.browser.arranging import Arrange, Community
from tests.browser.conftest import go_in
from tests.browser.room_page import RoomPage
from tests.parts import chromium

RESULTS = ROOT / "test-results"
WINDOW = 300
CHARACTERS = 60
SIZE: Any = {"width": 1280, "height": 800}
ON_TIME_MS = 1000 / 60 + 1  # timestamps of frames are rounded

BODIES = (
    "Short.",
    "A sentence of the usual length, as people write it all day long.",
    "A *longer* one with `code`, a [link](https://example.org/) and **weight**, " + "which goes on and on, " * 9,
    "日本語の文章も混ざります。長めの文だと、行の折り返しや約物の処理がここで測れます。",
    "```\nfor each in people:\n    tell(each)\n```\n\n- one\n- two\n- three",
)

TOKEN = """
from chat.actions.tokens import create_token
from chat.models import User
print(create_token(User.objects.get(pk={user}), name="benchmark")[1])
"""

PLAIN_LINES = """
<style>body { margin: 0 } main { block-size: 800px; overflow-y: auto }</style>
<main data-timeline-view></main>
<script>
  for (let line = 0; line < 300; line += 1) {
    const element = Object.assign(document.createElement("p"), { textContent: `Line ${line}` });
    document.querySelector("main").append(element);
  }
  document.querySelector("main").scrollTop = 1e6;
</script>
"""

BEGIN = """
() => {
  window.ticks = [];
  window.counting = true;
  const tick = (now) => { ticks.push(now); if (counting) requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
  performance.mark("benchmark-begin");
}
"""
END = """
() => {
  performance.mark("benchmark-end");
  window.counting = false;
  return ticks.slice(1).map((tick, index) => tick - ticks[index]);
}
"""

NOTE_KEYS = """
() => {
  window.keys = [];
  new PerformanceObserver((list) => {
    for (const { name, duration, startTime, processingStart, processingEnd } of list.getEntries()) {
      if (name === "keydown") keys.push([duration, processingStart - startTime, processingEnd - processingStart]);
    }
  }).observe({ type: "event", durationThreshold: 16 });
}
"""


@dataclass(frozen=True, slots=True)
class Scroll:
    """How a scroll through all of it went."""

    deltas: list[float]
    """Milliseconds between the frames that the page was asked for."""
    frames: Frames


@contextmanager
def somebody_writes(server: Server, community: Community, person: str, *, per_second: float) -> Iterator[None]:
    """Sends so many messages over the API, from another thread."""
    if not per_second:
        yield
        return
    token = server.python(TOKEN.format(user=community.user_ids[person])).strip()
    send = "mutation($r: ID!, $b: String!) { sendMessage(input: {roomId: $r, body: $b}) { status } }"
    stopped = threading.Event()

    def write() -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}) as http:
            number = 0
            while not stopped.wait(1 / per_second):
                variables = {"r": community.room_id, "b": BODIES[number % len(BODIES)]}
                http.post(f"{server.url}/graphql", json={"query": send, "variables": variables}).raise_for_status()
                number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def make_room(server: Server) -> Community:
    """A room with as much in it as a page keeps."""
    arrange = Arrange(server)
    community = arrange.community("benchmark", "aiko", "ben", "chie")
    for run in range(WINDOW // 10):
        author = community.user_ids[("aiko", "ben", "chie")[run % 3]]
        arrange.send(community.room_id, author, *(BODIES[(run + line) % len(BODIES)] for line in range(10)))
    return community


def fill_window(room: RoomPage) -> None:
    """Scroll up until the page has all that it keeps, then to the present."""
    view = room.page.locator("[data-timeline-view]")

    def is_full() -> bool:
        view.evaluate("view => { view.scrollTop = 120; }")
        return room.rows.count() >= WINDOW

    until(is_full, within_s=60, what=f"{WINDOW} messages in the page")
    room.page.keyboard.press("End")
    view.evaluate("view => { view.scrollTop = view.scrollHeight; }")


def scroll(browser: Browser, page: Page, cdp: CDPSession, trace: Path, *, speed: int) -> Scroll:
    """From the end to the beginning and back, with the wheel, while Chromium traces."""
    distance = page.locator("[data-timeline-view]").evaluate("view => view.scrollHeight - view.clientHeight")
    browser.start_tracing(page=page, path=trace, categories=CATEGORIES)
    page.evaluate(BEGIN)
    for direction in (1, -1):
        gesture = {"x": 700, "y": 400, "yDistance": direction * distance, "speed": speed, "gestureSourceType": "mouse"}
        cdp.send("Input.synthesizeScrollGesture", gesture)
    deltas = page.evaluate(END)
    return Scroll(deltas, read(browser.stop_tracing(), begin="benchmark-begin", end="benchmark-end"))


def write(room: RoomPage, *, characters: int) -> list[list[float]]:
    """For each key that took longer than a frame: milliseconds to the next paint, of them waiting, and working."""
    room.page.evaluate(NOTE_KEYS)
    room.composer.focus()
    text = "written while others write, ".ljust(characters, "x")[:characters]
    room.page.keyboard.type(text, delay=90)
    room.page.wait_for_timeout(500)
    keys: list[list[float]] = room.page.evaluate("keys")
    return keys


def report(console: Console, scrolls: dict[str, Scroll]) -> None:
    table = Table(title="Scrolling from the end to the beginning and back")
    table.add_column("")
    for name in scrolls:
        table.add_column(name, justify="right")

    def row(name: str, *values: str) -> None:
        table.add_row(name, *values)

    each = list(scrolls.values())
    on_time = [sum(delta <= ON_TIME_MS for delta in one.deltas) / max(1, len(one.deltas)) for one in each]
    row("seconds", *(f"{one.frames.seconds:.1f}" for one in each))
    row(
        "frames that the page was asked for, per second",
        *(f"{len(one.deltas) / one.frames.seconds:.1f}" for one in each),
    )
    row("  at most 1/60 s after the one before", *(f"{share:.1%}" for share in on_time))
    row("  p95 / p99 between them, ms", *(_pair(one.deltas) for one in each))
    row("main thread per frame, p95 / p99, ms", *(_pair(one.frames.main) for one in each))
    row("  within 1/60 s", *(f"{_within(one.frames.main):.1%}" for one in each))
    row(
        "long tasks (50 ms and more): number, longest",
        *(f"{len(one.frames.long_tasks)}, {max(one.frames.long_tasks, default=0):.0f} ms" for one in each),
    )
    for part in each[0].frames.parts:
        row(f"{part}, ms per s", *(f"{one.frames.parts[part]:.0f}" for one in each))
    console.print(table)


def _pair(values: Any) -> str:
    return f"{percentile(values, 95):.1f} / {percentile(values, 99):.1f}"


def _within(values: Any) -> float:
    return float(sum(value <= 1000 / 60 for value in values) / max(1, len(values)))


def report_keys(console: Console, keys: list[list[float]], *, characters: int) -> None:
    # Chromium tells nothing of a key that was on the screen within one frame.
    to_paint = [key[0] for key in keys] + [16.0] * (characters - len(keys))
    console.print(
        f"Writing {characters} characters: from key to screen p50 {percentile(to_paint, 50):.0f} ms, "
        f"p95 {percentile(to_paint, 95):.0f} ms, longest {max(to_paint):.0f} ms (16: one frame or less); "
        f"longest wait {max((key[1] for key in keys), default=0):.0f} ms, "
        f"longest work {max((key[2] for key in keys), default=0):.1f} ms"
    )


def measure(server: Server, *, throttling: float, speed: int, per_second: float) -> None:
    console = Console()
    RESULTS.mkdir(exist_ok=True)
    community = make_room(server)
    scrolls = {}
    for name in ("plain lines", "room", "room, others writing"):
        trace = RESULTS / f"scrolling-{name.replace(', ', '-').replace(' ', '-')}.json"
        with chromium.running() as browser:
            page = browser.new_context(viewport=SIZE).new_page()
            cdp = page.context.new_cdp_session(page)
            if name == "plain lines":
                page.set_content(PLAIN_LINES)
            else:
                fill_window(go_in(page, community, "aiko", url=server.url))
            cdp.send("Emulation.setCPUThrottlingRate", {"rate": throttling})
            rate = per_second if name == "room, others writing" else 0
            with somebody_writes(server, community, "ben", per_second=rate):
                scrolls[name] = scroll(browser, page, cdp, trace, speed=speed)
                if rate:
                    keys = write(RoomPage(page), characters=CHARACTERS)
    report(console, scrolls)
    report_keys(console, keys, characters=CHARACTERS)
    console.print(f"Throttled {throttling:g}×; the traces are in {RESULTS.relative_to(ROOT)}/.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--throttling", type=float, default=4)
    parser.add_argument("--speed", type=int, default=3_000, help="pixels per second")
    parser.add_argument("--per-second", type=float, default=3, help="messages that others write meanwhile")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        databases = SqliteDatabases(Path(folder))
        server = prepare(Path(folder) / "server", database_url=databases.create())
        server.start()
        try:
            measure(server, throttling=arguments.throttling, speed=arguments.speed, per_second=arguments.per_second)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
