import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tab } from "../../static/drill/browser.ts";
import { Connection, type ConnectionState } from "../../static/src/connection.ts";
import { openBrowser } from "./parts/browser.ts";
import { Chance } from "./parts/chance.ts";
import { FakeClock } from "./parts/clock.ts";
import { ModelServer } from "./parts/server.ts";
import { pass, settled } from "./parts/waiting.ts";

interface World {
  readonly clock: FakeClock;
  readonly server: ModelServer;
  readonly tab: Tab;
  readonly connection: Connection;
  readonly states: ConnectionState[];
}

async function world(arrange: (server: ModelServer, tab: Tab) => void = () => undefined): Promise<World> {
  const clock = new FakeClock();
  const server = new ModelServer();
  const tab = openBrowser(clock, new Chance(1)).openTab(() => server.network);
  arrange(server, tab);
  const connection = new Connection(tab.environment, { url: "ws://todoku.test/graphql", viewerId: "1" });
  const states: ConnectionState[] = [];
  connection.subscribe((state) => states.push(state));
  await settled();
  return { clock, server, tab, connection, states };
}

test("A connection says whose page it is", async () => {
  const { server, connection } = await world();
  assert.deepEqual(server.sockets.greetings, [{ viewer: "1" }]);
  assert.equal(connection.state.kind, "connected");
});

for (const code of [1000, 1001, 1006, 1011, 1012, 1013, 4012, 4013, 4400, 4408, 4429, 4500]) {
  test(`A connection closed with ${code} comes back`, async () => {
    const { clock, server, connection } = await world();
    server.sockets.closeAll(code);
    await settled();
    assert.equal(connection.state.kind, "reconnecting");
    await pass(clock, 15_000);
    assert.equal(connection.state.kind, "connected");
    assert.equal(server.sockets.open.size, 1);
  });
}

test("A connection closed with 4401 stays closed and says that nobody is signed in", async () => {
  const { clock, server, connection } = await world();
  server.sockets.closeAll(4401);
  await settled();
  await pass(clock, 3_600_000, 60_000);
  assert.deepEqual(connection.state, { kind: "stopped", reason: "signed-out" });
  assert.equal(server.sockets.greetings.length, 1);
});

test("A connection closed with 4403 stays closed, whatever happens to the page", async () => {
  const { clock, server, tab, connection } = await world();
  server.sockets.closeAll(4403);
  await settled();
  tab.tell("visible");
  tab.tell("online");
  await pass(clock, 3_600_000, 60_000);
  assert.deepEqual(connection.state, { kind: "stopped", reason: "forbidden" });
});

test("A page that comes into view asks whether it is signed in again", async () => {
  const { server, tab, connection } = await world();
  server.sockets.closeAll(4401);
  await settled();
  tab.tell("visible");
  await settled();
  assert.equal(connection.state.kind, "connected");
});

test("Delays are random below a bound that doubles from half a second to fifteen", async () => {
  const { clock, connection, states } = await world((server) => (server.sockets.weather = "down"));
  for (let attempt = 0; attempt < 40; attempt++) {
    clock.advance(15_000);
    await settled(3);
  }
  const waits = states.flatMap((state) => (state.kind === "reconnecting" ? [state] : []));
  const starts = states.flatMap((state) => (state.kind === "connecting" ? [state] : []));
  assert.ok(waits.length > 20);
  for (const [index, wait] of waits.slice(0, -1).entries()) {
    assert.equal(wait.attempt, index + 1);
    const bound = Math.min(15_000, 500 * 2 ** wait.attempt);
    assert.ok(wait.retryAt - clock.now() <= bound);
    assert.equal(starts[index]?.attempt, wait.attempt);
  }
  assert.equal(connection.state.kind, "reconnecting");
});

test("Full jitter spreads clients that were cut at once over the whole delay", async () => {
  const clock = new FakeClock();
  const server = new ModelServer();
  server.sockets.weather = "down";
  const browser = openBrowser(clock, new Chance(3));
  const connections = Array.from({ length: 200 }, () => {
    const { environment } = browser.openTab(() => server.network);
    return new Connection(environment, { url: "ws://todoku.test/graphql", viewerId: "1", backoff: { base: 15_000, cap: 15_000 } });
  });
  await settled();
  const delays = connections.map(({ state }) => (state.kind === "reconnecting" ? state.retryAt - clock.now() : Number.NaN));
  const inEachThird = [0, 1, 2].map((third) => delays.filter((delay) => Math.floor(delay / 5_000) === third).length);
  assert.ok(inEachThird.every((count) => count > 40), `spread: ${inEachThird.join(", ")}`);
});

for (const event of ["online", "visible"] as const) {
  test(`A waiting connection tries at once when the page is ${event}`, async () => {
    const { server, tab, connection } = await world();
    server.sockets.cut();
    await settled();
    tab.tell(event);
    await settled();
    assert.equal(connection.state.kind, "connected");
  });
}

test("Without a network the state says offline, and tries go on: the server may be on this machine", async () => {
  const { clock, server, tab, connection } = await world();
  tab.tell("offline");
  server.sockets.cut();
  await settled();
  assert.equal(connection.state.kind, "offline");
  await pass(clock, 15_000);
  assert.equal(connection.state.kind, "connected");
});

test("A half-open socket is found within fifteen seconds and given up", async () => {
  const { clock, server, connection, states } = await world();
  server.sockets.weather = "silent";
  clock.advance(13_999);
  assert.equal(connection.state.kind, "connected");
  clock.advance(1_000);
  assert.deepEqual(states.slice(0, 2).map(({ kind }) => kind), ["connected", "reconnecting"]);
  server.sockets.weather = "fine";
  await pass(clock, 15_000);
  assert.equal(connection.state.kind, "connected");
});

test("A page that wakes up on a dead socket finds it in five seconds", async () => {
  const { clock, server, tab, connection } = await world();
  server.sockets.weather = "silent";
  tab.tell("visible");
  clock.advance(5_000);
  await settled();
  assert.equal(connection.state.kind, "reconnecting");
});

test("A quiet but living socket is pinged and kept, and the round trip is known from the start", async () => {
  const { clock, server, connection, states } = await world();
  assert.equal(connection.roundTrip, 0);
  await pass(clock, 60_000, 1_000);
  assert.ok(server.sockets.pings >= 5 && server.sockets.pings <= 8, `${server.sockets.pings} pings`);
  assert.deepEqual(states.map(({ kind }) => kind), ["connected"]);
});

test("A half-open socket is found in time, also when the clock was set back by an hour", async () => {
  const { clock, server, states } = await world();
  clock.jump(-3_600_000);
  server.sockets.weather = "silent";
  await pass(clock, 25_000, 1_000);
  assert.equal(states[1]?.kind, "reconnecting");
});

test("A socket that opens and never answers is given up after ten seconds", async () => {
  const { clock, connection } = await world((server) => (server.sockets.weather = "silent"));
  clock.advance(9_999);
  assert.equal(connection.state.kind, "connecting");
  clock.advance(1);
  await settled();
  assert.equal(connection.state.kind, "reconnecting");
});

test("A server that is full is given more time than one that was lost", async () => {
  const { server, states } = await world();
  server.sockets.closeAll(1013);
  await settled();
  const waits = states.flatMap((state) => (state.kind === "reconnecting" ? [state.attempt] : []));
  assert.deepEqual(waits, [4]);
});

test("A server that lets in and turns away is not hammered", async () => {
  const { clock, server } = await world();
  for (let seconds = 0; seconds < 120; seconds++) {
    server.sockets.closeAll(1012);
    await settled(2);
    clock.advance(1_000);
    await settled(2);
  }
  assert.ok(server.sockets.greetings.length < 40, `${server.sockets.greetings.length} connections in two minutes`);
});

test("Mended cuts are remembered with their cause and length, the latest first", async () => {
  const { clock, server, connection } = await world();
  clock.advance(8_000);
  server.sockets.closeAll(1012, "restart");
  await settled();
  const cutAt = clock.now();
  clock.advance(500);
  await settled();
  const [latest, ...others] = connection.reconnections;
  assert.deepEqual(others, []);
  assert.deepEqual(latest && { ...latest, backAt: 0 }, { cause: "1012 restart", cutAt, backAt: 0, attempts: 1 });
  assert.ok(latest && latest.backAt >= cutAt && latest.backAt <= cutAt + 500);
});

test("A stopped connection leaves nothing behind: no socket, no timer, no more tries", async () => {
  const { clock, server, tab, connection } = await world();
  connection.stop();
  tab.tell("visible");
  tab.tell("online");
  await pass(clock, 60_000);
  assert.deepEqual(connection.state, { kind: "stopped", reason: "closed" });
  assert.equal(server.sockets.open.size, 0);
  assert.equal(server.sockets.greetings.length, 1);
  assert.equal(clock.waiting, 0);
});

test("A connection stopped while it opens leaves nothing behind", async () => {
  const clock = new FakeClock();
  const server = new ModelServer();
  const { environment } = openBrowser(clock, new Chance(1)).openTab(() => server.network);
  new Connection(environment, { url: "ws://todoku.test/graphql", viewerId: "1" }).stop();
  await settled();
  assert.equal(server.sockets.open.size, 0);
  assert.equal(clock.waiting, 0);
});
