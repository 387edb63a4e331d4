import assert from "node:assert/strict";
import { test } from "node:test";
import type { OutboxView } from "../../static/src/outbox.ts";
import { asked, deliveries, failing, opened, ROOM, sent, states } from "./parts/outbox.ts";
import { openPage, world, type Page, type World } from "./parts/page.ts";
import { pass, settled, until } from "./parts/waiting.ts";

// ---------------------------------------------------------------- several tabs

async function twoTabs(): Promise<{ here: World; first: Page; second: Page }> {
  const { here, page } = await opened();
  const second = openPage(here);
  await settled();
  return { here, first: page, second };
}

test("Of two tabs one sends, and both show the same at every stage", async () => {
  const { here, first, second } = await twoTabs();
  // No event comes before the answer.
  here.server.sockets.weather = "silent";
  let answer = (): void => undefined;
  here.server.holdAnswer = () => new Promise((resolve) => (answer = resolve));
  second.todoku.outbox.send(ROOM, "from the second");
  await settled();
  assert.deepEqual(deliveries(first), ["from the second: sending"]);
  assert.deepEqual(deliveries(second), ["from the second: sending"]);
  answer();
  await settled();
  assert.deepEqual(deliveries(first), ["from the second: stored"]);
  assert.deepEqual(deliveries(second), ["from the second: stored"]);
  assert.deepEqual(asked(here), ["SendMessage"]);
});

test("A message never disappears in the other tab between its sending and its event", async () => {
  const { here, first, second } = await twoTabs();
  here.server.sockets.weather = "silent";
  const missing: string[] = [];
  const { id } = first.todoku.outbox.send(ROOM, "here all along");
  let appeared = false;
  second.room.messages.subscribe(({ entries }) => {
    const shows = entries.filter(({ message }) => message.id === id).length;
    appeared ||= shows === 1;
    if (appeared && shows !== 1) missing.push(`${shows} times`);
  });
  await settled(30);
  assert.deepEqual(missing, []);
  assert.deepEqual(deliveries(second), ["here all along: stored"]);
});

test("When the sending tab crashes, the other one goes on", async () => {
  const { here, first, second } = await twoTabs();
  here.server.fault = failing({ kind: "unreachable" });
  for (const body of ["one", "two"]) first.todoku.outbox.send(ROOM, body);
  await settled();
  here.server.fault = () => null;
  first.tab.crash();
  await pass(here.clock, 40_000);
  assert.deepEqual(sent(here), ["one", "two"]);
  assert.deepEqual(states(second), []);
});

test("When the browser freezes the sending tab, the visible one takes over within seconds", async () => {
  const { here, first, second } = await twoTabs();
  first.tab.freeze();
  second.todoku.outbox.send(ROOM, "don't wait for it");
  await pass(here.clock, 6_000);
  assert.deepEqual(sent(here), ["don't wait for it"]);
  first.tab.thaw();
  first.todoku.outbox.send(ROOM, "awake again");
  await pass(here.clock, 6_000);
  assert.deepEqual(sent(here), ["don't wait for it", "awake again"]);
  assert.deepEqual(asked(here), ["SendMessage", "SendMessage"]);
});

test("A tab that lost its turn while it was frozen takes it again when the other one goes", async () => {
  const { here, first, second } = await twoTabs();
  first.tab.freeze();
  second.todoku.outbox.send(ROOM, "one");
  await pass(here.clock, 6_000);
  first.tab.thaw();
  await settled();
  second.tab.crash();
  await settled();
  first.todoku.outbox.send(ROOM, "two");
  await settled();
  assert.deepEqual(sent(here), ["one", "two"]);
});

test("Both tabs say when the outbox is paused or retries, whichever of them sends", async () => {
  const { here, first, second } = await twoTabs();
  const look = (): readonly OutboxView["state"][] => [first, second].map(({ todoku }) => todoku.outbox.view.state);
  here.server.fault = failing({ kind: "unreachable" });
  second.todoku.outbox.send(ROOM, "waiting");
  await settled();
  assert.deepEqual(look().map(({ kind }) => kind), ["retrying", "retrying"]);
  here.server.fault = failing({ kind: "status", status: 401 });
  second.todoku.outbox.tryNow();
  await settled();
  assert.deepEqual(look(), [{ kind: "paused", reason: "signed-out" }, { kind: "paused", reason: "signed-out" }]);
});

test("Where tabs can't agree on one, all send, and every message is there once and in order", async () => {
  const here = world();
  here.browser.hasLocks = false;
  const pages = [openPage(here), openPage(here), openPage(here)];
  await settled();
  here.server.holdAnswer = () => settled(here.chance.below(6));
  for (let number = 0; number < 12; number++) pages[number % 3]?.todoku.outbox.send(ROOM, String(number));
  await until("nothing waits", () => pages.every(({ todoku }) => todoku.outbox.view.operations.length === 0), here.clock);
  assert.deepEqual(sent(here), Array.from({ length: 12 }, (_, number) => String(number)));
  for (const page of pages) assert.equal(page.room.messages.view.entries.length, 12);
});

// ---------------------------------------------------------------- tabs whose storage fails

const FAILING: readonly (readonly [string, readonly boolean[]])[] = [
  ["the sending tab", [true, false]],
  ["a tab that doesn't send", [false, true]],
  ["every tab", [true, true]],
];

for (const [name, fails] of FAILING) {
  test(`When the storage fails ${name}, what is written in each arrives once and in order`, async () => {
    const { here, first, second } = await twoTabs();
    const tabs = [first, second];
    here.server.fault = failing({ kind: "unreachable" });
    for (const { todoku } of tabs) todoku.outbox.send(ROOM, "before");
    await settled();
    for (const [index, { tab }] of tabs.entries()) tab.storageFails = fails[index] === true;
    for (let number = 1; number <= 3; number++) {
      for (const [index, { todoku }] of tabs.entries()) todoku.outbox.send(ROOM, `${number} in tab ${index}`);
      await settled();
    }
    assert.deepEqual(tabs.map(({ todoku }) => !todoku.outbox.view.durable), fails);
    here.server.fault = () => null;
    await pass(here.clock, 60_000);
    assert.deepEqual(tabs.map(states), [[], []]);
    const bodies = sent(here);
    assert.equal(bodies.length, 8);
    assert.deepEqual(bodies.slice(0, 2), ["before", "before"]);
    for (const tab of [0, 1]) {
      assert.deepEqual(bodies.filter((body) => body.endsWith(`tab ${tab}`)), [1, 2, 3].map((number) => `${number} in tab ${tab}`));
    }
  });
}

/** Two messages that both tabs know of can't be sent; then the storage fails the second tab. */
async function oneTabAlone(): Promise<{ here: World; first: Page; second: Page; regretted: string }> {
  const { here, first, second } = await twoTabs();
  here.server.fault = failing({ kind: "unreachable" });
  first.todoku.outbox.send(ROOM, "blocks the room");
  const { id: regretted, kept } = second.todoku.outbox.send(ROOM, "said too much");
  await kept;
  await settled();
  second.tab.storageFails = true;
  second.todoku.outbox.send(ROOM, "said alone");
  await settled();
  assert.equal(second.todoku.outbox.view.durable, false);
  return { here, first, second, regretted };
}

test("What was taken back in another tab is not sent by one whose storage failed since", async () => {
  const { here, first, second, regretted } = await oneTabAlone();
  await first.todoku.outbox.delete(ROOM, regretted).kept;
  await settled();
  assert.deepEqual(deliveries(second).map((text) => text.split(":")[0]), ["blocks the room", "said alone"]);
  here.server.fault = () => null;
  await pass(here.clock, 60_000);
  assert.deepEqual(sent(here), ["blocks the room", "said alone"]);
});

test("A message that another tab may send is deleted at the server by one whose storage failed since", async () => {
  const { here, first, second, regretted } = await oneTabAlone();
  await second.todoku.outbox.delete(ROOM, regretted).kept;
  here.server.fault = () => null;
  await pass(here.clock, 60_000);
  assert.deepEqual(sent(here), ["blocks the room", "", "said alone"]);
  assert.deepEqual([first, second].map(states), [[], []]);
});

for (const goes of ["first", "second"] as const) {
  test(`What two tabs knew of before the storage failed the second one arrives when the ${goes} one crashes`, async () => {
    const { here, ...tabs } = await oneTabAlone();
    tabs[goes].tab.crash();
    here.server.fault = () => null;
    await pass(here.clock, 60_000);
    assert.deepEqual(sent(here), ["blocks the room", "said too much", ...(goes === "first" ? ["said alone"] : [])]);
  });
}
