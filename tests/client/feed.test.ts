import assert from "node:assert/strict";
import { test } from "node:test";
import type { Chance } from "./parts/chance.ts";
import { line, openPage, shown, world, type Page, type World } from "./parts/page.ts";
import type { ModelServer } from "./parts/server.ts";
import { pass, settled } from "./parts/waiting.ts";

const WINDOW = { windowSize: 24, pageSize: 12, last: 12 };

/** The newest messages as a fresh fetch would bring them, as many as the page shows. */
function fetched(server: ModelServer, page: Page, viewer = "1"): readonly string[] {
  return server.page(viewer, { last: shown(page).length }).messages.nodes.map(line);
}

test("The page's own data is shown without a request, and the feed begins after its cursor", async () => {
  const here = world();
  here.server.send("2", "a", "first");
  const page = openPage(here);
  here.server.send("2", "b", "between the page and its socket");
  await settled();
  assert.deepEqual(shown(page), fetched(here.server, page));
  assert.equal(shown(page).length, 2);
  assert.equal(page.room.feed.state.kind, "live");
  assert.deepEqual(here.server.requests, []);
});

test("What happened during a cut is replayed from the own cursor, and nothing is fetched", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  here.server.send("2", "a", "before");
  await settled();
  here.server.sockets.cut();
  here.server.send("2", "b", "meanwhile");
  here.server.edit("2", "a", "edited meanwhile");
  await pass(here.clock, 15_000);
  assert.equal(shown(page).length, 2);
  assert.deepEqual(shown(page), fetched(here.server, page));
  assert.deepEqual(here.server.requests, []);
});

test("An event that comes twice is applied once", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  here.server.sockets.meddle = (text) => [text, text];
  here.server.send("2", "a", "once");
  here.server.react("2", "a", "👍", true);
  await settled();
  assert.deepEqual(shown(page), fetched(here.server, page));
});

test("An event of long ago that comes again moves nothing and costs nothing", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  const old: string[] = [];
  here.server.sockets.meddle = (text) => {
    old.push(text);
    return [text, ...old.slice(0, 1)];
  };
  for (const id of ["a", "b", "c"]) here.server.send("2", id, id);
  here.server.edit("2", "a", "edited");
  await settled();
  assert.deepEqual(shown(page), fetched(here.server, page));
  assert.equal(page.room.feed.state.kind, "live");
  assert.equal(here.server.subscriptions, 1);
});

test("A gap is closed by subscribing again from the own cursor", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  here.server.sockets.meddle = () => [];
  here.server.send("2", "a", "lost");
  await settled();
  here.server.sockets.meddle = (text) => [text];
  here.server.send("2", "b", "shows the gap");
  await pass(here.clock, 1_000);
  assert.deepEqual(shown(page), fetched(here.server, page));
  assert.equal(shown(page).length, 2);
});

test("An event that can't be shown counts, and what follows it is no gap", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  here.server.unshowable();
  here.server.unshowable();
  here.server.send("2", "a", "after two");
  await settled();
  assert.equal(shown(page).length, 1);
  assert.equal(page.room.feed.state.kind, "live");
});

test("A repeat of what can't be shown doesn't swallow the next message", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  here.server.sockets.meddle = (text) => [text, text, text];
  here.server.unshowable();
  await settled();
  here.server.sockets.meddle = (text) => [text];
  for (const id of ["a", "b", "c"]) here.server.send("2", id, id);
  await settled();
  assert.deepEqual(shown(page), fetched(here.server, page));
  assert.equal(shown(page).length, 3);
});

test("A repeat of what can't be shown doesn't hide a gap", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  here.server.sockets.meddle = (text) => [text, text, text];
  here.server.unshowable();
  await settled();
  here.server.sockets.meddle = () => [];
  here.server.send("2", "a", "lost");
  await settled();
  here.server.sockets.meddle = (text) => [text];
  here.server.send("2", "b", "shows the gap");
  await pass(here.clock, 1_000);
  assert.deepEqual(shown(page), fetched(here.server, page));
  assert.equal(shown(page).length, 2);
});

test("A reset fetches the newest page and keeps what waits in the outbox", async () => {
  const here = world();
  for (const id of ["a", "b", "c"]) here.server.send("2", id, id);
  const page = openPage(here);
  await settled();
  here.server.fault = ({ operation }) => (operation === "SendMessage" ? { kind: "unreachable" } : null);
  page.todoku.outbox.send("7", "mine");
  await settled();
  here.server.reset("TOO_FAR_BEHIND");
  await settled();
  assert.equal(page.room.feed.state.kind, "live");
  const [own, ...others] = [...page.room.messages.view.entries].reverse();
  assert.equal(own?.message.body, "mine");
  assert.notEqual(own?.delivery.kind, "stored");
  assert.equal(others.length, 3);
  assert.deepEqual(here.server.requests.map(({ operation }) => operation), ["History"]);
});

test("After a restored backup the page shows the restored history, however low its versions", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  for (const id of ["a", "b", "c"]) here.server.send("2", id, id);
  here.server.edit("2", "a", "edited after the backup");
  here.server.edit("2", "a", "edited again");
  await settled();
  here.server.sockets.cut();
  here.server.restore(2);
  here.server.send("2", "d", "after the restore");
  await pass(here.clock, 15_000);
  assert.deepEqual(shown(page).length, 3);
  assert.deepEqual(shown(page), fetched(here.server, page));
  here.server.edit("2", "a", "edited in the new history");
  await settled();
  assert.deepEqual(shown(page), fetched(here.server, page));
  assert.equal(page.room.details.view.lastSeq, here.server.seq);
});

for (const goesOn of [true, false]) {
  test(`What another tab was answered goes with the history that a restored backup ends (${goesOn ? "others write" : "nobody writes"})`, async () => {
    const here = world();
    const [page, other] = [openPage(here), openPage(here)];
    await settled();
    here.server.send("2", "a", "in the backup");
    await settled();
    const restore = here.server.backUp();
    here.server.sockets.weather = "down";
    [...here.server.sockets.open][0]?.shut(1006, "");
    await settled();
    assert.equal(page.todoku.connection.state.kind === "connected", false);
    other.todoku.outbox.send(here.server.roomId, "answered, and lost");
    await pass(here.clock, 1_000);
    assert.equal(shown(page).length, 2);
    restore();
    here.server.reset("HISTORY_CHANGED");
    if (goesOn) here.server.send("2", "b", "after the restore");
    await settled();
    here.server.sockets.weather = "fine";
    await pass(here.clock, 20_000);
    assert.equal(shown(page).length, goesOn ? 2 : 1);
    assert.deepEqual(shown(page), fetched(here.server, page));
  });
}

test("After a restored backup the older pages are those of the restored history, too", async () => {
  const here = world();
  for (let number = 1; number <= 30; number++) here.server.send("2", `m${number}`, `text ${number}`);
  for (let number = 1; number <= 30; number++) here.server.edit("2", `m${number}`, `edited ${number}`);
  const page = openPage(here, WINDOW);
  await settled();
  await page.room.messages.loadOlder();
  here.server.restore(30);
  here.server.sockets.cut();
  await pass(here.clock, 15_000);
  assert.equal(shown(page).length, WINDOW.pageSize);
  await page.room.messages.loadOlder();
  assert.equal(shown(page).length, 24);
  assert.deepEqual(shown(page), fetched(here.server, page));
});

test("A reset whose page can't be fetched is tried until it can; what comes meanwhile is not lost", async () => {
  const here = world();
  for (const id of ["a", "b"]) here.server.send("2", id, id);
  const page = openPage(here);
  await settled();
  here.server.fault = () => ({ kind: "status", status: 503 });
  here.server.reset("HISTORY_CHANGED");
  await pass(here.clock, 5_000);
  here.server.send("2", "c", "during the reset");
  await pass(here.clock, 5_000);
  assert.equal(page.room.feed.state.kind, "resetting");
  here.server.fault = () => null;
  await pass(here.clock, 20_000);
  assert.equal(page.room.feed.state.kind, "live");
  here.server.send("2", "d", "afterwards");
  await settled();
  assert.deepEqual(shown(page), fetched(here.server, page));
  assert.equal(shown(page).length, 4);
});

test("A feed that the server completes has ended, also after the next connection", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  here.server.endFeeds();
  await settled();
  assert.equal(page.room.feed.state.kind, "ended");
  here.server.sockets.cut();
  await pass(here.clock, 15_000);
  assert.equal(page.room.feed.state.kind, "ended");
});

test("A feed that may go on resumes after its last event", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  here.server.endFeeds();
  await settled();
  here.server.send("2", "a", "while out");
  page.room.feed.resume();
  await settled();
  assert.equal(page.room.feed.state.kind, "live");
  assert.deepEqual(shown(page), fetched(here.server, page));
});

for (const end of ["completed", "refused"] as const) {
  test(`A feed that ${end === "completed" ? "ends" : "is refused"} while everything is fetched anew shows no gap when it goes on`, async () => {
    const here = world();
    here.server.send("2", "a", "shown");
    const page = openPage(here);
    await settled();
    here.server.sockets.meddle = () => [];
    here.server.send("2", "b", "missed");
    await settled();
    here.server.sockets.meddle = (text) => [text];
    here.server.fault = () => ({ kind: "status", status: 503 });
    here.server.reset("TOO_FAR_BEHIND");
    await settled();
    here.server.readable = false;
    if (end === "completed") here.server.endFeeds();
    else here.server.sockets.cut();
    await pass(here.clock, 2_000);
    assert.equal(page.room.feed.state.kind, "ended");
    here.server.readable = true;
    here.server.fault = () => null;
    page.room.feed.resume();
    await pass(here.clock, 20_000);
    assert.equal(page.room.feed.state.kind, "live");
    assert.deepEqual(shown(page), fetched(here.server, page));
    assert.equal(shown(page).length, 2);
    assert.equal(here.clock.waiting, 1, "only the socket is watched");
  });
}

test("A room that is out of sight when it is fetched anew ends the feed, and it goes on when the viewer is let in", async () => {
  const here = world();
  here.server.send("2", "a", "a");
  const page = openPage(here);
  await settled();
  here.server.readable = false;
  here.server.reset("HISTORY_CHANGED");
  await pass(here.clock, 5_000);
  assert.equal(page.room.feed.state.kind, "ended");
  here.server.readable = true;
  here.server.send("2", "b", "while out");
  page.room.feed.resume();
  await pass(here.clock, 5_000);
  assert.equal(page.room.feed.state.kind, "live");
  assert.deepEqual(shown(page), fetched(here.server, page));
});

test("What was being fetched when the feed ended is not asked for again once it goes on", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  const answers: (() => void)[] = [];
  here.server.holdAnswer = () => new Promise((resolve) => answers.push(resolve));
  here.server.reset("TOO_FAR_BEHIND");
  await settled();
  here.server.endFeeds();
  await settled();
  page.room.feed.resume();
  await settled();
  for (const answer of answers) answer();
  await pass(here.clock, 5_000);
  assert.equal(page.room.feed.state.kind, "live");
  assert.deepEqual(here.server.requests.map(({ operation }) => operation), ["History", "History"]);
  assert.equal(here.server.subscriptions, 2);
});

test("Word that the viewer may read again counts once, also before the end that it overtakes", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  const states: string[] = [];
  page.room.feed.subscribe(({ kind }) => states.push(kind));
  page.room.feed.resume();
  here.server.send("2", "a", "let in");
  here.server.endFeeds();
  await settled();
  assert.deepEqual(states, ["ended", "catching-up", "live"]);
  assert.deepEqual(shown(page), fetched(here.server, page));
  here.server.endFeeds();
  await settled();
  assert.equal(page.room.feed.state.kind, "ended");
});

for (const [code, state] of [["NOT_FOUND", "ended"], ["FORBIDDEN", "ended"]] as const) {
  test(`A subscription refused with ${code} ends the feed`, async () => {
    const here = world();
    here.server.refuseFeed = { code };
    const page = openPage(here);
    await settled();
    assert.equal(page.room.feed.state.kind, state);
  });
}

for (const code of ["RATE_LIMITED", "INTERNAL_SERVER_ERROR", "SOMETHING_NEW"]) {
  test(`A subscription refused with ${code} is tried again`, async () => {
    const here = world();
    here.server.refuseFeed = { code, retryAfter: 3 };
    const page = openPage(here);
    await settled();
    assert.equal(page.room.feed.state.kind, "catching-up");
    here.server.refuseFeed = null;
    await pass(here.clock, 2_900);
    assert.equal(page.room.feed.state.kind, "catching-up");
    await pass(here.clock, 20_000);
    assert.equal(page.room.feed.state.kind, "live");
  });
}

test("However long a server refuses the subscription, the page goes on from its own cursor", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  const states: string[] = [];
  page.room.feed.subscribe(({ kind }) => states.push(kind));
  here.server.refuseFeed = { code: "INTERNAL_SERVER_ERROR" };
  here.server.sockets.cut();
  here.server.send("2", "a", "while the database is away");
  await pass(here.clock, 120_000);
  assert.equal(page.room.feed.state.kind, "catching-up");
  here.server.refuseFeed = null;
  await pass(here.clock, 20_000);
  assert.deepEqual(states, ["catching-up", "live"]);
  assert.deepEqual(shown(page), fetched(here.server, page));
  assert.equal(shown(page).length, 1);
});

test("A subscription refused with UNAUTHENTICATED stops the connection", async () => {
  const here = world();
  here.server.refuseFeed = { code: "UNAUTHENTICATED" };
  const page = openPage(here);
  await settled();
  assert.deepEqual(page.todoku.connection.state, { kind: "stopped", reason: "signed-out" });
});

test("An event that the server can't make is asked for again, and at last passed by fetching the newest page", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  here.server.sockets.meddle = (text) =>
    text.includes('"seq":1,') && text.includes("MessageSent")
      ? [text.replace(/"payload":.*$/, '"payload":{"data":{"roomEvents":null},"errors":[{"message":"oh"}]}}')]
      : [text];
  here.server.send("2", "a", "poison");
  await pass(here.clock, 4_000);
  assert.equal(shown(page).length, 0);
  await pass(here.clock, 60_000);
  assert.equal(page.room.feed.state.kind, "live");
  assert.deepEqual(shown(page), fetched(here.server, page));
  assert.equal(shown(page).length, 1);
});

test("A feed that always meets a gap doesn't hammer the server", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  here.server.sockets.meddle = (text) => (text.includes('"seq":1,') ? [] : [text]);
  here.server.send("2", "a", "never arrives");
  here.server.send("2", "b", "shows the gap");
  const before = here.server.subscriptions;
  await pass(here.clock, 30_000);
  assert.ok(here.server.subscriptions - before < 10, `${here.server.subscriptions - before} subscriptions in half a minute`);
  assert.deepEqual(shown(page), fetched(here.server, page));
});

test("A stopped page applies nothing more and leaves no timer", async () => {
  const here = world();
  const page = openPage(here);
  await settled();
  page.todoku.stop();
  here.server.send("2", "a", "too late");
  await settled();
  assert.equal(shown(page).length, 0);
  assert.equal(here.clock.waiting, 0);
  assert.equal(here.server.sockets.open.size, 0);
});

// ---------------------------------------------------------------- the law

const PEOPLE = Array.from({ length: 30 }, (_, index) => String(index + 1));
const EMOJIS = ["👍", "❤️", "🎉"];

function somethingHappens({ chance, server }: World, ids: string[]): void {
  const by = chance.pick(PEOPLE);
  const alive = [...server.messages.values()].filter(({ deletedAt }) => deletedAt === null).slice(-30);
  const what = alive.length === 0 ? 0 : chance.below(12);
  if (what < 4) {
    const id = `m${ids.length}`;
    ids.push(id);
    server.send(by, id, `text ${id}`, alive.length > 0 && chance.happens(0.3) ? chance.pick(alive).id : null);
  } else if (what < 5) server.edit(by, chance.pick(alive).id, `edit ${chance.below(1_000)}`);
  else if (what < 6 && chance.happens(0.5)) server.delete(by, chance.pick(alive).id);
  else if (what < 9) server.react(chance.happens(0.4) ? "1" : by, chance.pick(alive).id, chance.pick(EMOJIS), chance.happens(0.6));
  else if (what < 10) server.unshowable();
  else if (server.members.has(by)) server.leave(by);
  else server.join(by);
}

/**
 * Events that are lost, doubled and swapped. None comes out of another socket than it was put in, and what has no seq
 * or starts the seqs anew is spared: a reset, and an event that can't be shown (see the tests above).
 */
function badWeather(chance: Chance): (text: string, socket: object) => readonly string[] {
  const delayed = new WeakMap<object, string>();
  return (text, socket) => {
    const before = delayed.get(socket);
    const due = before === undefined ? [] : [before];
    delayed.delete(socket);
    if (text.includes("StreamReset") || text.includes('"event":null')) return [...due, text];
    if (chance.happens(0.1)) return due;
    if (chance.happens(0.1)) return [text, text, ...due];
    if (chance.happens(0.1)) {
      delayed.set(socket, text);
      return due;
    }
    return [text, ...due];
  };
}

for (let seed = 1; seed <= 60; seed++) {
  test(`Whatever is repeated, lost, swapped, cut, reset and ended, the page ends as a fresh fetch (seed ${seed})`, async () => {
    const here = world(seed);
    const { chance, server, clock } = here;
    const ids: string[] = [];
    for (let happening = chance.below(30); happening > 0; happening--) somethingHappens(here, ids);
    server.furtherMembers = chance.happens(0.5) ? 150 : 0;
    server.holdAnswer = () => settled(chance.below(6));
    const page = openPage(here, WINDOW);
    server.sockets.meddle = badWeather(chance);
    server.fault = () => (chance.happens(0.2) ? { kind: "status", status: 503 } : null);
    for (let step = 0; step < 120; step++) {
      if (chance.happens(0.7)) somethingHappens(here, ids);
      if (chance.happens(0.04)) server.sockets.cut();
      if (chance.happens(0.02)) server.sockets.closeAll(1012);
      if (chance.happens(0.02)) server.reset("TOO_FAR_BEHIND");
      if (chance.happens(0.01)) {
        server.restore(chance.below(server.seq));
        server.sockets.closeAll(1012);
      }
      if (chance.happens(0.03)) {
        server.readable = false;
        server.endFeeds();
      }
      if (!server.readable && chance.happens(0.3)) {
        server.readable = true;
        page.room.feed.resume();
      }
      if (chance.happens(0.05)) page.todoku.outbox.markRead(server.roomId, server.seq);
      if (chance.happens(0.05)) void page.room.messages.loadOlder();
      if (chance.happens(0.05)) void page.room.messages.loadNewer();
      if (chance.happens(0.1)) page.room.messages.follow(chance.happens(0.6));
      if (chance.happens(0.5)) clock.advance(chance.below(3_000));
      if (chance.happens(0.6)) await settled(chance.below(6));
    }
    server.sockets.meddle = (text) => [text];
    server.fault = () => null;
    server.readable = true;
    page.room.feed.resume();
    page.room.messages.follow(true);
    somethingHappens(here, ids);
    server.send("2", "last", "shows a gap where there is one");
    await pass(clock, 40_000, 2_000);
    assert.ok(await page.room.messages.toPresent());
    assert.ok(shown(page).length <= WINDOW.windowSize);
    assert.ok(shown(page).length >= Math.min(WINDOW.pageSize, server.messages.size));
    assert.deepEqual(shown(page), fetched(server, page));
    const { lastSeq, memberCount, members } = page.room.details.view;
    assert.equal(lastSeq, server.seq);
    assert.equal(memberCount, server.members.size + server.furtherMembers);
    assert.deepEqual(members.edges.map(({ node }) => node.id), [...server.members]);
    page.todoku.stop();
    assert.equal(clock.waiting, 0);
  });
}
