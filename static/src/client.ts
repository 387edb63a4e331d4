import type { ApolloClient } from "@apollo/client/core";
import type { TodokuCache } from "./cache.ts";
import type { Connection } from "./connection.ts";
import type { Environment } from "./environment.ts";
import type { RoomFeed } from "./feed.ts";
import type { RoomPageQuery } from "./generated/operations.ts";
import type { Inbox } from "./inbox.ts";
import type { RoomMessages, User } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import type { RoomSignals } from "./signals.ts";

export interface TodokuOptions {
  /** Absolute or relative to the page: "/graphql". */
  readonly endpoint: string;
  /** "wss://host/graphql". */
  readonly socketUrl: string;
  /** Most messages of the room kept in the page. */
  readonly windowSize?: number;
  /** Messages a page of history brings. */
  readonly pageSize?: number;
}

/** The room that the page shows. */
export interface OpenRoom {
  readonly id: string;
  readonly messages: RoomMessages;
  readonly feed: RoomFeed;
  readonly signals: RoomSignals;
}

/** Everything of one page for one signed-in person. */
export interface Todoku {
  readonly viewer: User;
  readonly cache: TodokuCache;
  /** For the page's own queries and mutations (joining, members, roles); not for what the outbox sends. */
  readonly apollo: ApolloClient;
  readonly connection: Connection;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  /** null on a page without a room. */
  readonly room: OpenRoom | null;
  stop(): void;
}

/**
 * Start the client with the data that the page was rendered from: nothing of it is fetched again.
 *
 * @throws if `page` has no viewer: an anonymous page starts no client.
 */
export declare function createTodoku(environment: Environment, options: TodokuOptions, page: RoomPageQuery): Todoku;
