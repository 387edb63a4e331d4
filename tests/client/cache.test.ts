import assert from "node:assert/strict";
import { test } from "node:test";
import { TodokuCache } from "../../static/src/cache.ts";
import {
  CachedDetailsDocument,
  CachedMessagePartsFragmentDoc,
  ReadMarkerFragmentDoc,
  RoomHeadFragmentDoc,
  RoomNumbersFragmentDoc,
  UserPartsFragmentDoc,
  type CachedMessagePartsFragment,
  type RoomHeadFragment,
} from "../../static/src/generated/operations.ts";
import { line, openPage, world } from "./parts/page.ts";
import { ModelServer, person } from "./parts/server.ts";
import { pass, settled } from "./parts/waiting.ts";

const ME = "1";

function message(cache: TodokuCache, id: string): CachedMessagePartsFragment | null {
  return cache.readFragment({
    id: `Message:${id}`, fragment: CachedMessagePartsFragmentDoc, fragmentName: "CachedMessageParts",
  });
}

function room(cache: TodokuCache, id: string): RoomHeadFragment | null {
  return cache.readFragment({ id: `Room:${id}`, fragment: RoomHeadFragmentDoc, fragmentName: "RoomHead" });
}

function filled(): { cache: TodokuCache; server: ModelServer } {
  const server = new ModelServer();
  server.send("2", "a", "first words");
  return { cache: new TodokuCache(ME), server };
}

function withMessage(server: ModelServer, id: string): CachedMessagePartsFragment {
  const found = server.messages.get(id);
  assert.ok(found);
  return structuredClone(server.own(found, ME));
}

test("An older message never overwrites a newer one, whichever comes first", () => {
  const { cache, server } = filled();
  const old = withMessage(server, "a");
  server.edit("2", "a", "second words");
  const young = withMessage(server, "a");
  for (const states of [[old, young], [young, old], [young, old, young, old]]) {
    for (const state of states) cache.writeOwn(state);
    assert.equal(line(message(cache, "a")), line(young));
  }
});

test("An older answer doesn't bring a deleted message's words back", () => {
  const { cache, server } = filled();
  const old = withMessage(server, "a");
  server.delete("2", "a");
  const deleted = withMessage(server, "a");
  cache.writeShared(deleted);
  cache.writeOwn(old);
  assert.equal(message(cache, "a")?.body, "");
  assert.equal(JSON.stringify(cache.extract()).includes("first words"), false);
});

test("A state of the same version is written: it may know more", () => {
  const { cache, server } = filled();
  const known = withMessage(server, "a");
  cache.writeOwn(known);
  cache.writeOwn({ ...known, bodyHtml: "<p>the same, rendered better</p>" });
  assert.equal(message(cache, "a")?.bodyHtml, "<p>the same, rendered better</p>");
});

test("A message known from a reply is completed by an older page, and keeps what the reply knew better", () => {
  const { cache, server } = filled();
  const page = withMessage(server, "a");
  server.edit("2", "a", "second words");
  server.send("3", "b", "an answer", "a");
  cache.writeShared(withMessage(server, "b"));
  assert.equal(message(cache, "a"), null);
  cache.writeOwn(page);
  assert.equal(message(cache, "a")?.body, "second words");
  assert.deepEqual(message(cache, "a")?.reactions, []);
});

test("A newer author inside an older message is written", () => {
  const { cache, server } = filled();
  const old = withMessage(server, "a");
  server.edit("2", "a", "second words");
  cache.writeOwn(withMessage(server, "a"));
  cache.writeOwn({ ...old, author: { ...person("2", 5), displayName: "Renamed" } });
  assert.equal(message(cache, "a")?.body, "second words");
  assert.equal(message(cache, "a")?.author?.displayName, "Renamed");
});

test("An older user never overwrites a newer one", () => {
  const cache = new TodokuCache(ME);
  cache.writeEntity(UserPartsFragmentDoc, "UserParts", { ...person("2", 2), displayName: "New" });
  cache.writeEntity(UserPartsFragmentDoc, "UserParts", { ...person("2", 1), displayName: "Old" });
  const user = cache.readFragment({ id: "User:2", fragment: UserPartsFragmentDoc, fragmentName: "UserParts" });
  assert.equal(user?.displayName, "New");
});

test("An older room keeps its name and still moves the numbers that have a law of their own", () => {
  const { cache, server } = filled();
  const head = { ...server.page(ME, {}), version: 5, name: "New", lastSeq: 9, messageCount: 3 };
  cache.writeEntity(RoomHeadFragmentDoc, "RoomHead", head);
  cache.writeEntity(RoomHeadFragmentDoc, "RoomHead", { ...head, version: 4, name: "Old", lastSeq: 12, messageCount: 2 });
  const { name, version, lastSeq, messageCount } = room(cache, server.roomId) ?? {};
  assert.deepEqual({ name, version, lastSeq, messageCount }, { name: "New", version: 5, lastSeq: 12, messageCount: 3 });
});

test("Activity moves a room's numbers forward, never back", () => {
  const { cache, server } = filled();
  cache.writeEntity(RoomHeadFragmentDoc, "RoomHead", { ...server.page(ME, {}), lastSeq: 9, messageCount: 3 });
  for (const [lastSeq, messageCount] of [[11, 5], [10, 4]] as const) {
    cache.writeEntity(RoomNumbersFragmentDoc, "RoomNumbers", { __typename: "Room", id: server.roomId, lastSeq, messageCount });
  }
  assert.equal(room(cache, server.roomId)?.lastSeq, 11);
  assert.equal(room(cache, server.roomId)?.messageCount, 5);
});

test("A membership is guarded by its own version, under its room", () => {
  const { cache, server } = filled();
  const head = server.page(ME, {});
  assert.ok(head.viewerMembership);
  cache.writeEntity(RoomHeadFragmentDoc, "RoomHead", head);
  const marker = (version: number, lastReadSeq: number): void =>
    cache.writeEntity(ReadMarkerFragmentDoc, "ReadMarker", {
      __typename: "Room",
      id: server.roomId,
      viewerMembership: { __typename: "Membership", version, lastReadSeq, readMessageCount: lastReadSeq, mentionCount: 0 },
    });
  marker(3, 30);
  marker(2, 20);
  cache.writeEntity(RoomHeadFragmentDoc, "RoomHead", head);
  assert.deepEqual(room(cache, server.roomId)?.viewerMembership, {
    ...head.viewerMembership, version: 3, lastReadSeq: 30, readMessageCount: 30,
  });
});

test("Of another history, what is lower is true all the same", () => {
  const { cache, server } = filled();
  server.edit("2", "a", "second words");
  cache.writeOwn(withMessage(server, "a"));
  cache.writeEntity(RoomHeadFragmentDoc, "RoomHead", server.page(ME, {}));
  server.restore(1);
  const restored = withMessage(server, "a");
  cache.writeAnew(() => {
    cache.writeOwn(restored);
    cache.writeEntity(RoomHeadFragmentDoc, "RoomHead", server.page(ME, {}));
  });
  assert.equal(message(cache, "a")?.body, "restored a");
  assert.equal(room(cache, server.roomId)?.lastSeq, 1);
});

test("What the page's query wrote is read again as one object per message while nothing changes", async () => {
  const here = world();
  for (const id of ["a", "b"]) here.server.send("2", id, id);
  const page = openPage(here);
  await settled();
  const before = page.room.messages.view.entries;
  here.server.edit("2", "b", "edited");
  await settled();
  const after = page.room.messages.view.entries;
  assert.equal(after[0], before[0]);
  assert.notEqual(after[1], before[1]);
});

for (const [members, further] of [["members that are all listed", 0], ["more members than are listed", 150]] as const) {
  test(`In a room of ${members}, one whose coming an answer has told before its event is counted once`, async () => {
    const here = world();
    here.server.furtherMembers = further;
    const page = openPage(here);
    await settled();
    here.server.sockets.meddle = () => [];
    for (const id of ["5", "6"]) here.server.join(id);
    page.todoku.outbox.markRead(here.server.roomId, 0);
    await settled();
    assert.equal(page.room.details.view.memberCount, further + 2);
    here.server.sockets.meddle = (text) => [text];
    const counts: number[] = [];
    page.room.details.subscribe(({ memberCount }) => counts.push(memberCount));
    here.server.leave("6");
    await pass(here.clock, 1_000);
    assert.equal(page.room.details.view.lastSeq, 3);
    assert.ok(counts.every((count) => count > further), `${counts.join()} members`);
    assert.equal(page.room.details.view.memberCount, further + 1);
  });

  test(`In a room of ${members}, an answer from before somebody came doesn't take them out of the number`, async () => {
    const here = world();
    here.server.furtherMembers = further;
    const page = openPage(here);
    await settled();
    let answer = (): void => undefined;
    here.server.holdAnswer = () => new Promise((resolve) => (answer = resolve));
    page.todoku.outbox.markRead(here.server.roomId, 0);
    await settled();
    here.server.join("5");
    await settled();
    answer();
    await settled();
    assert.equal(page.room.details.view.memberCount, further + 1);
  });

  test(`In a room of ${members}, one who comes after the newest page was read is counted, however far the room is said to be`, async () => {
    const here = world();
    here.server.furtherMembers = further;
    const page = openPage(here);
    await settled();
    let answer = (): void => undefined;
    here.server.holdAnswer = () => new Promise((resolve) => (answer = resolve));
    here.server.reset("TOO_FAR_BEHIND");
    await settled();
    here.server.join("5");
    here.server.tell({ __typename: "RoomActivity", roomId: here.server.roomId, lastSeq: here.server.seq, messageCount: 0 }, null);
    await settled();
    answer();
    await settled();
    assert.equal(page.room.feed.state.kind, "live");
    assert.equal(page.room.details.view.memberCount, further + 1);
  });
}

test("A number of members that is missing is filled, however old", () => {
  const { cache, server } = filled();
  const head = { ...server.page(ME, {}), lastSeq: 9, memberCount: 3 };
  cache.writeEntity(RoomHeadFragmentDoc, "RoomHead", head);
  cache.writeEntity(RoomHeadFragmentDoc, "RoomHead", { ...head, lastSeq: 8, memberCount: 2 });
  assert.equal(room(cache, server.roomId)?.memberCount, 3);
  cache.evict({ id: `Room:${server.roomId}` });
  cache.writeEntity(RoomHeadFragmentDoc, "RoomHead", { ...head, lastSeq: 8, memberCount: 2 });
  assert.equal(room(cache, server.roomId)?.memberCount, 2);
});

test("Members who come and go are listed and counted, each once", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  const details = page.todoku.cache.readQuery({ query: CachedDetailsDocument, variables: { roomId: here.server.roomId } });
  assert.equal(details?.room?.memberCount, 0);
  here.server.join("5");
  here.server.join("6");
  await settled();
  assert.deepEqual(page.room.details.view.members.edges.map(({ node }) => node.id), ["5", "6"]);
  assert.equal(page.room.details.view.memberCount, 2);
  here.server.sockets.meddle = (text) => [text, text];
  here.server.leave("5");
  await settled();
  assert.deepEqual(page.room.details.view.members.edges.map(({ node }) => node.id), ["6"]);
  assert.equal(page.room.details.view.memberCount, 1);
});
