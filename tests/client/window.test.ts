import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, world, type Page, type World } from "./parts/page.ts";
import { pass, settled } from "./parts/waiting.ts";

const SMALL = { windowSize: 30, pageSize: 10, last: 10 };

function talk({ server }: World, from: number, to: number): void {
  for (let number = from; number <= to; number++) server.send("2", `m${number}`, `text ${number}`);
}

/** "11–20" where the page shows m11 to m20, each once and in order. */
function extent({ room }: Page): string {
  const numbers = room.messages.view.entries.map(({ message }) => Number(message.id.slice(1)));
  const [first, last] = [numbers[0], numbers.at(-1)];
  if (first === undefined || last === undefined) return "nothing";
  assert.deepEqual(numbers, Array.from({ length: last - first + 1 }, (_, index) => first + index));
  return `${first}–${last}`;
}

async function opened(messages: number): Promise<{ here: World; page: Page }> {
  const here = world();
  talk(here, 1, messages);
  const page = openPage(here, SMALL);
  await settled();
  return { here, page };
}

test("Older pages are loaded one after the other, to the room's beginning", async () => {
  const { page } = await opened(25);
  const { messages } = page.room;
  assert.deepEqual([extent(page), messages.view.hasOlder], ["16–25", true]);
  assert.equal(await messages.loadOlder(), true);
  assert.deepEqual([extent(page), messages.view.hasOlder], ["6–25", true]);
  assert.equal(await messages.loadOlder(), true);
  assert.deepEqual([extent(page), messages.view.hasOlder], ["1–25", false]);
});

test("Reading back drops the newest past the window, and reading forward brings them again", async () => {
  const { page } = await opened(100);
  const { messages } = page.room;
  messages.follow(false);
  for (let load = 0; load < 5; load++) assert.equal(await messages.loadOlder(), true);
  assert.deepEqual([extent(page), messages.view.hasNewer, messages.view.newerCount], ["41–70", true, 30]);
  for (let load = 0; load < 3; load++) assert.equal(await messages.loadNewer(), true);
  assert.deepEqual([extent(page), messages.view.hasNewer, messages.view.newerCount], ["71–100", false, 0]);
  assert.equal(messages.view.hasOlder, true);
});

test("At the end the view follows what arrives and lets the oldest go", async () => {
  const { here, page } = await opened(25);
  talk(here, 26, 80);
  await settled();
  assert.deepEqual([extent(page), page.room.messages.view.hasOlder], ["51–80", true]);
});

test("Elsewhere nothing that is read goes: what arrives past the window is counted", async () => {
  const { here, page } = await opened(10);
  page.room.messages.follow(false);
  talk(here, 11, 42);
  await settled();
  assert.equal(extent(page), "1–30");
  assert.deepEqual([page.room.messages.view.hasNewer, page.room.messages.view.newerCount], [true, 12]);
  here.server.edit("2", "m42", "edited out of sight");
  await settled();
  assert.equal(await page.room.messages.toPresent(), true);
  assert.deepEqual([extent(page), page.room.messages.view.newerCount], ["33–42", 0]);
  assert.equal(page.room.messages.view.entries.at(-1)?.message.body, "edited out of sight");
});

test("A message that arrives while the way to the present is fetched is not lost", async () => {
  const { here, page } = await opened(100);
  const { messages } = page.room;
  messages.follow(false);
  for (let load = 0; load < 5; load++) await messages.loadOlder();
  let answer = (): void => undefined;
  here.server.holdAnswer = () => new Promise((resolve) => (answer = resolve));
  const arriving = messages.toPresent();
  await settled();
  talk(here, 101, 102);
  await settled();
  answer();
  assert.equal(await arriving, true);
  assert.equal(extent(page), "91–102");
});

test("A member who comes while the way to the present is fetched stays in the list", async () => {
  const { here, page } = await opened(100);
  const { messages, details } = page.room;
  messages.follow(false);
  for (let load = 0; load < 5; load++) await messages.loadOlder();
  let answer = (): void => undefined;
  here.server.holdAnswer = () => new Promise((resolve) => (answer = resolve));
  const arriving = messages.toPresent();
  await settled();
  here.server.join("5");
  await settled();
  answer();
  assert.equal(await arriving, true);
  assert.deepEqual(details.view.members.edges.map(({ node }) => node.id), ["5"]);
});

test("The way to the present takes the place of an older page that is still coming", async () => {
  const { here, page } = await opened(100);
  const { messages } = page.room;
  messages.follow(false);
  for (let load = 0; load < 5; load++) await messages.loadOlder();
  const answers: (() => void)[] = [];
  here.server.holdAnswer = () => new Promise((resolve) => answers.push(resolve));
  const older = messages.loadOlder();
  const present = messages.toPresent();
  await settled();
  answers[0]?.();
  assert.equal(await older, false);
  assert.equal(messages.view.loading, "present");
  answers[1]?.();
  assert.equal(await present, true);
  assert.deepEqual([extent(page), messages.view.loading], ["91–100", null]);
});

test("What the viewer sends while everything is fetched anew is not lost", async () => {
  const { here, page } = await opened(25);
  const answers: (() => void)[] = [];
  here.server.holdAnswer = ({ operation }) =>
    operation === "History" ? new Promise((resolve) => answers.push(resolve)) : Promise.resolve();
  here.server.reset("TOO_FAR_BEHIND");
  await settled();
  // From here on only the answer to the sending tells of it.
  here.server.sockets.weather = "silent";
  page.todoku.outbox.send("7", "meanwhile");
  await settled();
  for (const answer of answers) answer();
  await settled();
  assert.equal(page.room.messages.view.entries.at(-1)?.message.body, "meanwhile");
  assert.equal(page.room.messages.view.entries.at(-1)?.delivery.kind, "stored");
});

test("A message that arrives while the last newer page is fetched is not lost", async () => {
  const { here, page } = await opened(45);
  const { messages } = page.room;
  messages.follow(false);
  for (let load = 0; load < 3; load++) await messages.loadOlder();
  assert.equal(extent(page), "6–35");
  let answer = (): void => undefined;
  here.server.holdAnswer = () => new Promise((resolve) => (answer = resolve));
  const arriving = messages.loadNewer();
  await settled();
  talk(here, 46, 47);
  await settled();
  answer();
  assert.equal(await arriving, true);
  assert.deepEqual([extent(page), messages.view.hasNewer], ["18–47", false]);
});

test("A page of history that a deletion overtook doesn't bring the words back", async () => {
  const { here, page } = await opened(25);
  let answer = (): void => undefined;
  here.server.holdAnswer = () => new Promise((resolve) => (answer = resolve));
  const arriving = page.room.messages.loadOlder();
  await settled();
  here.server.delete("2", "m10");
  talk(here, 26, 120);
  await settled();
  answer();
  await arriving;
  const shown = page.room.messages.view.entries.find(({ message }) => message.id === "m10");
  assert.notEqual(shown?.message.deletedAt ?? "not in the window", null);
  assert.equal(JSON.stringify(page.todoku.cache.extract()).includes('"text 10"'), false);
});

test("A message is shown with what surrounds it, wherever it is", async () => {
  const { page } = await opened(200);
  const { messages } = page.room;
  assert.equal(await messages.showMessage("m77"), true);
  assert.deepEqual([extent(page), messages.view.hasOlder, messages.view.hasNewer], ["68–87", true, true]);
  assert.equal(await messages.showMessage("m200"), true);
  assert.deepEqual([extent(page), messages.view.hasNewer], ["191–200", false]);
  assert.equal(await messages.showMessage("nobody's"), false);
  assert.equal(extent(page), "191–200");
});

test("A message in the window is shown without a request", async () => {
  const { here, page } = await opened(25);
  assert.equal(await page.room.messages.showMessage("m20"), true);
  assert.deepEqual(here.server.requests, []);
});

test("What can't be fetched leaves the view as it is, and can be asked for again", async () => {
  const { here, page } = await opened(25);
  here.server.fault = () => ({ kind: "unreachable" });
  assert.equal(await page.room.messages.loadOlder(), false);
  assert.deepEqual([extent(page), page.room.messages.view.loading, page.room.messages.view.hasOlder], ["16–25", null, true]);
  here.server.fault = () => null;
  assert.equal(await page.room.messages.loadOlder(), true);
  assert.equal(extent(page), "6–25");
});

test("One page is fetched at a time", async () => {
  const { here, page } = await opened(100);
  const results = await Promise.all([1, 2, 3].map(() => page.room.messages.loadOlder()));
  assert.deepEqual(results, [true, false, false]);
  assert.equal(here.server.requests.length, 1);
});

test("A room of two thousand messages costs the page no more than its window", async () => {
  const { here, page } = await opened(25);
  for (let number = 26; number <= 2_000; number += 25) {
    talk(here, number, number + 24);
    if (number % 100 === 1) here.server.edit("2", `m${number - 20}`, "edited");
    await settled(2);
  }
  await settled();
  for (let load = 0; load < 20; load++) await page.room.messages.loadOlder();
  for (let load = 0; load < 20; load++) await page.room.messages.loadNewer();
  const cached = Object.keys(page.todoku.cache.extract()).filter((key) => key.startsWith("Message:"));
  assert.ok(cached.length <= SMALL.windowSize + 60, `${cached.length} messages in the cache`);
  assert.equal(page.room.messages.view.entries.length, SMALL.windowSize);
});

test("A message that another answers stays readable in the answer after it left the window", async () => {
  const { here, page } = await opened(10);
  here.server.send("2", "m11", "an answer", "m1");
  talk(here, 12, 40);
  await settled();
  await pass(here.clock, 1_000);
  talk(here, 41, 41);
  await settled();
  page.todoku.cache.gc();
  const answer = page.room.messages.view.entries.find(({ message }) => message.id === "m11" || message.id === "m12");
  assert.equal(answer?.message.id, "m12");
  here.server.send("2", "m42", "another answer", "m1");
  await settled();
  assert.equal(page.room.messages.view.entries.at(-1)?.message.replyTo?.body, "text 1");
});
