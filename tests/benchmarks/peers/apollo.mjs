/**
 * Apollo Server with graphql-ws, put together as Apollo's documentation of subscriptions says, over an in-memory PubSub
 * and a SQLite database in FOLDER. Serves Todoku's schema at http://127.0.0.1:PORT/graphql, over WebSocket as well, as
 * far as a room's feed and a send need it; there are no accounts and no replay.
 */
import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { ApolloServer } from "@apollo/server";
import { ApolloServerPluginDrainHttpServer } from "@apollo/server/plugin/drainHttpServer";
import { expressMiddleware } from "@as-integrations/express5";
import { makeExecutableSchema } from "@graphql-tools/schema";
import Database from "better-sqlite3";
import express from "express";
import { PubSub } from "graphql-subscriptions";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";

const { PORT, FOLDER } = process.env;

const author = {
  id: "6197262956098692759",
  version: 1,
  username: "aiko",
  displayName: "aiko",
  avatarUrl: null,
};

const database = new Database(path.join(FOLDER, "messages.sqlite3"));
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");
database.exec(`
  CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    room_id TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL
  )
`);
const insert = database.prepare("INSERT INTO message (id, room_id, body, created_at) VALUES (?, ?, ?, ?)");

// Node.js would take the eleventh subscriber for a leak.
const pubsub = new PubSub({ eventEmitter: new EventEmitter().setMaxListeners(0) });

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const render = (body) => `<p>${body.replace(/[&<>"]/g, (character) => ESCAPES[character])}</p>`;

/** A cursor as long as one of Todoku's. */
const cursor = (seq) => String(seq).padStart(32, "0");

function store({ id = randomUUID(), roomId, body }) {
  const createdAt = new Date().toISOString();
  const seq = Number(insert.run(id, roomId, body, createdAt).lastInsertRowid);
  return {
    id,
    roomId,
    seq,
    version: seq,
    author,
    body,
    bodyHtml: render(body),
    createdAt,
    editedAt: null,
    deletedAt: null,
    replyTo: null,
    threadRootId: null,
    reactions: [],
  };
}

async function sendMessage(_, { input }) {
  const message = store(input);
  const { roomId, seq, createdAt: at } = message;
  const event = { __typename: "MessageSent", roomId, seq, at, actor: author, message };
  await pubsub.publish(roomId, { roomEvents: { cursor: cursor(seq), event } });
  return { status: "STORED", message };
}

/** What is published in the room, after one StreamReady: it comes when the subscription is in place. */
function roomEvents(_, { roomId }) {
  const published = pubsub.asyncIterableIterator(roomId);
  const event = { __typename: "StreamReady", roomId, seq: 0, at: new Date().toISOString(), actor: null };
  const ready = { value: { roomEvents: { cursor: cursor(0), event } }, done: false };
  // The iterator subscribes when it is asked for its first value.
  const first = [Promise.resolve(ready), published.next()];
  return {
    next: () => first.shift() ?? published.next(),
    return: () => published.return(),
    throw: (error) => published.throw(error),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

const schema = makeExecutableSchema({
  typeDefs: readFileSync(new URL("../../../schema.graphql", import.meta.url), "utf8"),
  resolvers: { Mutation: { sendMessage }, Subscription: { roomEvents: { subscribe: roomEvents } } },
});

const app = express();
const httpServer = createServer(app);
const subscriptions = useServer({ schema }, new WebSocketServer({ server: httpServer, path: "/graphql" }));
const endSubscriptions = {
  serverWillStart: async () => ({ drainServer: async () => subscriptions.dispose() }),
};
const apollo = new ApolloServer({
  schema,
  plugins: [ApolloServerPluginDrainHttpServer({ httpServer }), endSubscriptions],
});
await apollo.start();
app.get("/healthz", (_, response) => response.sendStatus(200));
app.use("/graphql", express.json(), expressMiddleware(apollo));
httpServer.listen(Number(PORT), "127.0.0.1", 1024, () => console.log("ready"));
