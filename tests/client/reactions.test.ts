import assert from "node:assert/strict";
import { test } from "node:test";
import { Chance } from "./parts/chance.ts";
import { openPage, world, type Page, type World } from "./parts/page.ts";
import { pass, settled } from "./parts/waiting.ts";

const ME = "1";
const CROWD = Array.from({ length: 40 }, (_, index) => String(index + 100));

/** Whether the page draws the reaction as the viewer's own. */
function mine({ room }: Page, emoji = "👍"): boolean | undefined {
  const reactions = room.messages.view.entries[0]?.message.reactions ?? [];
  return reactions.find((reaction) => reaction.emoji === emoji)?.viewerReacted;
}

function crowded(reacted: boolean): World {
  const here = world();
  here.server.send("2", "a", "popular");
  for (const by of CROWD) here.server.react(by, "a", "👍", true);
  if (reacted) here.server.react(ME, "a", "👍", true);
  return here;
}

for (const reacted of [true, false]) {
  test(`The page knows from its own query that the viewer ${reacted ? "reacted" : "did not react"}, beyond the listed users`, async () => {
    const page = openPage(crowded(reacted));
    await settled();
    assert.equal(mine(page), reacted);
  });

  test(`Others' events, which can't say it, leave it ${reacted ? "mine" : "not mine"}`, async () => {
    const here = crowded(reacted);
    const page = openPage(here);
    await settled();
    here.server.react("99", "a", "👍", true);
    here.server.react("100", "a", "👍", false);
    here.server.edit("2", "a", "edited");
    await settled();
    assert.equal(mine(page), reacted);
  });
}

test("A reaction made on another device shows as mine, and its removal too, however many others reacted", async () => {
  const here = crowded(false);
  const page = openPage(here);
  await settled();
  here.server.react(ME, "a", "👍", true);
  await settled();
  assert.equal(mine(page), true);
  here.server.react(ME, "a", "👍", false);
  await settled();
  assert.equal(mine(page), false);
});

test("Where all users are listed, the list decides", async () => {
  const here = world();
  here.server.send("2", "a", "quiet");
  const page = openPage(here);
  await settled();
  here.server.react(ME, "a", "👍", true);
  here.server.react("2", "a", "🎉", true);
  await settled();
  assert.equal(mine(page), true);
  assert.equal(mine(page, "🎉"), false);
});

test("A replay of reactions that the page knows already changes nothing in between", async () => {
  const here = crowded(false);
  const before = here.server.cursor();
  here.server.react(ME, "a", "👍", true);
  here.server.react(ME, "a", "👍", false);
  const data = here.server.roomPage(ME);
  assert.ok(data.room);
  const page = openPage(here, {}, { ...data, room: { ...data.room, cursor: before } });
  const seen = new Set<boolean | undefined>([mine(page)]);
  page.room.messages.subscribe(() => seen.add(mine(page)));
  await settled();
  assert.equal(page.room.feed.state.kind, "live");
  assert.deepEqual([...seen], [false]);
});

test("An older answer to the viewer's own query doesn't undo what an event told since", async () => {
  const here = crowded(false);
  const page = openPage(here);
  await settled();
  let answer = (): void => undefined;
  here.server.holdAnswer = () => new Promise((resolve) => (answer = resolve));
  void page.room.messages.startAnew(false);
  await settled();
  here.server.react(ME, "a", "👍", true);
  await settled();
  answer();
  await settled();
  here.server.react("99", "a", "👍", true);
  await settled();
  assert.equal(mine(page), true);
});

for (let seed = 1; seed <= 20; seed++) {
  test(`Whatever the viewer does on other devices in a crowd, the page ends with what a query says (seed ${seed})`, async () => {
    const here = crowded(seed % 2 === 0);
    const chance = new Chance(seed);
    const page = openPage(here);
    for (let step = 0; step < 60; step++) {
      const by = chance.happens(0.4) ? ME : chance.pick(CROWD);
      here.server.react(by, "a", chance.pick(["👍", "🎉"]), chance.happens(0.6));
      if (chance.happens(0.1)) here.server.sockets.cut();
      if (chance.happens(0.1)) page.todoku.outbox[chance.happens(0.5) ? "addReaction" : "removeReaction"]("7", "a", "👍");
      if (chance.happens(0.5)) await settled(3);
      if (chance.happens(0.3)) here.clock.advance(2_000);
    }
    await pass(here.clock, 40_000, 2_000);
    const stored = here.server.messages.get("a");
    assert.ok(stored);
    assert.deepEqual(page.room.messages.view.entries[0]?.message.reactions, here.server.own(stored, ME).reactions);
    page.todoku.stop();
  });
}
