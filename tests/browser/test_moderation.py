"""What moderators and owners do reaches open pages."""

from playwright.sync_api import expect

from chat.drill.parts.server import Server
from tests.browser.arranging import Arrange
from tests.browser.conftest import Complaints, Enter, sign_in
from tests.browser.room_page import agree
from tests.conftest import OpenPage


def test_a_message_deleted_in_the_admin_disappears_from_open_pages(
    arrange: Arrange, enter: Enter, open_page: OpenPage, complaints: Complaints, server: Server
) -> None:
    community = arrange.community("market", "aiko", "ben")
    ben = enter(community, "ben")
    ben.say("Buy cheap watches")
    ben.say("Good day")
    ben.has_stored(2)
    message_id = ben.ids()[0]
    office = open_page("about:blank")
    complaints.watch(office)
    sign_in(office.context, arrange.person("office", staff=True))

    office.goto(f"{server.url}/admin/chat/message/{message_id}/delete/")
    office.locator("input[type=submit], button[type=submit]").last.click()

    expect(ben.deleted).to_be_visible()
    assert "Buy cheap watches" not in ben.page.content()
    assert arrange.stored(community.room_id) == ["", "Good day"]


def test_the_page_of_a_removed_member_ends_at_once(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("council", "aiko", "ben", visibility="PRIVATE")
    aiko, ben = enter(community, "aiko"), enter(community, "ben")
    aiko.say("Welcome")
    ben.sees("Welcome")
    ben.composer.fill("Thank y")

    arrange.remove(community.room_id, community.user_ids["ben"], by=community.user_ids["aiko"])
    expect(ben.page.locator("[data-read-only]")).to_have_text(
        "You can no longer read this room. What you wrote stays here."
    )
    expect(ben.composer).to_be_hidden()
    aiko.say("He is gone")
    aiko.has_stored(2)

    assert ben.texts() == ["Welcome"]
    ben.page.reload()
    expect(ben.page.get_by_text("Welcome")).to_have_count(0)


def test_the_page_of_a_member_who_is_let_in_again_goes_on(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("senate", "aiko", "ben", visibility="PRIVATE")
    aiko, ben = enter(community, "aiko"), enter(community, "ben")
    arrange.remove(community.room_id, community.user_ids["ben"], by=community.user_ids["aiko"])
    expect(ben.composer).to_be_hidden()
    aiko.say("Where is Ben?")
    aiko.has_stored(1)

    arrange.add(community.room_id, community.user_ids["ben"], by=community.user_ids["aiko"])

    expect(ben.composer).to_be_visible()
    ben.sees("Where is Ben?")
    ben.say("Here again")
    agree(aiko, ben)


def test_an_owner_renames_the_room_adds_a_member_and_removes_one(arrange: Arrange, enter: Enter) -> None:
    community = arrange.community("studio", "aiko", "ben")
    arrange.person("carla-studio")
    aiko, ben = enter(community, "aiko"), enter(community, "ben")

    aiko.page.get_by_label("More about this room").click()
    aiko.page.get_by_role("button", name="Name, topic and who may read").click()
    aiko.page.get_by_label("Name", exact=True).fill("Atelier")
    aiko.page.get_by_label("Topic").fill("Paint and paper")
    aiko.page.get_by_role("button", name="Save").click()
    expect(ben.page.get_by_role("heading", name="Atelier")).to_be_visible()
    expect(ben.page.get_by_text("Paint and paper")).to_be_visible()

    aiko.page.get_by_role("button", name="members").click()
    panel = aiko.page.get_by_role("complementary", name="Members")
    panel.get_by_label("User name of whom to add").fill("nobody-at-all")
    panel.get_by_role("button", name="Add", exact=True).click()
    expect(panel.get_by_role("alert")).to_have_text("Nobody here has that user name.")
    panel.get_by_label("User name of whom to add").fill("carla-studio")
    panel.get_by_role("button", name="Add", exact=True).click()
    expect(panel.get_by_role("listitem").filter(has_text="@carla-studio")).to_be_visible()

    panel.get_by_label("More about Ben").click()
    panel.get_by_role("button", name="Remove from the room").click()
    aiko.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(panel.get_by_role("listitem").filter(has_text="@ben-studio")).to_have_count(0)
    # The room is public: Ben reads on, and may join again.
    expect(ben.page.get_by_role("button", name="Join to write")).to_be_visible()
