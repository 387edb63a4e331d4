// Follow a Todoku room and write in it: TODOKU_TOKEN=… node client.mjs http://127.0.0.1:8000 <the room's id>
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "graphql-ws";

const PAGE = `query ($room: ID!, $before: String) { room(id: $room) { cursor messages(last: 100, before: $before) {
  nodes { id body author { username } } pageInfo { startCursor } } } }`;
const EVENTS = `subscription ($room: ID!, $after: String!) { roomEvents(roomId: $room, after: $after) { cursor event {
  __typename ... on MessageSent { message { id body author { username } } } } } }`;
const SEND = "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { status } }";
const [url, room] = [`${process.argv[2]}/graphql`, process.argv[3]];
const headers = { authorization: `Bearer ${process.env.TODOKU_TOKEN}`, "content-type": "application/json" };
const socket = { url: url.replace("http", "ws"), connectionParams: headers, retryAttempts: 0, keepAlive: 5_000 };
const STOP = [4400, 4401, 4403, 4406, 4409, 4429]; // every other close code, and none at all, means: come back
const AGAIN = ["RATE_LIMITED", "INTERNAL_SERVER_ERROR"]; // every other error would only be the same again
const shown = new Set();

async function backOff(attempt, error) {
  if (STOP.includes(error?.code) || (error?.extensions && !AGAIN.includes(error.extensions.code))) throw error;
  await sleep(1000 * (error?.extensions?.retryAfter ?? 0) + Math.random() * Math.min(15_000, 500 * 2 ** attempt));
}
async function ask(query, variables) {
  const body = JSON.stringify({ query, variables });
  for (let attempt = 0; ; attempt++) {
    const request = fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(10_000) });
    const { data, errors } = await request.then((response) => response.json()).catch(() => ({}));
    if (data && !errors) return data;
    await backOff(attempt, errors?.[0]);
  }
}
function show({ id, body, author }) {
  if (!shown.has(id)) console.log(`${author?.username}: ${body}`);
  shown.add(id);
}
async function fetchRoom(before) {
  const { cursor, messages } = (await ask(PAGE, { room, before })).room;
  const allNew = shown.size > 0 && messages.nodes.every(({ id }) => !shown.has(id)); // there may be more, then
  if (allNew && messages.nodes.length > 0) await fetchRoom(messages.pageInfo.startCursor);
  messages.nodes.forEach(show);
  return cursor;
}
async function follow(cursor) {
  for (let attempt = 0, silence, client; ; attempt++) {
    const heard = () => (clearTimeout(silence), (silence = setTimeout(() => client.terminate(), 10_000)));
    const on = { connecting: heard, message: heard, closed: () => clearTimeout(silence) };
    client = createClient({ ...socket, on }); // a new one each time: it would come back with its first cursor
    try {
      for await (const { data, errors } of client.iterate({ query: EVENTS, variables: { room, after: cursor } })) {
        if (errors) throw errors[0];
        const { event } = data.roomEvents;
        if (event?.__typename === "StreamReset") await fetchRoom();
        else if (event?.__typename === "MessageSent") show(event.message);
        [cursor, attempt] = [data.roomEvents.cursor, 0];
      }
      return console.error("The room is no longer yours to read.");
    } catch (error) { await backOff(attempt, error[0] ?? error); }
  }
}
follow(await fetchRoom());
for await (const body of createInterface({ input: process.stdin })) // one after the other: what was typed first is first
  await ask(SEND, { input: { id: crypto.randomUUID(), roomId: room, body } }).catch(console.error);
