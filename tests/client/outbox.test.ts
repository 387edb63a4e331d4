import assert from "node:assert/strict";
import { test } from "node:test";
import type { PendingOperation } from "../../static/src/outbox.ts";
import { asked, deliveries, failing, opened, ROOM, sent, states } from "./parts/outbox.ts";
import { openPage, world } from "./parts/page.ts";
import type { Fault } from "./parts/server.ts";
import { pass, settled, until } from "./parts/waiting.ts";

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
