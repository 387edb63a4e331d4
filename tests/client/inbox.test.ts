import assert from "node:assert/strict";
import { test } from "node:test";
import type { InboxFeedSubscription, JoinedRoomPartsFragment } from "../../static/src/generated/operations.ts";
import type { InboxNews } from "../../static/src/inbox.ts";
import { openPage, world, type Page, type World } from "./parts/page.ts";
import { pass, settled } from "./parts/waiting.ts";

type Item = NonNullable<InboxFeedSubscription["inbox"]["item"]>;

async function opened(arrange: (here: World) => void = () => undefined): Promise<{ here: World; page: Page; news: InboxNews[] }> {
  const here = world();
  arrange(here);
  const page = openPage(here);
  const news: InboxNews[] = [];
  page.todoku.inbox.onNews((item) => news.push(item));
  await settled();
  return { here, page, news };
}

function joined(here: World, id: string, change: Partial<JoinedRoomPartsFragment> = {}): JoinedRoomPartsFragment {
  const { messages: _, cursor: __, ...head } = here.server.page("1", {});
  return { ...head, id, slug: `room-${id}`, participants: [], ...change };
}

function marker(version: number, readMessageCount: number, mentionCount = 0): Item {
  return { __typename: "ReadMarkerMoved", roomId: "7", version, lastReadSeq: readMessageCount, readMessageCount, mentionCount };
}

function unread({ todoku }: Page): readonly string[] {
  return todoku.inbox.rooms.map(({ room, unread, mentions }) => `${room.id}: ${unread} unread, ${mentions} mentions`);
}

test("What is unread is the difference of two numbers, and follows the room's activity", async () => {
  const { here, page } = await opened(({ server }) => server.send("2", "a", "unread"));
  assert.deepEqual(unread(page), ["7: 1 unread, 0 mentions"]);
  here.server.tell({ __typename: "RoomActivity", roomId: "7", lastSeq: 9, messageCount: 6 }, null);
  await settled();
  assert.deepEqual(unread(page), ["7: 6 unread, 0 mentions"]);
});

test("A marker moved on another device is followed, and an older one is not", async () => {
  const { here, page } = await opened(({ server }) => {
    for (const id of ["a", "b", "c"]) server.send("2", id, id);
  });
  here.server.tell(marker(3, 2));
  here.server.tell(marker(2, 1));
  await settled();
  assert.deepEqual(unread(page), ["7: 1 unread, 0 mentions"]);
});

test("A mention is counted until the marker passes it, and told", async () => {
  const { here, page, news } = await opened();
  const message = { __typename: "Message", id: "x", roomId: "7", seq: 4, author: here.server.user("2") } as const;
  here.server.tell({ __typename: "Mentioned", message });
  await settled();
  assert.deepEqual(unread(page), ["7: 0 unread, 1 mentions"]);
  assert.deepEqual(news, [{ kind: "mentioned", message }]);
  here.server.tell(marker(2, 0, 0));
  await settled();
  assert.deepEqual(unread(page), ["7: 0 unread, 0 mentions"]);
});

test("A room that was joined is listed, and one that was left is not", async () => {
  const { here, page } = await opened();
  here.server.tell({ __typename: "MembershipChanged", roomId: "8", room: joined(here, "8") });
  await settled();
  assert.deepEqual(page.todoku.inbox.rooms.map(({ room }) => room.slug), ["general", "room-8"]);
  here.server.tell({ __typename: "MembershipChanged", roomId: "8", room: joined(here, "8", { viewerMembership: null }) });
  await settled();
  assert.deepEqual(page.todoku.inbox.rooms.map(({ room }) => room.slug), ["general"]);
  here.server.tell({ __typename: "MembershipChanged", roomId: "7", room: null });
  await settled();
  assert.deepEqual(page.todoku.inbox.rooms, []);
});

test("A membership that began again counts anew, although its version is lower", async () => {
  const { here, page } = await opened();
  here.server.tell(marker(9, 3));
  await settled();
  const again = joined(here, "7", { messageCount: 5 });
  assert.equal(again.viewerMembership?.version, 1);
  here.server.tell({ __typename: "MembershipChanged", roomId: "7", room: again });
  await settled();
  assert.deepEqual(unread(page), ["7: 5 unread, 0 mentions"]);
});

test("A feed that ended goes on when the viewer may read the room again", async () => {
  const { here, page } = await opened();
  here.server.endFeeds();
  await settled();
  here.server.tell({ __typename: "MembershipChanged", roomId: "7", room: joined(here, "7") });
  await settled();
  assert.equal(page.room.feed.state.kind, "live");
});

test("The inbox goes on from its last cursor; an item without one moves none", async () => {
  const { here } = await opened();
  here.server.tell(marker(2, 0), "inbox:5");
  here.server.tell({ __typename: "RoomActivity", roomId: "7", lastSeq: 9, messageCount: 6 }, null);
  await settled();
  here.server.sockets.cut();
  await pass(here.clock, 15_000);
  assert.deepEqual(here.server.inboxCursors, ["inbox:0", "inbox:5"]);
});

test("A reset fetches all rooms anew, as often as it takes, and believes lower numbers of another history", async () => {
  const { here, page } = await opened(({ server }) => {
    for (const id of ["a", "b", "c"]) server.send("2", id, id);
  });
  here.server.restore(1);
  here.server.fault = ({ operation }) => (operation === "JoinedRooms" ? { kind: "status", status: 503 } : null);
  here.server.tell({ __typename: "InboxReset", resetReason: "HISTORY_CHANGED" }, "inbox:9");
  await pass(here.clock, 10_000);
  assert.deepEqual(unread(page), ["7: 3 unread, 0 mentions"]);
  here.server.fault = () => null;
  await pass(here.clock, 40_000);
  assert.deepEqual(unread(page), ["7: 1 unread, 0 mentions"]);
});

/** The rooms are being fetched anew, and what is returned lets the answers come. */
async function fetchingAnew(here: World): Promise<() => void> {
  const answers: (() => void)[] = [];
  here.server.holdAnswer = () => new Promise((resolve) => answers.push(resolve));
  here.server.tell({ __typename: "InboxReset", resetReason: "TOO_FAR_BEHIND" }, "inbox:9");
  await settled();
  return () => {
    for (const answer of answers.splice(0)) answer();
  };
}

test("A room that is joined while all are fetched anew stays in the list", async () => {
  const { here, page } = await opened();
  const answer = await fetchingAnew(here);
  here.server.tell({ __typename: "MembershipChanged", roomId: "8", room: joined(here, "8") }, "inbox:10");
  await settled();
  answer();
  await settled();
  assert.deepEqual(page.todoku.inbox.rooms.map(({ room }) => room.slug), ["general", "room-8"]);
  here.server.sockets.cut();
  await pass(here.clock, 15_000);
  assert.deepEqual(here.server.inboxCursors, ["inbox:0", "inbox:10"]);
});

test("What came while all rooms are fetched anew is asked for again after a cut, and with every try", async () => {
  const { here, page } = await opened();
  here.server.fault = ({ operation }) => (operation === "JoinedRooms" ? { kind: "status", status: 503 } : null);
  here.server.tell({ __typename: "InboxReset", resetReason: "TOO_FAR_BEHIND" }, "inbox:9");
  here.server.tell({ __typename: "MembershipChanged", roomId: "8", room: joined(here, "8") }, "inbox:10");
  await settled();
  here.server.sockets.cut();
  await pass(here.clock, 15_000);
  const [first, ...others] = here.server.inboxCursors;
  assert.equal(first, "inbox:0");
  assert.ok(others.length > 2);
  assert.deepEqual(new Set(others), new Set(["inbox:9"]));
  here.server.fault = () => null;
  await pass(here.clock, 40_000);
  assert.deepEqual(page.todoku.inbox.rooms.map(({ room }) => room.slug), ["general"]);
});

test("Of two resets the later one's answer counts, in whichever order they come", async () => {
  const { here, page } = await opened(({ server }) => server.send("2", "a", "unread"));
  const answers: (() => void)[] = [];
  here.server.holdAnswer = () => new Promise((resolve) => answers.push(resolve));
  for (const resetReason of ["HISTORY_CHANGED", "TOO_FAR_BEHIND"] as const) {
    here.server.restore(0);
    if (resetReason === "HISTORY_CHANGED") for (const id of ["b", "c", "d"]) here.server.send("2", id, id);
    here.server.tell({ __typename: "InboxReset", resetReason });
    await settled();
  }
  for (const answer of answers.reverse()) {
    answer();
    await settled();
  }
  assert.deepEqual(unread(page), ["7: 0 unread, 0 mentions"]);
});

test("A feed that ended goes on when a reset of the inbox has passed over the viewer's return", async () => {
  const { here, page } = await opened();
  here.server.endFeeds();
  await settled();
  here.server.tell({ __typename: "InboxReset", resetReason: "CURSOR_EXPIRED" });
  await settled();
  assert.equal(page.room.feed.state.kind, "live");
});

test("The end of a session is told, and what the page doesn't know is passed over", async () => {
  const { here, news } = await opened();
  here.server.tell({ __typename: "SessionEnded", reason: "LOGGED_OUT" });
  here.server.tell(JSON.parse('{"__typename":"SomethingNew"}'));
  await settled();
  assert.deepEqual(news, [{ kind: "session-ended", reason: "LOGGED_OUT" }]);
});

test("Reading to the end clears the room in the list", async () => {
  const { here, page } = await opened(({ server }) => server.send("2", "a", "unread"));
  here.server.readUpTo = 1;
  page.todoku.outbox.markRead("7", 1);
  await settled();
  assert.deepEqual(unread(page), ["7: 0 unread, 0 mentions"]);
});
