"""What a browser asks for when it opens a room: the page already carries what it shows."""

import pytest
from playwright.sync_api import Request

from tests.browser.arranging import Arrange
from tests.browser.conftest import Enter, sign_in
from tests.browser.room_page import RoomPage
from tests.conftest import OpenPage


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 720), (1920, 1080)])
def test_opening_a_room_asks_nothing_of_the_endpoint(
    arrange: Arrange, enter: Enter, open_page: OpenPage, width: int, height: int
) -> None:
    community = arrange.community(f"wide{width}", "aiko", "ben", messages=120)
    # The first visit marks all as read, which is a mutation of its own.
    first = enter(community, "aiko", viewport={"width": width, "height": height})
    page = open_page("about:blank", viewport={"width": width, "height": height})
    sign_in(page.context, community.sessions["aiko"])
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/graphql") and request.resource_type in {"fetch", "xhr"}:
            asked.append(request.post_data or request.method)

    page.on("request", note)
    page.goto(first.page.url)
    room = RoomPage(page)
    room.is_live()
    page.wait_for_load_state("networkidle")

    assert len(room.ids()) == 50
    assert asked == []
