import type { ApolloClient } from "@apollo/client/core";
import { TodokuCache } from "./cache.ts";
import type { Stop } from "./changes.ts";
import { Connection } from "./connection.ts";
import type { Taken } from "./delivery.ts";
import { RoomDetails } from "./details.ts";
import { Endpoint } from "./endpoint.ts";
import type { Environment } from "./environment.ts";
import { RoomFeed } from "./feed.ts";
import { Foretold } from "./foretold.ts";
import { RoomHeadFragmentDoc, RoomPageDocument, type RoomPageQuery } from "./generated/operations.ts";
import { RoomHappenings } from "./happenings.ts";
import { Inbox } from "./inbox.ts";
import { RoomMessages, type User } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { RoomSignals } from "./signals.ts";

export interface TodokuOptions {
  /** Absolute, or relative to the page: "/graphql". */
  readonly endpoint: string;
  /** "wss://host/graphql". */
  readonly socketUrl: string;
  /** "Bearer <API token>", where there is no session: outside a browser. */
  readonly authorization?: string;
  /** Most messages of the room kept in the page. */
  readonly windowSize?: number;
  /** Messages that a page of history brings; at most half the window. */
  readonly pageSize?: number;
}

/** The room that the page shows. */
export interface OpenRoom {
  readonly id: string;
  readonly details: RoomDetails;
  readonly messages: RoomMessages;
  readonly feed: RoomFeed;
  readonly foretold: Foretold;
  readonly signals: RoomSignals;
}

/** Everything of one page for one signed-in person. */
export interface Todoku {
  readonly viewer: User;
  readonly cache: TodokuCache;
  /**
   * For the page's own queries and mutations (joining, members, roles); not for what the outbox sends. Comes when first
   * asked for; rejects where it can't be fetched, and tries again the next time.
   */
  readonly apollo: () => Promise<ApolloClient>;
  readonly connection: Connection;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  /** null on a page without a room. */
  readonly room: OpenRoom | null;
  stop(): void;
}

const WINDOW_SIZE = 300;
const PAGE_SIZE = 50;

/**
 * Start the client with the data that the page was rendered from: nothing of it is fetched again.
 *
 * @throws TypeError where `page` has no viewer: an anonymous page starts no client.
 */
export function createTodoku(environment: Environment, options: TodokuOptions, page: RoomPageQuery): Todoku {
  if (page.viewer === null) throw new TypeError("expected the page of a signed-in person, got an anonymous one");
  const viewer: User = page.viewer;
  const cache = new TodokuCache(viewer.id);
  cache.writeQuery({ query: RoomPageDocument, data: page, variables: { slug: page.room?.slug ?? "", last: 0 } });
  for (const message of page.room?.messages.nodes ?? []) cache.reactions.learn(message);

  const { authorization } = options;
  const identity = { viewerId: viewer.id, ...(authorization === undefined ? {} : { authorization }) };
  const endpoint = new Endpoint(environment, options.endpoint, identity);
  const outbox = new Outbox(environment, endpoint, viewer.id);
  const connection = new Connection(environment, { url: options.socketUrl, ...identity });
  const inbox = new Inbox(environment, connection, endpoint, cache, page.inboxCursor);
  let apollo: ApolloClient | null = null;
  const stops: Stop[] = [];
  const room = page.room === null ? null : openRoom(page.room);

  function openRoom(data: NonNullable<RoomPageQuery["room"]>): OpenRoom {
    const { windowSize = WINDOW_SIZE, pageSize = PAGE_SIZE } = options;
    const { id, lastSeq, cursor } = data;
    const foretold = new Foretold();
    for (const message of data.messages.nodes) foretold.tell(message);
    const parts = { cache, endpoint, outbox, foretold, viewer, windowSize, pageSize };
    const messages = new RoomMessages(parts, id, data.messages.pageInfo.hasPreviousPage);
    const happenings = new RoomHappenings(environment, cache, messages, outbox);
    stops.push(() => happenings.stop());
    return {
      id,
      details: new RoomDetails(cache, data),
      messages,
      foretold,
      feed: new RoomFeed(environment, connection, happenings, foretold, id, { cursor, least: 0, most: lastSeq }),
      signals: new RoomSignals(environment, connection, endpoint, viewer.id, id),
    };
  }

  stops.push(
    outbox.onResult((taken) => keep(cache, room, taken)),
    // A session that is good again, and the network back: what waits for either is sent.
    connection.subscribe(({ kind }) => kind === "connected" && outbox.tryNow()),
    inbox.onNews((news) => {
      if (news.kind === "membership" && news.readable && news.roomId === room?.id) room.feed.resume();
    }),
  );
  return {
    viewer,
    cache,
    apollo: async () => {
      const { createApollo } = await import("./apollo.ts");
      return (apollo ??= createApollo(cache, endpoint));
    },
    connection,
    outbox,
    inbox,
    room,
    stop() {
      for (const stop of stops) stop();
      room?.signals.stop();
      room?.feed.stop();
      room?.messages.stop();
      room?.details.stop();
      inbox.stop();
      outbox.stop();
      connection.stop();
      apollo?.stop();
    },
  };
}

/** What the server made of an operation is in the cache before the outbox lets go of it. */
function keep(cache: TodokuCache, room: OpenRoom | null, taken: Taken): void {
  switch (taken.kind) {
    case "message":
      return cache.batch({
        update: () => {
          cache.writeOwn(taken.message);
          if (taken.message.roomId !== room?.id) return;
          room.foretold.tell(taken.message);
          room.messages.arrived(taken.message);
        },
      });
    case "room":
      return taken.room === null ? undefined : cache.writeEntity(RoomHeadFragmentDoc, "RoomHead", taken.room);
    case "held":
      return;
    default:
      return taken satisfies never;
  }
}
