import assert from "node:assert/strict";
import { test } from "node:test";
import { failing, MUTATIONS, ROOM, sent, states } from "./parts/outbox.ts";
import { openPage, world, type Page } from "./parts/page.ts";
import type { Fault } from "./parts/server.ts";
import { pass, settled, until } from "./parts/waiting.ts";

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
