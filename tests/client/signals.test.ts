import assert from "node:assert/strict";
import { test } from "node:test";
import type { RoomSignalsSubscription } from "../../static/src/generated/operations.ts";
import { openPage, world, type Page, type World } from "./parts/page.ts";
import { person } from "./parts/server.ts";
import { pass, settled } from "./parts/waiting.ts";

type Signal = NonNullable<RoomSignalsSubscription["roomSignals"]["signal"]>;

async function opened(): Promise<{ here: World; page: Page; typing: () => readonly string[] }> {
  const here = world();
  const page = openPage(here);
  await settled();
  return { here, page, typing: () => page.room.signals.view.typing.map(({ id }) => id) };
}

function typing(id: string, typing: boolean): Signal {
  return { __typename: "TypingSignal", user: person(id), typing };
}

test("Who types is shown until they stop, or six seconds after they were last heard", async () => {
  const { here, typing: who } = await opened();
  here.server.signal(typing("2", true));
  here.server.signal(typing("3", true));
  await settled();
  assert.deepEqual(who(), ["2", "3"]);
  here.server.signal(typing("3", false));
  await settled();
  assert.deepEqual(who(), ["2"]);
  await pass(here.clock, 4_000);
  here.server.signal(typing("2", true));
  await settled();
  await pass(here.clock, 5_000);
  assert.deepEqual(who(), ["2"]);
  await pass(here.clock, 1_000);
  assert.deepEqual(who(), []);
});

test("The viewer's own typing, from another device, is not shown", async () => {
  const { here, typing: who } = await opened();
  here.server.signal(typing("1", true));
  await settled();
  assert.deepEqual(who(), []);
});

test("A cut forgets who typed and who was there: the next snapshot tells", async () => {
  const { here, page, typing: who } = await opened();
  here.server.signal(typing("2", true));
  here.server.signal({ __typename: "PresenceSignal", users: [{ __typename: "UserPresence", user: person("2"), presence: "ONLINE" }] });
  await settled();
  assert.deepEqual([...page.room.signals.view.presence], [["2", "ONLINE"]]);
  here.server.sockets.cut();
  await pass(here.clock, 5_000);
  assert.deepEqual(who(), []);
  assert.deepEqual([...page.room.signals.view.presence], []);
});

test("How far others have read is known from their signals", async () => {
  const { here, page } = await opened();
  here.server.signal({ __typename: "ReadSignal", user: person("2"), lastReadSeq: 4 });
  here.server.signal({ __typename: "ReadSignal", user: person("2"), lastReadSeq: 6 });
  await settled();
  assert.deepEqual([...page.room.signals.view.readSeqs], [["2", 6]]);
});

test("Typing is told once in three seconds at most, its end once", async () => {
  const { here, page } = await opened();
  for (let key = 0; key < 40; key++) {
    page.room.signals.typing();
    await pass(here.clock, 200, 200);
  }
  page.room.signals.notTyping();
  page.room.signals.notTyping();
  await settled();
  const told = here.server.requests.map(({ variables }) => Object(variables["input"]).typing);
  assert.deepEqual(told, [true, true, true, false]);
});

test("Without a connection nobody is told: it would be late", async () => {
  const { here, page } = await opened();
  here.server.sockets.weather = "down";
  here.server.sockets.cut();
  await settled();
  page.room.signals.typing();
  await settled();
  assert.deepEqual(here.server.requests, []);
});
