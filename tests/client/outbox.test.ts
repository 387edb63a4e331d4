import assert from "node:assert/strict";
import { test } from "node:test";
import type { OutboxView, PendingOperation } from "../../static/src/outbox.ts";
import { openPage, world, type Page, type World } from "./parts/page.ts";
import type { Fault, Given } from "./parts/server.ts";
import { pass, settled, until } from "./parts/waiting.ts";

const ROOM = "7";
const MUTATIONS = /^(SendMessage|EditMessage|DeleteMessage|AddReaction|RemoveReaction|Mark)/;

function deliveries({ room }: Page): readonly string[] {
  return room.messages.view.entries.map(({ message, delivery }) => `${message.body}: ${delivery.kind}`);
}

function states({ todoku }: Page): readonly string[] {
  return todoku.outbox.view.operations.map(({ operation, state }) => `${operation.kind}: ${state.kind}`);
}

function sent({ server }: World): readonly string[] {
  return [...server.messages.values()].map(({ body }) => body);
}

function asked({ server }: World): readonly string[] {
  return server.requests.map(({ operation }) => operation).filter((operation) => MUTATIONS.test(operation));
}

/** Fail the outbox's requests alone. */
function failing(fault: Fault | null): (given: Given) => Fault | null {
  return ({ operation }) => (MUTATIONS.test(operation) ? fault : null);
}

async function opened(arrange: (here: World) => void = () => undefined): Promise<{ here: World; page: Page }> {
  const here = world();
  arrange(here);
  const page = openPage(here);
  await settled();
  return { here, page };
}

// ---------------------------------------------------------------- one tab

test("A message shows at once, and its entry stays the same one until it is stored", async () => {
  const { here, page } = await opened();
  let answer = (): void => undefined;
  here.server.holdAnswer = () => new Promise((resolve) => (answer = resolve));
  const { id } = page.todoku.outbox.send(ROOM, "hello");
  const seen: string[] = [];
  const look = (): void => {
    const entries = page.room.messages.view.entries.filter(({ message }) => message.id === id);
    assert.equal(entries.length, 1, "shown once at every moment");
    const now = entries[0]?.delivery.kind ?? "";
    if (seen.at(-1) !== now) seen.push(now);
  };
  look();
  page.room.messages.subscribe(look);
  await settled();
  answer();
  await settled();
  assert.ok(["waiting,sending,stored", "waiting,sending,waiting,stored"].includes(seen.join()), seen.join());
  assert.deepEqual(states(page), []);
  assert.deepEqual(sent(here), ["hello"]);
});

test("A message whose event comes before its answer is stored in that moment", async () => {
  const { here, page } = await opened();
  here.server.holdAnswer = () => new Promise(() => undefined);
  page.todoku.outbox.send(ROOM, "seen by all");
  await settled();
  assert.deepEqual(states(page), ["send: sending"]);
  assert.deepEqual(deliveries(page), ["seen by all: stored"]);
  assert.equal(page.room.messages.view.entries[0]?.message.bodyHtml, "<p>seen by all</p>");
});

test("The messages of a room are sent one at a time, in the order in which they were written", async () => {
  const { here, page } = await opened();
  let waiting = 0;
  here.server.holdAnswer = async ({ operation }) => {
    if (operation !== "SendMessage") return;
    assert.equal(++waiting, 1, "one at a time");
    await settled(2);
    waiting--;
  };
  for (const body of ["one", "two", "three", "four"]) page.todoku.outbox.send(ROOM, body);
  await until("all are stored", () => sent(here).length === 4);
  assert.deepEqual(sent(here), ["one", "two", "three", "four"]);
});

test("An answer to a message that isn't sent yet shows what it answers", async () => {
  const { here, page } = await opened(({ server }) => server.send("2", "a", "a question"));
  here.server.fault = failing({ kind: "unreachable" });
  page.todoku.outbox.send(ROOM, "an answer", "a");
  await settled();
  assert.equal(page.room.messages.view.entries[1]?.message.replyTo?.body, "a question");
});

const TROUBLES: readonly (readonly [string, Fault])[] = [
  ["the network is gone", { kind: "unreachable" }],
  ["the answer is lost", { kind: "answer-lost" }],
  ["the server fails", { kind: "status", status: 500 }],
  ["a proxy can't reach the server", { kind: "status", status: 502 }],
  ["the server has no connection to its database left", { kind: "status", status: 503 }],
  ["a captive portal answers", { kind: "status", status: 200, body: "<html>Welcome" }],
  ["an address is gone during a deployment", { kind: "status", status: 404 }],
  ["the server says INTERNAL_SERVER_ERROR", { kind: "refusal", extensions: { code: "INTERNAL_SERVER_ERROR" } }],
  ["the server says RATE_LIMITED", { kind: "refusal", extensions: { code: "RATE_LIMITED" } }],
];

for (const [trouble, fault] of TROUBLES) {
  test(`When ${trouble}, sending is tried for as long as it takes, and the message is stored once`, async () => {
    const { here, page } = await opened();
    here.server.fault = failing(fault);
    page.todoku.outbox.send(ROOM, "patience");
    await settled();
    await pass(here.clock, 600_000, 10_000);
    assert.equal(page.todoku.outbox.view.operations.length, 1);
    assert.equal(page.todoku.outbox.view.state.kind, "retrying");
    const tries = asked(here).length;
    assert.ok(fault.kind === "unreachable" || (tries > 10 && tries < 60), `${tries} tries in ten minutes`);
    here.server.fault = () => null;
    await pass(here.clock, 30_000);
    assert.deepEqual(states(page), []);
    assert.deepEqual(deliveries(page), ["patience: stored"]);
    assert.deepEqual(sent(here), ["patience"]);
  });
}

test("A rate limit's retryAfter is obeyed, also when a person asks to try now", async () => {
  const { here, page } = await opened();
  here.server.fault = failing({ kind: "refusal", extensions: { code: "RATE_LIMITED", retryAfter: 20 } });
  page.todoku.outbox.send(ROOM, "too fast");
  await settled();
  here.server.fault = () => null;
  page.todoku.outbox.tryNow();
  await pass(here.clock, 19_500);
  assert.deepEqual(sent(here), []);
  await pass(here.clock, 2_000);
  assert.deepEqual(sent(here), ["too fast"]);
});

test("A clock that is set back by an hour doesn't keep a message for an hour", async () => {
  const { here, page } = await opened();
  here.server.fault = failing({ kind: "unreachable" });
  page.todoku.outbox.send(ROOM, "what time is it");
  await pass(here.clock, 60_000, 5_000);
  here.clock.jump(-3_600_000);
  here.server.fault = () => null;
  await pass(here.clock, 60_000, 5_000);
  assert.deepEqual(sent(here), ["what time is it"]);
});

for (const event of ["online", "visible"] as const) {
  test(`A waiting outbox tries at once when the page is ${event}`, async () => {
    const { here, page } = await opened();
    here.server.fault = failing({ kind: "unreachable" });
    page.todoku.outbox.send(ROOM, "back");
    await pass(here.clock, 60_000, 5_000);
    here.server.fault = () => null;
    page.tab.tell(event);
    await settled();
    assert.deepEqual(sent(here), ["back"]);
  });
}

for (const code of ["FORBIDDEN", "NOT_FOUND", "BAD_USER_INPUT", "CONFLICT", "TOO_COMPLEX"]) {
  test(`A message refused with ${code} has failed with its reason, and those after it are sent`, async () => {
    const { here, page } = await opened();
    here.server.fault = ({ variables }) =>
      JSON.stringify(variables).includes("refuse me") ? { kind: "refusal", extensions: { code, reason: "BODY_TOO_LONG", field: "body" } } : null;
    const { id } = page.todoku.outbox.send(ROOM, "refuse me");
    page.todoku.outbox.send(ROOM, "take me");
    await until("the second one is stored", () => page.todoku.outbox.view.operations.length === 1);
    assert.deepEqual(sent(here), ["take me"]);
    const failed = page.todoku.outbox.view.operations.find((operation) => operation.id === id);
    assert.deepEqual(failed?.state, { kind: "failed", failure: { code, reason: "BODY_TOO_LONG", field: "body", message: "refused" } });
    assert.deepEqual(deliveries(page), ["take me: stored", "refuse me: failed"]);
    assert.equal(page.todoku.outbox.view.unsentCount, 1);
    await pass(here.clock, 300_000, 10_000);
    assert.equal(asked(here).length, 2, "it is not tried by itself");
  });
}

test("A failed message can be sent again", async () => {
  const { here, page } = await opened();
  here.server.fault = failing({ kind: "refusal", extensions: { code: "FORBIDDEN" } });
  const { id } = page.todoku.outbox.send(ROOM, "once more");
  await settled();
  here.server.fault = () => null;
  await page.todoku.outbox.retry(id);
  await settled();
  assert.deepEqual(deliveries(page), ["once more: stored"]);
});

test("A failed message can be discarded, with what was done to it, for good", async () => {
  const { here, page } = await opened();
  here.server.fault = failing({ kind: "refusal", extensions: { code: "FORBIDDEN" } });
  const { id } = page.todoku.outbox.send(ROOM, "never mind");
  await settled();
  page.todoku.outbox.edit(ROOM, id, "never mind at all");
  await settled();
  await page.todoku.outbox.discard(id);
  assert.deepEqual(deliveries(page), []);
  assert.equal(await page.todoku.outbox.hasUnsent(), false);
  page.todoku.stop();
  const next = openPage(here);
  await settled();
  assert.deepEqual(states(next), []);
});

test("What is done to a message that failed waits for it, and holds up nothing else", async () => {
  const { here, page } = await opened(({ server }) => server.send("2", "a", "somebody's"));
  here.server.fault = failing({ kind: "refusal", extensions: { code: "FORBIDDEN" } });
  const { id } = page.todoku.outbox.send(ROOM, "first words");
  await settled();
  here.server.fault = () => null;
  page.todoku.outbox.edit(ROOM, id, "better words");
  page.todoku.outbox.addReaction(ROOM, "a", "👍");
  await settled();
  assert.deepEqual(states(page), ["send: failed", "edit: waiting"]);
  assert.deepEqual(deliveries(page), ["somebody's: stored", "better words: failed"]);
  await page.todoku.outbox.retry(id);
  await settled();
  assert.deepEqual(sent(here), ["somebody's", "better words"]);
});

test("A request that is too large for the server has failed", async () => {
  const { here, page } = await opened();
  here.server.fault = failing({ kind: "status", status: 413 });
  page.todoku.outbox.send(ROOM, "long");
  await settled();
  assert.deepEqual(states(page), ["send: failed"]);
});

const PAUSES: readonly (readonly [string, Fault, string])[] = [
  ["UNAUTHENTICATED", { kind: "refusal", extensions: { code: "UNAUTHENTICATED" } }, "signed-out"],
  ["a bare 401", { kind: "status", status: 401 }, "signed-out"],
  ["Django's page about a CSRF token", { kind: "status", status: 403 }, "csrf"],
  ["UNAUTHENTICATED because of the CSRF token", { kind: "refusal", extensions: { code: "UNAUTHENTICATED", reason: "CSRF_FAILED" } }, "csrf"],
];

for (const [name, fault, reason] of PAUSES) {
  test(`${name} pauses the outbox; it is no refusal, and nothing is lost`, async () => {
    const { here, page } = await opened();
    here.server.fault = failing(fault);
    page.todoku.outbox.send(ROOM, "one");
    page.todoku.outbox.send(ROOM, "two");
    await settled();
    assert.deepEqual(page.todoku.outbox.view.state, { kind: "paused", reason });
    assert.deepEqual(states(page), ["send: waiting", "send: waiting"]);
    await pass(here.clock, 50_000, 5_000);
    assert.equal(asked(here).length, 1);
    here.server.fault = () => null;
    page.tab.tell("visible");
    await settled();
    assert.deepEqual(sent(here), ["one", "two"]);
    assert.equal(page.todoku.outbox.view.state.kind, "running");
  });
}

test("What one person wrote is never sent in the name of another who signed in in the same browser", async () => {
  const { here, page } = await opened();
  here.server.signedIn = "2";
  page.todoku.outbox.send(ROOM, "mine alone");
  await pass(here.clock, 60_000, 5_000);
  assert.deepEqual(page.todoku.outbox.view.state, { kind: "paused", reason: "signed-out" });
  const theirs = openPage(here, { viewer: "2" });
  theirs.todoku.outbox.send(ROOM, "theirs");
  await settled();
  assert.deepEqual(deliveries(theirs), ["theirs: stored"]);
  assert.deepEqual([...here.server.messages.values()].map(({ author, body }) => `${author.id} ${body}`), ["2 theirs"]);
  here.server.signedIn = "1";
  page.tab.tell("visible");
  await settled();
  assert.deepEqual(sent(here), ["theirs", "mine alone"]);
});

test("A new connection ends a pause: the session may be good again", async () => {
  const { here, page } = await opened();
  here.server.signedIn = null;
  page.todoku.outbox.send(ROOM, "waiting for me");
  here.server.sockets.closeAll(4401);
  await settled();
  here.server.signedIn = "1";
  page.todoku.connection.tryNow();
  await settled();
  assert.deepEqual(sent(here), ["waiting for me"]);
});

test("Edits, deletions and reactions show at once and are sent in order when the network is back", async () => {
  const { here, page } = await opened(({ server }) => {
    server.send("1", "a", "mine");
    server.send("1", "b", "mine too");
    server.send("2", "c", "theirs");
    server.react("2", "c", "🎉", true);
  });
  here.server.fault = failing({ kind: "unreachable" });
  const { outbox } = page.todoku;
  outbox.edit(ROOM, "a", "edited");
  outbox.delete(ROOM, "b");
  outbox.addReaction(ROOM, "c", "👍");
  outbox.addReaction(ROOM, "c", "🎉");
  await settled();
  const look = (): unknown => page.room.messages.view.entries.map(({ message: { body, bodyHtml, deletedAt, reactions } }) => ({
    body, html: bodyHtml !== null, deleted: deletedAt !== null,
    reactions: reactions.map(({ emoji, count, viewerReacted }) => `${emoji}${count}${viewerReacted ? " mine" : ""}`),
  }));
  const expected = (html: boolean): unknown => [
    { body: "edited", html, deleted: false, reactions: [] },
    { body: "", html: true, deleted: true, reactions: [] },
    { body: "theirs", html: true, deleted: false, reactions: ["🎉2 mine", "👍1 mine"] },
  ];
  assert.deepEqual(look(), expected(false));
  assert.equal(outbox.view.unsentCount, 4);
  here.server.fault = () => null;
  outbox.tryNow();
  await settled(40);
  assert.deepEqual(asked(here), ["EditMessage", "DeleteMessage", "AddReaction", "AddReaction"]);
  assert.deepEqual(look(), expected(true));
});

test("A failed edit shows what is stored, and says what failed", async () => {
  const { here, page } = await opened(({ server }) => server.send("1", "a", "as it was"));
  here.server.fault = failing({ kind: "refusal", extensions: { code: "FORBIDDEN", reason: "ROOM_ARCHIVED" } });
  page.todoku.outbox.edit(ROOM, "a", "as I want it");
  await settled();
  const [entry] = page.room.messages.view.entries;
  assert.equal(entry?.message.body, "as it was");
  assert.deepEqual(entry?.pending.map(({ operation, state }: PendingOperation) => [operation.kind, state.kind]), [["edit", "failed"]]);
});

test("A repeated edit whose answer was lost doesn't undo a newer one made elsewhere", async () => {
  const { here, page } = await opened(({ server }) => server.send("1", "a", "first"));
  here.server.fault = failing({ kind: "answer-lost" });
  page.todoku.outbox.edit(ROOM, "a", "second");
  await settled();
  here.server.edit("1", "a", "third, on the phone");
  here.server.fault = () => null;
  await pass(here.clock, 30_000);
  assert.deepEqual(sent(here), ["third, on the phone"]);
  assert.deepEqual(deliveries(page), ["third, on the phone: stored"]);
});

test("A message that was deleted before its first try never reaches the server", async () => {
  const { here, page } = await opened();
  here.server.fault = failing({ kind: "unreachable" });
  page.todoku.outbox.send(ROOM, "blocks the room");
  const { id, kept } = page.todoku.outbox.send(ROOM, "said too much");
  await kept;
  page.todoku.outbox.edit(ROOM, id, "still too much");
  await settled();
  await page.todoku.outbox.delete(ROOM, id).kept;
  assert.deepEqual(deliveries(page), ["blocks the room: waiting"]);
  here.server.fault = () => null;
  await pass(here.clock, 30_000);
  assert.deepEqual(sent(here), ["blocks the room"]);
  assert.equal(JSON.stringify(here.server.requests).includes("too much"), false);
});

test("A message that may have reached the server is deleted there", async () => {
  const { here, page } = await opened();
  here.server.fault = failing({ kind: "answer-lost" });
  const { id } = page.todoku.outbox.send(ROOM, "perhaps sent");
  await settled();
  page.todoku.outbox.delete(ROOM, id);
  here.server.fault = () => null;
  await pass(here.clock, 30_000);
  assert.notEqual(here.server.messages.get(id)?.deletedAt, null);
  assert.deepEqual(states(page), []);
});

test("Of several read markers that wait the last one is sent; they count as nothing unsent and never fail", async () => {
  const { here, page } = await opened();
  here.server.fault = failing({ kind: "unreachable" });
  for (const seq of [1, 2, 3, 4]) await page.todoku.outbox.markRead(ROOM, seq).kept;
  await settled();
  assert.equal(page.todoku.outbox.view.unsentCount, 0);
  assert.equal(await page.todoku.outbox.hasUnsent(), false);
  here.server.fault = () => null;
  await pass(here.clock, 30_000);
  const seqs = here.server.requests.flatMap(({ variables }) => Object(variables["input"]).seq ?? []);
  assert.equal(seqs.at(-1), 4);
  assert.ok(seqs.length <= 2, `sent ${seqs.join()}`);
  here.server.fault = failing({ kind: "refusal", extensions: { code: "FORBIDDEN" } });
  page.todoku.outbox.markRead(ROOM, 5);
  await settled();
  assert.deepEqual(states(page), []);
});

test("A read marker doesn't wait behind a message that can't be sent", async () => {
  const { here, page } = await opened();
  here.server.fault = ({ operation }) => (operation === "SendMessage" ? { kind: "unreachable" } : null);
  page.todoku.outbox.send(ROOM, "stuck");
  page.todoku.outbox.markRead(ROOM, 1);
  await settled();
  assert.deepEqual(asked(here), ["MarkRead"]);
});

test("A held message says so, is not unsent, and leaves when it is in the room", async () => {
  const { here, page } = await opened();
  here.server.holds = true;
  const { id } = page.todoku.outbox.send(ROOM, "judge me");
  await settled();
  assert.deepEqual(deliveries(page), ["judge me: held"]);
  assert.equal(page.todoku.outbox.view.unsentCount, 0);
  await pass(here.clock, 60_000, 5_000);
  assert.equal(asked(here).length, 1);
  here.server.send("1", id, "judge me");
  await settled();
  assert.deepEqual(deliveries(page), ["judge me: stored"]);
  assert.deepEqual(states(page), []);
});

test("Where the browser keeps nothing, messages are sent all the same, and the page says that they are not safe", async () => {
  const here = world();
  Object.defineProperty(here.browser.indexedDB, "open", { value: () => { throw new Error("denied"); } });
  const page = openPage(here);
  for (const body of ["fleeting", "fugitive", "volatile"]) page.todoku.outbox.send(ROOM, body);
  await until("all are sent", () => page.todoku.outbox.view.operations.length === 0);
  assert.equal(page.todoku.outbox.view.durable, false);
  assert.deepEqual(sent(here), ["fleeting", "fugitive", "volatile"]);
});

test("A storage that never answers keeps no message from being sent", async () => {
  const here = world();
  Object.defineProperty(here.browser.indexedDB, "open", { value: () => new EventTarget() });
  const page = openPage(here);
  page.todoku.outbox.send(ROOM, "not held up");
  await settled();
  assert.deepEqual(deliveries(page), ["not held up: waiting"]);
  await pass(here.clock, 25_000);
  assert.deepEqual(sent(here), ["not held up"]);
  assert.equal(page.todoku.outbox.view.durable, false);
});

test("What is written while the storage doesn't answer is sent in order", async () => {
  const here = world();
  Object.defineProperty(here.browser.indexedDB, "open", { value: () => new EventTarget() });
  const page = openPage(here);
  for (const body of ["one", "two", "three"]) {
    page.todoku.outbox.send(ROOM, body);
    await pass(here.clock, 6_000);
  }
  await pass(here.clock, 25_000);
  assert.deepEqual(sent(here), ["one", "two", "three"]);
});

// ---------------------------------------------------------------- reloads

test("What was not sent before a reload shows after it at once, and is sent in the old order", async () => {
  const { here, page } = await opened();
  here.server.fault = failing({ kind: "unreachable" });
  for (const body of ["one", "two", "three"]) page.todoku.outbox.send(ROOM, body);
  await settled();
  page.tab.crash();
  const next = openPage(here);
  await settled();
  assert.deepEqual(deliveries(next).map((text) => text.split(":")[0]), ["one", "two", "three"]);
  here.server.fault = () => null;
  await pass(here.clock, 60_000, 5_000);
  assert.deepEqual(sent(here), ["one", "two", "three"]);
  assert.deepEqual(deliveries(next), ["one: stored", "two: stored", "three: stored"]);
});

test("A crash between the server's commit and the answer sends the same message again, and it is there once", async () => {
  const { here, page } = await opened();
  here.server.holdAnswer = () => new Promise(() => undefined);
  page.todoku.outbox.send(ROOM, "once");
  await settled();
  assert.deepEqual(sent(here), ["once"]);
  page.tab.crash();
  here.server.holdAnswer = null;
  const next = openPage(here);
  await settled();
  assert.deepEqual(asked(here), ["SendMessage", "SendMessage"]);
  assert.deepEqual(sent(here), ["once"]);
  assert.deepEqual(deliveries(next), ["once: stored"]);
  assert.deepEqual(states(next), []);
});

test("A failure survives a reload with its reason", async () => {
  const { here, page } = await opened();
  here.server.fault = failing({ kind: "refusal", extensions: { code: "FORBIDDEN", reason: "ROOM_ARCHIVED" } });
  page.todoku.outbox.send(ROOM, "kept");
  await settled();
  page.todoku.stop();
  const next = openPage(here);
  await settled();
  const [operation] = next.todoku.outbox.view.operations;
  assert.equal(operation?.state.kind === "failed" && operation.state.failure.reason, "ROOM_ARCHIVED");
  assert.equal(await next.todoku.outbox.hasUnsent(), true);
});

test("A message that a tab was queuing when it closed is either kept or was never promised", async () => {
  const { here, page } = await opened();
  here.server.fault = failing({ kind: "unreachable" });
  const { kept } = page.todoku.outbox.send(ROOM, "promised");
  await kept;
  page.tab.crash();
  const next = openPage(here);
  await settled();
  assert.deepEqual(deliveries(next).map((text) => text.split(":")[0]), ["promised"]);
});

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

// ---------------------------------------------------------------- the laws

const FAULTS: readonly Fault[] = [
  { kind: "unreachable" },
  { kind: "answer-lost" },
  { kind: "status", status: 503 },
  { kind: "refusal", extensions: { code: "RATE_LIMITED", retryAfter: 1 } },
  { kind: "refusal", extensions: { code: "INTERNAL_SERVER_ERROR" } },
  { kind: "status", status: 403 },
  { kind: "refusal", extensions: { code: "UNAUTHENTICATED" } },
];

for (let seed = 1; seed <= 30; seed++) {
  test(`Through failures, crashes, reloads and several tabs each message arrives once and in order (seed ${seed})`, async () => {
    const here = world(seed);
    const { chance, server, clock } = here;
    let pages = [openPage(here)];
    const written = new Map<Page, string[]>();
    const promised: Promise<unknown>[] = [];
    let number = 0;
    server.fault = failing(null);
    const doomed = new Set<string>();
    server.fault = ({ operation, variables }) => {
      if (!MUTATIONS.test(operation)) return null;
      const body = String(Object(variables["input"]).body);
      if (doomed.has(body)) return { kind: "refusal", extensions: { code: "BAD_USER_INPUT" } };
      return chance.happens(0.4) ? chance.pick(FAULTS) : null;
    };
    server.holdAnswer = () => settled(chance.below(5));
    for (let step = 0; step < 60; step++) {
      const page = chance.pick(pages);
      if (chance.happens(0.5)) {
        const body = `${number++}`;
        if (chance.happens(0.1)) doomed.add(body);
        // What its tab doesn't keep for sure before it crashes was not promised.
        const { kept } = page.todoku.outbox.send(ROOM, body);
        promised.push(kept);
        await kept;
        written.set(page, [...(written.get(page) ?? []), body]);
      }
      if (chance.happens(0.08)) {
        page.tab.crash();
        pages = pages.filter((other) => other !== page);
      }
      if (pages.length === 0 || (pages.length < 3 && chance.happens(0.08))) pages.push(openPage(here));
      if (chance.happens(0.05)) page.tab.tell(chance.pick(["hidden", "visible", "online"]));
      if (chance.happens(0.5)) clock.advance(chance.below(4_000));
      if (chance.happens(0.7)) await settled(chance.below(8));
    }
    await Promise.all(promised);
    server.fault = ({ variables }) =>
      doomed.has(String(Object(variables["input"]).body)) ? { kind: "refusal", extensions: { code: "BAD_USER_INPUT" } } : null;
    for (const { tab } of pages) tab.tell("visible");
    const expected = [...written.values()].flat().filter((body) => !doomed.has(body));
    await until("everything has arrived", () => server.messages.size >= expected.length, clock, 500);
    await pass(clock, 60_000, 5_000);
    const bodies = sent(here);
    assert.deepEqual([...bodies].sort(), [...expected].sort(), "each once");
    for (const own of written.values()) {
      const alive = own.filter((body) => !doomed.has(body));
      assert.deepEqual(bodies.filter((body) => alive.includes(body)), alive, "in order");
    }
    for (const page of pages) {
      const failed = states(page).filter((state) => state === "send: failed").length;
      assert.equal(states(page).length, failed, "only what was refused is left");
      assert.equal(failed, doomed.size);
      const shown = page.room.messages.view.entries.filter(({ delivery }) => delivery.kind === "stored");
      assert.deepEqual(shown.map(({ message }) => message.body), bodies.slice(-shown.length));
      page.todoku.stop();
    }
    assert.equal(pages.length > 0, true);
  });
}

for (let seed = 1; seed <= 20; seed++) {
  test(`Whichever tabs their storage fails, what is written in each arrives once and in order (seed ${seed})`, async () => {
    const here = world(seed);
    const { chance, server, clock } = here;
    const pages = [openPage(here), openPage(here), openPage(here)];
    const written = pages.map((): string[] => []);
    server.fault = ({ operation }) => (MUTATIONS.test(operation) && chance.happens(0.4) ? chance.pick(FAULTS) : null);
    server.holdAnswer = () => settled(chance.below(5));
    for (let number = 0; number < 40; number++) {
      const tab = chance.below(pages.length);
      const page = pages[tab];
      if (page === undefined) continue;
      page.tab.storageFails ||= chance.happens(0.08);
      written[tab]?.push(`${number}`);
      page.todoku.outbox.send(ROOM, `${number}`);
      if (chance.happens(0.1)) page.tab.tell(chance.pick(["hidden", "visible", "online"]));
      if (chance.happens(0.5)) clock.advance(chance.below(4_000));
      if (chance.happens(0.7)) await settled(chance.below(8));
    }
    server.fault = () => null;
    for (const { tab } of pages) tab.tell("visible");
    await until("nothing waits", () => pages.every((page) => states(page).length === 0), clock, 500);
    const bodies = sent(here);
    assert.equal(bodies.length, 40);
    for (const own of written) assert.deepEqual(bodies.filter((body) => own.includes(body)), own);
  });
}
